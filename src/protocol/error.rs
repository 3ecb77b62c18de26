//! Everything a peer can do wrong: the one table of faults, close codes and error codes.

use std::fmt;

use super::close::CloseCode;

/// A violation by the peer. The connection fails with [`ProtocolError::close_code`] (RFC 6455
/// §7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProtocolError {
    /// A reserved bit is set that no negotiated extension claims (§5.2).
    UnexpectedRsv,
    /// A reserved opcode: 3-7 or B-F (§5.2).
    InvalidOpcode,
    /// A control frame without FIN (§5.5).
    FragmentedControl,
    /// A control frame with more than 125 bytes of payload (§5.5).
    ControlTooLong,
    /// A client's frame that is not masked (§5.1).
    ExpectedMask,
    /// A server's frame that is masked (§5.1).
    UnexpectedMask,
    /// A length in a longer form than it needs, or with the top bit of 64 set (§5.2).
    InvalidPayloadLength,
    /// A continuation frame while no message is in progress (§5.4).
    UnexpectedContinuation,
    /// A new data frame inside of a fragmented message (§5.4).
    ExpectedContinuation,
    /// A close frame with a payload of one byte (§5.5.1).
    InvalidClosePayload,
    /// A status code that may not be on the wire (§7.4).
    InvalidCloseCode,
    /// Text, or a close reason, that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A compressed message that is not what its extension makes (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A message longer than `max_payload` (§10.4).
    MessageTooBig,
    /// A message in more parts than `max_fragments`.
    TooManyFragments,
    /// More undelivered messages than the application may leave waiting.
    TooManyWaiting,
    /// More messages in a time than the application admits.
    TooManyMessages,
}

impl ProtocolError {
    /// Every fault, in the order of its number.
    pub const ALL: [ProtocolError; 17] = {
        use ProtocolError::*;
        [
            UnexpectedRsv,
            InvalidOpcode,
            FragmentedControl,
            ControlTooLong,
            ExpectedMask,
            UnexpectedMask,
            InvalidPayloadLength,
            UnexpectedContinuation,
            ExpectedContinuation,
            InvalidClosePayload,
            InvalidCloseCode,
            InvalidUtf8,
            InvalidDeflate,
            MessageTooBig,
            TooManyFragments,
            TooManyWaiting,
            TooManyMessages,
        ]
    };

    /// The status code that the connection fails with (RFC 6455 §7.4.1).
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_DATA,
            Self::MessageTooBig => CloseCode::TOO_BIG,
            Self::TooManyFragments | Self::TooManyWaiting | Self::TooManyMessages => {
                CloseCode::POLICY
            }
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The stable `code` of the JavaScript error, and its message.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::UnexpectedRsv => (
                "WS_ERR_UNEXPECTED_RSV",
                "a reserved bit is set that no extension claims",
            ),
            Self::InvalidOpcode => ("WS_ERR_INVALID_OPCODE", "the opcode is reserved"),
            Self::FragmentedControl => ("WS_ERR_EXPECTED_FIN", "a control frame is fragmented"),
            Self::ControlTooLong => (
                "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
                "a control frame's payload is longer than 125 bytes",
            ),
            Self::ExpectedMask => ("WS_ERR_EXPECTED_MASK", "a client's frame is not masked"),
            Self::UnexpectedMask => ("WS_ERR_UNEXPECTED_MASK", "a server's frame is masked"),
            Self::InvalidPayloadLength => (
                "WS_ERR_INVALID_PAYLOAD_LENGTH",
                "the payload length is not in its shortest form, or has its top bit set",
            ),
            Self::UnexpectedContinuation => (
                "WS_ERR_UNEXPECTED_CONTINUATION",
                "a continuation frame without a message to continue",
            ),
            Self::ExpectedContinuation => (
                "WS_ERR_EXPECTED_CONTINUATION",
                "a new message inside of a fragmented one",
            ),
            Self::InvalidClosePayload => (
                "WS_ERR_INVALID_CLOSE_PAYLOAD_LENGTH",
                "a close frame's payload is one byte long",
            ),
            Self::InvalidCloseCode => (
                "WS_ERR_INVALID_CLOSE_CODE",
                "the close code may not be on the wire",
            ),
            Self::InvalidUtf8 => ("WS_ERR_INVALID_UTF8", "the text is not valid UTF-8"),
            Self::InvalidDeflate => (
                "WS_ERR_INVALID_DEFLATE",
                "the compressed message is corrupt",
            ),
            Self::MessageTooBig => (
                "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
                "the message is longer than maxPayload",
            ),
            Self::TooManyFragments => (
                "WS_ERR_TOO_MANY_FRAGMENTS",
                "the message has more parts than maxFragments",
            ),
            Self::TooManyWaiting => (
                "WS_ERR_TOO_MANY_WAITING",
                "more messages arrived than were taken",
            ),
            Self::TooManyMessages => (
                "WS_ERR_TOO_MANY_MESSAGES",
                "messages arrive faster than maxMessageRate",
            ),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().1)
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        for (number, error) in ProtocolError::ALL.into_iter().enumerate() {
            assert_eq!(error as usize, number);
        }
    }

    #[test]
    fn codes_are_distinct_and_name_the_library() {
        let mut codes: Vec<_> = ProtocolError::ALL.map(|e| e.describe().0).into();
        assert!(codes.iter().all(|code| code.starts_with("WS_ERR_")));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProtocolError::ALL.len());
    }
}
