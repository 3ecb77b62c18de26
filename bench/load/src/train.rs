//! The messages that are sent, built beforehand.

use crate::compress::Compressor;
use crate::frame::{FIN, RSV1, push_frame};
use crate::payload::{Kind, Noise};

/// How the messages of a train look.
#[derive(Clone, Copy)]
pub struct Shape {
    /// What the payloads are.
    pub kind: Kind,
    /// Payload bytes of one message.
    pub size: usize,
    /// Frames of one message, from 1 on.
    pub fragments: usize,
    /// Whether messages are compressed, and whether each one refers to those before it.
    pub deflate: Option<Takeover>,
}

/// Context takeover (RFC 7692 §7.1.1), in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Each message is compressed with those before it as its dictionary.
    On,
    /// Each message stands alone.
    Off,
}

/// An endless stream of masked messages, laid out so that a run of them is one slice.
///
/// It goes once through a lead and then around a ring. The lead is empty but for compressed
/// messages with context takeover, where the first pass has no dictionary yet.
pub struct Train {
    /// INVARIANT: the lead, the ring, then the beginning of the ring again, `longest` bytes of it.
    bytes: Vec<u8>,
    /// Where each message of the lead and the ring starts, and where the last one ends.
    starts: Vec<u64>,
    /// Messages of the lead.
    lead: usize,
    longest: u64,
    first: Vec<u8>,
}

/// Bytes of the ring that are aimed at, and the number of messages that is enough.
const RING_BYTES: usize = 4 << 20;
const RING_MESSAGES: usize = 256;

impl Train {
    /// `in_flight` is how many messages the longest run holds.
    pub fn new(shape: Shape, in_flight: usize) -> Self {
        let mut noise = Noise::new();
        let count = (RING_BYTES / (shape.size + 1)).clamp(2, RING_MESSAGES);
        let payloads: Vec<_> = (0..count)
            .map(|_| shape.kind.payload(&mut noise, shape.size))
            .collect();
        let lead = if shape.deflate == Some(Takeover::On) {
            count
        } else {
            0
        };

        let mut compressor = shape.deflate.map(Compressor::new);
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        // The second pass of two refers to the ring only, at whichever turn.
        for payload in payloads.iter().cycle().take(lead + count) {
            match &mut compressor {
                None => push_message(&mut bytes, shape, 0, payload, &mut noise),
                Some(compressor) => {
                    let compressed = compressor.compress(payload);
                    push_message(&mut bytes, shape, RSV1, &compressed, &mut noise);
                }
            }
            starts.push(bytes.len() as u64);
        }

        let message = starts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or(0);
        let longest = message * in_flight as u64;
        let ring = starts[lead] as usize..bytes.len();
        while bytes.len() < ring.end + longest as usize {
            let missing = ring.end + longest as usize - bytes.len();
            bytes.extend_from_within(ring.start..ring.end.min(ring.start + missing));
        }
        let first = payloads.into_iter().next().unwrap_or_default();
        Train {
            bytes,
            starts,
            lead,
            longest,
            first,
        }
    }

    /// The payload of the first message.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// How many bytes `messages` have, counted from the first one on.
    pub fn bytes_of(&self, messages: u64) -> u64 {
        let lead = self.lead as u64;
        if messages < lead {
            return self.starts[messages as usize];
        }
        let ring = self.starts.len() as u64 - 1 - lead;
        let (turns, rest) = ((messages - lead) / ring, (messages - lead) % ring);
        turns * self.ring_bytes() + self.starts[(lead + rest) as usize]
    }

    /// Bytes that follow after `sent` bytes: `len` of them, or as many as lie in one slice.
    pub fn run(&self, sent: u64, len: u64) -> &[u8] {
        let lead = self.starts[self.lead];
        let start = if sent < lead {
            sent
        } else {
            lead + (sent - lead) % self.ring_bytes()
        };
        &self.bytes[start as usize..(start + len.min(self.longest)) as usize]
    }

    fn ring_bytes(&self) -> u64 {
        self.starts
            .last()
            .map_or(0, |end| end - self.starts[self.lead])
    }
}

/// One message in `shape.fragments` frames (RFC 6455 §5.4); `rsv` goes with the first.
fn push_message(bytes: &mut Vec<u8>, shape: Shape, rsv: u8, payload: &[u8], noise: &mut Noise) {
    let last = shape.fragments - 1;
    for index in 0..=last {
        let part =
            payload.len() * index / shape.fragments..payload.len() * (index + 1) / shape.fragments;
        let opcode = if index == 0 {
            rsv | shape.kind.opcode()
        } else {
            0
        };
        let fin = if index == last { FIN } else { 0 };
        push_frame(bytes, fin | opcode, &payload[part], Some(noise.key()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::inflate;
    use crate::frame::read_header;

    const SMALL: Shape = Shape {
        kind: Kind::Text,
        size: 64,
        fragments: 1,
        deflate: None,
    };

    /// The frames of the first `messages`: first byte and payload.
    fn frames(train: &Train, messages: u64) -> Vec<(u8, Vec<u8>)> {
        let end = train.bytes_of(messages);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < end {
            let sent = bytes.len() as u64;
            bytes.extend_from_slice(train.run(sent, end - sent));
        }
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while let Some(header) = read_header(rest) {
            let (head, tail) = rest.split_at(header.len);
            let (payload, tail) = tail.split_at(header.payload as usize);
            let key = &head[header.len - 4..];
            frames.push((
                header.first,
                payload
                    .iter()
                    .zip(key.iter().cycle())
                    .map(|(p, k)| p ^ k)
                    .collect(),
            ));
            rest = tail;
        }
        frames
    }

    #[test]
    fn a_run_wraps_around_the_ring() {
        let train = Train::new(SMALL, 600);
        let all = train.run(0, 600 * 70);
        assert_eq!(train.run(255 * 70, 600 * 70)[70..], all[..599 * 70]);
        assert_ne!(train.run(0, 70), train.run(70, 70));
        assert_eq!(train.run(3, 10), train.run(256 * 70 + 3, 10));
        assert_eq!(train.bytes_of(1000), 70_000);
    }

    #[test]
    fn fragments_make_one_message() {
        let train = Train::new(
            Shape {
                fragments: 3,
                ..SMALL
            },
            1,
        );
        let frames = frames(&train, 1);
        assert_eq!(
            frames.iter().map(|(first, _)| *first).collect::<Vec<_>>(),
            [0x01, 0x00, 0x80]
        );
        let whole: Vec<u8> = frames
            .into_iter()
            .flat_map(|(_, payload)| payload)
            .collect();
        assert_eq!(whole, train.first());
    }

    #[test]
    fn compressed_messages_inflate_at_every_turn_of_the_ring() {
        for takeover in [Takeover::On, Takeover::Off] {
            let shape = Shape {
                kind: Kind::Json,
                size: 300,
                deflate: Some(takeover),
                ..SMALL
            };
            let train = Train::new(shape, 2);
            let all = frames(&train, 4 * 256);
            assert!(all.iter().all(|(first, _)| *first == FIN | RSV1 | 0x1));
            let payloads = all.into_iter().map(|(_, payload)| payload);
            let texts = inflate(payloads, takeover).unwrap();
            assert_eq!(texts[0], train.first());
            assert_eq!(texts[..256], texts[3 * 256..]);
            assert_ne!(texts[0], texts[1]);
        }
    }
}
