//! The receiving side of an extension, as a decoder has it.

use super::unpacking::{Budget, Flow, Unpacking};
use super::{Inbound, Pools, Volume};
use crate::protocol::decoder::{Frame, Memory, MessageKind, Step};
use crate::protocol::error::ProtocolError;
use crate::protocol::header::ReservedBits;

/// An extension's half for what is read, and the message that it is at.
pub(crate) struct Inflow {
    half: Box<dyn Inbound>,
    /// The message in progress; `None` between messages, and while it is unpacked elsewhere.
    message: Option<Box<Unpacking>>,
    budget: Budget,
    pub(crate) volume: Volume,
}

impl Inflow {
    pub(crate) fn new(half: Box<dyn Inbound>) -> Self {
        Self {
            half,
            message: None,
            budget: Budget::default(),
            volume: Volume::default(),
        }
    }

    pub(crate) fn begin_turn(&mut self) {
        self.budget = Budget::default();
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
            self.budget.begin_message();
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

    /// Takes the message in progress out, where there is something of it to be done elsewhere.
    pub(crate) fn take(&mut self) -> Option<Box<Unpacking>> {
        self.message.take_if(|message| message.is_to_run())
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
        let flow = message.read(&mut self.budget, frame, parts, input, memory)?;
        // Gives the unpack back where the message is whole.
        if matches!(flow, Flow::Message(_))
            && let Some(message) = self.message.take()
        {
            self.volume += message.volume();
            self.half.end(message.into_unpack(), memory.pools);
        }
        Ok(flow)
    }
}
