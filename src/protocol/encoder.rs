//! Frames out (RFC 6455 §5.2-5.6, §6.1).

use super::decoder::MessageKind;
use super::header::{FrameHeader, OpCode, ReservedBits};
use crate::bytes::{mask, utf8};

/// Why a data frame was not accepted. Both are the caller's to hear of, not the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// A close frame was sent: nothing may follow it (RFC 6455 §5.5.1).
    Closing,
    /// Text that is not UTF-8, or that ends inside a character.
    InvalidUtf8,
}

/// The sending half of a connection: which message is in progress.
#[derive(Default)]
pub struct Encoder {
    /// The message whose last part has not been sent.
    fragmented: Option<MessageKind>,
    utf8: utf8::Validator,
}

impl Encoder {
    /// Accepts the next part of a message, and tells its opcode. While a message is in progress the
    /// part continues it, whatever `kind` says (RFC 6455 §5.4).
    pub fn accept(&mut self, kind: MessageKind, fin: bool) -> OpCode {
        let opcode = match (self.fragmented, kind) {
            (Some(_), _) => OpCode::Continuation,
            (None, MessageKind::Text) => OpCode::Text,
            (None, MessageKind::Binary) => OpCode::Binary,
        };
        self.fragmented = if fin {
            None
        } else {
            Some(self.fragmented.unwrap_or(kind))
        };
        opcode
    }

    /// Whether the next part begins a message.
    pub fn is_between_messages(&self) -> bool {
        self.fragmented.is_none()
    }

    /// Checks the next part of a message before it is accepted: text has to be UTF-8, over all of
    /// its parts.
    ///
    /// # Errors
    /// [`SendError::InvalidUtf8`]; the message in progress is where it was.
    pub fn check(&mut self, kind: MessageKind, fin: bool, part: &[u8]) -> Result<(), SendError> {
        if self.fragmented.unwrap_or(kind) == MessageKind::Binary {
            return Ok(());
        }
        let mut utf8 = self.utf8;
        utf8.feed(part).map_err(|_| SendError::InvalidUtf8)?;
        if fin && !utf8.is_complete() {
            return Err(SendError::InvalidUtf8);
        }
        // Stored only if changed, which is rare: a fresh store would delay the load in `accept`.
        if utf8 != self.utf8 {
            self.utf8 = utf8;
        }
        Ok(())
    }
}

/// A header for a whole control frame.
pub fn control_header(opcode: OpCode, len: usize, mask: Option<[u8; 4]>) -> FrameHeader {
    FrameHeader {
        fin: true,
        reserved: ReservedBits::NONE,
        opcode,
        mask,
        len: len as u64,
    }
}

/// Writes a frame at the start of `out` and returns its length. `out` holds at least
/// `header.encoded_len() + payload.len()` bytes, and `header.len` is `payload.len()`.
#[inline]
pub fn encode(header: FrameHeader, payload: &[u8], out: &mut [u8]) -> usize {
    debug_assert_eq!(header.len, payload.len() as u64);
    let start = header.write(out);
    let end = start + payload.len();
    match header.mask {
        Some(key) => mask::copy(&mut out[start..end], payload, key),
        None => out[start..end].copy_from_slice(payload),
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_continue_the_message_in_progress() {
        let mut encoder = Encoder::default();
        assert_eq!(encoder.accept(MessageKind::Text, false), OpCode::Text);
        assert_eq!(
            encoder.accept(MessageKind::Binary, false),
            OpCode::Continuation
        );
        assert_eq!(
            encoder.accept(MessageKind::Text, true),
            OpCode::Continuation
        );
        assert_eq!(encoder.accept(MessageKind::Binary, true), OpCode::Binary);
    }

    #[test]
    fn text_is_checked_over_its_parts() {
        let mut encoder = Encoder::default();
        let (text, binary) = (MessageKind::Text, MessageKind::Binary);
        assert_eq!(encoder.check(text, false, &[0xe2, 0x82]), Ok(()));
        encoder.accept(text, false);
        assert_eq!(encoder.check(text, true, &[]), Err(SendError::InvalidUtf8));
        assert_eq!(
            encoder.check(binary, false, b"x"),
            Err(SendError::InvalidUtf8)
        );
        assert_eq!(encoder.check(text, true, &[0xac]), Ok(()));
        encoder.accept(text, true);
        assert_eq!(encoder.check(binary, true, &[0xff]), Ok(()));
    }

    #[test]
    fn the_examples_of_section_5_7() {
        let mut out = [0; 16];
        let hello = |opcode, mask| control_header(opcode, 5, mask);
        let end = encode(hello(OpCode::Text, None), b"Hello", &mut out);
        assert_eq!(out[..end], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let key = Some([0x37, 0xfa, 0x21, 0x3d]);
        let end = encode(hello(OpCode::Text, key), b"Hello", &mut out);
        assert_eq!(
            out[..end],
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }
}
