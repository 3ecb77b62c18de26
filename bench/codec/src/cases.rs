//! What is measured: directions, kinds of payload and sizes, and the frames of each.

use ws13_native::protocol::encoder::{control_header, encode};
use ws13_native::protocol::{FrameHeader, OpCode};

/// Bytes that a read gives at most, and that a case's frames fill.
pub const CHUNK: usize = 64 * 1024;

/// Bytes of payload, and a name for them.
pub const SIZES: [(usize, &str); 6] = [
    (16, "16B"),
    (64, "64B"),
    (1 << 10, "1KiB"),
    (16 << 10, "16KiB"),
    (64 << 10, "64KiB"),
    (1 << 20, "1MiB"),
];

/// Greek, Latin, Japanese, punctuation and an emoji: characters of every length.
const SENTENCE: &str = "Καλημέρα κόσμε — naïve façade, 日本語のテキスト 🙂. ";

/// What a codec does with the frames.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A server reads masked frames.
    Receive,
    /// A server writes frames.
    SendServer,
    /// A client writes masked frames.
    SendClient,
}

/// What is in the payloads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Text of one byte a character.
    Ascii,
    /// Text of one to four bytes a character.
    MultiByte,
    /// Bytes that are no text.
    Binary,
}

/// One row of the results.
#[derive(Clone)]
pub struct Case {
    /// What is done.
    pub direction: Direction,
    /// With what.
    pub content: Content,
    /// Bytes of payload in each frame.
    pub size: usize,
    label: &'static str,
}

/// All cases. A sender is given text that is known to be text, so its kind makes no difference.
pub fn all() -> Vec<Case> {
    use Content::{Ascii, Binary, MultiByte};
    use Direction::{Receive, SendClient, SendServer};
    let rows = [
        (Receive, Ascii),
        (Receive, MultiByte),
        (Receive, Binary),
        (SendServer, Binary),
        (SendClient, Binary),
    ];
    let case = |(direction, content), (size, label)| Case {
        direction,
        content,
        size,
        label,
    };
    rows.into_iter()
        .flat_map(|row| SIZES.map(|size| case(row, size)))
        .collect()
}

impl Case {
    /// A name without spaces, such as `receive-ascii-64B`.
    pub fn name(&self) -> String {
        let what = match (self.direction, self.content) {
            (Direction::SendServer, _) => "send-server",
            (Direction::SendClient, _) => "send-client",
            (_, Content::Ascii) => "receive-ascii",
            (_, Content::MultiByte) => "receive-multibyte",
            (_, Content::Binary) => "receive-binary",
        };
        format!("{what}-{}", self.label)
    }

    /// Frames that fill a chunk; a pass is of a multiple of it.
    pub fn frames(&self) -> u64 {
        (CHUNK / (self.size + FrameHeader::MAX_LEN)).max(1) as u64
    }

    /// Whether the payload is text.
    pub fn is_text(&self) -> bool {
        self.content != Content::Binary
    }

    /// The payload of every frame.
    pub fn payload(&self) -> Vec<u8> {
        payload(self.content, self.size)
    }

    /// Frames of a client, one behind the other, with a key of its own each.
    pub fn wire(&self) -> Vec<u8> {
        let payload = self.payload();
        let opcode = if self.is_text() {
            OpCode::Text
        } else {
            OpCode::Binary
        };
        let mut wire = Vec::new();
        for frame in 0..self.frames() as u32 {
            let key = frame.wrapping_mul(0x9e37_79b9) ^ 0x37fa_213d;
            let header = FrameHeader {
                len: payload.len() as u64,
                ..control_header(opcode, 0, Some(key.to_be_bytes()))
            };
            let start = wire.len();
            wire.resize(start + header.encoded_len() + payload.len(), 0);
            encode(header, &payload, &mut wire[start..]);
        }
        wire
    }
}

/// `size` bytes of a content.
pub fn payload(content: Content, size: usize) -> Vec<u8> {
    match content {
        Content::Ascii => (0..size).map(|i| b'!' + (i * 31 % 90) as u8).collect(),
        Content::Binary => (0..size).map(|i| (i * i + i * 7) as u8 ^ 0x5a).collect(),
        Content::MultiByte => {
            let mut text: String = SENTENCE.chars().cycle().take(size).collect();
            let end = (0..=size).rev().find(|&at| text.is_char_boundary(at));
            text.truncate(end.unwrap_or(0));
            let mut bytes = text.into_bytes();
            bytes.resize(size, b'.');
            bytes
        }
    }
}
