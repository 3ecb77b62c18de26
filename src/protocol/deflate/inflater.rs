//! Messages in (RFC 7692 §7.2.2).

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::protocol::error::ProtocolError;
use crate::protocol::extension::{Progress, Unpack, Wants};

/// RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
/// message", and, where nothing follows in this context, an empty last block: whether it is found
/// as such tells whether the payload was whole.
const TAIL: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];
/// What of it is appended where the context goes on.
const TAIL_OF_CONTEXT: usize = 4;

/// The window that any sender's fits in, in bits.
const WINDOW_BITS: u8 = 15;

/// Inflates messages, with or without the context of those before.
pub struct Inflater {
    stream: Inflate,
    takeover: bool,
    /// Whether the message has any payload.
    has_payload: bool,
    /// Whether the last byte read was the end of a block that said it was the last.
    has_ended: bool,
    /// Whether the output was full, so that more may come of what was read before.
    was_full: bool,
    /// Whether there is nothing more to be had of this stream.
    is_corrupt: bool,
}

impl Inflater {
    /// An inflater whose messages refer back to those before them if there is `takeover`.
    pub fn new(takeover: bool) -> Self {
        Self {
            stream: Inflate::new(false, WINDOW_BITS),
            takeover,
            has_payload: false,
            has_ended: false,
            was_full: false,
            is_corrupt: false,
        }
    }

    /// Inflates as much as there is input and room for, and adds it to `progress`.
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        progress: &mut Progress,
    ) -> Result<(), ProtocolError> {
        if self.has_ended {
            // §7.2.3.4: a block with BFINAL set to 1 may be followed by others.
            self.stream.reset(false);
            self.has_ended = false;
        }
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .decompress(input, output, InflateFlush::SyncFlush);
        let written = (self.stream.total_out() - written) as usize;
        progress.read += (self.stream.total_in() - read) as usize;
        progress.written += written;
        self.has_ended = status == Ok(Status::StreamEnd);
        self.was_full = written == output.len() && !self.has_ended;
        match status {
            Ok(_) => Ok(()),
            Err(_) => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Inflates the payload, and at its end reads the tail.
    fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
        progress: &mut Progress,
    ) -> Result<Wants, ProtocolError> {
        while progress.read < input.len() || self.was_full {
            let (read, written) = (progress.read, progress.written);
            let room = &mut output[written..];
            if room.is_empty() {
                return Ok(Wants::Room);
            }
            self.step(&input[read..], room, progress)?;
            self.has_payload |= progress.read > read;
            let has_moved = progress.read > read || progress.written > written;
            if !has_moved && progress.read < input.len() {
                return Err(ProtocolError::InvalidDeflate);
            }
        }
        if !last {
            return Ok(Wants::Input);
        }
        // A payload of no bytes stands for an empty message, and one may end on a last block.
        if self.has_payload && !self.has_ended {
            self.end()?;
        }
        Ok(Wants::Nothing)
    }

    /// Reads the tail, and what it tells about the message.
    fn end(&mut self) -> Result<(), ProtocolError> {
        let tail = match self.takeover {
            true => &TAIL[..TAIL_OF_CONTEXT],
            false => &TAIL,
        };
        let mut progress = Progress::default();
        while progress.read < tail.len() {
            let read = progress.read;
            self.step(&tail[read..], &mut [0], &mut progress)?;
            // The tail is an empty block: what comes of it was cut off from the payload.
            let is_empty = progress.written == 0 && progress.read > read;
            if !is_empty || (self.has_ended && progress.read < tail.len()) {
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
        if self.is_corrupt {
            return Err(ProtocolError::InvalidDeflate);
        }
        let mut progress = Progress::default();
        match self.inflate(input, last, output, &mut progress) {
            Ok(wants) => progress.wants = wants,
            // What came before the fault is looked at first: it may have one of its own, and which
            // of them is told must not depend on how the payload was cut.
            Err(_) if progress.written > 0 => {
                self.is_corrupt = true;
                progress.wants = Wants::Room;
            }
            Err(error) => return Err(error),
        }
        if progress.wants == Wants::Nothing {
            self.has_payload = false;
            self.was_full = false;
        }
        Ok(progress)
    }

    fn reset(&mut self) {
        self.stream.reset(false);
        self.has_payload = false;
        self.has_ended = false;
        self.was_full = false;
        self.is_corrupt = false;
    }
}
