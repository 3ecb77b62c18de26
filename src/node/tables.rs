//! What `lib/` has to know of the core's tables.

use napi_derive::napi;

use crate::protocol::{CloseCode, ProtocolError};

/// A row of the fault table.
#[napi(object)]
pub struct Fault {
    /// The error's stable code.
    pub code: String,
    /// The error's message.
    pub message: String,
    /// The status code that the connection is closed with.
    pub close_code: u32,
}

/// Everything that a peer can do wrong, by its number.
#[napi]
pub fn faults() -> Vec<Fault> {
    ProtocolError::ALL
        .into_iter()
        .map(|error| {
            let (code, message) = error.describe();
            Fault {
                code: code.into(),
                message: message.into(),
                close_code: u16::from(error.close_code()).into(),
            }
        })
        .collect()
}

/// Whether a close frame may carry `code` (RFC 6455 §7.4).
#[napi]
pub fn is_close_code(code: f64) -> bool {
    code.fract() == 0.0
        && (0.0..=65535.0).contains(&code)
        && CloseCode::try_from(code as u16).is_ok()
}
