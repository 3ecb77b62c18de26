//! One socket's bytes, by a descriptor of our own beside the one that Node's handle has.

use std::cell::Cell;
use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg, send, sendmsg,
};

use super::ready::Ready;
use super::uv::{Handles, Loop, Poll};
use crate::protocol::Role;

/// A socket that the reactor reads and writes. libuv allows one watcher a descriptor, and Node's
/// handle is the one for its own; so this is a duplicate, closed when the channel is dropped.
pub struct Channel {
    /// Before the descriptor, so that it is dropped while that is open.
    poll: Poll<Watch>,
    socket: OwnedFd,
    /// Our side of the connection.
    pub role: Role,
}

/// What libuv tells of a socket.
struct Watch {
    number: u32,
    ready: Rc<Ready>,
    /// Whether `number` is in the list.
    is_listed: Cell<bool>,
    has_failed: Cell<bool>,
    /// Whether it is to be read: a pause may come while it is in the list.
    is_wanted: Cell<bool>,
}

impl Watch {
    fn on_event(&self, status: c_int) {
        if status < 0 {
            self.has_failed.set(true);
        }
        if !self.is_listed.replace(true) {
            self.ready.push(self.number);
        }
    }
}

impl Channel {
    /// A channel to the socket of `descriptor`, watched from now on.
    pub fn open(
        uv_loop: *mut Loop,
        handles: &Rc<Handles>,
        ready: &Rc<Ready>,
        number: u32,
        descriptor: RawFd,
        role: Role,
    ) -> Option<Self> {
        if descriptor < 0 {
            return None;
        }
        // SAFETY: the descriptor is that of Node's own handle, which is open during this call.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let socket = fcntl_dupfd_cloexec(borrowed, 0).ok()?;
        let watch = Watch {
            number,
            ready: Rc::clone(ready),
            is_listed: Cell::new(false),
            has_failed: Cell::new(false),
            is_wanted: Cell::new(true),
        };
        let poll = Poll::new(uv_loop, handles, socket.as_raw_fd(), watch, Watch::on_event)?;
        poll.start().then_some(Self { poll, socket, role })
    }

    /// Starts to watch, or stops.
    pub fn watch(&self, is_wanted: bool) {
        self.poll.value().is_wanted.set(is_wanted);
        match is_wanted {
            true => {
                self.poll.start();
            }
            false => self.poll.stop(),
        }
    }

    /// Whether the loop stays alive for this socket while it is watched.
    pub fn keep_alive(&self, is_wanted: bool) {
        self.poll.keep_alive(is_wanted);
    }

    /// Takes note that the socket was taken from the list of ready ones → what is to be done.
    pub fn take_turn(&self) -> Turn {
        let watch = self.poll.value();
        watch.is_listed.set(false);
        match (watch.has_failed.get(), watch.is_wanted.get()) {
            (true, _) => Turn::GiveBack,
            (false, true) => Turn::Read,
            (false, false) => Turn::Skip,
        }
    }

    /// Reads what there is, at most as much as fits. 0 bytes are the peer's end.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
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
            match recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                result => return result.map(|message| message.bytes),
            }
        }
    }

    /// Writes as much as the kernel takes at once. Where that is nothing, or the socket has failed,
    /// 0: Node's own way of writing waits, or tells the error.
    pub fn send(&self, bytes: &[u8]) -> usize {
        loop {
            match send(&self.socket, bytes, SEND_FLAGS) {
                Err(Errno::INTR) => {}
                result => return result.unwrap_or(0),
            }
        }
    }

    /// Writes `first`, then `second`, as [`Channel::send`] does.
    pub fn send_two(&self, first: &[u8], second: &[u8]) -> usize {
        let parts = [IoSlice::new(first), IoSlice::new(second)];
        loop {
            let mut control = SendAncillaryBuffer::default();
            match sendmsg(&self.socket, &parts, &mut control, SEND_FLAGS) {
                Err(Errno::INTR) => {}
                result => return result.unwrap_or(0),
            }
        }
    }
}

/// What a ready socket wants.
pub enum Turn {
    /// To be read.
    Read,
    /// Nothing: it was paused meanwhile.
    Skip,
    /// To be Node's again: it has failed, and Node finds out how.
    GiveBack,
}

// A peer that is gone must not raise SIGPIPE. Apple's systems have a socket option for that, which
// libuv sets.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;
