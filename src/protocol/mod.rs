//! RFC 6455 as a state machine: bytes in, events and bytes out.
//!
//! Sans-IO and deterministic: no socket, clock, random source, log or global. The role, the limits
//! and the mask keys are arguments, and so is the memory that payloads are put in.
//!
//! | RFC 6455 | file |
//! |---|---|
//! | §1.3, §4 opening handshake | [`handshake`] |
//! | §5.1 masking by role | [`role`], [`header`] |
//! | §5.2 frame header | [`header`] |
//! | §5.3 masking | [`crate::bytes::mask`] |
//! | §5.4 fragmentation, §5.5 control frames, §6.2 receiving | [`decoder`] |
//! | §5.6 data frames, §6.1 sending | [`encoder`] |
//! | §5.8, §9 extensions, the reserved bits | [`extension`], [`header`], [`decoder`] |
//! | RFC 7692 permessage-deflate | [`deflate`] |
//! | §5.5.1, §7.4 close frames and status codes | [`close`] |
//! | §7 closing handshake | [`connection`] |
//! | §7.1.7, §10.4 failing, limits, memory | [`error`], [`role`], `growth` |
//! | §8.1 UTF-8 | [`crate::bytes::utf8`] |
#![forbid(unsafe_code)]

pub mod close;
pub mod connection;
pub mod decoder;
pub mod deflate;
pub mod encoder;
pub mod error;
pub mod extension;
mod growth;
pub mod handshake;
pub mod header;
pub mod role;

pub use close::{CloseCode, ClosePayload};
pub use connection::{Connection, State, Traffic};
pub use decoder::{Decoder, Delivery, Event, Memory, MessageKind, Place, Step};
pub use encoder::{Encoder, SendError};
pub use error::ProtocolError;
pub use header::{FrameHeader, OpCode, ReservedBits};
pub use role::{Limits, Role};
