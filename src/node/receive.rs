//! A chunk in, events out: one call for whatever a chunk holds.
//!
//! What it held is told in the table, an array of words that both sides share:
//!
//! | word | after a call |
//! |---|---|
//! | 0 | bytes of the chunk that this call has read |
//! | 1 | bytes of the slab that are in use |
//! | 2 | bytes of memory that are needed to read on, 0 for none |
//! | 3 | what for: [`SLAB`], [`ASSEMBLY`], or [`BACKGROUND`] |
//! | 4 | bytes of the present assembly to carry over into it |
//! | 12, 13, 14 | the first event: kind, offset, length; the next one follows |
//!
//! Words 5 and 6 are those of the reactor's [`turn`](super::reactor), 7 to 11 those of a frame to
//! [`put`](super::send::put_frame).
//!
//! An event's kind is the opcode of what arrived, or [`VIOLATION`]. That of a close frame has the
//! code, 0 for none, above the eight bits of its length.

use std::ops::Range;

use super::call::{Call, Misuse};
use super::environment::Environment;
use super::heap;
use crate::protocol::{
    Connection, Event, Memory, MessageKind, OpCode, Place, ProtocolError, Role, Step,
};

/// Words of the table before its first event.
const EVENTS: usize = 12;
/// Words of an event.
const EVENT: usize = 3;
/// Memory for whole small messages.
const SLAB: u32 = 0;
/// Memory for a message in progress.
const ASSEMBLY: u32 = 1;
/// The same, for a thread that goes on with the message.
const BACKGROUND: u32 = 2;

/// Added to an event's kind: the message lies in the assembly.
const IN_ASSEMBLY: u32 = 0x10;
/// Added to an event's kind: it is a part of a message, and more follow.
const PART: u32 = 0x20;
/// The kind of a violation; its offset is the number of the fault.
const VIOLATION: u32 = 0xf;

/// Bits of a close event's length below the code: a table may tell of several connections.
const CODE: u32 = 8;

/// Nothing was read, because another thread may write to the chunk.
const SHARED: i64 = -1;

/// `receive(connection, role, chunk, at, slab, used, assembly)`.
pub fn receive_chunk(environment: &mut Environment, call: &Call<7>) -> Result<i64, Misuse> {
    let role = call.role(1)?;
    let Some(chunk) = call.unshared_bytes(2)? else {
        return Ok(SHARED);
    };
    let at = call.large_number(3)? as usize;
    let slab = call.bytes(4)?;
    let base = call.number(5)? as usize;
    let assembly = call.bytes(6)?;
    let (unread, free) = (chunk.from(at)?, slab.from(base)?);

    // A payload of ours may come back as a chunk; the part of the slab that is in use is not lent,
    // so that only a chunk that was made to overlap has to be copied.
    let copied;
    let input = if unread.overlaps(free) || unread.overlaps(assembly) {
        // SAFETY: the argument keeps its memory until it is copied; no other thread can write to
        // it, as was just asked, no JavaScript runs, and no slice of the slab or the assembly
        // exists yet.
        copied = unsafe { unread.as_slice() }.to_vec();
        &copied[..]
    } else {
        // SAFETY: the argument keeps its memory during the call. No other thread can write to it,
        // as was just asked, no JavaScript runs, and it overlaps neither of the two that are
        // written to below.
        unsafe { unread.as_slice() }
    };
    if free.overlaps(assembly) {
        return Err(Misuse("slab and assembly overlap"));
    }
    // The table tells 32 bits; `lib/` calls again for what is behind them.
    let total = input.len().min(u32::MAX as usize);
    let (connection, table, pools) = environment.receiving(call.number(0)?)?;
    let mut memory = Memory {
        // SAFETY: the argument keeps its memory during the call. It is memory of `lib/`'s that no
        // other thread has, and no JavaScript runs; chunk and assembly do not overlap this part, so
        // this is its only slice.
        slab: unsafe { free.as_mut_slice() },
        used: 0,
        // SAFETY: the same holds for the assembly, which is no message's yet: nobody else has it.
        assembly: unsafe { assembly.as_mut_slice() },
        pools,
    };
    if at == 0 {
        connection.begin_turn();
    }
    let mut events = Events::new(table, base);
    let mut rest = &input[..total];
    let need = decode(connection, role, &mut rest, &mut memory, &mut events);
    let (_, count) = report(events, total - rest.len(), memory.used, need);
    Ok(count)
}

