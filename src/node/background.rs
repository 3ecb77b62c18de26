//! Work that is too long for the loop: large messages are packed and unpacked on a thread of
//! libuv's.
//!
//! A job owns what it works with, and holds on to the buffers that it reads and writes, so that its
//! connection may end meanwhile. `lib/` bounds how many there are at once, and touches neither
//! their buffers nor the messages of their connections before they are done.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::thread::yield_now;

use napi::sys;

use super::call::{Bytes, Call, Misuse};
use super::environment::Environment;
use super::pack::shared_header;
use super::send::{REFUSED_PLAIN, message_kind, refusal};
use crate::bytes::mask;
use crate::protocol::deflate::Deflating;
use crate::protocol::extension::{Pack, Packing, Unpacking};
use crate::protocol::{FrameHeader, MessageKind, SendError};

/// Bytes copied between two yields: without those the event loop may wait milliseconds for this
/// thread's core.
const STRETCH: usize = 32 * 1024;

/// Where the environment is, or null once it has ended: a job may be done after that.
pub type Home = Rc<Cell<*mut Environment>>;

/// For whom something is done.
struct Owner {
    home: Home,
    /// A connection's number and serial: the number may be reused before the job is done.
    connection: Option<(u32, u64)>,
}

/// What is done.
enum Task {
    Unpack {
        unpacking: Box<Unpacking>,
        assembly: Bytes,
        carried: Bytes,
    },
    Pack {
        packing: Box<Packing>,
        payload: Bytes,
        out: Bytes,
        mask: Option<[u8; 4]>,
        /// Bytes that it came to.
        packed: usize,
    },
    Share {
        pack: Box<dyn Pack>,
        set: u32,
        kind: MessageKind,
        payload: Bytes,
        out: Bytes,
        packed: usize,
    },
}

struct Job {
    owner: Owner,
    task: Task,
    /// Whether it was done.
    is_done: bool,
    work: sys::napi_async_work,
    /// The callback, and the buffers of the task.
    held: [sys::napi_ref; 3],
}

/// `unpack(connection, assembly, carried, keep, callback)`: unpacks what was set aside into
/// `assembly`, behind the first `keep` bytes of `carried`; then `callback(0)`.
pub fn start_unpacking(environment: &mut Environment, call: &Call<5>) -> Result<i64, Misuse> {
    let number = call.number(0)?;
    let assembly = call.bytes(1)?;
    let carried = call.bytes(2)?.until(call.number(3)? as usize)?;
    if assembly.len() < carried.len() || assembly.overlaps(carried) {
        return Err(Misuse("an assembly does not fit what it begins with"));
    }
    let owner = environment.owner(number)?;
    let unpacking = environment
        .connection(number)?
        .take_unpacking()
        .ok_or(Misuse("nothing is to be unpacked"))?;
    let task = Task::Unpack {
        unpacking,
        assembly,
        carried,
    };
    start(call, owner, task, [4, 1, 2])
}

/// `packLater(connection, role, kind, payload, out, callback)`: packs `payload` into `out`; then
/// `callback(end, start)` with the place of the frame in it, or the reason why there is none. The
/// result is 1, or that reason where it shows at once.
pub fn start_packing(environment: &mut Environment, call: &Call<6>) -> Result<i64, Misuse> {
    let mask = environment.mask(call.role(1)?)?;
    let number = call.number(0)?;
    let (message, fin, may_pack) = message_kind(call.number(2)?)?;
    let (payload, out) = (call.bytes(3)?, call.bytes(4)?);
    if payload.overlaps(out) {
        return Err(Misuse("a payload overlaps its frame"));
    }
    let owner = environment.owner(number)?;
    let (_, connection, pools) = environment.packing(number)?;
    // SAFETY: an argument's memory, there until the call ends; `lib/` hands over a copy, or what a
    // frame keeps, and nothing writes to either.
    let bytes = unsafe { payload.as_slice() };
    let packing = match connection.begin_packing(message, fin, bytes, may_pack, pools) {
        Ok(Some(packing)) => packing,
        Ok(None) => return Ok(REFUSED_PLAIN),
        Err(error) => return Ok(refusal(error)),
    };
    if out.len() < FrameHeader::MAX_LEN + packing.bound(payload.len()) {
        return Err(Misuse("a packed frame does not fit its buffer"));
    }
    let task = Task::Pack {
        packing: Box::new(packing),
        payload,
        out,
        mask,
        packed: 0,
    };
    start(call, owner, task, [5, 3, 4])
}

