//! Which sockets have something to read, as the kernel tells it: one `Poller` over epoll, one over
//! kqueue.

#[cfg(not(kqueue))]
mod epoll;
#[cfg(kqueue)]
mod kqueue;

#[cfg(not(kqueue))]
pub use epoll::Poller;
#[cfg(kqueue)]
pub use kqueue::Poller;

/// Sockets that one look can tell of.
const MOST: usize = 256;
