//! The client's half of the handshake (RFC 6455 §4.1): its request, and its check of the answer.

use std::fmt;

use super::accept::{accept_value, encode_key};
use super::head::Head;
use super::start_line::StatusLine;
use super::subprotocol::{are_tokens, are_unique};
use super::token::{is_field_value, is_host, is_origin_form, is_token, list, list_contains, trim};

/// What a client asks for. The same value checks the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRequest {
    /// Path and query, beginning with a slash, percent-encoded, without a fragment.
    pub path: String,
    /// Host, and port where it is not the scheme's own.
    pub host: String,
    /// 16 random bytes, fresh for every connection (item 7).
    pub key: [u8; 16],
    /// Subprotocols in the order of preference: different tokens.
    pub protocols: Vec<String>,
    /// `Sec-WebSocket-Extensions`, complete.
    pub extensions: Option<String>,
    /// `Origin`
    pub origin: Option<String>,
    /// Further fields. None may be one that the handshake writes itself, or announce a body.
    pub headers: Vec<(String, String)>,
}

/// Why a request cannot be written: the caller's mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Not an absolute path in visible ASCII, or one with a fragment.
    Path,
    /// Not a host with an optional port.
    Host,
    /// A subprotocol is not a token, or comes twice.
    Protocols,
    /// The value of this field holds something else than visible ASCII, spaces and tabs.
    Value(String),
    /// The name of this field is not a token.
    Name(String),
    /// This field belongs to the handshake, or announces a body.
    Reserved(String),
}

/// What the server has agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The subprotocol, one of those offered.
    pub protocol: Option<String>,
    /// `Sec-WebSocket-Extensions`: the names are among those offered; the parameters are still to
    /// be judged.
    pub extensions: Option<String>,
}

/// Why a response is refused. RFC 6455 §4.1: the client must then fail the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// The first line is no status line, or one of HTTP before 1.1.
    StatusLine,
    /// Another status than 101.
    Status(u16),
    /// `Upgrade` is not "websocket" (item 2).
    Upgrade,
    /// `Connection` does not hold "upgrade" (item 3).
    Connection,
    /// `Sec-WebSocket-Accept` does not answer the key (item 4).
    Accept,
    /// An extension that was not offered (item 5).
    Extensions,
    /// A subprotocol that was not offered (item 6).
    Protocol,
}

impl ClientRequest {
    /// The whole request, ASCII, with the empty line at its end.
    pub fn encode(&self) -> Result<String, RequestError> {
        if !is_origin_form(&self.path) {
            return Err(RequestError::Path);
        }
        if !is_host(&self.host) {
            return Err(RequestError::Host);
        }
        if !are_tokens(&self.protocols) || !are_unique(&self.protocols) {
            return Err(RequestError::Protocols);
        }
        let key = encode_key(self.key);
        let protocols = (!self.protocols.is_empty()).then(|| self.protocols.join(", "));
        let own = [
            ("Host", Some(self.host.as_str())),
            ("Upgrade", Some("websocket")),
            ("Connection", Some("Upgrade")),
            ("Sec-WebSocket-Key", Some(&key)),
            ("Sec-WebSocket-Version", Some("13")),
            ("Sec-WebSocket-Protocol", protocols.as_deref()),
            ("Sec-WebSocket-Extensions", self.extensions.as_deref()),
            ("Origin", self.origin.as_deref()),
        ];
        let mut request = format!("GET {} HTTP/1.1\r\n", self.path);
        for (name, value) in own {
            if let Some(value) = value {
                push_field(&mut request, name, value)?;
            }
        }
        for (name, value) in &self.headers {
            if !is_token(name) {
                return Err(RequestError::Name(name.clone()));
            }
            if is_reserved(name) {
                return Err(RequestError::Reserved(name.clone()));
            }
            push_field(&mut request, name, value)?;
        }
        request.push_str("\r\n");
        Ok(request)
    }

