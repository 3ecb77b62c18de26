//! A transformed message on its way in: it is unpacked as it arrives, and from a certain length on
//! [elsewhere](aside).

mod aside;

use self::aside::Aside;
use super::spill::Spill;
use super::{Progress, Unpack, Volume, Wants};
use crate::bytes::{mask, utf8};
use crate::protocol::decoder::{Frame, Memory, MessageKind, Place, SLAB_MESSAGE_MAX, Step};
use crate::protocol::error::ProtocolError;

/// Bytes that one message may come to within one turn of the caller's; the rest of what has arrived
/// of it is to be unpacked elsewhere. As many may be copied from one assembly to another.
const INLINE_MESSAGE: usize = 128 * 1024;
/// The same for all messages of a turn together.
const INLINE_TURN: usize = 1024 * 1024;
/// Bytes of a part, where messages are handed on in parts.
const PART: usize = 64 * 1024;

/// Bytes that may still be unpacked in this turn of the caller's.
pub(super) struct Budget {
    /// Of the message in progress.
    message: usize,
    /// In all.
    turn: usize,
}

impl Default for Budget {
    /// That of a turn that begins.
    fn default() -> Self {
        Self {
            message: INLINE_MESSAGE,
            turn: INLINE_TURN,
        }
    }
}

impl Budget {
    pub(super) fn begin_message(&mut self) {
        self.message = INLINE_MESSAGE;
    }

    /// Bytes that the message in progress may still come to: what is left of the turn does not cut
    /// that short, but where nothing is left of it nothing more is unpacked.
    fn room(&self) -> usize {
        match self.turn {
            0 => 0,
            _ => self.message,
        }
    }

    fn spend(&mut self, bytes: usize) {
        self.message = self.message.saturating_sub(bytes);
        self.turn = self.turn.saturating_sub(bytes);
    }
}

/// What reading has come to.
pub(crate) enum Flow {
    /// The message is whole, or this is its last part.
    Message(Place),
    /// A part of the message.
    Part(Place),
    /// The frame is read, the message goes on in another one.
    EndOfFrame,
    /// What the caller is to do.
    Step(Step),
}

/// A transformed message in progress, with all that is needed to unpack it: it may be taken to
/// another thread with the bytes that have arrived.
pub struct Unpacking {
    unpack: Box<dyn Unpack>,
    kind: MessageKind,
    utf8: utf8::Validator,
    /// Bytes that the message may come to.
    limit: u64,
    /// Bytes that were read.
    packed: u64,
    /// Bytes they came to.
    plain: u64,
    /// Bytes that are in the assembly, or in the spill.
    len: usize,
    /// What is in memory of ours, behind all that is in the assembly: what was unpacked into a slab
    /// and turned out not to be the whole message, or what has come since it is a long one.
    spill: Spill,
    /// Whether all that comes goes to the spill: how long the message becomes shows at its end
    /// only, and then it is moved to the memory that it keeps.
    collects: bool,
    stage: Stage,
}

/// Who is to go on with a message.
enum Stage {
    /// The reader, with what arrives.
    Inline {
        /// Whether more may come of what was read, where there is room for it.
        wants_room: bool,
    },
    /// Somebody elsewhere, with what was set aside.
    Aside(Aside),
    /// The reader, with what has come of that elsewhere.
    Done(Aside, Result<Wants, ProtocolError>),
    /// The message is whole, and is to be moved to the memory that it keeps: by the reader, or by
    /// somebody elsewhere where it is long.
    Whole,
}

impl Unpacking {
    pub(super) fn new(unpack: Box<dyn Unpack>, kind: MessageKind, limit: u64) -> Self {
        Self {
            unpack,
            kind,
            utf8: utf8::Validator::default(),
            limit,
            packed: 0,
            plain: 0,
            len: 0,
            spill: Spill::default(),
            collects: false,
            stage: Stage::Inline { wants_room: false },
        }
    }

    /// What has been unpacked, now that the message is whole.
    pub(super) fn volume(&self) -> Volume {
        Volume {
            messages: 1,
            packed: self.packed,
            plain: self.plain,
        }
    }

    /// What has unpacked it.
    pub(super) fn into_unpack(self) -> Box<dyn Unpack> {
        self.unpack
    }

