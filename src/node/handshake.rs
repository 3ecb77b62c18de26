//! The server's side of the opening handshake, for a request whose head somebody else has parsed.

use napi_derive::napi;

use crate::protocol::handshake::{RequestFields, subprotocol, switching_protocols};

/// The fields of a request that are judged; those that it does not have are left out.
#[napi(object)]
pub struct UpgradeRequest {
    /// `Host`
    pub host: Option<String>,
    /// `Connection`
    pub connection: Option<String>,
    /// `Upgrade`
    pub upgrade: Option<String>,
    /// `Sec-WebSocket-Key`
    pub key: Option<String>,
    /// `Sec-WebSocket-Version`
    pub version: Option<String>,
    /// `Sec-WebSocket-Protocol`
    pub protocol: Option<String>,
    /// `Sec-WebSocket-Extensions`
    pub extensions: Option<String>,
    /// `Content-Length`
    pub content_length: Option<String>,
    /// `Transfer-Encoding`
    pub transfer_encoding: Option<String>,
}

/// What a request comes to: either a refusal, or what the answer is made of.
#[napi(object)]
pub struct UpgradeVerdict {
    /// The whole HTTP answer to a request that is refused.
    pub refusal: Option<String>,
    /// The name of its reason.
    pub reason: Option<String>,
    /// The value of `Sec-WebSocket-Accept`; empty in a refusal.
    pub accept: String,
    /// The subprotocols that the client offers, in its order.
    pub offered: Vec<String>,
    /// `Sec-WebSocket-Extensions`, where there is one.
    pub extensions: Option<String>,
}

/// Judges a request, to the letter of RFC 6455 §4.2.1 where `strict`.
#[napi]
pub fn check_upgrade(request: UpgradeRequest, strict: bool) -> UpgradeVerdict {
    let fields = RequestFields {
        method: None,
        version: None,
        host: request.host.as_deref(),
        connection: request.connection.as_deref(),
        upgrade: request.upgrade.as_deref(),
        key: request.key.as_deref(),
        ws_version: request.version.as_deref(),
        protocol: request.protocol.as_deref(),
        extensions: request.extensions.as_deref(),
        content_length: request.content_length.as_deref(),
        transfer_encoding: request.transfer_encoding.as_deref(),
    };
    match fields.check(strict) {
        Ok(offer) => UpgradeVerdict {
            refusal: None,
            reason: None,
            accept: offer.accept,
            offered: offer.protocols.into_iter().map(String::from).collect(),
            extensions: offer.extensions.map(String::from),
        },
        Err(refusal) => UpgradeVerdict {
            refusal: Some(refusal.response()),
            reason: Some(refusal.name().to_owned()),
            accept: String::new(),
            offered: Vec::new(),
            extensions: None,
        },
    }
}

/// The first of `preferred` that was offered.
#[napi]
pub fn choose_protocol(offered: Vec<String>, preferred: Vec<String>) -> Option<String> {
    let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    subprotocol::choose(&offered, &preferred).map(String::from)
}

/// The `101` response, to the byte.
#[napi]
pub fn upgrade_response(
    accept: String,
    protocol: Option<String>,
    extensions: Option<String>,
) -> String {
    switching_protocols(&accept, protocol.as_deref(), extensions.as_deref())
}
