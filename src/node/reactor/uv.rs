//! The way to Node's loop: the few functions of libuv that a reactor needs.
//!
//! They are looked up in the running program: Node exports them, and where one is missing there is
//! no reactor. All of it runs on the thread of the loop.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::OnceLock;

use libloading::os::unix::Library;
use napi::sys;

/// libuv's loop.
pub type Loop = sys::uv_loop_s;
type Raw = *mut c_void;
type CloseCallback = unsafe extern "C" fn(Raw);
type PollCallback = unsafe extern "C" fn(Raw, c_int, c_int);

// From uv.h: members of enums that are part of its binary interface.
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

/// libuv's functions. The types are those of uv.h, with every handle as an untyped pointer.
struct Functions {
    close: unsafe extern "C" fn(Raw, CloseCallback),
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    poll_init: unsafe extern "C" fn(*mut Loop, Raw, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(Raw, c_int, PollCallback) -> c_int,
    set_ref: unsafe extern "C" fn(Raw),
    unref: unsafe extern "C" fn(Raw),
}

impl Functions {
    /// Those of the running program, if it has them all.
    fn get() -> Option<&'static Self> {
        static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
        FUNCTIONS.get_or_init(Self::find).as_ref()
    }

    fn find() -> Option<Self> {
        let program = Library::this();
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the name is one of uv.h's, and the field that it is put in has the type
                // that uv.h declares for it.
                *unsafe { program.get($name) }.ok()?
            };
        }
        Some(Self {
            close: symbol!(c"uv_close"),
            handle_size: symbol!(c"uv_handle_size"),
            poll_init: symbol!(c"uv_poll_init"),
            poll_start: symbol!(c"uv_poll_start"),
            set_ref: symbol!(c"uv_ref"),
            unref: symbol!(c"uv_unref"),
        })
    }
}

/// The end of an environment, which waits until libuv has let go of a handle.
#[derive(Default)]
pub struct Cleanup(Cell<Option<sys::napi_async_cleanup_hook_handle>>);

impl Cleanup {
    /// Has the environment's end wait for the handle, which is closed after this.
    pub fn wait(&self, hook: sys::napi_async_cleanup_hook_handle) {
        self.0.set(Some(hook));
    }

    fn finish(&self) {
        if let Some(hook) = self.0.take() {
            // SAFETY: Node gave it to the hook, which waits until this call; it is on the
            // environment's thread, where handles are closed, and was taken out, so that it is used
            // this once.
            unsafe { sys::napi_remove_async_cleanup_hook(hook) };
        }
    }
}

/// What the handle's data pointer leads to.
struct Data<T> {
    /// What the callback gets.
    value: T,
    on_readable: fn(&T),
    cleanup: Rc<Cleanup>,
    /// Words of the handle's memory.
    words: usize,
}

/// Watches a descriptor for something to read. Dropping it closes the handle, whose memory libuv
/// keeps for a while after that.
pub struct Poll<T> {
    functions: &'static Functions,
    /// `words` words that libuv has initialised as a handle, whose data pointer is a box of `Data`.
    raw: NonNull<u64>,
    data: NonNull<Data<T>>,
}

impl<T> Poll<T> {
    /// Watches `descriptor`, which stays open until this is dropped. It does not keep the loop
    /// alive. `on_readable` does not panic.
    pub fn start(
        uv_loop: *mut Loop,
        descriptor: c_int,
        value: T,
        on_readable: fn(&T),
        cleanup: &Rc<Cleanup>,
    ) -> Option<Self> {
        let functions = Functions::get()?;
        // SAFETY: it reads a table of libuv's, by the number of one of its handle types.
        let words = unsafe { (functions.handle_size)(UV_POLL) }.div_ceil(size_of::<u64>());
        let mut memory = vec![0u64; words].into_boxed_slice();
        // SAFETY: the loop is the environment's, on whose thread this is called. `memory` has room
        // for such a handle and is aligned for it, and where libuv takes it, it stays until
        // `on_closed`; where not, libuv keeps no pointer to it.
        let status =
            unsafe { (functions.poll_init)(uv_loop, memory.as_mut_ptr().cast(), descriptor) };
        if status != 0 {
            return None;
        }
        let raw = NonNull::new(Box::into_raw(memory).cast::<u64>())?;
        let data = NonNull::from(Box::leak(Box::new(Data {
            value,
            on_readable,
            cleanup: Rc::clone(cleanup),
            words,
        })));
        // SAFETY: every handle of libuv's begins with `void* data`, which is the user's and which
        // libuv neither reads nor writes; the memory is ours until `on_closed`, and no callback
        // runs yet.
        unsafe { raw.cast::<Raw>().write(data.as_ptr().cast()) };
        let poll = Self {
            functions,
            raw,
            data,
        };
        // SAFETY: the handle is initialised, and open until `poll` is dropped; this is its loop's
        // thread. `on_poll` is for the type that the data pointer leads to.
        let status = unsafe {
            (functions.unref)(poll.raw());
            (functions.poll_start)(poll.raw(), UV_READABLE, on_poll::<T>)
        };
        (status == 0).then_some(poll)
    }

    /// Whether the loop, and so the process, stays alive for it.
    pub fn keep_alive(&self, is_wanted: bool) {
        let set = match is_wanted {
            true => self.functions.set_ref,
            false => self.functions.unref,
        };
        // SAFETY: the handle is open until this is dropped, and a `Poll`, which is not `Send`,
        // stays on the loop's thread; both functions may be called any number of times.
        unsafe { set(self.raw()) };
    }

    /// What the callback gets.
    pub fn value(&self) -> &T {
        // SAFETY: the box lives until `on_closed`, which comes after this was dropped. Until then
        // there are shared references to it alone, this one and that of `on_poll`.
        unsafe { &self.data.as_ref().value }
    }

    fn raw(&self) -> Raw {
        self.raw.as_ptr().cast()
    }
}

impl<T> Drop for Poll<T> {
    fn drop(&mut self) {
        // SAFETY: the handle is open, on its loop's thread, and is closed this once. Its memory
        // stays until libuv calls `on_closed`, and `on_poll` is not called any more.
        unsafe { (self.functions.close)(self.raw(), on_closed::<T>) };
    }
}

unsafe extern "C" fn on_poll<T>(handle: Raw, _status: c_int, _events: c_int) {
    // SAFETY: libuv calls this on the loop's thread with an open handle, whose first word is the
    // pointer to the box of `Poll::start`. `on_closed` frees that, in another step of the loop, so
    // it stays during this call even where the handle is closed in it; until then there are shared
    // references to it alone.
    let data = unsafe { &**handle.cast::<*const Data<T>>() };
    (data.on_readable)(&data.value);
}

unsafe extern "C" fn on_closed<T>(handle: Raw) {
    // SAFETY: libuv calls this once, as the last thing that it does with the handle, after the
    // `Poll` was dropped: nobody refers to the box of `Poll::start` any more that the handle's
    // first word leads to.
    let data = unsafe { Box::from_raw(*handle.cast::<*mut Data<T>>()) };
    let memory = std::ptr::slice_from_raw_parts_mut(handle.cast::<u64>(), data.words);
    // SAFETY: this is the memory that `Poll::start` has taken out of its box, of `words` words, and
    // neither libuv nor anybody else uses it after this.
    drop(unsafe { Box::from_raw(memory) });
    data.cleanup.finish();
}
