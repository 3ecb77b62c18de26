//! The raw N-API callbacks: what every chunk and every send goes through, and all else that works
//! on an environment's connections. Arguments are numbers, strings and Uint8Arrays, and a function
//! where something is done later; all results are numbers.

use std::ffi::CStr;

use napi::bindgen_prelude::*;
use napi::{check_status, sys};
use napi_derive::napi;

use super::background::{start_packing, start_sharing, start_unpacking};
use super::call::{Misuse, run};
use super::environment::{Environment, Table};
use super::extension::open_connection;
use super::pack::{admit_shared, take_packed, write_shared};
#[cfg(reactor)]
use super::reactor;
use super::receive::receive_chunk;
use super::samples::{sample, survivors};
use super::send::{
    admit_prepared, lend_slab, put_frame, write_answer, write_close, write_frame, write_prepared,
};
use super::totals::{write_totals, write_volumes};
use crate::protocol::{ProtocolError, State};

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// The hot functions, over a state of their own that lives as long as this environment. `table` is
/// theirs from now on: it is neither transferred nor shown to anybody.
#[napi(ts_return_type = "Record<string, (...args: any[]) => number>")]
pub fn bind<'env>(env: &'env Env, table: Unknown<'env>) -> Result<Object<'env>> {
    let table = Table::hold(env.raw(), table.raw())?;
    let state = Box::into_raw(Box::new(Environment::new(table)));
    // SAFETY: just made, and nobody else's yet.
    unsafe { &*state }.pointer().set(state);
    // SAFETY: the hook runs once, as this environment ends and no JavaScript runs in it any more;
    // nothing uses `state` after it.
    check_status!(unsafe {
        sys::napi_add_env_cleanup_hook(env.raw(), Some(drop_state), state.cast())
    })?;
    let object = Object::new(env)?;
    for &(name, callback) in CONNECTIONS.iter().chain(SOCKETS) {
        let mut function = std::ptr::null_mut();
        // SAFETY: the name is NUL-terminated and static; `state` outlives every call, see above.
        check_status!(unsafe {
            sys::napi_create_function(
                env.raw(),
                name.as_ptr(),
                name.count_bytes() as isize,
                Some(callback),
                state.cast(),
                &mut function,
            )
        })?;
        // SAFETY: `function` was created in this environment just now.
        check_status!(unsafe {
            sys::napi_set_named_property(env.raw(), object.raw(), name.as_ptr(), function)
        })?;
    }
    Ok(object)
}

unsafe extern "C" fn drop_state(state: *mut std::ffi::c_void) {
    // SAFETY: `state` is the box of `bind`, given to this hook alone.
    let environment = unsafe { Box::from_raw(state.cast::<Environment>()) };
    environment.pointer().set(std::ptr::null_mut());
}

