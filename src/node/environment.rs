//! What one environment (the main thread, or a worker) holds.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use napi::bindgen_prelude::{Result as NapiResult, Status};
use napi::{check_status, sys};
use slab::Slab;

use super::call::{Misuse, role_of};
use super::pack::Desk;
use super::random::MaskKeys;
#[cfg(reactor)]
use super::reactor::{Channel, Reactor};
use super::samples::Samples;
use super::send::{FrameRequest, Outbound};
use crate::protocol::extension::{Pools, Volume};
use crate::protocol::{Connection, Role, Traffic};

/// Where an environment is, or null once it has ended: for what may come after that.
pub type EnvironmentPointer = Rc<Cell<*mut Environment>>;

/// Connections by their number, the table, and the random source of this environment.
pub struct Environment {
    /// In boxes: a list that grows leaves no holes of their size behind.
    peers: Slab<Box<Peer>>,
    /// What reads sockets in Node's place, once it has been started.
    #[cfg(reactor)]
    pub reactor: Option<Reactor>,
    /// How many connections there ever were.
    opened: u64,
    /// What connections that are freed have received and sent.
    past: Totals,
    table: Table,
    /// Where frames are put.
    pub outbound: Outbound,
    mask_keys: MaskKeys,
    /// What transforms messages.
    pub pools: Pools,
    /// Where messages are packed.
    pub desk: Desk,
    /// Payloads that are watched.
    pub samples: Samples,
    pointer: EnvironmentPointer,
}

/// What connections have moved.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    pub received: Traffic,
    pub sent: Traffic,
    pub unpacked: Volume,
    pub packed: Volume,
}

impl Totals {
    fn add(&mut self, connection: &Connection) {
        let (unpacked, packed) = connection.volumes();
        self.received += connection.received;
        self.sent += connection.sent;
        self.unpacked += unpacked;
        self.packed += packed;
    }
}

impl Environment {
    pub fn new(table: Table) -> Self {
        Self {
            peers: Slab::new(),
            #[cfg(reactor)]
            reactor: None,
            opened: 0,
            past: Totals::default(),
            table,
            outbound: Outbound::default(),
            mask_keys: MaskKeys::new(),
            pools: Pools::default(),
            desk: Desk::default(),
            samples: Samples::default(),
            pointer: EnvironmentPointer::default(),
        }
    }

    /// Takes a connection in, and tells its number.
    pub fn open(&mut self, connection: Connection) -> usize {
        self.opened += 1;
        self.peers
            .insert(Box::new(Peer::new(connection, self.opened)))
    }

    /// Frees a connection; one that is free already stays so.
    pub fn release(&mut self, number: u32) {
        if let Some(peer) = self.peers.try_remove(number as usize) {
            self.past.add(&peer.connection);
        }
    }

    /// How many connections there are, and what they and all before them have moved. Adding up is
    /// left to whoever asks, so that a frame pays for no counter but its connection's.
    pub fn totals(&self) -> (usize, Totals) {
        let mut totals = self.past;
        for (_, peer) in &self.peers {
            totals.add(&peer.connection);
        }
        (self.peers.len(), totals)
    }

    /// Gives up memory of extensions that was not used since the last call, and tells how many
    /// connections have one.
    pub fn rest(&mut self) -> usize {
        self.pools.clear();
        self.desk = Desk::default();
        let peers = self.peers.iter_mut();
        peers.filter_map(|(_, peer)| peer.connection.rest()).count()
    }

    /// Where this environment is, for what outlives a call of its functions.
    pub fn pointer(&self) -> &EnvironmentPointer {
        &self.pointer
    }

    /// A connection's serial, which is never reused.
    pub fn serial(&self, number: u32) -> Result<u64, Misuse> {
        let peer = self.peers.get(number as usize);
        peer.map(|peer| peer.serial).ok_or(NO_CONNECTION)
    }

    /// Whether the number still belongs to that serial.
    pub fn is_owner(&self, (number, serial): (u32, u64)) -> bool {
        self.serial(number).is_ok_and(|found| found == serial)
    }

    /// The connection of that number.
    pub fn connection(&mut self, number: u32) -> Result<&mut Connection, Misuse> {
        match self.peers.get_mut(number as usize) {
            Some(peer) => Ok(&mut peer.connection),
            None => Err(NO_CONNECTION),
        }
    }

    /// The connection of that number, the table, and what transforms messages.
    pub fn receiving(
        &mut self,
        number: u32,
    ) -> Result<(&mut Connection, &mut [u32], &mut Pools), Misuse> {
        match self.peers.get_mut(number as usize) {
            Some(peer) => Ok((&mut peer.connection, self.table.words(), &mut self.pools)),
            None => Err(NO_CONNECTION),
        }
    }

