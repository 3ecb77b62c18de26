//! What is ready in, events out: one call for any number of sockets.
//!
//! The events of each socket follow an entry that names it, in the table of `receive.rs`:
//!
//! | entry | what it tells |
//! |---|---|
//! | [`SOCKET`], number, count | so many bytes have arrived; their events follow |
//! | [`LARGE`], number, 0 | a message in progress goes on: call [`read`], which writes into its memory |
//! | [`ENDED`], number, 0 | the peer has ended its half |
//! | [`FAILED`], number, errno | reading has failed; 0 where Node is to find out how |
//!
//! | word | after a call |
//! |---|---|
//! | 5 | whether more is ready: [`NOW`], [`LATER`], or [`NONE`] |
//! | 6 | bytes in the read buffer; from word 0 on they are the last socket's and not read yet |

use rustix::io::Errno;

use super::super::call::{Call, Misuse};
use super::super::environment::{Environment, Reading};
use super::super::receive::{Events, Need, decode, report};
use super::Reactor;
use super::channel::Channel;
use crate::protocol::{Connection, Memory, Role, Step};

const SOCKET: u32 = 0x80;
const ENDED: u32 = 0x81;
const FAILED: u32 = 0x82;
const LARGE: u32 = 0x83;

/// Nothing more is ready.
const NONE: u32 = 0;
/// More is ready: call again.
const NOW: u32 = 1;
/// More is ready, and is to be read in another turn of the loop, which begins with [`begin`].
const LATER: u32 = 2;

/// Entries that one socket needs at least: its own, and an event.
const ENTRIES: usize = 2;

/// `begin()`: begins a turn for the sockets that the last one left → 1 if there are any.
pub fn begin(environment: &mut Environment) -> Result<i64, Misuse> {
    let is_due = environment.reading()?.reactor.begin_turn();
    Ok(i64::from(u8::from(is_due)))
}

/// `turn(slab, used)`: reads the sockets that are ready and fills the table → the number of
/// entries.
pub fn turn(environment: &mut Environment, call: &Call<2>) -> Result<i64, Misuse> {
    let base = call.number(1)? as usize;
    let free = call.bytes(0)?.from(base)?;
    let Reading {
        reactor,
        peers,
        table,
        pools,
    } = environment.reading()?;
    if free.overlaps(reactor.buffer) {
        return Err(Misuse("slab and read buffer overlap"));
    }
    // SAFETY: the argument keeps the slab's memory during the call, and the read buffer is held for
    // good. Both are `lib/`'s, no other thread has them, and no JavaScript runs meanwhile. They do
    // not overlap, and these are the only slices of the two.
    let (slab, buffer) = unsafe { (free.as_mut_slice(), reactor.buffer.as_mut_slice()) };
    let mut memory = Memory {
        slab,
        used: 0,
        assembly: &mut [],
        pools,
    };
    let mut events = Events::new(table, base);
    let mut last = Last::default();
    let more = loop {
        let Some(entry) = reactor.ready().next() else {
            break match reactor.ready().is_some() {
                true => LATER,
                false => NONE,
            };
        };
        if !events.has_room(ENTRIES) {
            reactor.ready().put_back(entry);
            break NOW;
        }
        let number = entry.number;
        let Some((connection, channel)) =
            peers.get_mut(number as usize).and_then(|peer| peer.both())
        else {
            continue;
        };
        if entry.has_failed {
            events.push(FAILED, number as usize, 0);
            continue;
        }
        if entry.has_ended {
            channel.end();
        }
        if !channel.is_read() {
            if channel.is_at_end() {
                events.push(ENDED, number as usize, 0);
            }
            continue;
        }
        if !channel.take_turn(reactor.ready().round()) {
            continue;
        }
        if connection.awaits_assembly() {
            events.push(LARGE, number as usize, 0);
            break NOW;
        }
        let Some(received) = outcome(channel.receive(buffer), number, &mut events) else {
            continue;
        };
        reactor.took(channel, number, received, buffer.len());
        let input = &buffer[..received];
        last = Last::decode(connection, channel.role, input, &mut memory, &mut events);
        if last.goes_on() {
            break NOW;
        }
    };
    last.report(more, &memory, events)
}

