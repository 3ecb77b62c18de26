//! What a program wants of permessage-deflate, and what both sides have agreed to.

use super::deflater::Deflater;
use super::inflater::Inflater;
use crate::protocol::extension::{Inbound, Outbound, Pack, Pools, Unpack};
use crate::protocol::header::ReservedBits;

/// How to deflate: nothing of it is the peer's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// 0 (store) to 9 (smallest), in all of the window that was agreed to.
    ///
    /// `None`: [`THOROUGH`], but [`QUICK`] for a message of up to [`SHORT`] bytes, where a higher
    /// level takes twice the time for a quarter of the bytes, and in a window of [`NEAR`] bits.
    /// Alone it needs no larger one. In a context a larger one finds a little more and is not in
    /// the processor's cache when many connections take turns. A context keeps what the message
    /// that it begins with has chosen.
    pub level: Option<u8>,
    /// 1 to 9: how much memory the symbols of a block may take.
    pub mem_level: u8,
    /// Messages of fewer bytes are sent as they are.
    pub threshold: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            level: None,
            mem_level: 8,
            threshold: 1024,
        }
    }
}

/// See [`Tuning::level`].
pub const QUICK: u8 = 1;
/// See [`Tuning::level`].
pub const THOROUGH: u8 = 3;
/// See [`Tuning::level`].
pub const SHORT: usize = 4096;
/// See [`Tuning::level`].
pub const NEAR: u8 = 13;

impl Tuning {
    /// Level and window for a message of `len` bytes, where a window of `most` bits was agreed to.
    fn effort_for(&self, len: usize, most: u8) -> (u8, u8) {
        match (self.level, len) {
            (Some(level), _) => (level, most),
            (None, 0..=SHORT) => (QUICK, most.min(NEAR)),
            (None, _) => (THOROUGH, most),
        }
    }

    /// Whether both levels are in their ranges.
    pub fn is_valid(&self) -> bool {
        self.level.is_none_or(|level| level <= 9) && (1..=9).contains(&self.mem_level)
    }
}

/// What one side wants negotiated (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The server's messages are to be deflated each for itself.
    pub server_no_context_takeover: bool,
    /// The client's messages are to be deflated each for itself.
    pub client_no_context_takeover: bool,
    /// The server's window in bits, 8 to 15, at the most.
    pub server_max_window_bits: Option<u8>,
    /// The client's window in bits, 8 to 15, at the most.
    pub client_max_window_bits: Option<u8>,
}

/// What holds for the messages of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether messages refer back to those before them.
    pub takeover: bool,
    /// Bits of the window, 8 to 15.
    pub window_bits: u8,
}

impl Default for Terms {
    /// Where nothing is said (RFC 7692 §7.1.1, §7.1.2).
    fn default() -> Self {
        Self {
            takeover: true,
            window_bits: 15,
        }
    }
}

/// What both sides have agreed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// For the server's messages.
    pub server: Terms,
    /// For the client's messages.
    pub client: Terms,
}

/// RFC 7692 §7.2.3.1: RSV1 of the first frame is the "Per-Message Compressed" bit.
const COMPRESSED: ReservedBits = ReservedBits::RSV1;

/// The receiving half.
pub struct Inflating {
    takeover: bool,
    /// What has the context, between messages, once there is one.
    context: Option<Box<dyn Unpack>>,
}

impl Inflating {
    /// For messages on these terms. The window is not among what matters: any fits into ours.
    pub fn new(terms: Terms) -> Self {
        Self {
            takeover: terms.takeover,
            context: None,
        }
    }
}

impl Inbound for Inflating {
    fn claims(&self) -> ReservedBits {
        COMPRESSED
    }

    fn begin(&mut self, pools: &mut Pools) -> Box<dyn Unpack> {
        let takeover = self.takeover;
        self.context.take().unwrap_or_else(|| {
            pools.take_unpack(takeover.into(), || Box::new(Inflater::new(takeover)))
        })
    }

    fn end(&mut self, unpack: Box<dyn Unpack>, pools: &mut Pools) {
        match self.takeover {
            true => self.context = Some(unpack),
            false => pools.put_unpack(false.into(), unpack),
        }
    }
}

/// The sending half.
pub struct Deflating {
    terms: Terms,
    tuning: Tuning,
    /// What has the context, between messages, once there is one.
    context: Option<Box<dyn Pack>>,
    /// Whether it was used since the last rest.
    is_warm: bool,
    /// The parameter set of the message in progress.
    set: u32,
}

impl Deflating {
    /// For messages on these terms.
    pub fn new(terms: Terms, tuning: Tuning) -> Self {
        Self {
            terms,
            tuning,
            context: None,
            is_warm: false,
            set: 0,
        }
    }

    /// A pack for the parameter set of that number.
    pub fn of_set(set: u32, pools: &mut Pools) -> Box<dyn Pack> {
        let window_bits = (set & 0xf).max(8) as u8;
        let level = (set >> 4 & 0xf).min(9) as u8;
        let mem_level = (set >> 8 & 0xf).clamp(1, 9) as u8;
        pools.take_pack(set, || {
            Box::new(Deflater::new(window_bits, level, mem_level))
        })
    }

    /// The number of the parameter set for a message of `len` bytes, never 0.
    fn set_for(&self, len: usize) -> u32 {
        let (level, window_bits) = self.tuning.effort_for(len, self.terms.window_bits);
        let mem_level = self.tuning.mem_level;
        u32::from(window_bits) | u32::from(level) << 4 | u32::from(mem_level) << 8
    }
}

impl Outbound for Deflating {
    fn claims(&self) -> ReservedBits {
        COMPRESSED
    }

    fn wants(&self, len: usize) -> bool {
        len as u64 >= self.tuning.threshold
    }

    fn begin(&mut self, len: usize, pools: &mut Pools) -> Box<dyn Pack> {
        self.is_warm = true;
        if let Some(context) = self.context.take() {
            return context;
        }
        self.set = self.set_for(len);
        Self::of_set(self.set, pools)
    }

    fn end(&mut self, pack: Box<dyn Pack>, pools: &mut Pools) {
        match self.terms.takeover {
            true => self.context = Some(pack),
            false => pools.put_pack(self.set, pack),
        }
    }

    fn may_discard(&self) -> bool {
        !self.terms.takeover
    }

    fn shares(&self, len: usize) -> Option<u32> {
        self.context.is_none().then(|| self.set_for(len))
    }

    fn rest(&mut self) {
        if !self.is_warm {
            // A message may always be deflated without what came before.
            self.context = None;
        }
        self.is_warm = false;
    }
}