    /// Reads on from the payload of `frame`.
    pub(super) fn read(
        &mut self,
        budget: &mut Budget,
        frame: &mut Frame,
        parts: bool,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Flow, ProtocolError> {
        if let Some(flow) = self.settle(parts, memory)? {
            return Ok(flow);
        }
        loop {
            let available = frame.remaining.min(input.len() as u64) as usize;
            let last = frame.fin && available as u64 == frame.remaining;
            let wants_room = matches!(self.stage, Stage::Inline { wants_room: true });
            if available == 0 && !last && !wants_room {
                return Ok(match frame.remaining {
                    0 => Flow::EndOfFrame,
                    _ => Flow::Step(Step::Idle),
                });
            }
            let room = budget.room();
            if room == 0 || self.is_long(available) || self.is_to_move(memory) {
                self.collects = !parts;
                self.set_aside(frame, available, last, input);
                return Ok(Flow::Step(self.offload(parts, memory)));
            }
            let in_slab = self.plain == 0 && !self.collects;
            if let Some(step) = self.need(in_slab, parts, frame, available, memory) {
                return Ok(Flow::Step(step));
            }
            let before = self.plain;
            let wants = self.take(in_slab, room, frame, (available, last), input, memory)?;
            let written = (self.plain - before) as usize;
            self.stage = Stage::Inline {
                wants_room: wants == Wants::Room,
            };
            budget.spend(written);
            let flow = if in_slab {
                self.after_slab(wants, written, parts, memory)
            } else {
                self.after_assembly(wants, parts, memory)
            };
            if let Some(flow) = flow {
                return Ok(flow);
            }
        }
    }

    /// Unpacks bytes that are not masked.
    fn fill(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<Progress, ProtocolError> {
        let left = self.limit - self.plain;
        let room = output
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let progress = if left == 0 {
            // The message is as long as it may be, and may end here.
            let mut beyond = [0];
            let progress = self.unpack.run(input, last, &mut beyond)?;
            if progress.written > 0 {
                return Err(ProtocolError::MessageTooBig);
            }
            progress
        } else {
            self.unpack.run(input, last, &mut output[..room])?
        };
        self.packed += progress.read as u64;
        self.plain += progress.written as u64;
        if self.kind == MessageKind::Text {
            // RFC 7692 §6.2: the text is what the message comes to, so that is what has to be
            // UTF-8.
            let valid = self.utf8.feed(&output[..progress.written]).is_ok()
                && (progress.wants != Wants::Nothing || self.utf8.is_complete());
            if !valid {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        Ok(progress)
    }

    /// Unpacks what is at hand of a frame, and moves it and `input` past what was read.
    fn take(
        &mut self,
        in_slab: bool,
        room: usize,
        frame: &mut Frame,
        (available, last): (usize, bool),
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Wants, ProtocolError> {
        if !self.collects {
            self.take_spill(memory.assembly, || {});
            debug_assert!(self.spill.len() == 0, "`need` has seen to the room");
        }
        let mut spill = std::mem::take(&mut self.spill);
        let output = if in_slab {
            &mut memory.slab[memory.used..memory.used + SLAB_MESSAGE_MAX]
        } else if self.collects {
            spill.room(room).ok_or(ProtocolError::MessageTooBig)?
        } else {
            &mut memory.assembly[self.len..]
        };
        let room = room.min(output.len());
        let output = &mut output[..room];
        let (mut read, mut written) = (0, 0);
        let wants = loop {
            let source = &input[read..available];
            let progress = if frame.key == [0; 4] {
                self.fill(source, last, &mut output[written..])?
            } else {
                let block = memory.pools.block();
                let len = block.len().min(source.len());
                let block = &mut block[..len];
                mask::copy(block, &source[..len], mask::rotate(frame.key, read));
                self.fill(block, last && len == source.len(), &mut output[written..])?
            };
            read += progress.read;
            written += progress.written;
            if progress.wants != Wants::Input || read == available {
                break progress.wants;
            }
        };
        if !in_slab {
            self.len += written;
        }
        if self.collects {
            spill.filled(written);
            self.spill = spill;
        }
        frame.advance(read);
        *input = &input[read..];
        Ok(wants)
    }

    /// Moves the spill to an assembly that has room for it, behind what is there.
    fn take_spill(&mut self, assembly: &mut [u8], between: impl FnMut()) {
        let kept = self.kept();
        if let Some(place) = assembly.get_mut(kept..self.len) {
            std::mem::take(&mut self.spill).move_to(place, between);
        }
    }

    /// The memory that is needed to read on inline.
    fn need(
        &self,
        in_slab: bool,
        parts: bool,
        frame: &Frame,
        available: usize,
        memory: &Memory,
    ) -> Option<Step> {
        if in_slab {
            let is_free = memory.slab.len() - memory.used >= SLAB_MESSAGE_MAX;
            return (!is_free).then_some(Step::NeedSlab(SLAB_MESSAGE_MAX));
        }
        if self.collects || !self.lacks_room(memory) {
            return None;
        }
        let capacity = if parts {
            self.len + available.saturating_mul(16).clamp(256, PART)
        } else {
            self.capacity(frame.remaining, frame.fin)
        };
        Some(Step::NeedAssembly {
            capacity,
            keep: self.kept(),
        })
    }

    /// Whether the assembly has no room for what comes next.
    fn lacks_room(&self, memory: &Memory) -> bool {
        let is_full = memory.assembly.len() <= self.len && self.plain < self.limit;
        is_full || memory.assembly.len() < self.len
    }

    /// Whether it has outgrown its assembly, and is too long to be copied to another one here.
    fn is_to_move(&self, memory: &Memory) -> bool {
        !self.collects && self.kept() >= INLINE_MESSAGE && self.lacks_room(memory)
    }

    /// Bytes of the present assembly that are to be kept in a larger one.
    pub(super) fn kept(&self) -> usize {
        self.len - self.spill.len()
    }

    /// Bytes to allocate where `rest` bytes of a frame follow: what they will come to if they are
    /// like those before them, and as much again as is there where other frames follow; but never
    /// more than sixteen times what is there, so that memory follows what has arrived.
    fn capacity(&self, rest: u64, fin: bool) -> usize {
        let more = if fin { 0 } else { self.len as u64 };
        // A length that was declared may be any.
        let expected = self
            .expected(rest)
            .max(more)
            .saturating_add(self.len as u64 + 256);
        let least = self.len + self.len / 4 + 256;
        let most = self.len.saturating_mul(16).max(4096);
        let wanted = usize::try_from(expected).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        // Of a message in parts, the limit is for all of them, and `len` for one.
        wanted.min(most).max(least).min(limit).max(self.len)
    }

    /// What so many more bytes will come to, and an eighth more.
    fn expected(&self, bytes: u64) -> u64 {
        let ratio = self.plain as f64 / self.packed.max(1) as f64;
        (bytes as f64 * ratio * 1.125) as u64
    }

    /// Whether the message is a long one, of which a good deal is at hand: that goes elsewhere at
    /// once.
    fn is_long(&self, available: usize) -> bool {
        self.plain >= INLINE_MESSAGE as u64
            && self.expected(available as u64) >= INLINE_MESSAGE as u64 / 2
    }

    /// What follows from an inline read into the slab.
    fn after_slab(
        &mut self,
        wants: Wants,
        written: usize,
        parts: bool,
        memory: &mut Memory,
    ) -> Option<Flow> {
        let range = memory.used..memory.used + written;
        if wants == Wants::Nothing || (wants == Wants::Input && parts && written > 0) {
            memory.used = range.end;
            let place = Place::Slab(range);
            return Some(match wants {
                Wants::Nothing => Flow::Message(place),
                _ => Flow::Part(place),
            });
        }
        self.spill = Spill::from(&memory.slab[range]);
        self.len = written;
        None
    }

    /// What follows from a read into the assembly.
    fn after_assembly(&mut self, wants: Wants, parts: bool, memory: &mut Memory) -> Option<Flow> {
        if wants == Wants::Nothing {
            if let Some(step) = self.last_move(parts, memory) {
                self.stage = Stage::Whole;
                return Some(Flow::Step(step));
            }
            return Some(Flow::Message(match self.len {
                0 => Place::Slab(memory.used..memory.used),
                len => Place::Assembly(len),
            }));
        }
        if parts && self.len > 0 {
            return Some(Flow::Part(Place::Assembly(std::mem::take(&mut self.len))));
        }
        None
    }

    /// Moves a message that is whole to the memory that it keeps; what the caller is to do for
    /// that.
    fn last_move(&mut self, parts: bool, memory: &mut Memory) -> Option<Step> {
        let (capacity, keep) = (self.len, self.kept());
        let has_room = memory.assembly.len() >= capacity;
        let copied = if has_room { self.spill.len() } else { capacity };
        if copied > INLINE_MESSAGE || (!parts && self.is_to_shrink(memory)) {
            return Some(Step::Offload { capacity, keep });
        }
        if !has_room {
            return Some(Step::NeedAssembly { capacity, keep });
        }
        self.take_spill(memory.assembly, || {});
        None
    }

    /// Whether the message takes less than half of its assembly, and is too long to be copied out
    /// of it here.
    fn is_to_shrink(&self, memory: &Memory) -> bool {
        self.len >= INLINE_MESSAGE && self.len.saturating_mul(2) < memory.assembly.len()
    }
}
