//! What is unpacked elsewhere of a message, and how its reader goes on from there.

use super::{Flow, Stage, Unpacking};
use crate::bytes::mask;
use crate::protocol::decoder::{Frame, Memory, Step};
use crate::protocol::error::ProtocolError;
use crate::protocol::extension::Wants;

/// Bytes that are unpacked elsewhere at a stretch, a fraction of a millisecond of work, after which
/// the loop has a chance of the thread's processor.
const STRETCH: usize = 32 * 1024;
/// Bytes of a part that is unpacked elsewhere.
const LARGE_PART: usize = 256 * 1024;
/// Bytes that a whole message may come to elsewhere, about, before others have their turn there.
const LARGE_TURN: usize = 4 * 1024 * 1024;

/// What has been set aside to be unpacked elsewhere.
#[derive(Default)]
pub(super) struct Aside {
    /// Bytes of the payload, unmasked.
    input: Vec<u8>,
    /// How many of them have been read.
    read: usize,
    /// Whether the message ends with them.
    last: bool,
}

impl Unpacking {
    /// Takes all that is at hand of a frame, to be unpacked elsewhere.
    pub(super) fn set_aside(
        &mut self,
        frame: &mut Frame,
        available: usize,
        last: bool,
        input: &mut &[u8],
    ) {
        let mut bytes = vec![0; available];
        mask::copy(&mut bytes, &input[..available], frame.key);
        self.stage = Stage::Aside(Aside {
            input: bytes,
            read: 0,
            last,
        });
        frame.advance(available);
        *input = &input[available..];
    }

    /// The memory to lend for work elsewhere: for a part, room for its output. A whole message goes
    /// to the spill and needs none, but 0 bytes would read as no request, so it asks for one.
    pub(super) fn offload(&self, parts: bool, memory: &Memory) -> Step {
        let needed = if parts { self.len + LARGE_PART } else { 1 };
        Step::Offload {
            capacity: needed.max(memory.assembly.len()),
            keep: self.kept(),
        }
    }

    /// Whether there is something for [`run`](Unpacking::run).
    pub(in crate::protocol::extension) fn is_to_run(&self) -> bool {
        matches!(self.stage, Stage::Aside(_) | Stage::Whole)
    }

    /// Unpacks what has been set aside, a part into the assembly and a whole message into memory of
    /// ours, or moves what was collected there to the assembly; see [`Step::Offload`]. It calls
    /// `between` now and then: other threads may want the processor.
    pub fn run(&mut self, assembly: &mut [u8], mut between: impl FnMut()) {
        if !self.collects || matches!(self.stage, Stage::Whole) {
            self.take_spill(assembly, &mut between);
        }
        if let Stage::Aside(aside) = &mut self.stage {
            let mut aside = std::mem::take(aside);
            let outcome = match self.collects {
                true => self.collect(&mut aside, between),
                false => self.run_on(&mut aside, assembly, between),
            };
            self.stage = Stage::Done(aside, outcome);
        }
    }

    /// Unpacks into the spill.
    fn collect(
        &mut self,
        aside: &mut Aside,
        mut between: impl FnMut(),
    ) -> Result<Wants, ProtocolError> {
        let most = self.len + LARGE_TURN;
        // Where it fails, what there is of the message is freed here, too.
        let mut spill = std::mem::take(&mut self.spill);
        loop {
            let room = spill.room(STRETCH).ok_or(ProtocolError::MessageTooBig)?;
            let progress = self.fill(&aside.input[aside.read..], aside.last, room)?;
            spill.filled(progress.written);
            aside.read += progress.read;
            self.len += progress.written;
            if progress.wants != Wants::Room || self.len >= most {
                self.spill = spill;
                return Ok(progress.wants);
            }
            between();
        }
    }

    /// Unpacks into the assembly.
    fn run_on(
        &mut self,
        aside: &mut Aside,
        assembly: &mut [u8],
        mut between: impl FnMut(),
    ) -> Result<Wants, ProtocolError> {
        loop {
            let room = assembly
                .get_mut(self.len..)
                .ok_or(ProtocolError::MessageTooBig)?;
            let is_last = room.len() <= STRETCH;
            let stretch = room.len().min(STRETCH);
            let input = &aside.input[aside.read..];
            let progress = self.fill(input, aside.last, &mut room[..stretch])?;
            aside.read += progress.read;
            self.len += progress.written;
            if is_last || progress.wants != Wants::Room {
                return Ok(progress.wants);
            }
            between();
        }
    }

    /// What follows from work that was done elsewhere; `None` where there is to be read on.
    pub(super) fn settle(
        &mut self,
        parts: bool,
        memory: &mut Memory,
    ) -> Result<Option<Flow>, ProtocolError> {
        let wants = match &mut self.stage {
            Stage::Inline { .. } => return Ok(None),
            Stage::Aside(_) => return Ok(Some(Flow::Step(self.offload(parts, memory)))),
            Stage::Whole => Wants::Nothing,
            Stage::Done(aside, outcome) => {
                let wants = (*outcome)?;
                self.stage = match wants {
                    Wants::Input => Stage::Inline { wants_room: false },
                    Wants::Room => Stage::Aside(std::mem::take(aside)),
                    Wants::Nothing => Stage::Whole,
                };
                wants
            }
        };
        let flow = self.after_assembly(wants, parts, memory);
        Ok(match (flow, wants) {
            (None, Wants::Room) => Some(Flow::Step(self.offload(parts, memory))),
            (flow, _) => flow,
        })
    }
}
