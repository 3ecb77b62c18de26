//! Work that is too long for the loop: large messages are packed and unpacked on a thread of
//! libuv's.
//!
//! A job owns what it works with, and holds on to the buffers that it reads and writes, so that its
//! connection may end meanwhile. `lib/` bounds how many there are at once, and touches neither
//! their buffers nor the messages of their connections before they are done.

mod pack;
mod unpack;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use napi::sys;

pub use pack::{start_packing, start_sharing};
pub use unpack::start_unpacking;

use super::call::{Call, Misuse};
use super::environment::{Environment, EnvironmentPointer};
use super::send::REFUSED_CLOSING;

/// What is done on a thread, and what comes of it.
trait Task {
    /// Does it, on a thread of libuv's.
    fn run(&mut self);

    /// Takes back what it was done with, on the loop's thread; tells `callback`'s arguments. The
    /// number is that of the connection, if it is for one that is still there.
    fn finish(self: Box<Self>, environment: &mut Environment, number: Option<u32>) -> (i64, i64);
}

/// `callback`'s arguments where a connection or its environment has ended.
const GONE: (i64, i64) = (REFUSED_CLOSING, 0);

struct Job {
    owner: Owner,
    task: Box<dyn Task>,
    /// Whether it was done.
    is_done: bool,
    work: Option<Work>,
    callback: Held,
    /// The memory that the task reads and writes stays while these are held.
    _buffers: [Held; 2],
}

/// Queues a task that uses the buffers at these arguments, and has the callback at another told of
/// it.
fn start<const N: usize>(
    call: &Call<N>,
    owner: Owner,
    task: impl Task + 'static,
    buffers: [usize; 2],
    callback: usize,
) -> Result<i64, Misuse> {
    let name = call.string(c"ws13-native")?;
    let job = Box::into_raw(Box::new(Job {
        owner,
        task: Box::new(task),
        is_done: false,
        work: None,
        callback: Held::new(call, callback)?,
        _buffers: [Held::new(call, buffers[0])?, Held::new(call, buffers[1])?],
    }));
    let env = call.env();
    let mut raw = ptr::null_mut();
    // SAFETY: `env` and `name` are the running call's. `job` is a box of ours that stays until
    // `complete` takes it back, which runs once for a work that was queued; from there on nothing
    // here uses it.
    let status = unsafe {
        match sys::napi_create_async_work(
            env,
            ptr::null_mut(),
            name,
            Some(execute),
            Some(complete),
            job.cast(),
            &mut raw,
        ) {
            sys::Status::napi_ok => {
                (*job).work = Some(Work { env, raw });
                sys::napi_queue_async_work(env, raw)
            }
            status => status,
        }
    };
    if status != sys::Status::napi_ok {
        // SAFETY: nothing was queued, so neither callback ever runs and the box is ours alone.
        drop(unsafe { Box::from_raw(job) });
        return Err(Misuse("no work can be queued"));
    }
    Ok(1)
}

/// On a thread of libuv's.
unsafe extern "C" fn execute(_: sys::napi_env, data: *mut std::ffi::c_void) {
    // SAFETY: the box of `start`, which lives until `complete`; that runs after this, and nobody
    // else uses the job between. Only what may change threads is touched here, the task and
    // `is_done`: what packs and unpacks is `Send`, and the memory of its buffers is no other
    // thread's. `owner`, which is not `Send`, and the references stay with the loop.
    let job = unsafe { &mut *data.cast::<Job>() };
    let done = catch_unwind(AssertUnwindSafe(|| job.task.run()));
    job.is_done = done.is_ok();
}

/// On the loop's thread, once the job is done or cancelled.
unsafe extern "C" fn complete(
    env: sys::napi_env,
    _: sys::napi_status,
    data: *mut std::ffi::c_void,
) {
    // SAFETY: the box of `start`, given back this once; `execute` is over, or never runs.
    let job = unsafe { Box::from_raw(data.cast::<Job>()) };
    let Job {
        owner,
        task,
        is_done,
        work,
        callback,
        _buffers: buffers,
    } = *job;
    let outcome = catch_unwind(AssertUnwindSafe(|| match is_done {
        true => owner.finish(task),
        false => GONE,
    }));
    let (end, begin) = outcome.unwrap_or(GONE);
    let function = callback.value();
    // The callback may start the next job: let go of this one's first.
    drop((work, callback, buffers));
    // SAFETY: `env` is that of the job, on its own thread, and the values live in the handle scope
    // that Node opens around this function.
    unsafe {
        let mut receiver = ptr::null_mut();
        let mut args = [ptr::null_mut(); 2];
        let is_callable = !function.is_null()
            && sys::napi_get_undefined(env, &mut receiver) == sys::Status::napi_ok
            && sys::napi_create_int64(env, end, &mut args[0]) == sys::Status::napi_ok
            && sys::napi_create_int64(env, begin, &mut args[1]) == sys::Status::napi_ok;
        if is_callable {
            // An exception of the callback's is an uncaught one; so Node sees to it.
            sys::napi_call_function(env, receiver, function, 2, args.as_ptr(), ptr::null_mut());
        }
    }
}

/// For whom something is done.
struct Owner {
    environment: EnvironmentPointer,
    /// A connection's number and serial: the number may be reused before the job is done.
    connection: Option<(u32, u64)>,
}

impl Owner {
    /// The connection of that number.
    fn connection(environment: &Environment, number: u32) -> Result<Self, Misuse> {
        Ok(Self {
            environment: Rc::clone(environment.pointer()),
            connection: Some((number, environment.serial(number)?)),
        })
    }

    /// All connections of an environment.
    fn all(environment: &Environment) -> Self {
        Self {
            environment: Rc::clone(environment.pointer()),
            connection: None,
        }
    }

    /// Finishes what was done for it, if it is still there; tells `callback`'s arguments.
    fn finish(&self, task: Box<dyn Task>) -> (i64, i64) {
        let pointer = self.environment.get();
        if pointer.is_null() {
            return GONE;
        }
        // SAFETY: the environment lives, since its end sets the pointer to null, and this is its
        // thread; no other reference to it is alive, since jobs complete from the loop and not
        // within a call.
        let environment = unsafe { &mut *pointer };
        let owner = self.connection.filter(|owner| environment.is_owner(*owner));
        task.finish(environment, owner.map(|(number, _)| number))
    }
}

/// An object of JavaScript's that is kept until this is dropped, which has to be on the loop's
/// thread.
struct Held {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Held {
    /// Keeps the argument at `index`.
    fn new<const N: usize>(call: &Call<N>, index: usize) -> Result<Self, Misuse> {
        Ok(Self {
            env: call.env(),
            reference: call.hold(index)?,
        })
    }

    /// The object, in the handle scope that is open; null where it cannot be had.
    fn value(&self) -> sys::napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: the reference is of this environment, and is deleted only as this is dropped.
        // Where that fails nothing is written.
        unsafe { sys::napi_get_reference_value(self.env, self.reference, &mut value) };
        value
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference is of this environment, and nobody else's, so it is deleted this
        // once.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

/// The work of a job, which is not under way when this is dropped.
struct Work {
    env: sys::napi_env,
    raw: sys::napi_async_work,
}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: the work is of this environment, was never queued or is complete, and is deleted
        // this once.
        unsafe { sys::napi_delete_async_work(self.env, self.raw) };
    }
}