/// `shareLater(kind, payload, set, out, callback)`: packs `payload` into `out` for all connections
/// with that parameter set; then `callback(end, start)`, as `packLater` does.
pub fn start_sharing(environment: &mut Environment, call: &Call<5>) -> Result<i64, Misuse> {
    let (kind, ..) = message_kind(call.number(0)?)?;
    let (payload, set, out) = (call.bytes(1)?, call.number(2)?, call.bytes(3)?);
    let pack = Deflating::of_set(set, &mut environment.pools);
    if payload.overlaps(out) || out.len() < FrameHeader::MAX_LEN + pack.bound(payload.len()) {
        return Err(Misuse("a packed frame does not fit its buffer"));
    }
    let owner = Owner {
        home: Rc::clone(environment.home()),
        connection: None,
    };
    let task = Task::Share {
        pack,
        set,
        kind,
        payload,
        out,
        packed: 0,
    };
    start(call, owner, task, [4, 1, 3])
}

/// Queues a task. `held` is where its callback and its two buffers are among the arguments.
fn start<const N: usize>(
    call: &Call<N>,
    owner: Owner,
    task: Task,
    held: [usize; 3],
) -> Result<i64, Misuse> {
    let name = call.string(c"ws13-native")?;
    let job = Box::into_raw(Box::new(Job {
        owner,
        task,
        is_done: false,
        work: ptr::null_mut(),
        held: call.hold_all(held)?,
    }));
    // SAFETY: `job` is a box of ours that `complete` takes back, which runs once for each work that
    // was queued; `name` is a live value of this call.
    let status = unsafe {
        let status = sys::napi_create_async_work(
            call.env(),
            ptr::null_mut(),
            name,
            Some(execute),
            Some(complete),
            job.cast(),
            &raw mut (*job).work,
        );
        match status {
            sys::Status::napi_ok => sys::napi_queue_async_work(call.env(), (*job).work),
            _ => status,
        }
    };
    if status == sys::Status::napi_ok {
        return Ok(1);
    }
    // SAFETY: nothing was queued, so the box is still ours alone, and so are the work, if it was
    // made, and the references, which are of this environment.
    unsafe {
        let Job { work, held, .. } = *Box::from_raw(job);
        if !work.is_null() {
            sys::napi_delete_async_work(call.env(), work);
        }
        for reference in held {
            call.let_go(reference);
        }
    }
    Err(Misuse("no work can be queued"))
}

/// On a thread of libuv's.
unsafe extern "C" fn execute(_: sys::napi_env, data: *mut std::ffi::c_void) {
    // SAFETY: the job's box; from `start` to `complete` nobody else uses it. Of it only the task is
    // touched here: `home`, which is not `Send`, stays with the loop.
    let job = unsafe { &mut *data.cast::<Job>() };
    let done = catch_unwind(AssertUnwindSafe(|| job.task.run()));
    job.is_done = done.is_ok();
}

impl Task {
    fn run(&mut self) {
        match self {
            Self::Unpack {
                unpacking,
                assembly,
                carried,
            } => {
                // SAFETY: the job holds both buffers, so their memory stays; they do not overlap, and
                // `lib/` neither uses nor transfers them before the job is done. So these are their
                // only slices, on any thread.
                let (assembly, carried) = unsafe { (assembly.as_mut_slice(), carried.as_slice()) };
                for (to, from) in assembly.chunks_mut(STRETCH).zip(carried.chunks(STRETCH)) {
                    to[..from.len()].copy_from_slice(from);
                    yield_now();
                }
                unpacking.run(assembly, yield_now);
            }
            Self::Pack {
                packing,
                payload,
                out,
                mask,
                packed,
            } => {
                // SAFETY: the job holds both buffers, and they do not overlap. `out` is nobody else's
                // before the job is done; the payload is a copy that nobody else has, or that of a
                // frame, which is never written again.
                let (payload, out) = unsafe { (payload.as_slice(), out.as_mut_slice()) };
                let room = &mut out[FrameHeader::MAX_LEN..];
                *packed = packing.run(payload, room);
                if let Some(key) = mask {
                    mask::xor(&mut room[..*packed], *key);
                }
            }
            Self::Share {
                pack,
                payload,
                out,
                packed,
                ..
            } => {
                // SAFETY: as for `Pack`, with the payload of a frame.
                let (payload, out) = unsafe { (payload.as_slice(), out.as_mut_slice()) };
                *packed = pack.run(payload, true, &mut out[FrameHeader::MAX_LEN..]);
            }
        }
    }
}

