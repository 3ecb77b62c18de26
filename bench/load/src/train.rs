//! The frames that are sent, built beforehand.

use std::str::FromStr;

/// What the payloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ASCII letters in text frames.
    Text,
    /// Any byte in binary frames.
    Binary,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Kind::Text),
            "binary" => Ok(Kind::Binary),
            other => Err(format!("{other}: neither text nor binary")),
        }
    }
}

/// A ring of masked frames of one size, laid out so that a run of frames is one slice.
///
/// Keys and payloads differ from frame to frame, the same in every run: a server can profit
/// neither from a key of zeros nor from a payload that it has seen a moment ago.
pub struct Train {
    /// INVARIANT: `ring` bytes, then the first of them again, `in_flight` frames long.
    bytes: Vec<u8>,
    ring: usize,
    frame: usize,
    first_echo: Vec<u8>,
}

/// Bytes of the ring that are aimed at, and the number of frames that is enough.
const RING_BYTES: usize = 4 << 20;
const RING_FRAMES: usize = 256;

impl Train {
    /// `size` is the payload in bytes, `in_flight` the longest run that `run` is asked for.
    pub fn new(kind: Kind, size: usize, in_flight: usize) -> Self {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let frames = (RING_BYTES / (size + 1)).clamp(2, RING_FRAMES);
        let mut bytes = Vec::new();
        let mut first_echo = Vec::new();
        for _ in 0..frames {
            let payload: Vec<u8> = (0..size).map(|_| noise.payload_byte(kind)).collect();
            if first_echo.is_empty() {
                push_header(&mut first_echo, kind, size, 0x00);
                first_echo.extend_from_slice(&payload);
            }
            let key = noise.next().to_le_bytes();
            push_header(&mut bytes, kind, size, 0x80);
            bytes.extend_from_slice(&key[..4]);
            bytes.extend(
                payload
                    .iter()
                    .zip(key[..4].iter().cycle())
                    .map(|(p, k)| p ^ k),
            );
        }
        let ring = bytes.len();
        let frame = ring / frames;
        // Every frame has the same length, so the repetition only has to be long enough.
        while bytes.len() < ring + in_flight * frame {
            let again = bytes.len() - ring;
            bytes.extend_from_within(again..again + frame);
        }
        Train {
            bytes,
            ring,
            frame,
            first_echo,
        }
    }

    /// Bytes of one frame on the way to the server.
    pub fn frame_len(&self) -> u64 {
        self.frame as u64
    }

    /// Bytes of one frame on the way back: the same without the mask key.
    pub fn echo_len(&self) -> u64 {
        self.first_echo.len() as u64
    }

    /// What the first frame of the ring must come back as.
    pub fn first_echo(&self) -> &[u8] {
        &self.first_echo
    }

    /// The `len` bytes that follow after `sent` bytes have been sent; at most `in_flight` frames.
    pub fn run(&self, sent: u64, len: u64) -> &[u8] {
        let start = (sent % self.ring as u64) as usize;
        &self.bytes[start..start + len as usize]
    }
}

/// RFC 6455 §5.2, with the shortest of the three lengths. `mask` is 0x80 or 0x00.
fn push_header(bytes: &mut Vec<u8>, kind: Kind, size: usize, mask: u8) {
    bytes.push(match kind {
        Kind::Text => 0x81,
        Kind::Binary => 0x82,
    });
    match size {
        0..=125 => bytes.push(mask | size as u8),
        126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&(size as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(size as u64).to_be_bytes());
        }
    }
}

/// xorshift64: enough variety for keys and payloads, and the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn payload_byte(&mut self, kind: Kind) -> u8 {
        let byte = (self.next() >> 32) as u8;
        match kind {
            Kind::Text => b'a' + byte % 26,
            Kind::Binary => byte,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload of a masked frame, read back the slow way.
    fn unmask(frame: &[u8], header: usize) -> Vec<u8> {
        let (key, payload) = frame[header..].split_at(4);
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(p, k)| p ^ k)
            .collect()
    }

    #[test]
    fn writes_the_three_length_forms() {
        for (size, masked, echo) in [
            (0, vec![0x81, 0x80], vec![0x81, 0x00]),
            (125, vec![0x81, 0xfd], vec![0x81, 0x7d]),
            (
                126,
                vec![0x81, 0xfe, 0x00, 0x7e],
                vec![0x81, 0x7e, 0x00, 0x7e],
            ),
            (
                0x1_0000,
                vec![0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0],
                vec![0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0],
            ),
        ] {
            let train = Train::new(Kind::Text, size, 1);
            let frame = train.run(0, train.frame_len());
            assert_eq!(&frame[..masked.len()], masked);
            assert_eq!(&train.first_echo()[..echo.len()], echo);
            assert_eq!(train.frame_len(), train.echo_len() + 4);
            assert_eq!(
                unmask(frame, masked.len()),
                &train.first_echo()[echo.len()..]
            );
        }
    }

    #[test]
    fn text_is_ascii_letters_and_binary_is_not() {
        let text = Train::new(Kind::Text, 1000, 1);
        assert!(text.first_echo()[4..].iter().all(u8::is_ascii_lowercase));
        let binary = Train::new(Kind::Binary, 1000, 1);
        assert_eq!(binary.first_echo()[0], 0x82);
        assert!(std::str::from_utf8(&binary.first_echo()[4..]).is_err());
    }

    #[test]
    fn a_run_wraps_around_the_ring() {
        let train = Train::new(Kind::Text, 64, 600);
        let (frame, ring) = (train.frame_len(), train.ring as u64);
        let all = train.run(0, 600 * frame);
        let last = train.run(ring - frame, 600 * frame);
        assert_eq!(last[frame as usize..], all[..599 * frame as usize]);
        assert_ne!(train.run(0, frame), train.run(frame, frame));
        assert_eq!(train.run(3, 10), train.run(ring + 3, 10));
    }
}
