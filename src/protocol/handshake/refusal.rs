//! Every reason to refuse a handshake, and the HTTP answer that tells it (RFC 6455 §4.2.2,
//! RFC 9110 §15).

use std::fmt;

use super::head::HeadError;

/// Why the server does not switch to WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The head cannot be read.
    Head(HeadError),
    /// The first line is no request line.
    RequestLine,
    /// Another method than GET (RFC 6455 §4.2.1 item 1).
    Method,
    /// HTTP older than 1.1 (RFC 6455 §4.2.1 item 1).
    HttpVersion,
    /// The request announces a body, which would be taken for frames.
    Body,
    /// `Host` is absent, repeated or not a host (item 2).
    Host,
    /// No `Upgrade` at all: plain HTTP (item 3).
    PlainHttp,
    /// `Upgrade` does not hold "websocket" (item 3).
    Upgrade,
    /// `Connection` does not hold "upgrade" (item 4).
    Connection,
    /// `Sec-WebSocket-Key` is absent or empty (item 5).
    NoKey,
    /// `Sec-WebSocket-Key` is not base64 of 16 bytes (item 5).
    Key,
    /// `Sec-WebSocket-Version` is absent (item 6).
    NoVersion,
    /// A version other than 13 (item 6, and RFC 6455 §4.4).
    Version,
    /// A subprotocol that is no token, or that is offered twice (RFC 6455 §4.1 item 10).
    Subprotocol,
}

impl Refusal {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        self.describe().0
    }

    /// The name of the status in RFC 9110 or RFC 6585.
    #[must_use]
    pub fn reason_phrase(self) -> &'static str {
        match self.status() {
            405 => "Method Not Allowed",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        }
    }

    /// One sentence for the person at the other end. It repeats nothing of the request.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.describe().1
    }

    /// The whole answer: status, fields and body. The connection ends after it.
    #[must_use]
    pub fn response(self) -> String {
        let status = self.status();
        let reason = self.reason_phrase();
        let body = self.message();
        let (connection, more) = match status {
            // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field"
            405 => ("close", "Allow: GET\r\n"),
            // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426
            // response", and §7.8 wants it named in Connection. RFC 6455 §4.4: the version.
            426 => (
                "close, Upgrade",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            ),
            _ => ("close", ""),
        };
        format!(
            "HTTP/1.1 {status} {reason}\r\n\
             Connection: {connection}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {length}\r\n\
             {more}\
             \r\n\
             {body}\n",
            length = body.len() + 1,
        )
    }

    /// The one table of statuses and messages.
    fn describe(self) -> (u16, &'static str) {
        match self {
            Self::Head(error) => (error.status(), error.message()),
            Self::RequestLine => (400, "The first line is not an HTTP request line."),
            Self::Method => (405, "A WebSocket handshake must be a GET request."),
            Self::HttpVersion => (505, "A WebSocket handshake needs HTTP/1.1."),
            Self::Body => (400, "A WebSocket handshake must not have a body."),
            Self::Host => (400, "The request needs one valid Host field."),
            Self::PlainHttp => (
                426,
                "This is a WebSocket server: connect with ws:// or wss://.",
            ),
            Self::Upgrade => (400, "The Upgrade field must hold \"websocket\"."),
            Self::Connection => (400, "The Connection field must hold \"Upgrade\"."),
            Self::NoKey => (400, "The Sec-WebSocket-Key field is missing or empty."),
            Self::Key => (
                400,
                "The Sec-WebSocket-Key field must be base64 of 16 bytes.",
            ),
            Self::NoVersion => (400, "The Sec-WebSocket-Version field is missing."),
            Self::Version => (426, "This server speaks version 13 of WebSocket only."),
            Self::Subprotocol => (
                400,
                "The Sec-WebSocket-Protocol field must be a list of different tokens.",
            ),
        }
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::super::head::{DEFAULT_LIMIT, Head, HeadReader};
    use super::super::start_line::StatusLine;
    use super::*;

    const ALL: [Refusal; 15] = [
        Refusal::Head(HeadError::TooLarge),
        Refusal::Head(HeadError::LineEnd),
        Refusal::RequestLine,
        Refusal::Method,
        Refusal::HttpVersion,
        Refusal::Body,
        Refusal::Host,
        Refusal::PlainHttp,
        Refusal::Upgrade,
        Refusal::Connection,
        Refusal::NoKey,
        Refusal::Key,
        Refusal::NoVersion,
        Refusal::Version,
        Refusal::Subprotocol,
    ];

    /// The answer as a client reads it: head and body.
    fn answer(refusal: Refusal) -> (Head, String) {
        let bytes = refusal.response();
        let read = HeadReader::new(DEFAULT_LIMIT).feed(bytes.as_bytes());
        let (head, used) = read.expect("a valid head").expect("a whole head");
        (head, bytes[used..].to_owned())
    }

    #[test]
    fn a_missing_key_to_the_byte() {
        let expected = "HTTP/1.1 400 Bad Request\r\n\
            Connection: close\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Length: 49\r\n\
            \r\n\
            The Sec-WebSocket-Key field is missing or empty.\n";
        assert_eq!(Refusal::NoKey.response(), expected);
    }

    #[test]
    fn every_answer_is_well_formed() {
        for refusal in ALL {
            let (head, body) = answer(refusal);
            let line = StatusLine::parse(&head.start_line).expect("a status line");
            assert_eq!(line.status, refusal.status());
            assert_eq!(line.reason, refusal.reason_phrase());
            assert_eq!(
                head.get("content-length"),
                Some(&body.len().to_string()[..])
            );
            assert_eq!(body, format!("{refusal}\n"));
            assert_eq!(body.lines().count(), 1);
            assert!(
                head.get("connection")
                    .is_some_and(|value| value.starts_with("close"))
            );
        }
    }

    #[test]
    fn a_426_names_what_to_upgrade_to() {
        for refusal in ALL {
            let (head, _) = answer(refusal);
            let is_426 = refusal.status() == 426;
            assert_eq!(head.get("sec-websocket-version"), is_426.then_some("13"));
            assert_eq!(head.get("upgrade"), is_426.then_some("websocket"));
            assert_eq!(head.get("connection") == Some("close, Upgrade"), is_426);
        }
        assert_eq!(Refusal::Version.status(), 426);
        assert_eq!(Refusal::PlainHttp.status(), 426);
    }

    #[test]
    fn a_405_names_the_method() {
        assert_eq!(answer(Refusal::Method).0.get("allow"), Some("GET"));
        assert_eq!(answer(Refusal::NoKey).0.get("allow"), None);
    }

    #[test]
    fn the_status_of_a_bad_head_is_its_own() {
        assert_eq!(Refusal::from(HeadError::TooLarge).status(), 431);
        assert_eq!(Refusal::from(HeadError::TooManyHeaders).status(), 431);
        assert_eq!(Refusal::from(HeadError::Folded).status(), 400);
    }
}