/// On the loop's thread, once the job is done or cancelled.
unsafe extern "C" fn complete(
    env: sys::napi_env,
    _: sys::napi_status,
    data: *mut std::ffi::c_void,
) {
    // SAFETY: the box of `start`; `execute` is over.
    let job = unsafe { Box::from_raw(data.cast::<Job>()) };
    let Job {
        owner,
        task,
        is_done,
        work,
        held,
    } = *job;
    let end = catch_unwind(AssertUnwindSafe(|| match is_done {
        true => owner.take_back(task),
        false => (refusal(SendError::Closing), 0),
    }));
    let (end, begin) = end.unwrap_or((refusal(SendError::Closing), 0));
    // SAFETY: the references and the work are this job's, and each is deleted once; the values live
    // in the handle scope that Node opens around this function.
    unsafe {
        let (mut function, mut receiver) = (ptr::null_mut(), ptr::null_mut());
        let mut args = [ptr::null_mut(); 2];
        let is_callable = sys::napi_get_reference_value(env, held[0], &mut function)
            == sys::Status::napi_ok
            && sys::napi_get_undefined(env, &mut receiver) == sys::Status::napi_ok
            && sys::napi_create_int64(env, end, &mut args[0]) == sys::Status::napi_ok
            && sys::napi_create_int64(env, begin, &mut args[1]) == sys::Status::napi_ok;
        for reference in held {
            sys::napi_delete_reference(env, reference);
        }
        sys::napi_delete_async_work(env, work);
        if is_callable && !function.is_null() {
            // An exception of the callback's is an uncaught one; so Node sees to it.
            sys::napi_call_function(env, receiver, function, 2, args.as_ptr(), ptr::null_mut());
        }
    }
}

impl Owner {
    /// Gives the connection back what was done for it, if it is still there; tells `callback`'s
    /// arguments.
    fn take_back(&self, task: Task) -> (i64, i64) {
        let gone = (refusal(SendError::Closing), 0);
        let home = self.home.get();
        if home.is_null() {
            return gone;
        }
        // SAFETY: the environment lives, and this is its thread; no other reference is alive, since
        // jobs complete from the loop and not from within a call.
        let environment = unsafe { &mut *home };
        let number = self.connection.filter(|owner| environment.is_owner(*owner));
        let number = number.map_or(u32::MAX, |(number, _)| number);
        match task {
            Task::Unpack { unpacking, .. } => {
                if let Ok(connection) = environment.connection(number) {
                    connection.put_unpacking(unpacking);
                }
                (0, 0)
            }
            Task::Share {
                pack,
                set,
                kind,
                payload,
                out,
                packed,
            } => {
                environment.pools.put_pack(set, pack);
                match shared_header(kind, payload.len(), packed) {
                    Some(header) => place(header, packed, out),
                    None => (REFUSED_PLAIN, 0),
                }
            }
            Task::Pack {
                packing,
                payload,
                out,
                mask,
                packed,
            } => {
                let Ok((_, connection, pools)) = environment.packing(number) else {
                    return gone;
                };
                match connection.end_packing(*packing, payload.len(), packed, mask, pools) {
                    Ok(Some(header)) => place(header, packed, out),
                    Ok(None) => (REFUSED_PLAIN, 0),
                    Err(error) => (refusal(error), 0),
                }
            }
        }
    }
}

/// Writes a header in front of the payload that is in `out`; tells where the frame ends and begins.
fn place(header: FrameHeader, packed: usize, out: Bytes) -> (i64, i64) {
    let start = FrameHeader::MAX_LEN - header.encoded_len();
    // SAFETY: the only slice of `out`, which the job still holds.
    header.write(&mut unsafe { out.as_mut_slice() }[start..]);
    ((FrameHeader::MAX_LEN + packed) as i64, start as i64)
}

impl Environment {
    fn owner(&self, number: u32) -> Result<Owner, Misuse> {
        Ok(Owner {
            home: Rc::clone(self.home()),
            connection: Some((number, self.serial(number)?)),
        })
    }
}
