//! The reactor: plain TCP and unix sockets read and written beside Node's streams.
//!
//! Node's socket stays the owner. Its handle stops reading, and a [`Channel`] reads in its place: a
//! [`Poller`] of our own tells which sockets are readable, libuv watches that, and once a turn of
//! the loop JavaScript is called, which takes all that is ready with one call of [`turn()`], or a
//! few. A socket that has ended, or failed, goes back to Node, which tells the program what it
//! would have told it anyway.

mod broadcast;
mod channel;
mod poller;
mod ready;
mod turn;
mod uv;

use std::cell::Cell;
use std::ffi::c_void;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use napi::sys;
use rustix::io::Errno;

pub use broadcast::broadcast;
pub use channel::Channel;
pub use turn::{begin, read, turn};

use self::poller::Poller;
use self::ready::Ready;
use self::uv::{Cleanup, Poll};
use super::call::{Bytes, Call, Misuse};
use super::environment::{Environment, Reading};
use super::send::FrameRequest;

/// What reads the sockets of one environment.
pub struct Reactor {
    watch: Rc<Watch>,
    /// Where sockets are read into: memory of JavaScript's, which `lib/` reads as well.
    buffer: Bytes,
}

/// The sockets that are watched.
pub struct Watch {
    /// Before the set that it watches, so that it is dropped while that is open.
    poll: Poll<Caller>,
    poller: Rc<Poller>,
    cleanup: Rc<Cleanup>,
    /// How many of them keep the loop alive.
    refs: Cell<usize>,
}

impl Watch {
    /// Counts a socket that keeps the loop alive, or one that does not any more.
    fn count(&self, is_more: bool) {
        let refs = self.refs.get();
        let now = if is_more {
            refs + 1
        } else {
            refs.saturating_sub(1)
        };
        self.refs.set(now);
        if (refs == 0) != (now == 0) {
            self.poll.keep_alive(now > 0);
        }
    }
}

impl Reactor {
    fn ready(&self) -> &Ready {
        &self.watch.poll.value().ready
    }

    /// Begins a turn of the loop → whether there is anything to do.
    fn begin_turn(&self) -> bool {
        self.ready().begin_turn(&self.watch.poller)
    }
}

/// `start` cannot be done now; later it may be.
const NOT_NOW: i64 = 0;
/// `start` cannot be done here, and is not to be tried again.
const NEVER: i64 = -1;

/// `start(buffer, callback)`: sets up the reactor, which reads into `buffer`, theirs from now on,
/// and calls `callback` where there is something to read → 1, or why there is none.
pub fn start(environment: &mut Environment, call: &Call<2>) -> Result<i64, Misuse> {
    let env = call.env();
    let mut uv_loop = ptr::null_mut();
    // SAFETY: `env` is the running call's, and the result outlives the call.
    let status = unsafe { sys::napi_get_uv_event_loop(env, &mut uv_loop) };
    if status != sys::Status::napi_ok || environment.reactor.is_some() {
        return Ok(NEVER);
    }
    let Ok(poller) = Poller::new().map(Rc::new) else {
        // There may be no descriptor to spare.
        return Ok(NOT_NOW);
    };
    let buffer = call.hold_bytes(0)?;
    let cleanup = Rc::new(Cleanup::default());
    let caller = Caller::new(call, 1, Rc::clone(&poller))?;
    let descriptor = poller.descriptor();
    let Some(poll) = Poll::start(uv_loop, descriptor, caller, Caller::on_readable, &cleanup) else {
        // What is held by now stays so until the environment ends.
        return Ok(NEVER);
    };
    environment.reactor = Some(Reactor {
        watch: Rc::new(Watch {
            poll,
            poller,
            cleanup,
            refs: Cell::new(0),
        }),
        buffer,
    });
    // The pointer of the box itself: one made from this call's reference would be dead after it.
    let environment = environment.pointer().get().cast();
    // SAFETY: `env` is the running call's. The hook runs once, before the environment is dropped:
    // hooks run in the reverse order of their registration, and that of `bind` came first.
    unsafe { sys::napi_add_async_cleanup_hook(env, Some(end), environment, ptr::null_mut()) };
    Ok(1)
}

/// `adopt(connection, role, descriptor)`.
pub fn adopt(environment: &mut Environment, call: &Call<3>) -> Result<i64, Misuse> {
    let number = call.number(0)?;
    let Some(role) = call.role(1)? else {
        return Ok(0);
    };
    let descriptor = RawFd::try_from(call.number(2)?).map_err(|_| Misuse("no such descriptor"))?;
    let Reading { reactor, .. } = environment.reading()?;
    // SAFETY: Node's handle keeps it open, and `lib/reactor.js` has the channel dropped in the
    // `close` and `reset` of that handle, before either closes it.
    let channel = unsafe { Channel::open(&reactor.watch, number, descriptor, role) };
    let is_open = channel.is_some();
    environment.peer(number)?.channel = channel;
    Ok(i64::from(u8::from(is_open)))
}

