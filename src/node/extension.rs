//! Extensions: their negotiation, and connections that have them.

use napi_derive::napi;

use super::call::{Call, Misuse};
use super::environment::Environment;
use crate::protocol::deflate::{self, Agreement, Deflating, Inflating, Settings, Terms, Tuning};
use crate::protocol::{Connection, Delivery, Limits};

/// What one side wants of permessage-deflate; window sizes are 8 to 15.
#[napi(object)]
pub struct DeflateSettings {
    /// Each of the server's messages by itself.
    pub server_no_context_takeover: bool,
    /// Each of the client's messages by itself.
    pub client_no_context_takeover: bool,
    /// The server's window in bits at the most.
    pub server_max_window_bits: Option<u8>,
    /// The client's window in bits at the most.
    pub client_max_window_bits: Option<u8>,
}

/// A server's answer to what a client offers.
#[napi(object)]
pub struct DeflateAnswer {
    /// The value of `Sec-WebSocket-Extensions`.
    pub extensions: String,
    /// What is agreed to by it, as `open` takes it.
    pub agreement: u32,
}

/// Answers the offers of a client; nothing where they are declined.
#[napi]
pub fn answer_deflate(offers: String, settings: DeflateSettings) -> Option<DeflateAnswer> {
    let (extensions, agreement) = deflate::answer(&offers, &settings.into())?;
    Some(DeflateAnswer {
        extensions,
        agreement: code(agreement.client, agreement.server),
    })
}

/// What a handshake has agreed to that somebody else has made, as `open` takes it.
#[napi]
pub fn agreed_deflate(settings: DeflateSettings, is_server: bool) -> u32 {
    let server = terms(
        settings.server_no_context_takeover,
        settings.server_max_window_bits,
    );
    let client = terms(
        settings.client_no_context_takeover,
        settings.client_max_window_bits,
    );
    match is_server {
        true => code(client, server),
        false => code(server, client),
    }
}

fn terms(no_context_takeover: bool, max_window_bits: Option<u8>) -> Terms {
    Terms {
        takeover: !no_context_takeover,
        window_bits: max_window_bits.unwrap_or(Terms::default().window_bits),
    }
}

/// What a client has agreed to.
pub fn client_code(agreement: Agreement) -> u32 {
    code(agreement.server, agreement.client)
}

impl From<DeflateSettings> for Settings {
    fn from(settings: DeflateSettings) -> Self {
        Self {
            server_no_context_takeover: settings.server_no_context_takeover,
            client_no_context_takeover: settings.client_no_context_takeover,
            server_max_window_bits: settings.server_max_window_bits,
            client_max_window_bits: settings.client_max_window_bits,
        }
    }
}

/// The terms of both directions as a number that is not 0, which `lib/` hands back to `open`.
fn code(inbound: Terms, outbound: Terms) -> u32 {
    let half = |terms: Terms| u32::from(terms.window_bits) | u32::from(terms.takeover) << 4;
    half(inbound) | half(outbound) << 8
}

fn decode(code: u32) -> (Terms, Terms) {
    let half = |code: u32| Terms {
        takeover: code >> 4 & 1 == 1,
        window_bits: (code & 0xf) as u8,
    };
    (half(code), half(code >> 8))
}

/// In the place of a level: as the message's length says.
const AUTOMATIC: u8 = 15;

/// `open(maxPayload, maxFragments, parts, agreement, tuning, threshold)`; the tuning is the level,
/// or 15 for none, and the memory level times 16.
pub fn open_connection(environment: &mut Environment, call: &Call<6>) -> Result<i64, Misuse> {
    let limits = Limits {
        max_payload: call.large_number(0)?,
        max_fragments: call.number(1)?,
    };
    let delivery = match call.number(2)? {
        0 => Delivery::Whole,
        _ => Delivery::Parts,
    };
    let mut connection = Connection::new(limits, delivery);
    let agreement = call.number(3)?;
    if agreement != 0 {
        let (inbound, outbound) = decode(agreement);
        let tuning = call.number(4)?;
        let tuning = Tuning {
            level: Some((tuning & 0xf) as u8).filter(|level| *level != AUTOMATIC),
            mem_level: (tuning >> 4) as u8,
            threshold: call.large_number(5)?,
        };
        if !tuning.is_valid() || !(8..=15).contains(&outbound.window_bits) {
            return Err(Misuse("an extension's parameters are out of range"));
        }
        let (inbound, outbound) = (Inflating::new(inbound), Deflating::new(outbound, tuning));
        connection.extend(Box::new(inbound), Box::new(outbound));
    }
    Ok(environment.open(connection) as i64)
}
