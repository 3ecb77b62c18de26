//! Frames as bytes (RFC 6455 §5.2), and their header read back.

/// A text frame (§5.6).
pub const TEXT: u8 = 0x1;
/// A binary frame (§5.6).
pub const BINARY: u8 = 0x2;
/// A close frame (§5.5.1).
pub const CLOSE: u8 = 0x8;

/// FIN: the last frame of a message.
pub const FIN: u8 = 0x80;
/// RSV1: the first frame of a compressed message (RFC 7692 §6).
pub const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;

/// Appends one frame: `first` is its first byte, and a `key` masks the payload.
pub fn push_frame(bytes: &mut Vec<u8>, first: u8, payload: &[u8], key: Option<[u8; 4]>) {
    let mask = if key.is_some() { MASKED } else { 0 };
    bytes.push(first);
    match payload.len() {
        size @ 0..=125 => bytes.push(mask | size as u8),
        size @ 126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&(size as u16).to_be_bytes());
        }
        size => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(size as u64).to_be_bytes());
        }
    }
    match key {
        None => bytes.extend_from_slice(payload),
        Some(key) => {
            bytes.extend_from_slice(&key);
            bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(p, k)| p ^ k));
        }
    }
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// FIN, RSV1 and the opcode.
    pub first: u8,
    /// Bytes of the payload.
    pub payload: u64,
    /// Bytes of the header itself, with the key where there is one.
    pub len: usize,
}

impl Header {
    /// The opcode.
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }
}

/// The longest header.
pub const MAX_HEADER: usize = 14;

/// Reads a header from the start of `bytes`; `None` where it is not all there.
pub fn read_header(bytes: &[u8]) -> Option<Header> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (payload, len) = match second & 0x7f {
        126 => (
            u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
            4,
        ),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let len = if second & MASKED != 0 { len + 4 } else { len };
    (bytes.len() >= len).then_some(Header {
        first,
        payload,
        len,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_the_three_length_forms() {
        for (size, start) in [
            (0, vec![0x81, 0x00]),
            (125, vec![0x81, 0x7d]),
            (126, vec![0x81, 0x7e, 0x00, 0x7e]),
            (0x1_0000, vec![0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut bytes = Vec::new();
            push_frame(&mut bytes, FIN | TEXT, &vec![b'x'; size], None);
            assert_eq!(bytes[..start.len()], start);
            let header = read_header(&bytes).unwrap();
            assert_eq!((header.payload, header.len), (size as u64, start.len()));
            assert_eq!(read_header(&bytes[..start.len() - 1]), None);
        }
    }

    #[test]
    fn masks_with_the_key() {
        let mut bytes = Vec::new();
        push_frame(
            &mut bytes,
            FIN | TEXT,
            b"Hello",
            Some([0x37, 0xfa, 0x21, 0x3d]),
        );
        // RFC 6455 §5.7: a single-frame masked text message.
        let example = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(bytes, example);
        assert_eq!(read_header(&bytes).unwrap().len, 6);
        assert_eq!(read_header(&bytes[..5]), None);
    }
}
