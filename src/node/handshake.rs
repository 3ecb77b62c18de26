//! The server's side of the opening handshake, for a request whose head somebody else has parsed.

use napi::bindgen_prelude::Either;
use napi_derive::napi;

use super::listen::{HandshakeOffer, HttpRefusal, verdict};
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

/// Judges a request, to the letter of RFC 6455 §4.2.1 where `strict`.
#[napi]
pub fn check_upgrade(request: UpgradeRequest, strict: bool) -> Either<HttpRefusal, HandshakeOffer> {
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
    verdict(fields.check(strict))
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
