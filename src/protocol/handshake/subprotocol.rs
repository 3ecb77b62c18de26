//! Subprotocols (RFC 6455 §1.9): what a client offers, and which one the server takes.

use std::collections::BTreeSet;

use super::token::{is_token, list};

/// The names in a `Sec-WebSocket-Protocol` field, in the client's order of preference.
///
/// `None` if one is not a token or comes twice. RFC 6455 §4.1 item 10: "The elements that
/// comprise this value MUST be non-empty strings with characters in the range U+0021 to U+007E
/// not including separator characters as defined in \[RFC2616\] and MUST all be unique strings."
#[must_use]
pub fn parse(value: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = list(value).collect();
    (are_tokens(&names) && are_unique(&names)).then_some(names)
}

/// The names that can be answered, each of them once: what [`parse`] would refuse is left out.
#[must_use]
pub fn parse_lenient(value: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    list(value)
        .filter(|name| is_token(name) && seen.insert(*name))
        .collect()
}

/// The first of the server's `preferred` names that was offered. Names are compared exactly, in
/// their case. `None`: the two have no name in common, and the answer names none.
#[must_use]
pub fn choose<'p, P: AsRef<str>>(offered: &[&str], preferred: &'p [P]) -> Option<&'p str> {
    preferred
        .iter()
        .map(AsRef::as_ref)
        .find(|name| offered.contains(name))
}

/// Whether every name is a token.
pub(super) fn are_tokens<S: AsRef<str>>(names: &[S]) -> bool {
    names.iter().all(|name| is_token(name.as_ref()))
}

/// Whether no name comes twice. By a sorted set, as thousands of names fit into a head.
pub(super) fn are_unique<S: AsRef<str>>(names: &[S]) -> bool {
    let mut seen = BTreeSet::new();
    names.iter().all(|name| seen.insert(name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept() {
        assert_eq!(
            parse("soap, wamp ,,me-want-cookies"),
            Some(vec!["soap", "wamp", "me-want-cookies"])
        );
        assert_eq!(parse("Chat, chat"), Some(vec!["Chat", "chat"]));
        assert_eq!(
            parse("constructor, __proto__"),
            Some(vec!["constructor", "__proto__"])
        );
        assert_eq!(parse(" , "), Some(vec![]));
    }

    #[test]
    fn what_the_rfc_forbids() {
        for value in [
            "a, a",
            "a b",
            "a;b",
            "a/b",
            "\"a\"",
            "caf\u{e9}",
            "a\r\nSet-Cookie: x",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
        assert_eq!(parse_lenient("a, a b, caf\u{e9}, c, a"), ["a", "c"]);
    }

    #[test]
    fn thousands_of_names() {
        let names: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
        let value = names.join(",");
        assert_eq!(parse(&value).map(|names| names.len()), Some(20_000));
        assert_eq!(parse(&format!("{value},19999")), None);
        assert_eq!(parse_lenient(&format!("{value},19999")).len(), 20_000);
    }

    #[test]
    fn the_servers_preference_wins() {
        let offered = ["a", "b", "c"];
        assert_eq!(choose(&offered, &["x", "c", "a"]), Some("c"));
        assert_eq!(choose(&offered, &["A", "x"]), None);
        assert_eq!(choose(&[], &["a"]), None);
        assert_eq!(choose::<&str>(&offered, &[]), None);
        assert_eq!(choose(&offered, &["b".to_owned()]), Some("b"));
    }
}
