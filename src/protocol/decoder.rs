//! Frames in, events out (RFC 6455 §5, §6.2).
//!
//! Payloads go into [`Memory`] that the caller lends, and is asked to enlarge; only cut headers and
//! control frames, and compressed messages in progress, are kept here. An idle connection costs a
//! hundred bytes, and memory follows what has arrived, not what was declared.

use std::ops::Range;

use super::close::{self, CloseCode};
use super::error::ProtocolError;
use super::extension::{Flow, Inbound, Inflow, Pools, Unpacking, Volume};
use super::growth;
use super::header::{FrameHeader, MAX_CONTROL_PAYLOAD, OpCode, ReservedBits, Rules};
use super::role::{Limits, Role};
use crate::bytes::{mask, utf8};

/// Messages up to this many bytes that arrive whole are put in the slab; larger ones, and those
/// that arrive in parts, get memory of their own.
pub const SLAB_MESSAGE_MAX: usize = 2048;

/// The kinds of message (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// What happened on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole message, or the last part of one that is handed on in parts.
    Message(MessageKind, Place),
    /// A part of a message, as it arrived; more follow.
    Part(MessageKind, Place),
    /// A ping, with its payload's place in the slab. It is to be answered with a pong.
    Ping(Range<usize>),
    /// A pong, with its payload's place in the slab.
    Pong(Range<usize>),
    /// A close frame, with its reason's place in the slab. Nothing after it is read.
    Close(Option<CloseCode>, Range<usize>),
}

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the slab.
    Slab(Range<usize>),
    /// In the first bytes of the assembly, as many as told. The assembly is the message's now: the
    /// next step gets another one, or none.
    Assembly(usize),
}

/// How messages are handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// When they are whole.
    #[default]
    Whole,
    /// In parts, as their bytes arrive. Text is checked as it passes; a part may end inside of a
    /// character.
    Parts,
}

/// What to do after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The input is used up.
    Idle,
    /// Take the event, then step again.
    Event(Event),
    /// Step again with at least so many bytes free in a slab.
    NeedSlab(usize),
    /// Step again with an assembly of `capacity` bytes that begins with the first `keep` bytes of
    /// the present one.
    NeedAssembly {
        /// Bytes to allocate.
        capacity: usize,
        /// Bytes to carry over.
        keep: usize,
    },
    /// Take the message in progress out of the decoder, [run](Unpacking::run) it over an assembly
    /// of `capacity` bytes that begins with the first `keep` bytes of the present one, put it back,
    /// and step again. It is enough work to be done on another thread, what is to be kept copied
    /// there too; nothing more is to be read meanwhile. The step after it may ask for more of it.
    Offload {
        /// Bytes to allocate; the present assembly does where it has just as many. They may be
        /// fewer than it has.
        capacity: usize,
        /// Bytes to carry over.
        keep: usize,
    },
}

/// Memory that the caller lends to a step.
pub struct Memory<'a> {
    /// For small whole messages and control payloads, of any number of connections in turn.
    pub slab: &'a mut [u8],
    /// How many bytes of the slab are in use; a step moves it.
    pub used: usize,
    /// For this connection's message in progress; empty where there is none. What earlier steps
    /// wrote in it must still be there.
    pub assembly: &'a mut [u8],
    /// What transforms messages, of any number of connections in turn.
    pub pools: &'a mut Pools,
}

impl Memory<'_> {
    /// Claims `len` bytes of the slab, if they are free.
    #[inline]
    fn claim(&mut self, len: usize) -> Option<Range<usize>> {
        let range = self.used..self.used + len;
        if range.end > self.slab.len() {
            return None;
        }
        self.used = range.end;
        Some(range)
    }
}

/// The receiving half of a connection.
pub struct Decoder {
    limits: Limits,
    delivery: Delivery,
    /// Reserved bits that the extension has claimed: the one place that allows any.
    claimed: ReservedBits,
    /// The extension, if one was negotiated.
    inflow: Option<Box<Inflow>>,
    state: State,
    stash: Stash,
    /// The message in progress, between its first frame and its last.
    message: Option<Message>,
}

