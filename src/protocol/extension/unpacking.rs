//! A transformed message on its way in.

use super::spill::Spill;
use super::{Inbound, Pools, Progress, Unpack, Volume, Wants};
use crate::bytes::{mask, utf8};
use crate::protocol::decoder::{Frame, Memory, MessageKind, Place, SLAB_MESSAGE_MAX, Step};
use crate::protocol::error::ProtocolError;
use crate::protocol::header::ReservedBits;

/// Bytes that one message may come to within one turn of the caller's; the rest of what has arrived
/// of it is to be unpacked elsewhere. As many may be copied from one assembly to another.
const INLINE_MESSAGE: usize = 128 * 1024;
/// The same for all messages of a turn together.
const INLINE_TURN: usize = 1024 * 1024;
/// Bytes that are unpacked elsewhere at a stretch, a fraction of a millisecond of work, after which
/// the loop has a chance of the thread's processor.
const STRETCH: usize = 32 * 1024;
/// Bytes of a part, where messages are handed on in parts.
const PART: usize = 64 * 1024;
/// Bytes of a part that is unpacked elsewhere.
const LARGE_PART: usize = 256 * 1024;
/// Bytes that a whole message may come to elsewhere, about, before others have their turn there.
const LARGE_TURN: usize = 4 * 1024 * 1024;

/// The receiving side of an extension, as a decoder has it.
pub(crate) struct Inflow {
    half: Box<dyn Inbound>,
    /// The message in progress; `None` between messages, and while it is unpacked elsewhere.
    message: Option<Box<Unpacking>>,
    /// What has been unpacked in this turn: of the message in progress, and in all.
    inline: usize,
    spent: usize,
    pub(crate) volume: Volume,
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

impl Inflow {
    pub(crate) fn new(half: Box<dyn Inbound>) -> Self {
        Self {
            half,
            message: None,
            inline: 0,
            spent: 0,
            volume: Volume::default(),
        }
    }

    pub(crate) fn begin_turn(&mut self) {
        self.inline = 0;
        self.spent = 0;
    }

    /// Whether a frame belongs to a transformed message, by the bits of its header; it may begin
    /// one.
    #[inline(never)]
    pub(crate) fn takes(
        &mut self,
        reserved: ReservedBits,
        kind: MessageKind,
        limit: u64,
        pools: &mut Pools,
    ) -> bool {
        if reserved != ReservedBits::NONE {
            self.inline = 0;
            let unpack = self.half.begin(pools);
            self.message = Some(Box::new(Unpacking::new(unpack, kind, limit)));
        }
        self.message.is_some()
    }

    /// Drops the message in progress.
    pub(crate) fn abandon(&mut self) {
        self.message = None;
    }

    /// Whether a part of the message in progress is in the assembly.
    pub(crate) fn awaits_assembly(&self) -> bool {
        self.message
            .as_ref()
            .is_some_and(|message| message.kept() > 0)
    }

    pub(crate) fn take(&mut self) -> Option<Box<Unpacking>> {
        self.message.take_if(|message| message.is_aside)
    }

    pub(crate) fn put_back(&mut self, message: Box<Unpacking>) {
        self.message = Some(message);
    }

    /// Reads on from the payload of `frame`.
    pub(crate) fn read(
        &mut self,
        frame: &mut Frame,
        parts: bool,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Flow, ProtocolError> {
        let Some(message) = &mut self.message else {
            return Ok(Flow::Step(Step::Idle));
        };
        if message.is_aside
            && let Some(flow) = message.settle(parts, memory)?
        {
            return Ok(self.conclude(flow, memory));
        }
        loop {
            let available = frame.remaining.min(input.len() as u64) as usize;
            let last = frame.fin && available as u64 == frame.remaining;
            if available == 0 && !last && !message.wants_room {
                return Ok(match frame.remaining {
                    0 => Flow::EndOfFrame,
                    _ => Flow::Step(Step::Idle),
                });
            }
            let room = INLINE_MESSAGE.saturating_sub(self.inline);
            let is_spent = room == 0 || self.spent >= INLINE_TURN;
            if is_spent || message.is_long(available) || message.is_to_move(memory) {
                message.collects = !parts;
                message.set_aside(frame, available, last, input);
                return Ok(Flow::Step(message.offload(parts, memory)));
            }
            let in_slab = message.plain == 0 && !message.collects;
            if let Some(step) = message.need(in_slab, parts, frame, available, memory) {
                return Ok(Flow::Step(step));
            }
            let before = message.plain;
            let wants = message.read(in_slab, room, frame, (available, last), input, memory)?;
            let written = (message.plain - before) as usize;
            message.wants_room = wants == Wants::Room;
            self.inline += written;
            self.spent += written;
            let flow = if in_slab {
                message.after_slab(wants, written, parts, memory)
            } else {
                message.after_assembly(wants, parts, memory)
            };
            if let Some(flow) = flow {
                return Ok(self.conclude(flow, memory));
            }
        }
    }

    /// Gives the unpack back where the message is whole.
    fn conclude(&mut self, flow: Flow, memory: &mut Memory) -> Flow {
        if matches!(flow, Flow::Message(_))
            && let Some(message) = self.message.take()
        {
            self.volume += Volume {
                messages: 1,
                packed: message.packed,
                plain: message.plain,
            };
            self.half.end(message.unpack, memory.pools);
        }
        flow
    }
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
    /// Whether more may come of what was read, where there is room for it.
    wants_room: bool,
    /// Whether there is something to be unpacked elsewhere, or has been.
    is_aside: bool,
    /// What that is.
    input: Vec<u8>,
    read: usize,
    last: bool,
    /// What it came to; `None` before.
    outcome: Option<Result<Wants, ProtocolError>>,
}

impl Unpacking {
    fn new(unpack: Box<dyn Unpack>, kind: MessageKind, limit: u64) -> Self {
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
            wants_room: false,
            is_aside: false,
            input: Vec::new(),
            read: 0,
            last: false,
            outcome: None,
        }
    }

