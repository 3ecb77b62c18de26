//! A connection with memory, as the binding has it: what the tests feed bytes to.

// Not every file of tests uses all of it.
#![allow(dead_code)]

use ws13_native::protocol::deflate::{Agreement, Deflating, Inflating, Tuning};
use ws13_native::protocol::extension::Pools;
use ws13_native::protocol::{
    Connection, Delivery, Event, Limits, Memory, MessageKind, Place, ProtocolError, Role, Step,
};

/// An event with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Violation(ProtocolError),
}

pub struct Receiver {
    pub connection: Connection,
    role: Option<Role>,
    slab: Vec<u8>,
    used: usize,
    assembly: Vec<u8>,
    /// Whether a message in progress is read straight into its assembly.
    reads_in_place: bool,
    /// How many bytes were.
    pub in_place: usize,
    /// Bytes that were ever asked for in one piece.
    pub largest: usize,
    /// Bytes that were ever copied in one piece to another assembly, or out of one that is too large,
    /// where the caller reads.
    pub copied: usize,
    /// The parts of the message in progress.
    parts: Vec<u8>,
    pub seen: Vec<Seen>,
    pub pools: Pools,
}

impl Receiver {
    pub fn new(role: Option<Role>, limits: Limits) -> Self {
        Self::with_delivery(role, limits, Delivery::Whole)
    }

    pub fn with_delivery(role: Option<Role>, limits: Limits, delivery: Delivery) -> Self {
        Self {
            connection: Connection::new(limits, delivery),
            parts: Vec::new(),
            role,
            slab: Vec::new(),
            used: 0,
            assembly: Vec::new(),
            reads_in_place: false,
            in_place: 0,
            largest: 0,
            copied: 0,
            seen: Vec::new(),
            pools: Pools::default(),
        }
    }

    /// The same, with what the decoder expects of a message read to where it belongs.
    pub fn in_place(mut self) -> Self {
        self.reads_in_place = true;
        self
    }

    /// The same with permessage-deflate.
    pub fn deflating(mut self, agreement: Agreement) -> Self {
        let (inbound, outbound) = match self.role {
            Some(Role::Client) => (agreement.server, agreement.client),
            _ => (agreement.client, agreement.server),
        };
        let tuning = Tuning {
            threshold: 8,
            ..Tuning::default()
        };
        let (inbound, outbound) = (Inflating::new(inbound), Deflating::new(outbound, tuning));
        self.connection
            .extend(Box::new(inbound), Box::new(outbound));
        self
    }

    /// Feeds one chunk and collects its events.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut input = chunk;
        self.connection.begin_turn();
        if self.reads_in_place {
            input = self.feed_in_place(chunk);
        }
        loop {
            let mut memory = Memory {
                slab: &mut self.slab,
                used: self.used,
                assembly: &mut self.assembly,
                pools: &mut self.pools,
            };
            let step = self.connection.receive(self.role, &mut input, &mut memory);
            self.used = memory.used;
            match step {
                Ok(Step::Idle) => break,
                Ok(Step::Event(event)) => self.take(event),
                Ok(Step::NeedSlab(len)) => {
                    self.slab = vec![0; len];
                    self.used = 0;
                }
                Ok(Step::NeedAssembly { capacity, keep }) => {
                    assert!(capacity > self.assembly.len() && keep <= self.assembly.len());
                    self.largest = self.largest.max(capacity);
                    self.copied = self.copied.max(keep);
                    self.assembly.truncate(keep);
                    self.assembly.resize(capacity, 0xa5);
                }
                Ok(Step::Offload { capacity, keep }) => {
                    assert!(keep <= self.assembly.len());
                    self.largest = self.largest.max(capacity);
                    if capacity != self.assembly.len() {
                        self.assembly.truncate(keep);
                        self.assembly.resize(capacity, 0xa5);
                    }
                    let mut unpacking = self.connection.take_unpacking().expect("work");
                    unpacking.run(&mut self.assembly, || {});
                    self.connection.put_unpacking(unpacking);
                }
                Err(error) => {
                    self.seen.push(Seen::Violation(error));
                    break;
                }
            }
        }
        assert!(input.is_empty(), "all input is read, or ignored");
    }

    /// Writes the start of a chunk to where the decoder expects it, and tells the rest.
    fn feed_in_place<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let mut expected = self.connection.expected(self.assembly.len());
        expected.end = expected.end.min(expected.start + chunk.len());
        let (start, rest) = chunk.split_at(expected.len());
        self.assembly[expected].copy_from_slice(start);
        self.in_place += start.len();
        let mut memory = Memory {
            slab: &mut [],
            used: 0,
            assembly: &mut self.assembly,
            pools: &mut self.pools,
        };
        match self.connection.receive_in_place(start.len(), &mut memory) {
            Ok(Step::Idle) => {}
            Ok(Step::Event(event)) => self.take(event),
            Ok(step) => panic!("{step:?} after bytes that were expected"),
            Err(error) => self.seen.push(Seen::Violation(error)),
        }
        rest
    }

    fn bytes_at(&mut self, place: Place) -> Vec<u8> {
        match place {
            Place::Slab(range) => self.slab[range].to_vec(),
            Place::Assembly(len) => {
                let mut bytes = std::mem::take(&mut self.assembly);
                if len < bytes.len() / 2 {
                    self.copied = self.copied.max(len);
                }
                bytes.truncate(len);
                bytes
            }
        }
    }

    fn take(&mut self, event: Event) {
        let seen = match event {
            Event::Message(kind, place) => {
                let mut bytes = std::mem::take(&mut self.parts);
                bytes.extend(self.bytes_at(place));
                match kind {
                    MessageKind::Text => Seen::Text(String::from_utf8(bytes).expect("valid text")),
                    MessageKind::Binary => Seen::Binary(bytes),
                }
            }
            Event::Part(_, place) => {
                let part = self.bytes_at(place);
                assert!(!part.is_empty());
                self.parts.extend(part);
                return;
            }
            Event::Ping(range) => Seen::Ping(self.slab[range].to_vec()),
            Event::Pong(range) => Seen::Pong(self.slab[range].to_vec()),
            Event::Close(code, range) => Seen::Close(
                code.map(u16::from),
                String::from_utf8(self.slab[range].to_vec()).expect("a valid reason"),
            ),
        };
        self.seen.push(seen);
    }
}

/// What `chunks` come to.
pub fn events_of<'a>(
    role: Option<Role>,
    limits: Limits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Seen> {
    let mut receiver = Receiver::new(role, limits);
    for chunk in chunks {
        receiver.feed(chunk);
    }
    receiver.seen
}
