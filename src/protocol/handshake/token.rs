//! Tokens and comma-separated lists (RFC 9110 §5.6), and which text may go into a field.
//!
//! Everything here looks at each byte once: no backtracking and no regular expression that a
//! header could blow up.

/// Whether `text` is a token (RFC 9110 §5.6.2): at least one character, each of them a letter, a
/// digit or one of ``!#$%&'*+-.^_`|~``.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// The elements of a comma-separated list, in order, without the white space around them.
///
/// RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list
/// elements". Reasonable is what fits into the bounded head. A comma inside of quotes separates
/// as well: no list of the handshake may hold one.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(trim)
        .filter(|element| !element.is_empty())
}

/// Whether one element of the list equals `name`, in any case. Whole elements are compared, so
/// "NotUpgrade" does not contain "Upgrade".
#[must_use]
pub fn list_contains(value: &str, name: &str) -> bool {
    list(value).any(|element| element.eq_ignore_ascii_case(name))
}

/// `value` without the spaces and tabs around it (RFC 9110 §5.6.3, OWS).
#[must_use]
pub fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// Whether `value` may be written as a field value: visible ASCII, spaces and tabs. So no CR, LF
/// or NUL can reach the wire, and the text is the same bytes in every encoding.
#[must_use]
pub fn is_field_value(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| matches!(byte, b'\t' | 0x20..=0x7e))
}

/// Whether `value` can be a `Host` (RFC 9110 §7.2): the characters that RFC 3986 §3.2.2 allows in
/// a host, or a port after it.
#[must_use]
pub fn is_host(value: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
    !value.is_empty() && value.bytes().all(allowed)
}

/// Whether `value` can be a request target in origin form (RFC 9112 §3.2.1): a path and perhaps a
/// query. RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and
/// MUST NOT be used".
#[must_use]
pub fn is_origin_form(value: &str) -> bool {
    value.starts_with('/') && is_target(value) && !value.contains('#')
}

/// Whether `value` can be a request target at all: visible ASCII, at least one character.
#[must_use]
pub fn is_target(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(value: &str) -> Vec<&str> {
        list(value).collect()
    }

    #[test]
    fn token_bytes_are_those_of_rfc_9110() {
        // RFC 9110 §5.6.2: "any VCHAR, except delimiters".
        for byte in 0..=0x7f_u8 {
            let delimiter = b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            let expected = byte.is_ascii_graphic() && !delimiter;
            assert_eq!(
                is_token(&char::from(byte).to_string()),
                expected,
                "{byte:02x}"
            );
        }
        assert!(is_token("constructor"));
        assert!(is_token("__proto__"));
        assert!(!is_token(""));
        assert!(!is_token("caf\u{e9}"));
        assert!(!is_token("a\r\nb"));
    }

    #[test]
    fn lists_are_split_and_trimmed() {
        assert_eq!(elements("a"), ["a"]);
        assert_eq!(elements("a, b ,c\t,\td e"), ["a", "b", "c", "d e"]);
        assert_eq!(elements("x\u{a0}"), ["x\u{a0}"]);
    }

    #[test]
    fn rfc_9110_5_6_1_2_empty_elements_are_ignored() {
        assert_eq!(elements("foo ,bar,"), ["foo", "bar"]);
        assert_eq!(elements("foo , ,bar,charlie"), ["foo", "bar", "charlie"]);
        for empty in ["", ",", ",   ,", "\t"] {
            assert_eq!(elements(empty), [""; 0], "{empty:?}");
        }
        assert_eq!(elements(&",".repeat(1 << 20)), [""; 0]);
    }

    #[test]
    fn whole_elements_are_compared_in_any_case() {
        assert!(list_contains("Upgrade", "upgrade"));
        assert!(list_contains("keep-alive, uPGRADE", "upgrade"));
        for other in [
            "",
            "NotUpgrade",
            "upgraded",
            "up grade",
            "keep-alive; upgrade",
        ] {
            assert!(!list_contains(other, "upgrade"), "{other:?}");
        }
    }

    #[test]
    fn nothing_that_ends_a_line_is_a_field_value() {
        assert!(is_field_value(""));
        assert!(is_field_value(
            "permessage-deflate; client_max_window_bits=15\t"
        ));
        for value in [
            "a\r\nb",
            "a\rb",
            "a\nb",
            "a\0b",
            "\u{7f}",
            "\u{e9}",
            "\u{10d}\u{10a}",
        ] {
            assert!(!is_field_value(value), "{value:?}");
        }
    }

    #[test]
    fn hosts() {
        for host in [
            "localhost",
            "example.com:8080",
            "[::1]:80",
            "a_b.example",
            "127.0.0.1",
        ] {
            assert!(is_host(host), "{host:?}");
        }
        for host in ["", "a b", "a, b", "a/b", "user@host", "a\r\n", "\u{e9}"] {
            assert!(!is_host(host), "{host:?}");
        }
    }

    #[test]
    fn origin_forms() {
        for path in ["/", "/chat?room=1&x=%20", "//", "/?"] {
            assert!(is_origin_form(path), "{path:?}");
        }
        for path in [
            "",
            "*",
            "chat",
            "http://x/",
            "/a b",
            "/a#b",
            "/\r\nX: y",
            "/\u{e9}",
        ] {
            assert!(!is_origin_form(path), "{path:?}");
        }
    }
}
