//! The server's answer to an acceptable request (RFC 6455 §4.2.2).

use super::fields::{FieldError, push_fields};
use super::token::{is_field_value, is_token};

/// The `101` response, to the byte: the spelling and the order of its lines are a promise to
/// programs that compare them.
///
/// `accept` comes from [`super::accept_value`], `protocol` from [`super::subprotocol::choose`] and
/// `extensions` from their negotiation. A value that could not be one line of text is left out,
/// whoever made it: nothing written here can begin a line of its own.
#[must_use]
pub fn switching_protocols(
    accept: &str,
    protocol: Option<&str>,
    extensions: Option<&str>,
) -> String {
    let mut response = String::from(
        "HTTP/1.1 101 WebSocket Protocol Handshake\r\n\
         Upgrade: WebSocket\r\n\
         Connection: Upgrade\r\n",
    );
    let mut field = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            response.extend([name, ": ", value, "\r\n"]);
        }
    };
    field(
        "Sec-WebSocket-Accept",
        Some(accept).filter(|value| is_field_value(value)),
    );
    field(
        "Sec-WebSocket-Protocol",
        protocol.filter(|value| is_token(value)),
    );
    field("Sec-WebSocket-Version", Some("13"));
    field(
        "Sec-WebSocket-Extensions",
        extensions.filter(|value| is_field_value(value)),
    );
    response.push_str(END);
    response
}

/// The same with further fields behind the handshake's own.
pub fn switching_protocols_with(
    accept: &str,
    protocol: Option<&str>,
    extensions: Option<&str>,
    fields: &[(String, String)],
) -> Result<String, FieldError> {
    let mut response = switching_protocols(accept, protocol, extensions);
    response.truncate(response.len() - END.len());
    push_fields(&mut response, fields)?;
    response.push_str(END);
    Ok(response)
}

/// The empty line that a head ends with.
const END: &str = "\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const START: &str = "HTTP/1.1 101 WebSocket Protocol Handshake\r\n\
        Upgrade: WebSocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    #[test]
    fn the_lines_to_the_byte() {
        let plain = format!("{START}Sec-WebSocket-Version: 13\r\n\r\n");
        assert_eq!(switching_protocols(ACCEPT, None, None), plain);

        let chosen = format!(
            "{START}Sec-WebSocket-Protocol: me-want-cookies\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        assert_eq!(
            switching_protocols(ACCEPT, Some("me-want-cookies"), None),
            chosen
        );

        let extended = format!(
            "{START}Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n"
        );
        let extensions = Some("permessage-deflate; server_max_window_bits=10");
        assert_eq!(
            switching_protocols(ACCEPT, Some("chat"), extensions),
            extended
        );
    }

    #[test]
    fn nothing_can_begin_a_line_of_its_own() {
        let plain = switching_protocols(ACCEPT, None, None);
        for bad in ["a\r\nX: y", "a\nb", "a\r", "\0", "\u{10a}", "caf\u{e9}"] {
            assert_eq!(
                switching_protocols(ACCEPT, Some(bad), Some(bad)),
                plain,
                "{bad:?}"
            );
        }
        for bad in ["", "a b", "a, b"] {
            assert_eq!(
                switching_protocols(ACCEPT, Some(bad), None),
                plain,
                "{bad:?}"
            );
        }
        assert!(!switching_protocols("x\r\nX: y", None, None).contains("X: y"));
    }

    #[test]
    fn fields_of_the_program_come_last() {
        let fields = [("Set-Cookie".to_owned(), "a=b".to_owned())];
        let expected = format!("{START}Sec-WebSocket-Version: 13\r\nSet-Cookie: a=b\r\n\r\n");
        let response = switching_protocols_with(ACCEPT, None, None, &fields);
        assert_eq!(response, Ok(expected));
        for bad in [("a b", "c"), ("a", "b\r\nc: d"), ("upgrade", "h2c")] {
            let fields = [(bad.0.to_owned(), bad.1.to_owned())];
            assert!(switching_protocols_with(ACCEPT, None, None, &fields).is_err());
        }
    }
}
