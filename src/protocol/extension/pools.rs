//! Packs and unpacks that nobody uses at the moment.

use super::{Pack, Unpack};

/// How many of a kind are kept: more are in use at once only where messages are in progress on as
/// many connections.
const KEPT: usize = 8;

/// Room that a masked block is turned in before it is unpacked.
const BLOCK: usize = 16 * 1024;

/// What all connections share, for as long as a message takes: packs and unpacks by the number of
/// their parameter set, fresh ones that nothing of earlier messages is left in, and room to work
/// in.
#[derive(Default)]
pub struct Pools {
    packs: Vec<(u32, Box<dyn Pack>)>,
    unpacks: Vec<(u32, Box<dyn Unpack>)>,
    /// Room for the unmasking of input; empty until it is first used.
    block: Vec<u8>,
}

impl Pools {
    /// An unpack of that parameter set.
    pub fn take_unpack(
        &mut self,
        set: u32,
        make: impl FnOnce() -> Box<dyn Unpack>,
    ) -> Box<dyn Unpack> {
        take(&mut self.unpacks, set).unwrap_or_else(make)
    }

    /// Takes it back.
    pub fn put_unpack(&mut self, set: u32, mut unpack: Box<dyn Unpack>) {
        if self.unpacks.len() < KEPT {
            unpack.reset();
            self.unpacks.push((set, unpack));
        }
    }

    /// A pack of that parameter set.
    pub fn take_pack(&mut self, set: u32, make: impl FnOnce() -> Box<dyn Pack>) -> Box<dyn Pack> {
        take(&mut self.packs, set).unwrap_or_else(make)
    }

    /// Takes it back.
    pub fn put_pack(&mut self, set: u32, mut pack: Box<dyn Pack>) {
        if self.packs.len() < KEPT {
            pack.reset();
            self.packs.push((set, pack));
        }
    }

    /// Frees everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Room for the unmasking of input.
    pub(super) fn block(&mut self) -> &mut [u8] {
        self.block.resize(BLOCK, 0);
        &mut self.block
    }
}

fn take<T>(pool: &mut Vec<(u32, T)>, set: u32) -> Option<T> {
    // From the end: what was used last is still in the caches.
    let at = pool.iter().rposition(|(number, _)| *number == set)?;
    Some(pool.swap_remove(at).1)
}
