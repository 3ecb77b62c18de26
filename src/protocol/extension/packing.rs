//! A message on its way out.

use super::{Outbound, Pack, Pools, Volume};
use crate::protocol::decoder::MessageKind;
use crate::protocol::header::ReservedBits;

/// The sending side of an extension, as a connection has it.
pub(crate) struct Outflow {
    pub(crate) half: Box<dyn Outbound>,
    /// What packs the message in progress, between its parts.
    pack: Option<Box<dyn Pack>>,
    pub(crate) volume: Volume,
}

/// A part of a message, with what packs it: it may be taken to another thread.
pub struct Packing {
    pack: Box<dyn Pack>,
    pub(crate) kind: MessageKind,
    pub(crate) fin: bool,
    /// Whether the message begins with it.
    begins: bool,
}

impl Packing {
    /// The most bytes that a part of `len` bytes can come to.
    pub fn bound(&self, len: usize) -> usize {
        self.pack.bound(len)
    }

    /// Transforms the part, and returns how many bytes of `output` it came to; that has room for
    /// the bound.
    pub fn run(&mut self, part: &[u8], output: &mut [u8]) -> usize {
        self.pack.run(part, self.fin, output)
    }
}

/// Below this a message is sent packed even if that made it longer: plain would save a few bytes
/// and no time.
const WORTH_A_LOOK: usize = 256;

/// Whether a message is better sent packed.
pub fn is_shorter(plain: usize, packed: usize) -> bool {
    packed < plain || plain < WORTH_A_LOOK
}

impl Outflow {
    pub(crate) fn new(half: Box<dyn Outbound>) -> Self {
        Self {
            half,
            pack: None,
            volume: Volume::default(),
        }
    }

    /// Whether a message is in progress that is packed.
    pub(crate) fn is_in_message(&self) -> bool {
        self.pack.is_some()
    }

    /// What packs a message that begins.
    pub(crate) fn begin(
        &mut self,
        kind: MessageKind,
        fin: bool,
        len: usize,
        pools: &mut Pools,
    ) -> Packing {
        Packing {
            pack: self.half.begin(len, pools),
            kind,
            fin,
            begins: true,
        }
    }

    /// What packs the message in progress; `None` where it is sent as it is.
    pub(crate) fn resume(&mut self, kind: MessageKind, fin: bool) -> Option<Packing> {
        self.pack.take().map(|pack| Packing {
            pack,
            kind,
            fin,
            begins: false,
        })
    }

    /// Takes a part that was packed to `packed` bytes, and tells the bits of its frame; `None`
    /// where it is better sent as it is.
    pub(crate) fn end(
        &mut self,
        packing: Packing,
        plain: usize,
        packed: usize,
        pools: &mut Pools,
    ) -> Option<ReservedBits> {
        let Packing {
            pack, fin, begins, ..
        } = packing;
        if begins && fin && !is_shorter(plain, packed) && self.half.may_discard() {
            self.half.end(pack, pools);
            return None;
        }
        self.count(fin, plain, packed);
        match fin {
            true => self.half.end(pack, pools),
            false => self.pack = Some(pack),
        }
        Some(match begins {
            true => self.half.claims(),
            false => ReservedBits::NONE,
        })
    }

    /// Takes back what packed a part that is not sent.
    pub(crate) fn discard(&mut self, packing: Packing, pools: &mut Pools) {
        self.half.end(packing.pack, pools);
    }

    pub(crate) fn count(&mut self, fin: bool, plain: usize, packed: usize) {
        self.volume += Volume {
            messages: fin.into(),
            packed: packed as u64,
            plain: plain as u64,
        };
    }
}
