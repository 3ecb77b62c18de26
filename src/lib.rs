//! WebSocket (RFC 6455, version 13) for Node's own sockets.
//!
//! Three layers, each knowing only those below it:
//!
//! - `node`: the binding: arguments in, results out; all that knows N-API (feature `node`).
//! - [`protocol`]: RFC 6455 as a state machine: bytes in, events and bytes out.
//! - [`bytes`]: masking and UTF-8 over slices.
//!
//! `protocol` and `bytes` are sans-IO and deterministic: no socket, clock, random source or
//! global. The role, the limits and the mask keys come in as arguments.

pub mod bytes;
#[cfg(feature = "node")]
mod node;
pub mod protocol;
