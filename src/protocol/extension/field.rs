//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1), for both roles.
//!
//! ```text
//! extension-list  = 1#extension
//! extension       = token *( ";" extension-param )
//! extension-param = token [ "=" (token | quoted-string) ]
//! ```
//!
//! One pass over the bytes, with no way back: the time is linear in the length of the field.

use std::borrow::Cow;

use crate::protocol::handshake::token::{is_token, is_token_byte};

/// An element of the list: an offer in a request, an agreement in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The extension's name. Names are only ever compared.
    pub name: &'a str,
    /// Its parameters in order, repeated ones too: what they mean is the extension's to say.
    pub parameters: Vec<Parameter<'a>>,
}

/// A parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name, in the spelling of the field.
    pub name: &'a str,
    /// The value, without the quotes that it may have had: a token.
    pub value: Option<Cow<'a, str>>,
}

/// The elements of the field's value; those of several fields come joined by commas. `None` where
/// it does not follow the grammar.
#[must_use]
pub fn parse(value: &str) -> Option<Vec<Element<'_>>> {
    let mut cursor = Cursor { rest: value };
    let mut elements = Vec::new();
    loop {
        // RFC 9110 §5.6.1.2: empty elements of a list are ignored.
        cursor.skip_space();
        if cursor.rest.is_empty() {
            return Some(elements);
        }
        if cursor.take(b',') {
            continue;
        }
        let name = cursor.token()?;
        let mut parameters = Vec::new();
        while cursor.take(b';') {
            parameters.push(cursor.parameter()?);
        }
        elements.push(Element { name, parameters });
        if !cursor.rest.is_empty() && !cursor.take(b',') {
            return None;
        }
    }
}

/// What is still to be read.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes a delimiter, and the white space around it.
    fn take(&mut self, delimiter: u8) -> bool {
        self.skip_space();
        if self.rest.as_bytes().first() != Some(&delimiter) {
            return false;
        }
        self.rest = &self.rest[1..];
        self.skip_space();
        true
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.rest.bytes().take_while(|&byte| is_token_byte(byte));
        let (token, rest) = self.rest.split_at(end.count());
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    fn parameter(&mut self) -> Option<Parameter<'a>> {
        let name = self.token()?;
        let value = match self.take(b'=') {
            false => None,
            true if self.rest.starts_with('"') => Some(self.quoted()?),
            true => Some(Cow::Borrowed(self.token()?)),
        };
        self.skip_space();
        Some(Parameter { name, value })
    }

    /// RFC 6455 §9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
    fn quoted(&mut self) -> Option<Cow<'a, str>> {
        let mut value = String::new();
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    return is_token(&value).then_some(Cow::Owned(value));
                }
                b'\\' => value.push(char::from(bytes.next()?.1)),
                _ => value.push(char::from(byte)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list as `name;parameter=value`, for a short table.
    fn flat(value: &str) -> Option<Vec<String>> {
        let elements = parse(value)?.into_iter().map(|element| {
            let mut text = element.name.to_owned();
            for Parameter { name, value } in element.parameters {
                text.extend([";", name]);
                if let Some(value) = value {
                    text.extend(["=", &*value]);
                }
            }
            text
        });
        Some(elements.collect())
    }

    #[test]
    fn what_the_grammar_allows() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" , ,\t", &[]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            (" a , , b ;c ", &["a", "b;c"]),
            ("a;b=1;c", &["a;b=1;c"]),
            ("a; b = 1 ;\tc", &["a;b=1;c"]),
            ("a;b=\"1\"", &["a;b=1"]),
            ("a;b=\"\\1\\0\", c", &["a;b=10", "c"]),
            ("a;b;b=2;b", &["a;b;b=2;b"]),
            (
                "constructor, __proto__;toString",
                &["constructor", "__proto__;toString"],
            ),
            (
                "permessage-deflate; client_max_window_bits, permessage-deflate",
                &[
                    "permessage-deflate;client_max_window_bits",
                    "permessage-deflate",
                ],
            ),
        ];
        for (value, expected) in table {
            assert_eq!(
                flat(value).as_deref(),
                Some(&expected.map_to_strings()[..]),
                "{value:?}"
            );
        }
    }

    trait Strings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl Strings for &[&str] {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn what_it_does_not() {
        for value in [
            ";",
            "a;",
            "a;;b",
            "a b",
            "a;b c",
            "=",
            "a=1",
            "a;=1",
            "a;b=",
            "a;b==1",
            "a;b=1 2",
            "a;b=\"",
            "a;b=\"1",
            "a;b=\"\\",
            "a;b=\"\"",
            "a;b=\"1 2\"",
            "a;b=\"1\"2",
            "a;b=\"a,b\"",
            "\"a\"",
            "a/b",
            "caf\u{e9}",
            "a;b=\"\u{e9}\"",
            "a;\u{10a}",
            "a\r\nb",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn long_fields() {
        for unit in [
            "a;",
            "a,",
            "\"",
            "\\",
            "a;b=\"",
            ";",
            " ",
            "=",
            "a;b=\"\\1\",",
        ] {
            let _ = parse(&unit.repeat(200_000));
        }
        assert_eq!(
            parse(&"a,".repeat(100_000)).map(|list| list.len()),
            Some(100_000)
        );
    }
}