#[derive(Clone, Copy)]
enum State {
    /// Before a frame; the stash holds the start of its header.
    Header,
    /// In a control frame; the stash holds the start of its payload.
    Control(OpCode, Frame),
    /// In a data frame.
    Data(Frame),
    /// In a data frame of a message that an extension has transformed.
    Packed(Frame),
    /// After a close frame or a violation: the rest is ignored.
    Ended,
}

/// The part of a frame that is still to come.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) fin: bool,
    pub(super) remaining: u64,
    /// The masking key, turned to fit the next byte; zeros where the frame is not masked.
    pub(super) key: [u8; 4],
}

impl Frame {
    /// Moves past `len` bytes of its payload.
    pub(super) fn advance(&mut self, len: usize) {
        self.remaining -= len as u64;
        self.key = mask::rotate(self.key, len);
    }
}

#[derive(Clone, Copy)]
struct Message {
    kind: MessageKind,
    /// Bytes of it in the assembly.
    len: usize,
    /// Bytes of it that its headers have declared up to now.
    declared: u64,
    fragments: u32,
    utf8: utf8::Validator,
}

impl Decoder {
    /// A decoder at the start of a stream of frames.
    pub fn new(limits: Limits, delivery: Delivery) -> Self {
        Self {
            limits,
            delivery,
            claimed: ReservedBits::NONE,
            inflow: None,
            state: State::Header,
            stash: Stash::default(),
            message: None,
        }
    }

    /// Has an extension turn back the messages that it has marked.
    pub fn extend(&mut self, half: Box<dyn Inbound>) {
        self.claimed = half.claims();
        self.inflow = Some(Box::new(Inflow::new(half)));
    }

    /// What the extension has turned back.
    pub fn unpacked(&self) -> Volume {
        self.inflow
            .as_ref()
            .map_or_else(Volume::default, |flow| flow.volume)
    }

    /// Tells that the caller has done something else meanwhile: how much is unpacked between two
    /// turns is bounded, and [`Step::Offload`] asks for the rest to be done elsewhere.
    pub fn begin_turn(&mut self) {
        if let Some(flow) = &mut self.inflow {
            flow.begin_turn();
        }
    }

    /// Takes out the message that [`Step::Offload`] is about.
    pub fn take_unpacking(&mut self) -> Option<Box<Unpacking>> {
        self.inflow.as_mut()?.take()
    }

    /// Puts it back, when it has been run.
    pub fn put_unpacking(&mut self, unpacking: Box<Unpacking>) {
        if let (Some(flow), State::Packed(_)) = (&mut self.inflow, self.state) {
            flow.put_back(unpacking);
        }
    }

