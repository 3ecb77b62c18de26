//! Bytes that grow in pieces, so that none of them is copied for it.

/// Bytes of a piece.
const PIECE: usize = 128 * 1024;

/// Bytes of a message in memory of ours, before they have a place that the message keeps.
#[derive(Default)]
pub(super) struct Spill {
    pieces: Vec<Vec<u8>>,
    /// INVARIANT: all pieces but the last are full; so many bytes of that are in use.
    used: usize,
    len: usize,
}

impl Spill {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Room for at least one byte more, and at most so many; [`filled`](Spill::filled) tells what was
    /// written there.
    pub(super) fn room(&mut self, most: usize) -> &mut [u8] {
        if self
            .pieces
            .last()
            .is_none_or(|last| last.len() == self.used)
        {
            self.pieces.push(vec![0; PIECE]);
            self.used = 0;
        }
        let free = match self.pieces.last_mut() {
            Some(last) => &mut last[self.used..],
            None => &mut [],
        };
        let most = most.max(1).min(free.len());
        &mut free[..most]
    }

    /// Takes note of what was written into the room.
    pub(super) fn filled(&mut self, written: usize) {
        self.used += written;
        self.len += written;
    }

    /// Copies all into `place`, which is just as long, and calls `between` now and then.
    pub(super) fn move_to(self, place: &mut [u8], mut between: impl FnMut()) {
        let mut rest = place;
        for piece in &self.pieces {
            let (to, behind) = rest.split_at_mut(piece.len().min(rest.len()));
            to.copy_from_slice(&piece[..to.len()]);
            rest = behind;
            between();
        }
    }
}

impl From<&[u8]> for Spill {
    fn from(bytes: &[u8]) -> Self {
        Self {
            pieces: vec![bytes.to_vec()],
            used: bytes.len(),
            len: bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_come_out_as_they_went_in() {
        let bytes: Vec<u8> = (0..5 * PIECE).map(|at| (at % 251) as u8).collect();
        for (start, step) in [(0, 1000), (2000, PIECE), (1, 3 * PIECE), (PIECE, 7)] {
            let mut spill = Spill::from(&bytes[..start]);
            while spill.len() < 2 * PIECE + 5 {
                let at = spill.len();
                let room = spill.room(step);
                assert!(!room.is_empty() && room.len() <= step);
                room.copy_from_slice(&bytes[at..at + room.len()]);
                let written = room.len();
                spill.filled(written);
            }
            let mut place = vec![0; spill.len()];
            let mut calls = 0;
            spill.move_to(&mut place, || calls += 1);
            assert!(place == bytes[..place.len()]);
            assert!(calls >= 2);
        }
    }
}
