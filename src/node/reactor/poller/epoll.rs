//! Linux: epoll, level-triggered.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::MOST;

/// A set of watched sockets. A socket that is closed leaves it by itself.
pub struct Poller(OwnedFd);

impl Poller {
    /// An empty set.
    pub fn new() -> Result<Self, Errno> {
        epoll::create(CreateFlags::CLOEXEC).map(Self)
    }

    /// What becomes readable as soon as one of the sockets is.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Watches a socket, which goes by `number`.
    pub fn add(&self, socket: BorrowedFd, number: u32) -> Result<(), Errno> {
        let data = EventData::new_u64(number.into());
        epoll::add(&self.0, socket, data, EventFlags::IN)
    }

    /// Tells of what can be read of a socket, or only, and once, that it has failed or that its
    /// peer has ended its half.
    pub fn set(&self, socket: BorrowedFd, number: u32, is_read: bool) {
        let data = EventData::new_u64(number.into());
        let flags = match is_read {
            true => EventFlags::IN,
            // Level-triggered, both would be told over and over to somebody who does not read.
            false => EventFlags::RDHUP | EventFlags::ET,
        };
        // It is in the set, and no memory is needed: this does not fail.
        let _ = epoll::modify(&self.0, socket, data, flags);
    }

    /// Watches it no more.
    pub fn delete(&self, socket: BorrowedFd) {
        // It may have left by itself.
        let _ = epoll::delete(&self.0, socket);
    }

    /// Tells `on_ready` the number of each socket that is ready, whether it has failed, and whether
    /// its peer has ended where it is not read. It does not wait for one.
    pub fn look(&self, mut on_ready: impl FnMut(u32, bool, bool)) {
        const NOW: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut events = [MaybeUninit::<Event>::uninit(); MOST];
        let Ok((ready, _)) = epoll::wait(&self.0, &mut events, Some(&NOW)) else {
            return;
        };
        for event in ready.iter() {
            // Copied: the kernel's structure is a packed one.
            let (data, flags) = (event.data, event.flags);
            on_ready(
                data.u64() as u32,
                flags.contains(EventFlags::ERR),
                flags.contains(EventFlags::RDHUP),
            );
        }
    }
}
