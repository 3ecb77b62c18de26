//! Frame headers: the first 2 to 14 bytes of a frame (RFC 6455 §5.2).
//!
//! ```text
//!  0                   1                   2                   3
//! |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//! |I|S|S|S|  (4)  |A|     (7)     |          (0/16/64)            |
//! |N|V|V|V|       |S|             |                               |
//! | |1|2|3|       |K|             |  then the masking key (0/32)  |
//! ```

use super::error::ProtocolError;
use super::role::Role;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

const FIN: u8 = 0b1000_0000;
const RSV: u8 = 0b0111_0000;
const OPCODE: u8 = 0b0000_1111;
const MASK: u8 = 0b1000_0000;
const LENGTH: u8 = 0b0111_1111;

/// What a frame is (RFC 6455 §5.2, §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OpCode {
    /// Another part of the message in progress.
    Continuation = 0x0,
    /// A text message, or its first part.
    Text = 0x1,
    /// A binary message, or its first part.
    Binary = 0x2,
    /// The start of, or the answer to, the closing handshake.
    Close = 0x8,
    /// To be answered with a pong.
    Ping = 0x9,
    /// The answer to a ping, or a heartbeat.
    Pong = 0xa,
}

impl OpCode {
    /// Whether it is a control frame's: "the most significant bit of the opcode is 1" (§5.5).
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    /// Whether it is that of a message's first frame.
    pub fn begins_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

impl TryFrom<u8> for OpCode {
    type Error = ProtocolError;

    fn try_from(nibble: u8) -> Result<Self, ProtocolError> {
        match nibble {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            _ => Err(ProtocolError::InvalidOpcode),
        }
    }
}

/// A set of the bits RSV1, RSV2 and RSV3 of a header (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReservedBits(u8);

impl ReservedBits {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// The bit that permessage-deflate claims (RFC 7692 §6).
    pub const RSV1: Self = Self(0b0100_0000);

    /// Whether every bit of this set is in `others` too.
    pub fn is_subset(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether they may be set in a frame of that opcode.
    #[cold]
    #[inline(never)]
    fn judge(self, opcode: u8, rules: Rules) -> Result<(), ProtocolError> {
        // §5.2: "If a nonzero value is received and none of the negotiated extensions defines the
        // meaning of such a nonzero value, the receiving endpoint MUST _Fail the WebSocket
        // Connection_."
        let is_claimed = self.is_subset(rules.claimed);
        // RFC 7692 §6: an extension of messages marks the first frame, and neither those that go on
        // with it nor control frames.
        let is_first = OpCode::try_from(opcode).map_or(true, OpCode::begins_message);
        match is_claimed && is_first {
            true => Ok(()),
            false => Err(ProtocolError::UnexpectedRsv),
        }
    }
}

/// The three encodings of a payload length (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthForm {
    /// 0-125, in the second byte.
    Bits7,
    /// 126-65,535, in two more bytes.
    Bits16,
    /// From 65,536 on, in eight more bytes.
    Bits64,
}

impl LengthForm {
    const MARK_16: u8 = 126;
    const MARK_64: u8 = 127;

    /// The shortest form for a payload of `len` bytes, which is the only one allowed.
    pub fn of(len: u64) -> Self {
        match len {
            0..=125 => Self::Bits7,
            126..=0xffff => Self::Bits16,
            _ => Self::Bits64,
        }
    }

    fn of_mark(mark: u8) -> Self {
        match mark {
            Self::MARK_16 => Self::Bits16,
            Self::MARK_64 => Self::Bits64,
            _ => Self::Bits7,
        }
    }