/// Reads on from `input` until it is used up, or memory is needed, or the table is full.
pub fn decode(
    connection: &mut Connection,
    role: Option<Role>,
    input: &mut &[u8],
    memory: &mut Memory,
    events: &mut Events,
) -> Need {
    while events.has_room(1) {
        match connection.receive(role, input, memory) {
            Ok(Step::Idle) => break,
            Ok(Step::Event(event)) => events.take(event, memory),
            Ok(Step::NeedSlab(len)) => return Need::new(SLAB, len, 0),
            Ok(Step::NeedAssembly { capacity, keep }) => {
                return Need::new(ASSEMBLY, capacity, keep);
            }
            Ok(Step::Offload { capacity, keep }) => return Need::new(BACKGROUND, capacity, keep),
            Err(error) => {
                events.violation(error);
                break;
            }
        }
    }
    Need::default()
}

/// Fills the words before the events → the table, and how many events there are.
pub fn report<'a>(
    events: Events<'a>,
    read: usize,
    used: usize,
    need: Need,
) -> (&'a mut [u32], i64) {
    let Events { table, count, base } = events;
    table[0] = read as u32;
    table[1] = (base + used) as u32;
    table[2] = need.len as u32;
    table[3] = need.kind;
    table[4] = need.keep as u32;
    (table, count as i64)
}

/// Memory to be lent before reading goes on.
#[derive(Default)]
pub struct Need {
    kind: u32,
    len: usize,
    keep: usize,
}

impl Need {
    fn new(kind: u32, len: usize, keep: usize) -> Self {
        heap::expect(len);
        Self { kind, len, keep }
    }

    /// Whether there is any.
    #[cfg(reactor)]
    pub fn is_some(&self) -> bool {
        self.len > 0
    }
}

/// Writes events into the table.
pub struct Events<'a> {
    table: &'a mut [u32],
    count: usize,
    /// Where the slab that was lent starts in the slab that `lib/` knows.
    base: usize,
}

impl<'a> Events<'a> {
    /// No events, in a table whose slab begins at `base`.
    pub fn new(table: &'a mut [u32], base: usize) -> Self {
        Self {
            table,
            count: 0,
            base,
        }
    }

    /// Whether so many more fit.
    pub fn has_room(&self, entries: usize) -> bool {
        EVENTS + (self.count + entries) * EVENT <= self.table.len()
    }

    /// Writes the fault of a peer.
    pub fn violation(&mut self, error: ProtocolError) {
        self.push(VIOLATION, error as usize, 0);
    }

    /// Writes an event. A message takes its assembly with it.
    pub fn take(&mut self, event: Event, memory: &mut Memory) {
        if let Event::Message(_, Place::Assembly(_)) | Event::Part(_, Place::Assembly(_)) = event {
            memory.assembly = &mut [];
        }
        match event {
            Event::Message(kind, place) => self.data(kind_of(kind), place),
            Event::Part(kind, place) => self.data(kind_of(kind) | PART, place),
            Event::Ping(range) => self.slab(OpCode::Ping as u32, range),
            Event::Pong(range) => self.slab(OpCode::Pong as u32, range),
            Event::Close(code, reason) => {
                let code = code.map_or(0, |code| usize::from(u16::from(code)));
                let offset = self.base + reason.start;
                self.push(OpCode::Close as u32, offset, reason.len() | code << CODE);
            }
        }
    }

    fn data(&mut self, kind: u32, place: Place) {
        match place {
            Place::Slab(range) => self.slab(kind, range),
            Place::Assembly(len) => self.push(kind | IN_ASSEMBLY, 0, len),
        }
    }

    fn slab(&mut self, kind: u32, range: Range<usize>) {
        self.push(kind, self.base + range.start, range.len());
    }

    /// Writes an entry, for which there is room.
    pub fn push(&mut self, kind: u32, offset: usize, len: usize) {
        let at = EVENTS + self.count * EVENT;
        self.table[at..at + EVENT].copy_from_slice(&[kind, offset as u32, len as u32]);
        self.count += 1;
    }
}

fn kind_of(kind: MessageKind) -> u32 {
    match kind {
        MessageKind::Text => OpCode::Text as u32,
        MessageKind::Binary => OpCode::Binary as u32,
    }
}