    /// Unpacks what has been set aside, a part into the assembly and a whole message into memory of
    /// ours, or moves what was collected there to the assembly; see [`Step::Offload`]. It calls
    /// `between` now and then: other threads may want the processor.
    pub fn run(&mut self, assembly: &mut [u8], mut between: impl FnMut()) {
        let is_whole = self.outcome.is_some();
        if is_whole || !self.collects {
            self.take_spill(assembly, &mut between);
        }
        if is_whole {
            return;
        }
        let input = std::mem::take(&mut self.input);
        self.outcome = Some(match self.collects {
            true => self.collect(&input, between),
            false => self.run_on(&input, assembly, between),
        });
        self.input = input;
    }

    /// Unpacks into the spill.
    fn collect(&mut self, input: &[u8], mut between: impl FnMut()) -> Result<Wants, ProtocolError> {
        let most = self.len + LARGE_TURN;
        // Where it fails, what there is of the message is freed here, too.
        let mut spill = std::mem::take(&mut self.spill);
        loop {
            let room = spill.room(STRETCH).ok_or(ProtocolError::MessageTooBig)?;
            let progress = self.fill(&input[self.read..], self.last, room)?;
            spill.filled(progress.written);
            self.read += progress.read;
            self.len += progress.written;
            if progress.wants != Wants::Room || self.len >= most {
                self.spill = spill;
                return Ok(progress.wants);
            }
            between();
        }
    }

    fn run_on(
        &mut self,
        input: &[u8],
        assembly: &mut [u8],
        mut between: impl FnMut(),
    ) -> Result<Wants, ProtocolError> {
        loop {
            let room = assembly
                .get_mut(self.len..)
                .ok_or(ProtocolError::MessageTooBig)?;
            let is_last = room.len() <= STRETCH;
            let stretch = room.len().min(STRETCH);
            let progress = self.fill(&input[self.read..], self.last, &mut room[..stretch])?;
            self.read += progress.read;
            self.len += progress.written;
            if is_last || progress.wants != Wants::Room {
                return Ok(progress.wants);
            }
            between();
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

    /// Reads from a frame, and moves it and `input` past what was read.
    fn read(
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
    fn kept(&self) -> usize {
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
                self.is_aside = true;
                self.outcome = Some(Ok(wants));
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

    /// Takes all that is at hand of a frame, to be unpacked elsewhere.
    fn set_aside(&mut self, frame: &mut Frame, available: usize, last: bool, input: &mut &[u8]) {
        self.input = vec![0; available];
        mask::copy(&mut self.input, &input[..available], frame.key);
        self.read = 0;
        self.last = last;
        self.is_aside = true;
        self.outcome = None;
        frame.advance(available);
        *input = &input[available..];
    }

    /// The memory to lend for work elsewhere: for a part, room for its output. A whole message goes
    /// to the spill and needs none, but 0 bytes would read as no request, so it asks for one.
    fn offload(&self, parts: bool, memory: &Memory) -> Step {
        let needed = if parts { self.len + LARGE_PART } else { 1 };
        Step::Offload {
            capacity: needed.max(memory.assembly.len()),
            keep: self.kept(),
        }
    }

    /// What follows from work that was done elsewhere; `None` where there is to be read on.
    fn settle(&mut self, parts: bool, memory: &mut Memory) -> Result<Option<Flow>, ProtocolError> {
        let Some(outcome) = self.outcome.take() else {
            return Ok(Some(Flow::Step(self.offload(parts, memory))));
        };
        let wants = outcome?;
        if wants == Wants::Input {
            self.wants_room = false;
            self.is_aside = false;
            self.input = Vec::new();
        }
        let flow = self.after_assembly(wants, parts, memory);
        Ok(match (flow, wants) {
            (None, Wants::Room) => Some(Flow::Step(self.offload(parts, memory))),
            (flow, _) => flow,
        })
    }
}