    /// Bytes that the length takes after the second byte.
    fn extra(self) -> usize {
        match self {
            Self::Bits7 => 0,
            Self::Bits16 => 2,
            Self::Bits64 => 8,
        }
    }
}

/// Bytes of payload of a whole frame of `frame` bytes that is not masked.
pub fn payload_len(frame: usize) -> usize {
    let forms = [LengthForm::Bits7, LengthForm::Bits16, LengthForm::Bits64];
    let lens = forms.map(|form| (form, frame.saturating_sub(2 + form.extra())));
    let fits = |&(form, len): &(LengthForm, usize)| LengthForm::of(len as u64) == form;
    lens.into_iter().find(fits).map_or(0, |(_, len)| len)
}

/// What a header is judged by as it is parsed.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Our role; without one either direction's masking is accepted.
    pub role: Option<Role>,
    /// The reserved bits that an extension has claimed.
    pub claimed: ReservedBits,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is a message's last part.
    pub fin: bool,
    /// The extension bits.
    pub reserved: ReservedBits,
    /// What the frame is.
    pub opcode: OpCode,
    /// The masking key of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub len: u64,
}

impl FrameHeader {
    /// The longest header, in bytes.
    pub const MAX_LEN: usize = 14;

    /// Parses the header at the start of `bytes`, and tells how many bytes it took. `None` when
    /// `bytes` ends before the header does.
    ///
    /// # Errors
    /// Whatever the bytes at hand show to be wrong, as early as they show it: `bytes` may end
    /// right behind the faulty one.
    #[inline]
    pub fn parse(bytes: &[u8], rules: Rules) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let fin = first & FIN != 0;
        let reserved = ReservedBits(first & RSV);
        if reserved != ReservedBits::NONE {
            reserved.judge(first & OPCODE, rules)?;
        }
        let opcode = OpCode::try_from(first & OPCODE)?;
        // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
        // fragmented."
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let masked = second & MASK != 0;
        match rules.role {
            // §5.1: "The server MUST close the connection upon receiving a frame that is not
            // masked."
            Some(Role::Server) if !masked => return Err(ProtocolError::ExpectedMask),
            // §5.1: "A client MUST close a connection if it detects a masked frame."
            Some(Role::Client) if masked => return Err(ProtocolError::UnexpectedMask),
            _ => {}
        }
        let form = LengthForm::of_mark(second & LENGTH);
        if opcode.is_control() && form != LengthForm::Bits7 {
            return Err(ProtocolError::ControlTooLong);
        }

        let Some(len) = parse_length(&bytes[2..], second & LENGTH, form)? else {
            return Ok(None);
        };
        let key_at = 2 + form.extra();
        let (mask, end) = if masked {
            match bytes.get(key_at..key_at + 4) {
                Some(key) => (Some([key[0], key[1], key[2], key[3]]), key_at + 4),
                None => return Ok(None),
            }
        } else {
            (None, key_at)
        };
        let header = Self {
            fin,
            reserved,
            opcode,
            mask,
            len,
        };
        Ok(Some((header, end)))
    }

    /// Bytes that the header takes on the wire.
    pub fn encoded_len(&self) -> usize {
        2 + LengthForm::of(self.len).extra() + if self.mask.is_some() { 4 } else { 0 }
    }

    /// Writes the header at the start of `out`, which holds at least [`Self::encoded_len`] bytes,
    /// and returns that number.
    #[inline]
    pub fn write(&self, out: &mut [u8]) -> usize {
        let form = LengthForm::of(self.len);
        let mask_bit = if self.mask.is_some() { MASK } else { 0 };
        out[0] = if self.fin { FIN } else { 0 } | self.reserved.0 | self.opcode as u8;
        match form {
            LengthForm::Bits7 => out[1] = mask_bit | self.len as u8,
            LengthForm::Bits16 => {
                out[1] = mask_bit | LengthForm::MARK_16;
                out[2..4].copy_from_slice(&(self.len as u16).to_be_bytes());
            }
            LengthForm::Bits64 => {
                out[1] = mask_bit | LengthForm::MARK_64;
                out[2..10].copy_from_slice(&self.len.to_be_bytes());
            }
        }
        let mut end = 2 + form.extra();
        if let Some(key) = self.mask {
            out[end..end + 4].copy_from_slice(&key);
            end += 4;
        }
        end
    }
}

