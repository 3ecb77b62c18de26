//! The client's side of the opening handshake, over whatever carries the bytes.

use napi::bindgen_prelude::{Buffer, Error, Result, Status};
use napi_derive::napi;

use super::extension::{DeflateSettings, client_code};
use crate::protocol::deflate::{self, Settings};
use crate::protocol::handshake::head::DEFAULT_LIMIT;
use crate::protocol::handshake::{
    BodyStart, ClientRequest, Head, HeadError, HeadReader, RequestError, ResponseError, StatusLine,
};

/// What a client asks for.
#[napi(object)]
pub struct HandshakeOptions {
    /// Path and query.
    pub path: String,
    /// Host, and port where it is not the scheme's own.
    pub host: String,
    /// 16 random bytes.
    pub key: Buffer,
    /// Subprotocols in the order of preference.
    pub protocols: Vec<String>,
    /// What is offered of permessage-deflate, if it is.
    pub deflate: Option<DeflateSettings>,
    /// `Origin`
    pub origin: Option<String>,
    /// Names and values of further fields in turn.
    pub headers: Vec<String>,
}

/// Why a request cannot be written.
#[napi(object)]
pub struct RequestFault {
    /// The argument that it is about.
    pub argument: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What the server has answered.
#[napi(object)]
pub struct Answer {
    /// How many bytes of the chunk belong to the head; the others are frames, or a body.
    pub consumed: u32,
    /// Names, in lower case, and values of the fields in turn.
    pub headers: Vec<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u32>,
    /// The subprotocol, if there is one.
    pub protocol: Option<String>,
    /// `Sec-WebSocket-Extensions`, if there are any.
    pub extensions: Option<String>,
    /// What both sides have agreed to of permessage-deflate, as `open` takes it; 0 for nothing.
    pub agreement: u32,
    /// The error's stable code, where the handshake has failed.
    pub code: Option<String>,
    /// What has failed.
    pub reason: Option<String>,
}

/// One handshake: its request, and the reading of the answer.
#[napi]
pub struct ClientHandshake {
    request: ClientRequest,
    deflate: Option<Settings>,
    reader: HeadReader,
    body: Option<BodyStart>,
}

#[napi]
impl ClientHandshake {
    /// A handshake with these options.
    #[napi(constructor)]
    pub fn new(options: HandshakeOptions) -> Result<Self> {
        let key = <[u8; 16]>::try_from(&options.key[..])
            .map_err(|_| Error::new(Status::InvalidArg, "the key has 16 bytes"))?;
        let pairs = options.headers.chunks_exact(2);
        let headers = pairs.map(|pair| (pair[0].clone(), pair[1].clone()));
        let deflate = options.deflate.map(Settings::from);
        let request = ClientRequest {
            path: options.path,
            host: options.host,
            key,
            protocols: options.protocols,
            extensions: deflate.as_ref().map(deflate::offer),
            origin: options.origin,
            headers: headers.collect(),
        };
        Ok(Self {
            request,
            deflate,
            reader: HeadReader::new(DEFAULT_LIMIT),
            body: None,
        })
    }

    /// Why the request cannot be written, if it cannot.
    #[napi]
    pub fn fault(&self) -> Option<RequestFault> {
        self.request.encode().err().map(RequestFault::from)
    }

    /// The whole request, ASCII.
    #[napi]
    pub fn request(&self) -> Result<String> {
        let refused = |error: RequestError| Error::new(Status::InvalidArg, error.to_string());
        self.request.encode().map_err(refused)
    }

    /// Takes the next bytes; nothing comes back until the answer is complete. Interim responses
    /// (RFC 9110 §15.2) are passed over.
    #[napi]
    pub fn feed(&mut self, chunk: &[u8]) -> Option<Answer> {
        let mut at = 0;
        loop {
            match self.reader.feed(&chunk[at..]) {
                Ok(None) => return None,
                Ok(Some((head, length))) => {
                    at += length;
                    if let Some(answer) = self.judge(head, at) {
                        return Some(answer);
                    }
                }
                Err(error) => return Some(unreadable(error)),
            }
        }
    }

    /// Takes the next bytes of a refusal's body.
    /// @returns whether enough of it is there
    #[napi]
    pub fn feed_body(&mut self, chunk: &[u8]) -> bool {
        self.body.as_mut().is_none_or(|body| {
            body.feed(chunk);
            body.is_complete()
        })
    }

    /// The start of a refusal's body.
    #[napi]
    pub fn body(&self) -> Buffer {
        self.body
            .as_ref()
            .map_or_else(Vec::new, |body| body.bytes().to_vec())
            .into()
    }

    fn judge(&mut self, head: Head, consumed: usize) -> Option<Answer> {
        let outcome = self.request.check_response(&head).and_then(|accepted| {
            let agreement = self.agreement(accepted.extensions.as_deref())?;
            Ok((accepted, agreement))
        });
        if outcome.as_ref().is_err_and(|error| error.is_interim()) {
            return None;
        }
        let status = StatusLine::parse(&head.start_line).map(|line| line.status);
        self.body = status.map(|status| BodyStart::after(&head, status));
        let error = outcome.as_ref().err().copied();
        let accepted = outcome.ok();
        let (protocol, extensions, agreement) = accepted
            .map_or((None, None, 0), |(it, agreement)| {
                (it.protocol, it.extensions, agreement)
            });
        let headers = head.headers.into_iter();
        Some(Answer {
            // A head is no longer than its limit, and a chunk no longer than Node's Buffers.
            consumed: u32::try_from(consumed).unwrap_or(u32::MAX),
            headers: headers.flat_map(|(name, value)| [name, value]).collect(),
            status: status.map(u32::from),
            protocol,
            extensions,
            agreement,
            code: error.map(|error| error.code().to_owned()),
            reason: error.map(|error| error.to_string()),
        })
    }
}

impl ClientHandshake {
    /// What both sides have agreed to, by the server's `Sec-WebSocket-Extensions`.
    fn agreement(&self, answer: Option<&str>) -> std::result::Result<u32, ResponseError> {
        match (answer, &self.deflate) {
            (Some(answer), Some(settings)) => deflate::accept(answer, settings)
                .map(client_code)
                .ok_or(ResponseError::Extensions),
            _ => Ok(0),
        }
    }
}

/// For an answer that is no HTTP.
fn unreadable(error: HeadError) -> Answer {
    let message = error.message().trim_end_matches('.');
    Answer {
        consumed: 0,
        headers: Vec::new(),
        status: None,
        protocol: None,
        extensions: None,
        agreement: 0,
        code: Some("WS_ERR_HANDSHAKE_HEAD".into()),
        reason: Some(format!("the answer cannot be read ({message})")),
    }
}

impl From<RequestError> for RequestFault {
    fn from(error: RequestError) -> Self {
        let argument = match &error {
            RequestError::Path | RequestError::Host => "url",
            RequestError::Protocols => "options.protocols",
            RequestError::Value(name) if name == "Origin" => "options.origin",
            _ => "options.headers",
        };
        Self {
            argument: argument.into(),
            reason: format!("cannot be used: {error}"),
        }
    }
}
