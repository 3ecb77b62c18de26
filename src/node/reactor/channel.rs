//! One socket's bytes, by the descriptor of Node's own handle.

use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg, send, sendmsg,
};

use super::Watch;
use crate::protocol::Role;

/// A socket that the reactor reads and writes. It is Node's: the channel has to be dropped before
/// Node's handle closes the descriptor, which may be another socket's right after that.
pub struct Channel {
    watch: Rc<Watch>,
    /// INVARIANT: open; `lib/` drops the channel before it closes it.
    descriptor: RawFd,
    number: u32,
    /// Our side of the connection.
    pub role: Role,
    /// Whether what arrives is read.
    is_read: Cell<bool>,
    /// Whether the peer has ended its half: nothing is to be waited for behind what has arrived.
    is_ended: Cell<bool>,
    /// The last round in which it has had its turn.
    round: Cell<u64>,
    /// Whether the loop is to stay alive for it.
    is_ref: Cell<bool>,
    /// Whether the loop does.
    is_counted: Cell<bool>,
}

impl Channel {
    /// A channel to the socket `descriptor`, which is read from now on.
    ///
    /// # Safety
    ///
    /// The descriptor is open until the channel is dropped.
    pub unsafe fn open(
        watch: &Rc<Watch>,
        number: u32,
        descriptor: RawFd,
        role: Role,
    ) -> Option<Self> {
        // SAFETY: it is open, by this function's contract.
        let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
        // Without a flag for it, the socket itself has to be told; libuv does so for those it
        // opens.
        #[cfg(target_os = "macos")]
        rustix::net::sockopt::set_socket_nosigpipe(socket, true).ok()?;
        watch.poller.add(socket, number).ok()?;
        Some(Self {
            watch: Rc::clone(watch),
            descriptor,
            number,
            role,
            is_read: Cell::new(true),
            is_ended: Cell::new(false),
            round: Cell::new(0),
            is_ref: Cell::new(false),
            is_counted: Cell::new(false),
        })
    }

    /// Reads what arrives, or leaves it where it is. Either way it is told that the socket has
    /// failed.
    pub fn watch(&self, is_wanted: bool) {
        if is_wanted != self.is_read.replace(is_wanted) {
            self.watch.poller.set(self.socket(), self.number, is_wanted);
            self.count();
        }
    }

    /// Notes that the peer has ended its half. While reading is paused, such a socket no longer
    /// keeps the loop alive.
    pub fn end(&self) {
        self.is_ended.set(true);
        self.count();
    }

    /// Whether the peer has ended its half, and all before that has been read.
    pub fn is_at_end(&self) -> bool {
        let flags = RecvFlags::DONTWAIT.union(RecvFlags::PEEK);
        self.is_ended.get() && matches!(recv(self.socket(), &mut [0u8; 1], flags), Ok((_, 0)))
    }

    /// Takes the socket's one turn of this round; false if it was taken. A socket may be listed
    /// twice (left over, reported again); `lib/` must see its first bytes before more are read.
    pub fn take_turn(&self, round: u64) -> bool {
        self.round.replace(round) != round
    }

    /// Whether it is to be left for the next turn, `received` bytes having come into room for
    /// `room`: where it was full, and where there is an end behind them. Nothing depends on the
    /// kernel's telling of it again.
    pub fn leaves(&self, received: usize, room: usize) -> bool {
        received == room || self.is_ended.get()
    }

    /// Whether it is read: a pause may come while the socket waits for its turn.
    pub fn is_read(&self) -> bool {
        self.is_read.get()
    }

    /// Whether the loop stays alive for this socket, until its peer's end.
    pub fn keep_alive(&self, is_wanted: bool) {
        self.is_ref.set(is_wanted);
        self.count();
    }

    fn count(&self) {
        let is_awaited = self.is_read.get() || !self.is_ended.get();
        let is_wanted = self.is_ref.get() && is_awaited;
        if is_wanted != self.is_counted.replace(is_wanted) {
            self.watch.count(is_wanted);
        }
    }

    fn socket(&self) -> BorrowedFd<'_> {
        // SAFETY: by the invariant of the field.
        unsafe { BorrowedFd::borrow_raw(self.descriptor) }
    }

    /// Reads what there is, at most as much as fits. 0 bytes are the peer's end.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match recv(self.socket(), &mut *buffer, RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                result => return result.map(|(_, count)| count),
            }
        }
    }

    /// Reads into `first`, and what does not fit there into `second`.
    pub fn receive_two(&self, first: &mut [u8], second: &mut [u8]) -> Result<usize, Errno> {
        loop {
            let mut parts = [IoSliceMut::new(first), IoSliceMut::new(second)];
            let mut control = RecvAncillaryBuffer::default();
            match recvmsg(self.socket(), &mut parts, &mut control, RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                result => return result.map(|message| message.bytes),
            }
        }
    }

    /// Writes as much as the kernel takes at once; 0 where it has no room. An error is told this
    /// once: the kernel keeps none that it has told.
    pub fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        loop {
            match send(self.socket(), bytes, SEND_FLAGS) {
                Err(Errno::INTR) => {}
                result => return result.or_else(refusal),
            }
        }
    }

    /// Writes `first`, then `second`, as [`Channel::send`] does.
    pub fn send_two(&self, first: &[u8], second: &[u8]) -> Result<usize, Errno> {
        let parts = [IoSlice::new(first), IoSlice::new(second)];
        loop {
            let mut control = SendAncillaryBuffer::default();
            match sendmsg(self.socket(), &parts, &mut control, SEND_FLAGS) {
                Err(Errno::INTR) => {}
                result => return result.or_else(refusal),
            }
        }
    }
}

/// What it means that the kernel has taken nothing.
fn refusal(errno: Errno) -> Result<usize, Errno> {
    match errno {
        Errno::AGAIN | Errno::NOBUFS => Ok(0),
        // macOS, of a peer that is closing just now: libuv makes the same of it.
        Errno::PROTOTYPE => Err(Errno::CONNRESET),
        errno => Err(errno),
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.watch.poller.delete(self.socket());
        self.keep_alive(false);
    }
}

// A peer that is gone must not raise SIGPIPE.
#[cfg(not(target_os = "macos"))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
// See `Channel::open`. Sending may wait in spite of DONTWAIT there, but Node's sockets never do.
#[cfg(target_os = "macos")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;