/// The payload length, whose extended part starts `bytes`; `None` when that is incomplete.
#[inline]
fn parse_length(bytes: &[u8], mark: u8, form: LengthForm) -> Result<Option<u64>, ProtocolError> {
    let Some(extended) = bytes.get(..form.extra()) else {
        // §5.2: "the most significant bit MUST be 0", which its first byte shows already.
        return match bytes.first() {
            Some(&top) if form == LengthForm::Bits64 && top & 0x80 != 0 => {
                Err(ProtocolError::InvalidPayloadLength)
            }
            _ => Ok(None),
        };
    };
    let len = if form == LengthForm::Bits7 {
        u64::from(mark)
    } else {
        extended
            .iter()
            .fold(0, |len, &byte| len << 8 | u64::from(byte))
    };
    // §5.2: "in all cases, the minimal number of bytes MUST be used to encode the length"
    if LengthForm::of(len) != form || len >> 63 != 0 {
        return Err(ProtocolError::InvalidPayloadLength);
    }
    Ok(Some(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Rules = Rules {
        role: None,
        claimed: ReservedBits::NONE,
    };

    fn header(opcode: OpCode, len: u64, mask: Option<[u8; 4]>) -> FrameHeader {
        FrameHeader {
            fin: true,
            reserved: ReservedBits::NONE,
            opcode,
            mask,
            len,
        }
    }

    #[test]
    fn headers_round_trip_in_the_shortest_form() {
        for len in [0, 1, 125, 126, 0xffff, 0x1_0000, u64::MAX >> 1] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = header(OpCode::Binary, len, mask);
                let mut bytes = [0; FrameHeader::MAX_LEN];
                let end = header.write(&mut bytes);
                assert_eq!(end, header.encoded_len());
                assert_eq!(
                    FrameHeader::parse(&bytes[..end], ANY),
                    Ok(Some((header, end)))
                );
                for cut in 0..end {
                    assert_eq!(FrameHeader::parse(&bytes[..cut], ANY), Ok(None));
                }
            }
        }
    }

    #[test]
    fn a_frame_tells_the_length_of_its_payload() {
        for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0x1_0001] {
            let frame = header(OpCode::Binary, len, None).encoded_len() + len as usize;
            assert_eq!(payload_len(frame), len as usize);
        }
    }

    #[test]
    fn faults_show_as_early_as_their_byte() {
        use ProtocolError::*;
        let server = Rules {
            role: Some(Role::Server),
            ..ANY
        };
        let client = Rules {
            role: Some(Role::Client),
            ..ANY
        };
        let table: &[(&[u8], Rules, ProtocolError)] = &[
            (&[0xc1], ANY, UnexpectedRsv),
            (&[0xa1], ANY, UnexpectedRsv),
            (&[0x91], ANY, UnexpectedRsv),
            (&[0x83], ANY, InvalidOpcode),
            (&[0x8b], ANY, InvalidOpcode),
            (&[0x09], ANY, FragmentedControl),
            (&[0x89, 0x7e], ANY, ControlTooLong),
            (&[0x88, 0xff], ANY, ControlTooLong),
            (&[0x81, 0x05], server, ExpectedMask),
            (&[0x81, 0x85], client, UnexpectedMask),
            (&[0x82, 0x7e, 0x00, 0x7d], ANY, InvalidPayloadLength),
            (
                &[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
                ANY,
                InvalidPayloadLength,
            ),
            (&[0x82, 0x7f, 0x80], ANY, InvalidPayloadLength),
        ];
        for (bytes, rules, error) in table {
            assert_eq!(
                FrameHeader::parse(bytes, *rules),
                Err(*error),
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn a_claimed_bit_passes() {
        let rules = Rules {
            role: None,
            claimed: ReservedBits::RSV1,
        };
        let (header, _) = FrameHeader::parse(&[0xc1, 0x00], rules).unwrap().unwrap();
        assert_eq!(header.reserved, ReservedBits::RSV1);
        assert_eq!(
            FrameHeader::parse(&[0xe1, 0x00], rules),
            Err(ProtocolError::UnexpectedRsv)
        );
        for other in [0xc0, 0x40, 0xc8, 0xc9, 0xca] {
            assert_eq!(
                FrameHeader::parse(&[other, 0x00], rules),
                Err(ProtocolError::UnexpectedRsv)
            );
        }
    }
}
