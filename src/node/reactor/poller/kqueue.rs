//! macOS: kqueue, level-triggered. On Linux, tests link a stand-in for it (docs/testing.md).

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::{Errno, FdFlags, fcntl_setfd};

use self::c::Event;
use super::MOST;

/// A set of watched sockets. A socket that is closed leaves it by itself.
pub struct Poller(OwnedFd);

impl Poller {
    /// An empty set.
    pub fn new() -> Result<Self, Errno> {
        // SAFETY: it takes nothing.
        let descriptor = check(unsafe { c::kqueue() })?;
        // SAFETY: it is open, and nobody else's.
        let queue = unsafe { OwnedFd::from_raw_fd(descriptor) };
        fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
        Ok(Self(queue))
    }

    /// What becomes readable as soon as one of the sockets is.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Watches a socket, which goes by `number`.
    pub fn add(&self, socket: BorrowedFd, number: u32) -> Result<(), Errno> {
        self.change(Event::new(socket, c::EV_ADD, number))
    }

    /// Tells of what can be read of a socket, or only, and once, that it has failed or that its
    /// peer has ended its half.
    pub fn set(&self, socket: BorrowedFd, number: u32, is_read: bool) {
        // One that is in the set keeps the flags that it has come with.
        self.delete(socket);
        let event = match is_read {
            true => Event::new(socket, c::EV_ADD, number),
            // Of data, it tells at most that no more of it fits into the socket's buffer.
            false => Event {
                fflags: c::NOTE_LOWAT,
                data: i32::MAX as isize,
                ..Event::new(socket, c::EV_ADD | c::EV_CLEAR, number)
            },
        };
        // It takes no more memory than was given up: this does not fail.
        let _ = self.change(event);
    }

    /// Watches it no more.
    pub fn delete(&self, socket: BorrowedFd) {
        // It may have left by itself.
        let _ = self.change(Event::new(socket, c::EV_DELETE, 0));
    }

    /// Tells `on_ready` the number of each socket that is ready, whether it has failed, and whether
    /// its peer has ended its half. It does not wait for one.
    pub fn look(&self, mut on_ready: impl FnMut(u32, bool, bool)) {
        let mut events = [const { MaybeUninit::uninit() }; MOST];
        let Ok(count) = self.call(&[], &mut events) else {
            return;
        };
        for event in events.iter().take(count) {
            // SAFETY: the first `count` were written.
            let event = unsafe { event.assume_init_ref() };
            let has_ended = event.flags & c::EV_EOF != 0;
            // With an end comes the socket's error, or 0.
            on_ready(
                event.udata as u32,
                has_ended && event.fflags != 0,
                has_ended,
            );
        }
    }

    fn change(&self, event: Event) -> Result<(), Errno> {
        self.call(&[event], &mut []).map(drop)
    }

    /// Makes `changes`, and writes down what is ready → how many events were written.
    fn call(&self, changes: &[Event], events: &mut [MaybeUninit<Event>]) -> Result<usize, Errno> {
        const NOW: c::Timespec = c::Timespec {
            seconds: 0,
            nanoseconds: 0,
        };
        // SAFETY: the queue is open; of both slices no more is read or written than they hold,
        // which is at most `MOST`; a number of no socket is an error, and harmless.
        let count = check(unsafe {
            c::kevent(
                self.descriptor(),
                changes.as_ptr(),
                changes.len() as c_int,
                events.as_mut_ptr().cast(),
                events.len() as c_int,
                ptr::from_ref(&NOW),
            )
        })?;
        Ok(count as usize)
    }
}

fn check(result: c_int) -> Result<c_int, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let error = io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

/// sys/event.h, as it is for processes of 64 bits.
mod c {
    use std::ffi::{c_int, c_long};
    use std::os::fd::{AsRawFd, BorrowedFd};

    const EVFILT_READ: i16 = -1;
    pub const EV_ADD: u16 = 0x1;
    pub const EV_DELETE: u16 = 0x2;
    /// Once it is told, it is not until there is something new.
    pub const EV_CLEAR: u16 = 0x20;
    pub const EV_EOF: u16 = 0x8000;
    /// `data` is how many bytes there have to be; more than the socket's buffer holds are as many.
    pub const NOTE_LOWAT: u32 = 0x1;

    /// `struct kevent`.
    #[repr(C)]
    pub struct Event {
        pub ident: usize,
        pub filter: i16,
        pub flags: u16,
        pub fflags: u32,
        pub data: isize,
        pub udata: usize,
    }

    impl Event {
        pub fn new(socket: BorrowedFd, flags: u16, number: u32) -> Self {
            Self {
                ident: socket.as_raw_fd() as usize,
                filter: EVFILT_READ,
                flags,
                fflags: 0,
                data: 0,
                udata: number as usize,
            }
        }
    }

    /// `struct timespec`.
    #[repr(C)]
    pub struct Timespec {
        pub seconds: c_long,
        pub nanoseconds: c_long,
    }

    unsafe extern "C" {
        pub fn kqueue() -> c_int;
        pub fn kevent(
            queue: c_int,
            changes: *const Event,
            change_count: c_int,
            events: *mut Event,
            event_count: c_int,
            timeout: *const Timespec,
        ) -> c_int;
    }
}
