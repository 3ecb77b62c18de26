//! Close frames: status codes and payloads (RFC 6455 §5.5.1, §7.4).

use super::error::ProtocolError;
use super::header::MAX_CONTROL_PAYLOAD;

/// A status code that may be on the wire (RFC 6455 §7.4). `try_from` is the only door for others'
/// numbers, so 1004, 1005, 1006, 1015 and what is unassigned cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1002: a protocol error.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1007: data that does not fit its type.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a policy is violated.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: Self = Self(1009);
}

impl TryFrom<u16> for CloseCode {
    type Error = ProtocolError;

    fn try_from(code: u16) -> Result<Self, ProtocolError> {
        match code {
            // §7.4.1, and 1012-1014 from the IANA registry that §11.7 sets up.
            1000..=1003 | 1007..=1014 => Ok(Self(code)),
            // §7.4.2: 3000-3999 are registered by libraries, 4000-4999 are private.
            3000..=4999 => Ok(Self(code)),
            // §7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control
            // frame"; 1004 is reserved, the rest is unassigned.
            _ => Err(ProtocolError::InvalidCloseCode),
        }
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> u16 {
        code.0
    }
}

/// Takes a close frame's payload apart: its code, if it has one, and its reason's bytes.
///
/// # Errors
/// A payload of one byte, a code that may not be on the wire, a reason that is not UTF-8.
pub fn parse_payload(payload: &[u8]) -> Result<(Option<CloseCode>, &str), ProtocolError> {
    match payload {
        [] => Ok((None, "")),
        // §5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer"
        [_] => Err(ProtocolError::InvalidClosePayload),
        [high, low, reason @ ..] => {
            let code = CloseCode::try_from(u16::from_be_bytes([*high, *low]))?;
            let reason = str::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
            Ok((Some(code), reason))
        }
    }
}

/// The longest reason of a close frame, in bytes.
pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A close frame's payload, at most 125 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosePayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    /// INVARIANT: len == 0 or 2 <= len <= MAX_CONTROL_PAYLOAD
    len: u8,
}

impl ClosePayload {
    /// The payload of a close frame with `code` and `reason`; without a code it is empty.
    /// `None` when the reason is longer than [`MAX_REASON`] bytes.
    pub fn new(code: Option<CloseCode>, reason: &str) -> Option<Self> {
        let mut payload = Self {
            bytes: [0; MAX_CONTROL_PAYLOAD],
            len: 0,
        };
        let Some(code) = code else {
            return Some(payload);
        };
        let len = 2 + reason.len();
        payload.bytes[..2].copy_from_slice(&u16::from(code).to_be_bytes());
        payload
            .bytes
            .get_mut(2..len)?
            .copy_from_slice(reason.as_bytes());
        payload.len = len as u8;
        Some(payload)
    }

    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_the_wire_can_be_held() {
        let valid = |code: u16| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        for code in 0..=u16::MAX {
            assert_eq!(CloseCode::try_from(code).is_ok(), valid(code), "{code}");
        }
    }

    #[test]
    fn payloads_round_trip() {
        for (code, reason) in [
            (None, ""),
            (Some(1000), ""),
            (Some(1001), "bye"),
            (Some(4999), "à"),
        ] {
            let code = code.map(|code| CloseCode::try_from(code).unwrap());
            let payload = ClosePayload::new(code, reason).unwrap();
            assert_eq!(parse_payload(payload.as_bytes()), Ok((code, reason)));
        }
    }

    #[test]
    fn a_reason_takes_at_most_123_bytes() {
        let code = Some(CloseCode::NORMAL);
        assert_eq!(
            ClosePayload::new(code, &"x".repeat(123))
                .unwrap()
                .as_bytes()
                .len(),
            125
        );
        assert_eq!(ClosePayload::new(code, &"x".repeat(124)), None);
    }

    #[test]
    fn faults() {
        assert_eq!(
            parse_payload(&[0x03]),
            Err(ProtocolError::InvalidClosePayload)
        );
        assert_eq!(
            parse_payload(&[0x03, 0xed]),
            Err(ProtocolError::InvalidCloseCode)
        );
        assert_eq!(
            parse_payload(&[0x03, 0xe8, 0xff]),
            Err(ProtocolError::InvalidUtf8)
        );
    }
}
