//! Bytes that grow in pieces, so that none of them is copied for it.

use memmap2::MmapMut;

/// A piece is as long as all before it, within these bounds, in bytes.
const LEAST: usize = 128 * 1024;
const MOST: usize = 1024 * 1024;
/// Bytes that are copied at a stretch.
const STRETCH: usize = 32 * 1024;

/// Bytes of a message in memory of ours, before they have a place that the message keeps. The
/// pieces are mapped by themselves: an allocator keeps what was freed, of each thread that has ever
/// had a long message, by the heap.
#[derive(Default)]
pub(super) struct Spill {
    start: Vec<u8>,
    pieces: Vec<MmapMut>,
    /// INVARIANT: all pieces but the last are full; so many bytes of that are in use.
    used: usize,
    len: usize,
}

impl Spill {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Room for at least one byte more, and at most so many; [`filled`](Spill::filled) tells what
    /// was written there. `None` where there is no memory.
    pub(super) fn room(&mut self, most: usize) -> Option<&mut [u8]> {
        if self
            .pieces
            .last()
            .is_none_or(|last| last.len() == self.used)
        {
            let piece = MmapMut::map_anon(self.len.clamp(LEAST, MOST)).ok()?;
            self.pieces.push(piece);
            self.used = 0;
        }
        let free = &mut self.pieces.last_mut()?[self.used..];
        let most = most.max(1).min(free.len());
        Some(&mut free[..most])
    }

    /// Takes note of what was written into the room.
    pub(super) fn filled(&mut self, written: usize) {
        self.used += written;
        self.len += written;
    }

    /// Moves all to `place`, which is just as long, and calls `between` now and then.
    pub(super) fn move_to(self, place: &mut [u8], mut between: impl FnMut()) {
        let (start, mut rest) = place.split_at_mut(self.start.len().min(place.len()));
        start.copy_from_slice(&self.start[..start.len()]);
        for piece in self.pieces {
            let (to, behind) = rest.split_at_mut(piece.len().min(rest.len()));
            for (to, from) in to.chunks_mut(STRETCH).zip(piece.chunks(STRETCH)) {
                to.copy_from_slice(&from[..to.len()]);
                between();
            }
            rest = behind;
        }
    }
}

impl From<&[u8]> for Spill {
    fn from(bytes: &[u8]) -> Self {
        Self {
            start: bytes.to_vec(),
            len: bytes.len(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_come_out_as_they_went_in() {
        let bytes: Vec<u8> = (0..4 * MOST).map(|at| (at % 251) as u8).collect();
        for (start, step) in [(0, 1000), (2000, LEAST), (1, 3 * MOST), (LEAST, 7)] {
            let mut spill = Spill::from(&bytes[..start]);
            while spill.len() < 2 * MOST + 5 {
                let at = spill.len();
                let room = spill.room(step).expect("memory");
                assert!(!room.is_empty() && room.len() <= step);
                room.copy_from_slice(&bytes[at..at + room.len()]);
                let written = room.len();
                spill.filled(written);
            }
            let mut place = vec![0xa5; spill.len()];
            let mut calls = 0;
            spill.move_to(&mut place, || calls += 1);
            assert!(place == bytes[..place.len()]);
            assert!(calls >= 2 * MOST / STRETCH - 4);
        }
    }
}