    /// Where messages are packed, the connection of that number, and what packs.
    pub fn packing(
        &mut self,
        number: u32,
    ) -> Result<(&mut Desk, &mut Connection, &mut Pools), Misuse> {
        match self.peers.get_mut(number as usize) {
            Some(peer) => Ok((&mut self.desk, &mut peer.connection, &mut self.pools)),
            None => Err(NO_CONNECTION),
        }
    }

    /// The connection of that number, with its channel if it has one.
    #[cfg(reactor)]
    pub fn peer(&mut self, number: u32) -> Result<&mut Peer, Misuse> {
        let peer = self.peers.get_mut(number as usize);
        peer.map(Box::as_mut).ok_or(NO_CONNECTION)
    }

    /// What a turn of the reactor works with.
    #[cfg(reactor)]
    pub fn reading(&mut self) -> Result<Reading<'_>, Misuse> {
        match &self.reactor {
            Some(reactor) => Ok(Reading {
                reactor,
                peers: &mut self.peers,
                table: self.table.words(),
                pools: &mut self.pools,
            }),
            None => Err(Misuse("there is no reactor")),
        }
    }

    /// Lets go of all sockets.
    #[cfg(reactor)]
    pub fn close_channels(&mut self) {
        for (_, peer) in &mut self.peers {
            peer.channel = None;
        }
    }

    /// The frame that the words before the events ask for, and the place in the slab that is for
    /// it.
    #[inline]
    pub fn frame_request(&mut self) -> Result<(FrameRequest, Range<usize>), Misuse> {
        let [number, role, kind, at, limit] = self.table.frame_request();
        let role = role_of(role)?;
        Ok((
            FrameRequest { number, role, kind },
            at as usize..limit as usize,
        ))
    }

    /// A fresh masking key for all but servers' frames.
    #[inline]
    pub fn mask(&mut self, role: Option<Role>) -> Result<Option<[u8; 4]>, Misuse> {
        // RFC 6455 §5.1: "A server MUST NOT mask any frames"; a client must mask all. A socket
        // without a role sends as a client does.
        match role {
            Some(Role::Server) => Ok(None),
            _ => match self.mask_keys.draw() {
                Ok(key) => Ok(Some(key)),
                Err(_) => Err(Misuse("the system's random source failed")),
            },
        }
    }
}

const NO_CONNECTION: Misuse = Misuse("no such connection");

/// One connection, and the way to its socket where that is not Node's.
pub struct Peer {
    connection: Connection,
    /// Which of all connections it is.
    serial: u64,
    /// The socket, where the reactor reads and writes it.
    #[cfg(reactor)]
    pub channel: Option<Channel>,
}

impl Peer {
    fn new(connection: Connection, serial: u64) -> Self {
        Self {
            connection,
            serial,
            #[cfg(reactor)]
            channel: None,
        }
    }

    /// The connection and its channel, if it has one.
    #[cfg(reactor)]
    pub fn both(&mut self) -> Option<(&mut Connection, &Channel)> {
        Some((&mut self.connection, self.channel.as_ref()?))
    }
}

/// What a turn of the reactor works with.
#[cfg(reactor)]
pub struct Reading<'a> {
    pub reactor: &'a Reactor,
    pub peers: &'a mut Slab<Box<Peer>>,
    pub table: &'a mut [u32],
    pub pools: &'a mut Pools,
}

/// The Uint32Array that this environment's functions tell events in, and are told what to send.
pub struct Table {
    start: *mut u32,
    len: usize,
}

impl Table {
    /// Holds on to `value` for as long as the environment lives.
    pub fn hold(env: sys::napi_env, value: sys::napi_value) -> NapiResult<Self> {
        let (mut kind, mut len, mut start) = (0, 0, std::ptr::null_mut());
        let mut reference = std::ptr::null_mut();
        // SAFETY: `value` is an argument of the running call; the results outlive the call.
        check_status!(unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut len,
                &mut start,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        })?;
        if kind != sys::TypedarrayType::uint32_array || len < 64 {
            return Err(napi::Error::new(
                Status::InvalidArg,
                "the table is a Uint32Array of at least 64 words",
            ));
        }
        // SAFETY: `value` is an argument of the running call, and the result outlives the call. The
        // reference is never deleted, so the memory is there as long as the environment.
        check_status!(unsafe { sys::napi_create_reference(env, value, 1, &mut reference) })?;
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// The words that ask for a frame; see `receive.rs`.
    #[inline]
    fn frame_request(&mut self) -> [u32; 5] {
        let words = self.words();
        [words[7], words[8], words[9], words[10], words[11]]
    }

    fn words(&mut self) -> &mut [u32] {
        // SAFETY: `start` and `len` are those of a Uint32Array that is referenced for good and that
        // `lib/codec.js` neither transfers nor shows to anybody; no JavaScript runs while the
        // slice is alive, and `&mut self` makes it the only one.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}