/// `read(number, slab, used, assembly)`: reads one socket, into the assembly as far as its message
/// goes, and fills the table → the number of entries.
pub fn read(environment: &mut Environment, call: &Call<4>) -> Result<i64, Misuse> {
    let number = call.number(0)?;
    let base = call.number(2)? as usize;
    let (free, assembly) = (call.bytes(1)?.from(base)?, call.bytes(3)?);
    let Reading {
        reactor,
        peers,
        table,
        pools,
    } = environment.reading()?;
    if free.overlaps(assembly) || free.overlaps(reactor.buffer) || assembly.overlaps(reactor.buffer)
    {
        return Err(Misuse("slab, assembly and read buffer overlap"));
    }
    // SAFETY: the arguments keep the memory of slab and assembly during the call, and the read
    // buffer is held for good. All are `lib/`'s, no other thread has them, and no JavaScript runs
    // meanwhile. None overlaps another, and these are the only slices of the three.
    let (slab, assembly, buffer) = unsafe {
        (
            free.as_mut_slice(),
            assembly.as_mut_slice(),
            reactor.buffer.as_mut_slice(),
        )
    };
    let mut events = Events::new(table, base);
    let mut last = Last::default();
    let mut memory = Memory {
        slab,
        used: 0,
        assembly,
        pools,
    };
    let Some((connection, channel)) = peers.get_mut(number as usize).and_then(|peer| peer.both())
    else {
        return last.report(NOW, &memory, events);
    };
    let expected = connection.expected(memory.assembly.len());
    let direct = memory.assembly.get_mut(expected).unwrap_or_default();
    let room = direct.len();
    let result = channel.receive_two(direct, buffer);
    if let Some(received) = outcome(result, number, &mut events) {
        reactor.took(channel, number, received, room + buffer.len());
        let in_place = received.min(room);
        match connection.receive_in_place(in_place, &mut memory) {
            Ok(Step::Event(event)) => events.take(event, &mut memory),
            Ok(_) => {}
            Err(error) => events.violation(error),
        }
        let input = &buffer[..received - in_place];
        last = Last::decode(connection, channel.role, input, &mut memory, &mut events);
    }
    last.report(NOW, &memory, events)
}

impl Reactor {
    /// Takes note of what a socket has brought into room for `room` bytes.
    fn took(&self, channel: &Channel, number: u32, received: usize, room: usize) {
        self.ready().spend(received);
        if channel.leaves(received, room) {
            self.ready().leave(number);
        }
    }
}

/// How many bytes there are to decode; none where the entry that is pushed tells it all.
fn outcome(result: Result<usize, Errno>, number: u32, events: &mut Events) -> Option<usize> {
    let number = number as usize;
    match result {
        Ok(0) => events.push(ENDED, number, 0),
        Ok(count) => {
            events.push(SOCKET, number, count);
            return Some(count);
        }
        Err(Errno::AGAIN) => {}
        Err(errno) => events.push(FAILED, number, errno.raw_os_error() as usize),
    }
    None
}

/// What is left of the last socket's bytes.
#[derive(Default)]
struct Last {
    read: usize,
    received: usize,
    need: Need,
}

impl Last {
    /// Decodes what has arrived of a socket.
    fn decode(
        connection: &mut Connection,
        role: Role,
        mut input: &[u8],
        memory: &mut Memory,
        events: &mut Events,
    ) -> Self {
        let received = input.len();
        connection.begin_turn();
        let need = decode(connection, Some(role), &mut input, memory, events);
        Self {
            read: received - input.len(),
            received,
            need,
        }
    }

    /// Whether `lib/` has to do something before more of the socket's bytes can be read.
    fn goes_on(&self) -> bool {
        self.read < self.received || self.need.is_some()
    }

    fn report(self, more: u32, memory: &Memory, events: Events) -> Result<i64, Misuse> {
        let (table, count) = report(events, self.read, memory.used, self.need);
        table[5] = more;
        table[6] = self.received as u32;
        Ok(count)
    }
}
