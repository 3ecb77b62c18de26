//! The server's side of the opening handshake for `WS.listen`: from the bytes of a request, or from
//! one that Node's HTTP parser has read.

use napi::bindgen_prelude::Either;
use napi_derive::napi;

use crate::protocol::handshake::head::DEFAULT_LIMIT;
use crate::protocol::handshake::token::list_contains;
use crate::protocol::handshake::{
    Head, HeadReader, Offer, Refusal, RequestFields, RequestLine, switching_protocols_with,
};

/// Reads one request after another.
#[napi]
pub struct RequestReader {
    reader: HeadReader,
}

/// A request that may be accepted.
#[napi(object)]
pub struct HandshakeRequest {
    /// Bytes of the last chunk that belong to the request; those behind them are frames.
    pub consumed: u32,
    /// Lines of text, since many strings take longer to hand over than one: the method in the
    /// spelling of the request; path and query; the version of HTTP; then of each field its name in
    /// lower case, and its value. A name that repeats is there once, its values joined.
    pub head: String,
    /// What the answer is made of.
    pub offer: HandshakeOffer,
}

/// What the answer to a request is made of.
#[napi(object)]
pub struct HandshakeOffer {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocols that the client offers, in its order.
    pub protocols: Vec<String>,
    /// `Sec-WebSocket-Extensions`, where there is one.
    pub extensions: Option<String>,
}

/// A request that is refused.
#[napi(object)]
pub struct HttpRefusal {
    /// What it is counted under.
    pub reason: String,
    /// The whole HTTP answer.
    pub response: String,
}

#[napi]
impl RequestReader {
    /// A reader of 16 KiB at most.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self {
            reader: HeadReader::new(DEFAULT_LIMIT),
        }
    }

    /// Takes the next bytes; nothing comes back while the request goes on in the next ones. Another
    /// one may follow it, but for one that is refused. `strict` is RFC 6455 §4.2.1 to the letter.
    #[napi]
    pub fn feed(
        &mut self,
        chunk: &[u8],
        strict: bool,
    ) -> Option<Either<HttpRefusal, HandshakeRequest>> {
        let (head, consumed) = match self.reader.feed(chunk) {
            Ok(None) => return None,
            Ok(Some(whole)) => whole,
            Err(error) => return Some(Either::A(error.into())),
        };
        Some(match read(&head, strict) {
            Ok((line, offer)) => Either::B(HandshakeRequest {
                // At most the reader's limit.
                consumed: consumed as u32,
                head: lines(&line, &head.headers),
                offer: offer.into(),
            }),
            Err(refusal) => Either::A(refusal.into()),
        })
    }
}

fn read(head: &Head, strict: bool) -> Result<(RequestLine<'_>, Offer<'_>), Refusal> {
    let line = RequestLine::parse(&head.start_line).ok_or(Refusal::RequestLine)?;
    let offer = RequestFields::from_head(head)?.check_alone(strict)?;
    Ok((line, offer))
}

/// Judges a request that an HTTP server has read: its first line, and its fields as they came,
/// names and values in turn.
#[napi]
pub fn check_request(
    request_line: String,
    raw_headers: Vec<String>,
    strict: bool,
) -> Either<HttpRefusal, HandshakeOffer> {
    let head = Head::from_lines(request_line, pairs(raw_headers).into_iter());
    verdict(RequestFields::from_head(&head).and_then(|fields| fields.check(strict)))
}

/// What a request comes to.
pub fn verdict(outcome: Result<Offer<'_>, Refusal>) -> Either<HttpRefusal, HandshakeOffer> {
    match outcome {
        Ok(offer) => Either::B(offer.into()),
        Err(refusal) => Either::A(refusal.into()),
    }
}

/// Whether a request's `Upgrade` asks for WebSocket, among others perhaps.
#[napi]
pub fn asks_for_web_socket(upgrade: String) -> bool {
    list_contains(&upgrade, "websocket")
}

/// Reasons to refuse that the request does not tell.
#[napi(string_enum = "camelCase")]
pub enum Hindrance {
    /// The program does not take connections from this origin.
    Origin,
    /// There are as many connections as the program allows.
    MaxConnections,
    /// The server is shutting down.
    Shutdown,
    /// The client has not sent its request in time.
    Timeout,
    /// The program has not made up its mind in time.
    Busy,
    /// The program has failed.
    Error,
}

/// The refusal for a reason that the request does not tell.
#[napi]
pub fn refuse(hindrance: Hindrance) -> HttpRefusal {
    let refusal = match hindrance {
        Hindrance::Origin => Refusal::Origin,
        Hindrance::MaxConnections => Refusal::Full,
        Hindrance::Shutdown => Refusal::ShuttingDown,
        Hindrance::Timeout => Refusal::Timeout,
        Hindrance::Busy => Refusal::Busy,
        Hindrance::Error => Refusal::Failed,
    };
    refusal.into()
}

/// The refusal by the program itself; a string tells what is wrong with its fields.
#[napi]
pub fn decline(status: u16, fields: Vec<String>) -> Either<HttpRefusal, String> {
    let refusal = Refusal::Declined(status);
    match refusal.response_with(&pairs(fields)) {
        Ok(response) => Either::A(HttpRefusal {
            response,
            ..refusal.into()
        }),
        Err(error) => Either::B(error.to_string()),
    }
}

/// One of the two.
#[napi(object)]
pub struct AcceptResponse {
    /// The whole response.
    pub response: Option<String>,
    /// What is wrong with the program's fields.
    pub error: Option<String>,
}

/// The `101` response with further fields, names and values in turn.
#[napi]
pub fn accept_response(
    accept: String,
    protocol: Option<String>,
    extensions: Option<String>,
    fields: Vec<String>,
) -> AcceptResponse {
    let (protocol, extensions) = (protocol.as_deref(), extensions.as_deref());
    match switching_protocols_with(&accept, protocol, extensions, &pairs(fields)) {
        Ok(response) => AcceptResponse {
            response: Some(response),
            error: None,
        },
        Err(error) => AcceptResponse {
            response: None,
            error: Some(error.to_string()),
        },
    }
}

impl From<Offer<'_>> for HandshakeOffer {
    fn from(offer: Offer<'_>) -> Self {
        Self {
            accept: offer.accept,
            protocols: offer.protocols.into_iter().map(String::from).collect(),
            extensions: offer.extensions.map(String::from),
        }
    }
}

impl<R: Into<Refusal>> From<R> for HttpRefusal {
    fn from(refusal: R) -> Self {
        let refusal = refusal.into();
        Self {
            reason: refusal.name().to_owned(),
            response: refusal.response(),
        }
    }
}

/// A request as text, of whose parts none has a line break (RFC 9112 §3, §5).
fn lines(line: &RequestLine, fields: &[(String, String)]) -> String {
    let (major, minor) = line.version;
    let mut text = format!("{}\n{}\n{major}.{minor}", line.method, line.target);
    for (name, value) in fields {
        text.extend(["\n", name, "\n", value]);
    }
    text
}

fn pairs(flat: Vec<String>) -> Vec<(String, String)> {
    let mut rest = flat.into_iter();
    std::iter::from_fn(|| rest.next().zip(rest.next())).collect()
}