/// `write(connection, buffer, start, end)`.
pub fn write(environment: &mut Environment, call: &Call<4>) -> Result<i64, Misuse> {
    let Some((_, channel)) = environment.peer(call.number(0)?)?.both() else {
        return Ok(0);
    };
    let (start, end) = (call.number(2)? as usize, call.number(3)? as usize);
    let bytes = call
        .bytes(1)?
        .from(start)?
        .until(end.saturating_sub(start))?;
    // SAFETY: the argument keeps its memory during the call, and the kernel has copied what it
    // takes when `send` returns. These are frames of `lib/`'s making, or a payload that was found
    // unshared as its header was made: no other thread has them, no JavaScript runs meanwhile, and
    // no slice that is written to exists.
    Ok(written(channel.send(unsafe { bytes.as_slice() })))
}

/// `writeLent()`.
pub fn write_lent(environment: &mut Environment) -> Result<i64, Misuse> {
    let (FrameRequest { number, .. }, place) = environment.frame_request()?;
    let bytes = environment.outbound.part(place)?;
    let Some((_, channel)) = environment.peer(number)?.both() else {
        return Ok(0);
    };
    // SAFETY: by the invariant of `Outbound` the slab is there during the call, and the kernel has
    // copied what it takes when `send` returns. No other thread has it, no JavaScript runs
    // meanwhile, and no slice that is written to exists.
    Ok(written(channel.send(unsafe { bytes.as_slice() })))
}

/// `writeBoth(connection, first, second)`.
pub fn write_both(environment: &mut Environment, call: &Call<3>) -> Result<i64, Misuse> {
    let Some((_, channel)) = environment.peer(call.number(0)?)?.both() else {
        return Ok(0);
    };
    // SAFETY: the arguments keep their memory during the call, and the kernel has copied what it
    // takes when `send_two` returns. What they hold is what `write` gets: no other thread has it,
    // no JavaScript runs meanwhile, and no slice that is written to exists.
    let (first, second) = unsafe { (call.bytes(1)?.as_slice(), call.bytes(2)?.as_slice()) };
    Ok(written(channel.send_two(first, second)))
}

/// How many bytes the kernel has taken, or below 0 the error, as libuv numbers them.
fn written(result: Result<usize, Errno>) -> i64 {
    match result {
        Ok(count) => count as i64,
        Err(errno) => i64::from(error_of(errno)),
    }
}

fn error_of(errno: Errno) -> i32 {
    -errno.raw_os_error()
}

/// Closes the handle, as the environment ends: its loop must have none left.
unsafe extern "C" fn end(hook: sys::napi_async_cleanup_hook_handle, environment: *mut c_void) {
    // SAFETY: the pointer is that of `bind`'s box, which is dropped by a hook that comes after this
    // one, see `start`. Hooks run on the environment's thread while no call of JavaScript's is
    // under way, so no other reference to it is alive.
    let environment = unsafe { &mut *environment.cast::<Environment>() };
    if let Some(reactor) = environment.reactor.take() {
        reactor.watch.cleanup.wait(hook);
    }
    // With the last channel, and the reactor, the handle is dropped.
    environment.close_channels();
}

/// The way into JavaScript.
struct Caller {
    env: sys::napi_env,
    context: sys::napi_async_context,
    callback: sys::napi_ref,
    poller: Rc<Poller>,
    ready: Ready,
}

impl Caller {
    /// Calls the function that is the argument at `index`.
    fn new(call: &Call<2>, index: usize, poller: Rc<Poller>) -> Result<Self, Misuse> {
        let env = call.env();
        let callback = call.hold(index)?;
        let (mut name, mut context) = (ptr::null_mut(), ptr::null_mut());
        let text = c"WS13";
        // SAFETY: `env` is the running call's, whose scope the name lives in; the text is static,
        // and all results outlive the calls that write them.
        let status = unsafe {
            sys::napi_create_string_utf8(
                env,
                text.as_ptr(),
                text.count_bytes() as isize,
                &mut name,
            );
            sys::napi_async_init(env, ptr::null_mut(), name, &mut context)
        };
        if status != sys::Status::napi_ok {
            return Err(Misuse("there is no async context"));
        }
        Ok(Self {
            env,
            context,
            callback,
            poller,
            ready: Ready::default(),
        })
    }

    fn on_readable(&self) {
        if self.ready.begin_turn(&self.poller) {
            // Nothing here panics; but no panic may cross into libuv.
            let _ = catch_unwind(AssertUnwindSafe(|| self.call()));
        }
    }

    /// One call into JavaScript, as Node makes them: async hooks, ticks and microtasks are run.
    fn call(&self) {
        let Self { env, context, .. } = *self;
        let (mut scope, mut function, mut global) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: libuv calls this on the loop's thread, which is the environment's, and `end`
        // drops the handle before `env` goes: so `env`, the context and the reference, which are
        // never deleted, are valid. The scope holds all values, and is closed at the end. No
        // reference to the `Environment` is alive meanwhile: the calls that JavaScript makes here
        // have their own.
        unsafe {
            if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
                return;
            }
            sys::napi_get_reference_value(env, self.callback, &mut function);
            sys::napi_get_global(env, &mut global);
            let status = sys::napi_make_callback(
                env,
                context,
                global,
                function,
                0,
                ptr::null(),
                ptr::null_mut(),
            );
            if status == sys::Status::napi_pending_exception {
                let mut error = ptr::null_mut();
                sys::napi_get_and_clear_last_exception(env, &mut error);
                sys::napi_fatal_exception(env, error);
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }
}