    /// Reads on from `input`, and moves it past what was read. Step until [`Step::Idle`], taking
    /// events in order.
    ///
    /// # Errors
    /// The peer's violation. All further input is ignored.
    pub fn step(
        &mut self,
        role: Option<Role>,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Step, ProtocolError> {
        self.advance(role, input, memory)
            .inspect_err(|_| self.end(input))
    }

    /// Ignores everything from here on.
    pub fn end(&mut self, input: &mut &[u8]) {
        *input = &[];
        self.state = State::Ended;
        self.stash.clear();
        self.message = None;
        if let Some(flow) = &mut self.inflow {
            flow.abandon();
        }
    }

    fn advance(
        &mut self,
        role: Option<Role>,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Step, ProtocolError> {
        loop {
            let step = match self.state {
                State::Header if input.is_empty() => Some(Step::Idle),
                State::Header => match self.read_header(role, input)? {
                    Some(header) => {
                        self.begin(header, memory.pools)?;
                        None
                    }
                    None => Some(Step::Idle),
                },
                State::Control(opcode, frame) => self.read_control(opcode, frame, input, memory)?,
                State::Data(frame) => self.read_data(frame, input, memory)?,
                State::Packed(frame) => self.read_packed(frame, input, memory)?,
                State::Ended => {
                    *input = &[];
                    Some(Step::Idle)
                }
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    #[inline]
    fn read_header(
        &mut self,
        role: Option<Role>,
        input: &mut &[u8],
    ) -> Result<Option<FrameHeader>, ProtocolError> {
        let rules = Rules {
            role,
            claimed: self.claimed,
        };
        if self.stash.is_empty() {
            return match FrameHeader::parse(input, rules)? {
                Some((header, taken)) => {
                    *input = &input[taken..];
                    Ok(Some(header))
                }
                None => {
                    self.stash.take(FrameHeader::MAX_LEN, input);
                    Ok(None)
                }
            };
        }
        let before = self.stash.len();
        let mut rest = *input;
        self.stash.take(FrameHeader::MAX_LEN, &mut rest);
        match FrameHeader::parse(self.stash.as_slice(), rules)? {
            Some((header, taken)) => {
                *input = &input[taken - before..];
                self.stash.clear();
                Ok(Some(header))
            }
            None => {
                *input = rest;
                Ok(None)
            }
        }
    }

    /// Judges a header against the message in progress and the limits, and enters its frame.
    #[inline]
    fn begin(&mut self, header: FrameHeader, pools: &mut Pools) -> Result<(), ProtocolError> {
        let frame = Frame {
            fin: header.fin,
            remaining: header.len,
            key: header.mask.unwrap_or_default(),
        };
        if header.opcode.is_control() {
            self.state = State::Control(header.opcode, frame);
            return Ok(());
        }
        let (kind, earlier) = match (header.opcode, &self.message) {
            (OpCode::Continuation, Some(message)) => {
                if message.fragments >= self.limits.max_fragments {
                    return Err(ProtocolError::TooManyFragments);
                }
                (message.kind, message.declared)
            }
            // §5.4: a continuation belongs to a message that has begun ...
            (OpCode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            // ... and "the fragments of one message MUST NOT be interleaved between the fragments
            // of another message"
            (_, Some(_)) => return Err(ProtocolError::ExpectedContinuation),
            (OpCode::Text, None) => (MessageKind::Text, 0),
            (_, None) => (MessageKind::Binary, 0),
        };
        let (reserved, max_payload) = (header.reserved, self.limits.max_payload);
        let is_packed = self
            .inflow
            .as_mut()
            .is_some_and(|flow| flow.takes(reserved, kind, max_payload, pools));
        // What a packed message comes to is judged as it does.
        let declares = if is_packed { 0 } else { header.len };
        // Compared before it is added, so that no declared length can overflow.
        if declares > max_payload - earlier {
            return Err(ProtocolError::MessageTooBig);
        }
        let declared = earlier + declares;
        // Nothing is read back of a message that is being made: that would wait for it to be
        // stored.
        match &mut self.message {
            Some(message) => {
                message.fragments += 1;
                message.declared = declared;
            }
            none => *none = Some(Message::new(kind, declared)),
        }
        self.state = match is_packed {
            true => State::Packed(frame),
            false => State::Data(frame),
        };
        Ok(())
    }

    fn read_control(
        &mut self,
        opcode: OpCode,
        frame: Frame,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Option<Step>, ProtocolError> {
        let len = frame.remaining as usize;
        if self.stash.len() + input.len() < len {
            self.stash.take(len, input);
            return Ok(Some(Step::Idle));
        }
        let Some(range) = memory.claim(len) else {
            return Ok(Some(Step::NeedSlab(MAX_CONTROL_PAYLOAD)));
        };
        let payload = &mut memory.slab[range.clone()];
        let (start, end) = payload.split_at_mut(self.stash.len());
        let (rest, behind) = input.split_at(end.len());
        start.copy_from_slice(self.stash.as_slice());
        end.copy_from_slice(rest);
        mask::xor(payload, frame.key);
        *input = behind;
        self.stash.clear();
        self.state = State::Header;
        Ok(Some(Step::Event(match opcode {
            OpCode::Ping => Event::Ping(range),
            OpCode::Pong => Event::Pong(range),
            _ => {
                let (code, reason) = close::parse_payload(payload)?;
                let reason = range.end - reason.len()..range.end;
                self.end(input);
                Event::Close(code, reason)
            }
        })))
    }

    #[inline]
    fn read_data(
        &mut self,
        frame: Frame,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Option<Step>, ProtocolError> {
        let Some(message) = &mut self.message else {
            debug_assert!(false, "a data frame belongs to a message");
            return Err(ProtocolError::UnexpectedContinuation);
        };
        let available = frame.remaining.min(input.len() as u64) as usize;
        let complete = frame.fin && available as u64 == frame.remaining;

        let parts = self.delivery == Delivery::Parts;
        let is_piece = complete || parts;
        let place = if is_piece && message.len == 0 && available <= SLAB_MESSAGE_MAX {
            let Some(range) = memory.claim(available) else {
                return Ok(Some(Step::NeedSlab(available)));
            };
            message.take(&mut memory.slab[range.clone()], &input[..available], frame)?;
            Place::Slab(range)
        } else {
            let end = message.len + available;
            if memory.assembly.len() < end {
                // The last frame tells the message's whole length; before it, more parts may come.
                let total = frame.fin.then_some(message.declared);
                return Ok(Some(Step::NeedAssembly {
                    capacity: if parts {
                        available
                    } else {
                        growth::capacity(end, total, self.limits.max_payload)
                    },
                    keep: message.len,
                }));
            }
            let part = &mut memory.assembly[message.len..end];
            message.take(part, &input[..available], frame)?;
            message.len = end;
            Place::Assembly(end)
        };

        *input = &input[available..];
        self.advance_data(frame, available, place)
    }

    /// Where the next bytes on the wire may be written as they are, in an assembly of `capacity`
    /// bytes: behind what it holds of the message, as far as the frame goes. For
    /// [`Decoder::step_in_place`].
    pub fn expected(&self, capacity: usize) -> Range<usize> {
        match (self.state, &self.message, self.delivery) {
            (State::Data(frame), Some(message), Delivery::Whole) if message.len > 0 => {
                let room = capacity.saturating_sub(message.len) as u64;
                message.len..message.len + frame.remaining.min(room) as usize
            }
            _ => 0..0,
        }
    }

    /// Whether a part of a message is in the assembly.
    pub fn awaits_assembly(&self) -> bool {
        let is_packed = self
            .inflow
            .as_ref()
            .is_some_and(|flow| flow.awaits_assembly());
        is_packed || self.message.is_some_and(|message| message.len > 0)
    }

    /// Takes `count` bytes that were written where they are [expected](Decoder::expected).
    ///
    /// # Errors
    /// As [`Decoder::step`].
    pub fn step_in_place(
        &mut self,
        count: usize,
        memory: &mut Memory,
    ) -> Result<Step, ProtocolError> {
        self.read_in_place(count, memory)
            .inspect_err(|_| self.end(&mut &[][..]))
    }

    fn read_in_place(&mut self, count: usize, memory: &mut Memory) -> Result<Step, ProtocolError> {
        let (State::Data(frame), Some(message)) = (self.state, &mut self.message) else {
            return Ok(Step::Idle);
        };
        let end = message.len + count;
        let Some(part) = memory.assembly.get_mut(message.len..end) else {
            return Ok(Step::Idle);
        };
        message.take_in_place(part, frame)?;
        message.len = end;
        let step = self.advance_data(frame, count, Place::Assembly(end))?;
        Ok(step.unwrap_or(Step::Idle))
    }

    /// Moves on past `available` bytes of a frame, which are at `place` now.
    #[inline]
    fn advance_data(
        &mut self,
        frame: Frame,
        available: usize,
        place: Place,
    ) -> Result<Option<Step>, ProtocolError> {
        let Some(message) = &mut self.message else {
            return Ok(None);
        };
        let remaining = frame.remaining - available as u64;
        if frame.fin && remaining == 0 {
            let event = Event::Message(message.finish()?, place);
            self.message = None;
            self.state = State::Header;
            return Ok(Some(Step::Event(event)));
        }
        self.state = match remaining {
            0 => State::Header,
            _ => State::Data(Frame {
                remaining,
                key: mask::rotate(frame.key, available),
                ..frame
            }),
        };
        if self.delivery == Delivery::Parts && available > 0 {
            message.len = 0;
            return Ok(Some(Step::Event(Event::Part(message.kind, place))));
        }
        Ok((remaining > 0).then_some(Step::Idle))
    }

    /// Not inlined: it would cost a small frame that is not packed a tenth of its instructions.
    #[inline(never)]
    fn read_packed(
        &mut self,
        mut frame: Frame,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Option<Step>, ProtocolError> {
        let (Some(flow), Some(message)) = (&mut self.inflow, &self.message) else {
            debug_assert!(
                false,
                "a packed frame belongs to a message, and to an extension"
            );
            return Err(ProtocolError::UnexpectedRsv);
        };
        let kind = message.kind;
        let parts = self.delivery == Delivery::Parts;
        let flow = flow.read(&mut frame, parts, input, memory)?;
        self.state = State::Packed(frame);
        Ok(match flow {
            Flow::Message(place) => {
                self.message = None;
                self.state = State::Header;
                Some(Step::Event(Event::Message(kind, place)))
            }
            Flow::Part(place) => Some(Step::Event(Event::Part(kind, place))),
            Flow::EndOfFrame => {
                self.state = State::Header;
                None
            }
            Flow::Step(step) => Some(step),
        })
    }
}

impl Message {
    fn new(kind: MessageKind, declared: u64) -> Self {
        Self {
            kind,
            len: 0,
            declared,
            fragments: 1,
            utf8: utf8::Validator::default(),
        }
    }

    /// Copies and unmasks `source` into `target`, and checks text as it passes. Inlined: the call
    /// is a tenth of a small frame's instructions.
    #[inline(always)]
    fn take(
        &mut self,
        target: &mut [u8],
        source: &[u8],
        frame: Frame,
    ) -> Result<(), ProtocolError> {
        match self.kind {
            MessageKind::Binary => mask::copy(target, source, frame.key),
            MessageKind::Text => {
                let is_ascii = mask::copy_ascii(target, source, frame.key);
                self.check(target, is_ascii)?;
            }
        }
        Ok(())
    }

    /// Unmasks `part` where it is, and checks text.
    fn take_in_place(&mut self, part: &mut [u8], frame: Frame) -> Result<(), ProtocolError> {
        match self.kind {
            MessageKind::Binary => mask::xor(part, frame.key),
            MessageKind::Text => {
                let is_ascii = mask::xor_ascii(part, frame.key);
                self.check(part, is_ascii)?;
            }
        }
        Ok(())
    }

    /// §8.1: a stream that is not UTF-8 fails the connection, at its first bad byte.
    #[inline(always)]
    fn check(&mut self, text: &[u8], is_ascii: bool) -> Result<(), ProtocolError> {
        if is_ascii && self.utf8.is_complete() {
            return Ok(());
        }
        self.utf8.feed(text).map_err(|_| ProtocolError::InvalidUtf8)
    }

    #[inline]
    fn finish(&self) -> Result<MessageKind, ProtocolError> {
        match self.utf8.is_complete() {
            true => Ok(self.kind),
            false => Err(ProtocolError::InvalidUtf8),
        }
    }
}

/// The start of a header, or of a control frame's payload, that a chunk ended in. Memory is there
/// only while it holds something.
#[derive(Default)]
struct Stash(Vec<u8>);

impl Stash {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Moves bytes from `input` until `total` are here or `input` is empty.
    fn take(&mut self, total: usize, input: &mut &[u8]) {
        let left = total - self.len();
        let (taken, rest) = input.split_at(left.min(input.len()));
        if !taken.is_empty() {
            self.0.reserve_exact(left);
            self.0.extend_from_slice(taken);
        }
        *input = rest;
    }
}