    /// Judges the server's answer. The caller passes over interim ones
    /// ([`ResponseError::is_interim`]) and reads on.
    pub fn check_response(&self, head: &Head) -> Result<Accepted, ResponseError> {
        let line = StatusLine::parse(&head.start_line).ok_or(ResponseError::StatusLine)?;
        if line.version < (1, 1) {
            return Err(ResponseError::StatusLine);
        }
        if line.status != 101 {
            return Err(ResponseError::Status(line.status));
        }
        let upgrade = head.get("upgrade");
        if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            return Err(ResponseError::Upgrade);
        }
        let connection = head.get("connection");
        if !connection.is_some_and(|value| list_contains(value, "upgrade")) {
            return Err(ResponseError::Connection);
        }
        let accept = accept_value(&encode_key(self.key));
        if head.get("sec-websocket-accept") != Some(&accept) {
            return Err(ResponseError::Accept);
        }
        let extensions = head.get("sec-websocket-extensions");
        if !extensions.is_none_or(|answer| self.has_offered_extensions(answer)) {
            return Err(ResponseError::Extensions);
        }
        let protocol = head.get("sec-websocket-protocol");
        if !protocol.is_none_or(|name| self.protocols.iter().any(|offered| offered == name)) {
            return Err(ResponseError::Protocol);
        }
        Ok(Accepted {
            protocol: protocol.map(str::to_owned),
            extensions: extensions.map(str::to_owned),
        })
    }

    fn has_offered_extensions(&self, answer: &str) -> bool {
        let offer = self.extensions.as_deref().unwrap_or_default();
        list(answer).all(|element| list(offer).any(|known| extension(known) == extension(element)))
    }
}

/// The name of an extension, without its parameters.
fn extension(element: &str) -> &str {
    trim(element.split(';').next().unwrap_or(element))
}

fn push_field(request: &mut String, name: &str, value: &str) -> Result<(), RequestError> {
    if !is_field_value(value) {
        return Err(RequestError::Value(name.to_owned()));
    }
    request.extend([name, ": ", value, "\r\n"]);
    Ok(())
}

/// Fields that the handshake writes, may have written, or that would make a body of the frames.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own = [
        "host",
        "upgrade",
        "connection",
        "origin",
        "content-length",
        "transfer-encoding",
    ];
    own.contains(&name.as_str()) || name.starts_with("sec-websocket-")
}

impl ResponseError {
    /// The stable code of the error that a program sees.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::StatusLine => "WS_ERR_HANDSHAKE_STATUS_LINE",
            Self::Status(_) => "WS_ERR_HANDSHAKE_STATUS",
            Self::Upgrade => "WS_ERR_HANDSHAKE_UPGRADE",
            Self::Connection => "WS_ERR_HANDSHAKE_CONNECTION",
            Self::Accept => "WS_ERR_HANDSHAKE_ACCEPT",
            Self::Extensions => "WS_ERR_HANDSHAKE_EXTENSIONS",
            Self::Protocol => "WS_ERR_HANDSHAKE_PROTOCOL",
        }
    }

    /// Whether this was not the answer yet. RFC 9110 §15.2: "A client MUST be able to parse one
    /// or more 1xx responses received prior to a final response".
    #[must_use]
    pub fn is_interim(self) -> bool {
        matches!(self, Self::Status(100..=199))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("the path must begin with a slash and be visible ASCII"),
            Self::Host => f.write_str("the host is not valid"),
            Self::Protocols => f.write_str("the subprotocols must be different tokens"),
            Self::Value(name) => write!(f, "the value of {name} must be printable ASCII"),
            Self::Name(name) => write!(f, "{name:?} is not the name of a header field"),
            Self::Reserved(name) => write!(f, "{name} is set by the handshake itself"),
        }
    }
}

impl std::error::Error for RequestError {}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatusLine => "the server did not answer with HTTP/1.1",
            Self::Status(status) => {
                return write!(f, "the server answered with status {status}, not 101");
            }
            Self::Upgrade => "the Upgrade field of the answer is not \"websocket\"",
            Self::Connection => "the Connection field of the answer does not hold \"Upgrade\"",
            Self::Accept => "the Sec-WebSocket-Accept field does not answer the key",
            Self::Extensions => "the server chose an extension that was not offered",
            Self::Protocol => "the server chose a subprotocol that was not offered",
        })
    }
}

impl std::error::Error for ResponseError {}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
