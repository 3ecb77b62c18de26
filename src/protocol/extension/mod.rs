//! Extensions (RFC 6455 §9): what one is to the rest of the protocol.
//!
//! An extension here is one that works on whole messages, as RFC 7692 §5 describes them. It
//!
//! - **negotiates**: a request's field is a list of offers ([`field`]), each with parameters; the
//!   extension turns one of them into the answer's element and into what both sides have agreed to;
//! - **claims** reserved bits: on the first frame of a message, and on no other, they tell that the
//!   extension has transformed it;
//! - **transforms** messages, in either direction.
//!
//! The two directions have nothing in common once the handshake is over, so what a negotiation
//! leads to is two halves, an [`Inbound`] for the [`Decoder`](super::Decoder) and an [`Outbound`]
//! for the [`Connection`](super::Connection). A half knows the parameters. The work is done by an
//! [`Unpack`] or a [`Pack`], which may be large and slow: it is lent for a message, comes from
//! [`Pools`] that the caller owns where it holds nothing of earlier messages, and may be taken to
//! another thread meanwhile.
//!
//! The first user is [`permessage-deflate`](super::deflate).

pub mod field;
mod inflow;
mod packing;
mod pools;
mod spill;
mod unpacking;

pub(super) use inflow::Inflow;
pub(super) use packing::Outflow;
pub use packing::{Packing, is_shorter};
pub use pools::Pools;
pub(super) use unpacking::Flow;
pub use unpacking::Unpacking;

use super::error::ProtocolError;
use super::header::ReservedBits;

/// The receiving half of an extension that was negotiated.
pub trait Inbound {
    /// The bits that mark the first frame of a transformed message.
    fn claims(&self) -> ReservedBits;

    /// What unpacks the message that begins.
    fn begin(&mut self, pools: &mut Pools) -> Box<dyn Unpack>;

    /// The message has ended.
    fn end(&mut self, unpack: Box<dyn Unpack>, pools: &mut Pools);
}

/// The sending half of an extension that was negotiated.
pub trait Outbound {
    /// The bits that mark the first frame of a transformed message.
    fn claims(&self) -> ReservedBits;

    /// Whether a message is to be transformed whose first part is of `len` bytes.
    fn wants(&self, len: usize) -> bool;

    /// What packs the message that begins with a part of `len` bytes.
    fn begin(&mut self, len: usize, pools: &mut Pools) -> Box<dyn Pack>;

    /// The message has ended.
    fn end(&mut self, pack: Box<dyn Pack>, pools: &mut Pools);

    /// Whether a message may be sent as it is although it has been packed. It may not where later
    /// ones refer back to it.
    fn may_discard(&self) -> bool;

    /// The parameter set with which a message of `len` bytes may have been packed for many
    /// connections; `None` while this one's context holds earlier messages.
    fn shares(&self, len: usize) -> Option<u32>;

    /// Gives up memory that is not needed to go on, unless it was used since the last call.
    fn rest(&mut self);
}

/// Turns transformed messages back.
pub trait Unpack: Send {
    /// Takes the next bytes of a message's payload, and writes what they come to. `last` tells that
    /// the message ends with them. Bytes that were not read are given again.
    ///
    /// # Errors
    /// What is wrong with the message.
    fn run(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<Progress, ProtocolError>;

    /// Forgets everything.
    fn reset(&mut self);
}

/// How far an [`Unpack`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were read.
    pub read: usize,
    /// Bytes of the output that were written.
    pub written: usize,
    /// What it waits for.
    pub wants: Wants,
}

/// What an [`Unpack`] waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wants {
    /// More of the message: all that was given is read.
    #[default]
    Input,
    /// More room: the output is full. Or to be run again, where it has written what comes before a
    /// fault.
    Room,
    /// Nothing, the message has ended.
    Nothing,
}

/// Transforms messages.
pub trait Pack: Send {
    /// The most bytes that a part of `len` bytes can come to.
    fn bound(&self, len: usize) -> usize;

    /// Transforms a part of a message, the `last` or one before it, and returns how many bytes of
    /// `output` it came to. `output` holds at least the bound.
    fn run(&mut self, part: &[u8], last: bool, output: &mut [u8]) -> usize;

    /// Forgets everything.
    fn reset(&mut self);
}

/// What an extension has done one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Whole messages.
    pub messages: u64,
    /// Bytes of their payloads as they are on the wire.
    pub packed: u64,
    /// Bytes of them as the program has them.
    pub plain: u64,
}

impl std::ops::AddAssign for Volume {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.packed += other.packed;
        self.plain += other.plain;
    }
}
