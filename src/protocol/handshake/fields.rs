//! Header fields that a program adds to an answer of ours.

use std::fmt;

use super::token::{is_field_value, is_token};

/// Why a field cannot be written: the program's mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The name is not a token.
    Name(String),
    /// The value of this field holds something else than visible ASCII, spaces and tabs.
    Value(String),
    /// This field belongs to the answer itself.
    Reserved(String),
}

/// Writes `fields` behind those that `answer` has already. Nothing written here can begin a line of
/// its own.
pub(super) fn push_fields(
    answer: &mut String,
    fields: &[(String, String)],
) -> Result<(), FieldError> {
    for (name, value) in fields {
        if !is_token(name) {
            return Err(FieldError::Name(name.clone()));
        }
        if is_reserved(name) {
            return Err(FieldError::Reserved(name.clone()));
        }
        if !is_field_value(value) {
            return Err(FieldError::Value(name.clone()));
        }
        answer.extend([name, ": ", value, "\r\n"]);
    }
    Ok(())
}

/// Fields that our answers write, or that would announce another body than theirs.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own = [
        "allow",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "upgrade",
    ];
    own.contains(&name.as_str()) || name.starts_with("sec-websocket-")
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} is not the name of a header field"),
            Self::Value(name) => write!(f, "the value of {name} must be printable ASCII"),
            Self::Reserved(name) => write!(f, "{name} is set by the handshake itself"),
        }
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(name: &str, value: &str) -> Result<String, FieldError> {
        let mut answer = String::new();
        push_fields(&mut answer, &[(name.to_owned(), value.to_owned())])?;
        Ok(answer)
    }

    #[test]
    fn what_is_written() {
        let cookie = pushed("Set-Cookie", "a=b; Path=/");
        assert_eq!(cookie.as_deref(), Ok("Set-Cookie: a=b; Path=/\r\n"));
        assert_eq!(pushed("x-empty", "").as_deref(), Ok("x-empty: \r\n"));
    }

    #[test]
    fn nothing_can_begin_a_line_of_its_own() {
        for bad in ["a\r\nX: y", "a\nb", "\r", "\0", "caf\u{e9}", "\u{10a}"] {
            assert_eq!(pushed("x", bad), Err(FieldError::Value("x".to_owned())));
            assert_eq!(pushed(bad, "x"), Err(FieldError::Name(bad.to_owned())));
        }
        for bad in ["", "a b", "a:"] {
            assert_eq!(pushed(bad, "x"), Err(FieldError::Name(bad.to_owned())));
        }
    }

    #[test]
    fn the_handshakes_own_fields() {
        for name in [
            "Connection",
            "UPGRADE",
            "content-length",
            "Transfer-Encoding",
            "Sec-WebSocket-Accept",
            "sec-websocket-x",
        ] {
            let refused = Err(FieldError::Reserved(name.to_owned()));
            assert_eq!(pushed(name, "x"), refused, "{name}");
        }
    }
}
