//! The start of the body of a response that refuses the handshake (RFC 9112 §6.3): enough of it for
//! a person to see why.

use super::head::Head;
use super::token::list_contains;

/// Bytes of a body that are kept.
pub const BODY_START: usize = 4096;

/// Collects the first [`BODY_START`] bytes of a body from any chunks.
#[derive(Debug)]
pub struct BodyStart {
    state: State,
    /// INVARIANT: at most `BODY_START` bytes.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes are still to come.
    Length(u64),
    /// It ends with the connection.
    UntilClose,
    /// In the line before a chunk: its size so far, if there was a digit yet.
    ChunkSize(Option<u64>),
    /// In the rest of that line, which holds extensions at most.
    ChunkLine(u64),
    /// In a chunk: so many bytes are still to come.
    Chunk(u64),
    /// In the line end behind a chunk.
    ChunkEnd,
    /// Nothing more is wanted, or can be read.
    Done,
}

impl BodyStart {
    /// For the body that follows this head of a response.
    #[must_use]
    pub fn after(head: &Head, status: u16) -> Self {
        let coding = head.get("transfer-encoding");
        let length = head.get("content-length");
        let state = match (status, coding, length) {
            // RFC 9112 §6.3 item 1: these end with their head.
            (100..=199 | 204 | 304, ..) => State::Done,
            (_, Some(coding), _) if list_contains(coding, "chunked") => State::ChunkSize(None),
            (_, None, Some(length)) => parse_length(length).map_or(State::UntilClose, length_left),
            _ => State::UntilClose,
        };
        let bytes = Vec::new();
        Self { state, bytes }
    }

    /// Takes the next bytes of the connection.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let (Some(&byte), false) = (rest.first(), self.is_complete()) {
            let taken = match self.state {
                State::Length(left) | State::Chunk(left) => self.take(rest, left),
                State::UntilClose => self.take(rest, u64::MAX),
                _ => {
                    self.state = self.state.framing(byte);
                    1
                }
            };
            rest = &rest[taken..];
        }
    }

    /// Whether waiting for more would be in vain: the body has ended, or enough of it is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Done || self.bytes.len() == BODY_START
    }

    /// What has been collected.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keeps what it may of the `left` bytes of content that `rest` begins with.
    fn take(&mut self, rest: &[u8], left: u64) -> usize {
        let room = BODY_START - self.bytes.len();
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let taken = rest.len().min(room).min(most);
        self.bytes.extend_from_slice(&rest[..taken]);
        let left = left - taken as u64;
        self.state = match self.state {
            State::Length(_) => length_left(left),
            State::Chunk(_) if left == 0 => State::ChunkEnd,
            State::Chunk(_) => State::Chunk(left),
            other => other,
        };
        taken
    }
}

impl State {
    /// RFC 9112 §7.1: what a byte between the contents of two chunks comes to. What is malformed
    /// ends the body: it has been refused anyway.
    fn framing(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::ChunkSize(size), _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let size = size.unwrap_or(0).checked_mul(16);
                size.map_or(Self::Done, |size| {
                    Self::ChunkSize(Some(size + u64::from(digit)))
                })
            }
            (Self::ChunkSize(Some(size)), b'\r' | b';' | b' ' | b'\t') => Self::ChunkLine(size),
            // The last chunk is empty; trailers are nobody's business.
            (Self::ChunkLine(0), b'\n') => Self::Done,
            (Self::ChunkLine(size), b'\n') => Self::Chunk(size),
            (Self::ChunkLine(_), _) | (Self::ChunkEnd, b'\r') => self,
            (Self::ChunkEnd, b'\n') => Self::ChunkSize(None),
            _ => Self::Done,
        }
    }
}

fn length_left(left: u64) -> State {
    if left == 0 {
        State::Done
    } else {
        State::Length(left)
    }
}

fn parse_length(value: &str) -> Option<u64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(status: u16, fields: &[(&str, &str)]) -> BodyStart {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let head = Head {
            start_line: String::new(),
            headers: fields.iter().map(owned).collect(),
        };
        BodyStart::after(&head, status)
    }

    /// What is collected at every way to cut `bytes` in two, and byte by byte.
    fn check(status: u16, fields: &[(&str, &str)], bytes: &[u8], expected: &[u8], complete: bool) {
        for cut in 0..=bytes.len() {
            let mut body = body(status, fields);
            body.feed(&bytes[..cut]);
            body.feed(&bytes[cut..]);
            assert_eq!((body.bytes(), body.is_complete()), (expected, complete));
        }
        let mut body = body(status, fields);
        bytes.iter().for_each(|&byte| body.feed(&[byte]));
        assert_eq!((body.bytes(), body.is_complete()), (expected, complete));
    }

    #[test]
    fn by_length() {
        check(401, &[("content-length", "2")], b"nothing", b"no", true);
        check(
            401,
            &[("content-length", "9")],
            b"nothing",
            b"nothing",
            false,
        );
        check(401, &[("content-length", "0")], b"x", b"", true);
    }

    #[test]
    fn until_the_end_of_the_connection() {
        check(200, &[], b"hello", b"hello", false);
        for length in ["", "+5", "5, 5", "99999999999999999999"] {
            check(
                200,
                &[("content-length", length)],
                b"hello",
                b"hello",
                false,
            );
        }
        let coded = [("transfer-encoding", "gzip"), ("content-length", "1")];
        check(200, &coded, b"hello", b"hello", false);
    }

    #[test]
    fn without_a_body() {
        for status in [101, 204, 304] {
            check(status, &[("content-length", "5")], b"hello", b"", true);
        }
    }

    #[test]
    fn chunked() {
        let chunked = [("transfer-encoding", "Chunked"), ("content-length", "1")];
        check(
            403,
            &chunked,
            b"2\r\nno\r\n0B; x=y\r\n, not today\r\n0\r\n\r\n",
            b"no, not today",
            true,
        );
        check(403, &chunked, b"a\r\nnot", b"not", false);
        check(403, &chunked, b"0\r\nTrailer: x\r\n\r\n", b"", true);
    }

    #[test]
    fn malformed_chunks_end_the_body() {
        let chunked = [("transfer-encoding", "chunked")];
        for bytes in [
            &b"x"[..],
            b"\r\n",
            b";",
            b"-1\r\n",
            b"11111111111111111\r\n",
        ] {
            check(403, &chunked, bytes, b"", true);
        }
        check(403, &chunked, b"2\r\nabc", b"ab", true);
    }

    #[test]
    fn no_more_than_the_start_is_kept() {
        let long = vec![b'x'; 3 * BODY_START];
        for fields in [&[][..], &[("content-length", "12288")]] {
            let mut body = body(500, fields);
            for part in long.chunks(1000) {
                body.feed(part);
            }
            assert_eq!(body.bytes(), &long[..BODY_START]);
            assert!(body.is_complete());
        }
    }
}
