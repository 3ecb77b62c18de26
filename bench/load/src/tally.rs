//! Counts the messages of what arrives, in chunks of any size, by their headers alone.

use std::io;

use crate::failure;
use crate::frame::{CLOSE, FIN, Header, MAX_HEADER, RSV1, read_header};

/// What has arrived on one connection.
#[derive(Default)]
pub struct Tally {
    /// Messages that have ended.
    pub messages: u64,
    /// Their payload as it was on the wire, and that of control frames.
    pub payload: u64,
    /// The header as far as it has come, of a frame that was cut within it.
    cut: Vec<u8>,
    /// The rest of the payload of the frame that is arriving.
    missing: u64,
    /// Whether that frame ends a message.
    ends: bool,
    /// The first message, until it is taken.
    first: First,
}

/// The first message: the only one whose content is looked at.
#[derive(Default)]
pub struct First {
    /// The first byte of its first header.
    pub head: Option<u8>,
    /// Its payload, without the headers.
    pub payload: Vec<u8>,
}

impl First {
    /// Whether it says that it is compressed.
    pub fn is_compressed(&self) -> bool {
        self.head.is_some_and(|first| first & RSV1 != 0)
    }
}

impl Tally {
    /// Counts `bytes`.
    pub fn count(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if !self.cut.is_empty() {
            let before = self.cut.len();
            self.cut
                .extend_from_slice(&bytes[..bytes.len().min(MAX_HEADER - before)]);
            let Some(header) = read_header(&self.cut) else {
                return Ok(());
            };
            bytes = &bytes[header.len - before..];
            self.cut.clear();
            self.begin(header)?;
        }
        loop {
            let part = self.missing.min(bytes.len() as u64) as usize;
            if self.messages == 0 {
                self.first.payload.extend_from_slice(&bytes[..part]);
            }
            self.payload += part as u64;
            self.missing -= part as u64;
            if self.missing > 0 {
                return Ok(());
            }
            self.messages += u64::from(std::mem::take(&mut self.ends));
            bytes = &bytes[part..];
            let Some(header) = read_header(bytes) else {
                break;
            };
            bytes = &bytes[header.len..];
            self.begin(header)?;
        }
        self.cut.extend_from_slice(bytes);
        Ok(())
    }

    /// The first message, once it has ended.
    pub fn take_first(&mut self) -> First {
        std::mem::take(&mut self.first)
    }

    fn begin(&mut self, header: Header) -> io::Result<()> {
        if header.opcode() == CLOSE {
            return Err(failure("the peer sent a close frame"));
        }
        let is_control = header.opcode() > CLOSE;
        self.missing = header.payload;
        self.ends = !is_control && header.first & FIN != 0;
        self.first.head.get_or_insert(header.first);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{TEXT, push_frame};

    #[test]
    fn counts_the_same_in_chunks_of_any_size() {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, TEXT, b"Hel", None);
        push_frame(&mut bytes, FIN, b"lo", Some([1, 2, 3, 4]));
        push_frame(&mut bytes, FIN | 0x9, b"ping", None);
        push_frame(&mut bytes, FIN | TEXT, &[b'x'; 300], None);
        push_frame(&mut bytes, FIN | TEXT, b"", None);
        for size in 1..=bytes.len() {
            let mut tally = Tally::default();
            for chunk in bytes.chunks(size) {
                tally.count(chunk).unwrap();
            }
            assert_eq!((tally.messages, tally.payload), (3, 309));
            assert_eq!(tally.take_first().payload[..3], *b"Hel");
        }
    }

    #[test]
    fn a_close_frame_is_an_error() {
        assert!(Tally::default().count(&[0x88, 0x00]).is_err());
    }
}