/// Defines raw callbacks over [`run`], and a list of them by their names in JavaScript.
macro_rules! callbacks {
    ($list:ident: $($(#[$doc:meta])* fn $name:ident($count:literal) as $js:literal = $body:expr;)*) => {
        const $list: &[(&CStr, Callback)] = &[$(($js, $name)),*];

        $(
            $(#[$doc])*
            unsafe extern "C" fn $name(
                env: sys::napi_env,
                info: sys::napi_callback_info,
            ) -> sys::napi_value {
                // SAFETY: the data pointer of every function of `bind` is its environment's state.
                unsafe { run::<$count>(env, info, $body) }
            }
        )*
    };
}

callbacks! {
    CONNECTIONS:

    /// `open(maxPayload, maxFragments, parts, agreement, tuning, threshold)` → the number of a new
    /// connection. With `parts` 1 its messages are told in parts, as they arrive. The last three
    /// are those of permessage-deflate; without it `agreement` is 0.
    fn open(6) as c"open" = open_connection;

    /// `release(connection)`: frees it; its number may be given out again.
    fn release(1) as c"release" = |environment, call| {
        environment.release(call.number(0)?);
        Ok(0)
    };

    /// `receive(connection, role, chunk, at, slab, used, assembly)`: reads on from `chunk[at]`,
    /// which is not changed, and fills the table → the number of events in it.
    fn receive(7) as c"receive" = receive_chunk;

    /// `lend(slab)`: has frames put into that Uint8Array, which is held until another one is lent.
    fn lend(1) as c"lend" = lend_slab;

    /// `put(payload)`: does what `frame` does, into the slab that was lent. Words of the table say
    /// the rest, since to read them costs less than to read an argument: from 7 on connection,
    /// role, kind, and from where to where the slab is for the frame. What is packed, and does not
    /// fit there, waits for `packed`.
    fn put(1) as c"put" = put_frame;

    /// `frame(connection, role, kind, payload, out, at)`: writes a frame at `out[at]` → where it
    /// ends, or why it was refused. `payload` is a Uint8Array, or the string that the kind says it
    /// is.
    fn frame(6) as c"frame" = write_frame;

    /// `prepare(kind, payload, out)`: writes a server's frame for many connections → where it ends,
    /// or why it was refused.
    fn prepare(3) as c"prepare" = write_prepared;

    /// `prepared(connection, role, kind, length)`: accepts a frame of `prepare` → 1; 0 where it has
    /// to be encoded anew, as for all but servers; more than 2 where it is to be packed, which is 2
    /// and the number of a parameter set for `share`; or why it was refused.
    fn prepared(4) as c"prepared" = admit_prepared;

    /// `close(connection, role, code, reason, out, at)`: writes our close frame at `out[at]` →
    /// where it ends, or that one has been sent before. Code 0 stands for none.
    fn close(6) as c"close" = write_close;

    /// `answer(connection, role, out, at)`: writes the close frame that the peer's doings call for
    /// at `out[at]` → where it ends, or that one has been sent before.
    fn answer(4) as c"answer" = write_answer;

    /// `fail(connection, fault)`: fails the connection for the fault of that number.
    fn fail(2) as c"fail" = |environment, call| {
        let fault = ProtocolError::ALL
            .get(call.number(1)? as usize)
            .ok_or(Misuse("no such fault"))?;
        environment.connection(call.number(0)?)?.fail(*fault);
        Ok(0)
    };

    /// `state(connection)` → 1 open, 2 closing, 3 closed.
    fn state(1) as c"state" = |environment, call| {
        Ok(match environment.connection(call.number(0)?)?.state() {
            State::Open => 1,
            State::Closing => 2,
            State::Closed => 3,
        })
    };

    /// `bytesReceived(connection)` → bytes of frames.
    fn bytes_received(1) as c"bytesReceived" = |environment, call| {
        Ok(environment.connection(call.number(0)?)?.received.bytes as i64)
    };

    /// `bytesSent(connection)` → bytes of frames.
    fn bytes_sent(1) as c"bytesSent" = |environment, call| {
        Ok(environment.connection(call.number(0)?)?.sent.bytes as i64)
    };

    /// `totals(out)`: writes eleven doubles into a Uint8Array: open connections, messages received
    /// and sent, bytes received and sent; then, of messages that were unpacked and of those that
    /// were packed, how many, their bytes on the wire, and their bytes as the program has them.
    fn totals(1) as c"totals" = write_totals;

    /// `volumes(connection, out)`: writes the last six of these for one connection.
    fn volumes(2) as c"volumes" = write_volumes;

    /// `packed(out, at)`: copies the frame that was packed last, by `put` or `share`, to `out[at]`
    /// → where it ends.
    fn packed(2) as c"packed" = take_packed;

    /// `packLater(connection, role, kind, payload, out, callback)`: packs on another thread; see
    /// [`start_packing`].
    fn pack_later(6) as c"packLater" = start_packing;

    /// `unpack(connection, assembly, carried, keep, callback)`: unpacks on another thread; see
    /// [`start_unpacking`].
    fn unpack(5) as c"unpack" = start_unpacking;

    /// `share(kind, payload, set)`: packs a server's frame for many connections with that parameter
    /// set, into memory of the environment's → its length, or why there is none.
    fn share(3) as c"share" = write_shared;

    /// `shareLater(kind, payload, set, out, callback)`: does so on another thread; see
    /// [`start_sharing`].
    fn share_later(5) as c"shareLater" = start_sharing;

    /// `shared(connection, kind, length, frameLength)`: accepts a frame of `share` for a server's
    /// connection → 1, or why it was refused.
    fn shared(4) as c"shared" = admit_shared;

    /// `sample(memory)`: watches a payload's memory, a Uint8Array, without keeping it.
    fn sample_memory(1) as c"sample" = sample;

    /// `survivors()` → how many of the last four samples have not been collected; none is watched
    /// any more.
    fn count_survivors(0) as c"survivors" = survivors;

    /// `rest()`: gives up memory of extensions that was not used since the last call → how many
    /// connections have one.
    fn rest(0) as c"rest" = |environment, _| Ok(environment.rest() as i64);
}

#[cfg(reactor)]
callbacks! {
    SOCKETS:

    /// `start(buffer, callback)`: starts the reactor → 1; 0 where that may be done later, -1 where
    /// not.
    fn start(2) as c"start" = reactor::start;

    /// `adopt(connection, role, descriptor)`: reads and writes the socket of that descriptor from
    /// now on → whether it can be done (1) or not (0).
    fn adopt(3) as c"adopt" = reactor::adopt;

    /// `abandon(connection)`: lets go of its socket.
    fn abandon(1) as c"abandon" = |environment, call| {
        environment.peer(call.number(0)?)?.channel = None;
        Ok(0)
    };

    /// `watch(connection, isWanted)`: reads its socket, or does not for now.
    fn watch(2) as c"watch" = |environment, call| {
        let is_wanted = call.number(1)? != 0;
        if let Some(channel) = &environment.peer(call.number(0)?)?.channel {
            channel.watch(is_wanted);
        }
        Ok(0)
    };

    /// `keepAlive(connection, isWanted)`: whether the process stays alive for its socket.
    fn keep_alive(2) as c"keepAlive" = |environment, call| {
        let is_wanted = call.number(1)? != 0;
        if let Some(channel) = &environment.peer(call.number(0)?)?.channel {
            channel.keep_alive(is_wanted);
        }
        Ok(0)
    };

    /// `begin()`: begins a turn for what the last one has left → whether there is anything (1).
    fn begin(0) as c"begin" = |environment, _| reactor::begin(environment);

    /// `turn(slab, used)`: reads what is ready and fills the table → the number of entries.
    fn turn(2) as c"turn" = reactor::turn;

    /// `read(connection, slab, used, assembly)`: reads one socket into its message → the number of
    /// entries.
    fn read(4) as c"read" = reactor::read;

    /// `write(connection, buffer, start, end)`: writes `buffer[start..end]` → how many bytes of it
    /// the kernel has taken, or the error, below 0.
    fn write(4) as c"write" = reactor::write;

    /// `writeLent()`: does what `write` does, with the slab that was lent. The words of `put` say
    /// which part of it, and for which connection.
    fn write_lent(0) as c"writeLent" = |environment, _| reactor::write_lent(environment);

    /// `broadcast(targets, count, kind, length, frame)`: accepts a server's frame of `prepare`,
    /// with a payload of `length` bytes, for many connections, and writes it. Each of the first
    /// `count` words of `targets` is the number of a connection, and becomes how many bytes the
    /// kernel has taken, or the error, below 0, or the least number there is where nothing was
    /// done.
    fn broadcast(5) as c"broadcast" = reactor::broadcast;

    /// `writeBoth(connection, first, second)` → how many bytes of both the kernel has taken, or the
    /// error, below 0.
    fn write_both(3) as c"writeBoth" = reactor::write_both;
}

/// There is no reactor.
#[cfg(not(reactor))]
const SOCKETS: &[(&CStr, Callback)] = &[];
