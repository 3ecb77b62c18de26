//! Every reason to refuse a handshake, and the HTTP answer that tells it (RFC 6455 §4.2.2,
//! RFC 9110 §15).

use std::fmt;

use super::fields::{FieldError, push_fields};
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
    /// `Sec-WebSocket-Extensions` does not follow its grammar (RFC 6455 §9.1).
    Extensions,
    /// The program does not take connections from this origin (RFC 6455 §10.2).
    Origin,
    /// There are as many connections as the program allows.
    Full,
    /// The server is shutting down.
    ShuttingDown,
    /// The client has not sent its request in time.
    Timeout,
    /// The program has not made up its mind in time.
    Busy,
    /// The program has failed.
    Failed,
    /// The program has refused, with this status.
    Declined(u16),
}

impl Refusal {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        self.describe().0
    }

    /// What refusals are counted under.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.describe().1
    }

    /// The name of the status (RFC 9110 §15, RFC 6585).
    #[must_use]
    pub fn reason_phrase(self) -> &'static str {
        reason_phrase(self.status())
    }

    /// One sentence for the person at the other end. It repeats nothing of the request.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.describe().2
    }

    /// The whole answer: status, fields and body. The connection ends after it.
    #[must_use]
    pub fn response(self) -> String {
        self.answer("")
    }

    /// The same with further fields, as a 401 or a redirect needs them.
    pub fn response_with(self, fields: &[(String, String)]) -> Result<String, FieldError> {
        let mut more = String::new();
        push_fields(&mut more, fields)?;
        Ok(self.answer(&more))
    }

    fn answer(self, fields: &str) -> String {
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
             {more}{fields}\
             \r\n\
             {body}\n",
            length = body.len() + 1,
        )
    }

    /// The one table of statuses, names and messages.
    fn describe(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Head(error) => (error.status(), "head", error.message()),
            Self::RequestLine => (
                400,
                "requestLine",
                "The first line is not an HTTP request line.",
            ),
            Self::Method => (
                405,
                "method",
                "A WebSocket handshake must be a GET request.",
            ),
            Self::HttpVersion => (505, "httpVersion", "A WebSocket handshake needs HTTP/1.1."),
            Self::Body => (400, "body", "A WebSocket handshake must not have a body."),
            Self::Host => (400, "host", "The request needs one valid Host field."),
            Self::PlainHttp => (
                426,
                "plainHttp",
                "This is a WebSocket server: connect with ws:// or wss://.",
            ),
            Self::Upgrade => (400, "upgrade", "The Upgrade field must hold \"websocket\"."),
            Self::Connection => (
                400,
                "connection",
                "The Connection field must hold \"Upgrade\".",
            ),
            Self::NoKey => (
                400,
                "key",
                "The Sec-WebSocket-Key field is missing or empty.",
            ),
            Self::Key => (
                400,
                "key",
                "The Sec-WebSocket-Key field must be base64 of 16 bytes.",
            ),
            Self::NoVersion => (
                400,
                "version",
                "The Sec-WebSocket-Version field is missing.",
            ),
            Self::Version => (
                426,
                "version",
                "This server speaks version 13 of WebSocket only.",
            ),
            Self::Subprotocol => (
                400,
                "protocol",
                "The Sec-WebSocket-Protocol field must be a list of different tokens.",
            ),
            Self::Extensions => (
                400,
                "extensions",
                "The Sec-WebSocket-Extensions field must be a list of extensions.",
            ),
            Self::Origin => (
                403,
                "origin",
                "This server takes no connections from this origin.",
            ),
            Self::Full => (
                503,
                "maxConnections",
                "The server has no room for another connection.",
            ),
            Self::ShuttingDown => (503, "shutdown", "The server is shutting down."),
            Self::Timeout => (408, "timeout", "The request did not arrive in time."),
            Self::Busy => (503, "busy", "The server did not decide in time."),
            Self::Failed => (500, "error", "The server has failed."),
            Self::Declined(status) => (
                status,
                "declined",
                "The server does not accept this connection.",
            ),
        }
    }
}

/// The names of the statuses that a refusal may have; for others that of their class.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => match status / 100 {
            3 => "Redirect",
            5 => "Server Error",
            _ => "Client Error",
        },
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

    const ALL: [Refusal; 26] = [
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
        Refusal::Extensions,
        Refusal::Origin,
        Refusal::Full,
        Refusal::ShuttingDown,
        Refusal::Timeout,
        Refusal::Busy,
        Refusal::Failed,
        Refusal::Declined(401),
        Refusal::Declined(429),
        Refusal::Declined(499),
        Refusal::Declined(599),
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

    #[test]
    fn fields_of_the_program() {
        let fields = [("WWW-Authenticate".to_owned(), "Basic".to_owned())];
        let bytes = Refusal::Declined(401).response_with(&fields);
        let expected = "HTTP/1.1 401 Unauthorized\r\n\
            Connection: close\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Length: 44\r\n\
            WWW-Authenticate: Basic\r\n\
            \r\n\
            The server does not accept this connection.\n";
        assert_eq!(bytes.as_deref(), Ok(expected));
        let split = [("x".to_owned(), "a\r\nb: c".to_owned())];
        assert!(Refusal::Declined(401).response_with(&split).is_err());
    }

    #[test]
    fn statuses_of_refusals_that_are_no_fault_of_the_request() {
        assert_eq!(Refusal::Origin.status(), 403);
        assert_eq!(Refusal::Full.status(), 503);
        assert_eq!(Refusal::ShuttingDown.status(), 503);
        assert_eq!(Refusal::Timeout.status(), 408);
        assert_eq!(Refusal::Failed.status(), 500);
        assert_eq!(Refusal::Declined(418).reason_phrase(), "Client Error");
    }
}
