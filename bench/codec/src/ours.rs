//! This project's core, with the memory that `lib/memory.js` would lend it.

use std::hint::black_box;
use std::io::{IoSlice, Read, Write};

use ws13_native::protocol::encoder::encode;
use ws13_native::protocol::extension::Pools;
use ws13_native::protocol::{
    Connection, Delivery, Event, FrameHeader, Limits, Memory, MessageKind, Place, Role, Step,
};

use crate::Pass;
use crate::cases::{CHUNK, Case, Direction};
use crate::stream::MemoryStream;

/// Bytes of the slab for small messages, as in `lib/memory.js`.
const SLAB: usize = 8 * 1024;
/// Bytes of the slab for outgoing frames, as in `lib/memory.js`.
const OUT: usize = 64 * 1024;
/// Payloads of more bytes are not put into it, as in `lib/send.js`.
const INLINE_MOST: usize = 16 * 1024;
/// Bytes of a block of mask keys, as in `src/node/random.rs`.
const KEYS: usize = 4096;

/// A pass of a case.
pub fn pass(case: &Case) -> Pass {
    match case.direction {
        Direction::Receive => {
            let mut receiver = Receiver::new(case.wire());
            Box::new(move |frames| receiver.receive(frames))
        }
        Direction::SendServer | Direction::SendClient => {
            let mut sender = Sender::new(case.direction == Direction::SendClient);
            let payload = case.payload();
            Box::new(move |frames| (0..frames).for_each(|_| sender.send(&payload)))
        }
    }
}

/// A pass of a case that receives: the same frame again and again, each a chunk of its own that is
/// decoded where it lies.
pub fn lent_pass(case: &Case) -> Pass {
    let wire = case.wire();
    let frame = wire[..wire.len() / case.frames() as usize].to_vec();
    let (mut connection, mut lent) = (connection(), Lent::default());
    Box::new(move |frames| {
        for _ in 0..frames {
            black_box(decode(&mut connection, black_box(&frame), &mut lent));
        }
    })
}

/// The receiving half.
struct Receiver {
    connection: Connection,
    stream: MemoryStream,
    chunk: Vec<u8>,
    memory: Lent,
}

impl Receiver {
    fn new(wire: Vec<u8>) -> Self {
        Self {
            connection: connection(),
            stream: MemoryStream::new(wire),
            chunk: vec![0; CHUNK],
            memory: Lent::default(),
        }
    }

    /// Reads and decodes chunks until so many messages have come.
    fn receive(&mut self, frames: u64) {
        let mut left = frames;
        while left > 0 {
            let len = self
                .stream
                .read(&mut self.chunk)
                .expect("memory has no errors");
            left = left.saturating_sub(decode(
                &mut self.connection,
                &self.chunk[..len],
                &mut self.memory,
            ));
        }
    }
}

/// A connection at its start.
fn connection() -> Connection {
    let limits = Limits {
        max_payload: 100 << 20,
        ..Limits::default()
    };
    Connection::new(limits, Delivery::Whole)
}

/// The memory of a receiver. It is used again, in the place of an allocator that clears nothing.
struct Lent {
    slab: Vec<u8>,
    used: usize,
    assembly: Vec<u8>,
    spare: Vec<u8>,
    pools: Pools,
}

impl Default for Lent {
    fn default() -> Self {
        Self {
            slab: vec![0; SLAB],
            used: 0,
            assembly: Vec::new(),
            spare: Vec::new(),
            pools: Pools::default(),
        }
    }
}

impl Lent {
    fn grow(&mut self, capacity: usize, keep: usize) {
        let mut larger = std::mem::take(&mut self.spare);
        if larger.len() < capacity {
            larger = vec![0; capacity];
        }
        larger[..keep].copy_from_slice(&self.assembly[..keep]);
        self.assembly = larger;
    }
}

/// Decodes a chunk; returns how many messages ended in it.
fn decode(connection: &mut Connection, chunk: &[u8], lent: &mut Lent) -> u64 {
    let mut input = chunk;
    let mut messages = 0;
    loop {
        let mut memory = Memory {
            slab: &mut lent.slab,
            used: lent.used,
            assembly: &mut lent.assembly,
            pools: &mut lent.pools,
        };
        let step = loop {
            match connection.receive(Some(Role::Server), &mut input, &mut memory) {
                Ok(Step::Event(Event::Message(kind, Place::Slab(range)))) => {
                    black_box((kind, range.start, range.end));
                    messages += 1;
                }
                step => break step,
            }
        };
        lent.used = memory.used;
        match step.expect("the frames are right") {
            Step::Idle => return messages,
            Step::NeedSlab(_) => lent.used = 0,
            Step::NeedAssembly { capacity, keep } => lent.grow(capacity, keep),
            Step::Offload { .. } => unreachable!("no extension was negotiated"),
            Step::Event(event) => {
                black_box(event);
                messages += 1;
                lent.spare = std::mem::take(&mut lent.assembly);
            }
        }
    }
}

/// The sending half.
struct Sender {
    connection: Connection,
    sink: MemoryStream,
    out: Vec<u8>,
    used: usize,
    /// The memory of masked payloads that do not go into the slab.
    large: Vec<u8>,
    keys: Option<Keys>,
}

impl Sender {
    fn new(masks: bool) -> Self {
        Self {
            connection: connection(),
            sink: MemoryStream::new(Vec::new()),
            out: vec![0; OUT],
            used: 0,
            large: Vec::new(),
            keys: masks.then(Keys::new),
        }
    }

    fn send(&mut self, payload: &[u8]) {
        let mask = self.keys.as_mut().map(Keys::next);
        let header = self
            .connection
            .send(MessageKind::Binary, true, payload.len(), mask)
            .expect("the connection is open");
        let total = header.encoded_len() + payload.len();
        if payload.len() <= INLINE_MOST {
            if self.out.len() - self.used < total {
                self.flush();
            }
            self.used += encode(header, payload, &mut self.out[self.used..]);
            return;
        }
        self.flush();
        if mask.is_some() {
            self.large.resize(self.large.len().max(total), 0);
            encode(header, payload, &mut self.large);
            self.sink
                .write_all(&self.large[..total])
                .expect("memory has no errors");
        } else {
            let mut head = [0; FrameHeader::MAX_LEN];
            let end = header.write(&mut head);
            let parts = [IoSlice::new(&head[..end]), IoSlice::new(payload)];
            let written = self
                .sink
                .write_vectored(&parts)
                .expect("memory has no errors");
            debug_assert_eq!(written, total);
        }
    }

    fn flush(&mut self) {
        self.sink
            .write_all(&self.out[..self.used])
            .expect("memory has no errors");
        self.used = 0;
    }
}

/// Mask keys from a block of random bytes.
struct Keys {
    block: [u8; KEYS],
    at: usize,
}

impl Keys {
    fn new() -> Self {
        Self {
            block: [0; KEYS],
            at: KEYS,
        }
    }

    fn next(&mut self) -> [u8; 4] {
        if self.at == KEYS {
            getrandom::fill(&mut self.block).expect("the system has random bytes");
            self.at = 0;
        }
        let key = *self.block[self.at..]
            .first_chunk()
            .expect("keys fill the block");
        self.at += 4;
        key
    }
}
