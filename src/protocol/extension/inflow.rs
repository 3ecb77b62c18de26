//! The receiving side of an extension: what is read of which message, and where.

use super::unpacking::{INLINE_MESSAGE, Unpacking};
use super::{Inbound, Pools, Volume, Wants};
use crate::protocol::decoder::{Frame, Memory, MessageKind, Place, Step};
use crate::protocol::error::ProtocolError;
use crate::protocol::header::ReservedBits;

/// Bytes that all messages of a turn may come to together, as [`INLINE_MESSAGE`] is for one.
const INLINE_TURN: usize = 1024 * 1024;

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
        self.message.take_if(|message| message.is_aside())
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
        if message.is_aside()
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
