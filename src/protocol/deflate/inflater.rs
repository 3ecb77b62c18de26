//! Messages in (RFC 7692 §7.2.2).

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::protocol::error::ProtocolError;
use crate::protocol::extension::{Progress, Unpack, Wants};

/// RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
/// message", and, where nothing follows in this context, an empty last block: whether it is found as
/// such tells whether the payload was whole.
const TAIL: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];
/// What of it is appended where the context goes on.
const TAIL_OF_CONTEXT: usize = 4;

/// The window that any sender's fits in, in bits.
const WINDOW_BITS: u8 = 15;

/// Inflates messages, with or without the context of those before.
pub struct Inflater {
    stream: Inflate,
    takeover: bool,
    /// Bytes of the tail that were read.
    tail: usize,
    /// Whether the message has any payload.
    has_payload: bool,
    /// Whether the last byte read was the end of a block that said it was the last.
    has_ended: bool,
    /// Whether the output was full, so that more may come of what was read before.
    was_full: bool,
}

impl Inflater {
    /// An inflater whose messages refer back to those before them if there is `takeover`.
    pub fn new(takeover: bool) -> Self {
        Self {
            stream: Inflate::new(false, WINDOW_BITS),
            takeover,
            tail: 0,
            has_payload: false,
            has_ended: false,
            was_full: false,
        }
    }

    /// Inflates as much as there is input and room for; tells what was read and written.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ProtocolError> {
        if self.has_ended {
            // §7.2.3.4: a block with BFINAL set to 1 may be followed by others.
            self.stream.reset(false);
            self.has_ended = false;
        }
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .decompress(input, output, InflateFlush::SyncFlush)
            .map_err(|_| ProtocolError::InvalidDeflate)?;
        self.has_ended = status == Status::StreamEnd;
        let read = (self.stream.total_in() - read) as usize;
        let written = (self.stream.total_out() - written) as usize;
        self.was_full = written == output.len() && !self.has_ended;
        Ok((read, written))
    }

    /// Reads the tail, and what it tells about the message.
    fn end(&mut self) -> Result<(), ProtocolError> {
        let tail = match self.takeover {
            true => &TAIL[..TAIL_OF_CONTEXT],
            false => &TAIL,
        };
        while self.tail < tail.len() {
            let mut nothing = [0];
            let (read, written) = self.step(&tail[self.tail..], &mut nothing)?;
            self.tail += read;
            // The tail is an empty block: what comes of it was cut off from the payload.
            if written > 0 || read == 0 || (self.has_ended && self.tail < tail.len()) {
                return Err(ProtocolError::InvalidDeflate);
            }
        }
        match self.has_ended || self.takeover {
            true => Ok(()),
            false => Err(ProtocolError::InvalidDeflate),
        }
    }
}

impl Unpack for Inflater {
    fn run(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<Progress, ProtocolError> {
        let mut progress = Progress {
            read: 0,
            written: 0,
            wants: Wants::Room,
        };
        while progress.read < input.len() || (last && self.was_full) {
            let room = &mut output[progress.written..];
            if room.is_empty() {
                return Ok(progress);
            }
            let (read, written) = self.step(&input[progress.read..], room)?;
            self.has_payload |= read > 0;
            progress.read += read;
            progress.written += written;
            if read == 0 && written == 0 && progress.read < input.len() {
                return Err(ProtocolError::InvalidDeflate);
            }
        }
        if !last {
            progress.wants = Wants::Input;
            return Ok(progress);
        }
        // A payload of no bytes stands for an empty message, and one may end on a last block.
        if self.has_payload && !self.has_ended {
            self.end()?;
        }
        self.tail = 0;
        self.has_payload = false;
        self.was_full = false;
        progress.wants = Wants::Nothing;
        Ok(progress)
    }

    fn reset(&mut self) {
        self.stream.reset(false);
        self.tail = 0;
        self.has_payload = false;
        self.has_ended = false;
        self.was_full = false;
    }
}
