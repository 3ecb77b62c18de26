//! The few functions of libuv that a reactor needs, and handles whose memory outlives their closing.
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
type Callback = unsafe extern "C" fn(Raw);
type PollCallback = unsafe extern "C" fn(Raw, c_int, c_int);

// From uv.h: members of enums that are part of its binary interface.
const UV_CHECK: c_int = 2;
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

/// libuv's functions. The types are those of uv.h, with every handle as an untyped pointer.
struct Functions {
    check_init: unsafe extern "C" fn(*mut Loop, Raw) -> c_int,
    check_start: unsafe extern "C" fn(Raw, Callback) -> c_int,
    close: unsafe extern "C" fn(Raw, Callback),
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    poll_init: unsafe extern "C" fn(*mut Loop, Raw, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(Raw, c_int, PollCallback) -> c_int,
    poll_stop: unsafe extern "C" fn(Raw) -> c_int,
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
            check_init: symbol!(c"uv_check_init"),
            check_start: symbol!(c"uv_check_start"),
            close: symbol!(c"uv_close"),
            handle_size: symbol!(c"uv_handle_size"),
            poll_init: symbol!(c"uv_poll_init"),
            poll_start: symbol!(c"uv_poll_start"),
            poll_stop: symbol!(c"uv_poll_stop"),
            set_ref: symbol!(c"uv_ref"),
            unref: symbol!(c"uv_unref"),
        })
    }
}

/// Counts the handles of an environment until libuv has let go of the last.
#[derive(Default)]
pub struct Handles {
    open: Cell<usize>,
    /// The environment's end, which waits for that.
    cleanup: Cell<Option<sys::napi_async_cleanup_hook_handle>>,
}

impl Handles {
    /// Has the environment's end wait until no handle is left. All of them are closing by now.
    pub fn finish(&self, cleanup: sys::napi_async_cleanup_hook_handle) {
        self.cleanup.set(Some(cleanup));
        self.settle();
    }

    fn settle(&self) {
        if self.open.get() > 0 {
            return;
        }
        if let Some(cleanup) = self.cleanup.take() {
            // SAFETY: the handle came with the hook that waits, and is used this once.
            unsafe { sys::napi_remove_async_cleanup_hook(cleanup) };
        }
    }
}

/// What a handle's data pointer leads to.
struct Data<T> {
    /// What the callback gets.
    value: T,
    on_event: fn(&T, c_int),
    handles: Rc<Handles>,
    /// Words of the handle's memory.
    words: usize,
}

/// A handle of libuv's with a value of ours. Dropping it closes it.
struct Handle<T> {
    functions: &'static Functions,
    /// `words` words that libuv has initialised as a handle, whose data pointer is a box of `Data`.
    raw: NonNull<u64>,
    data: NonNull<Data<T>>,
}

impl<T> Handle<T> {
    /// A handle of `kind`, which `init` initialises; it does not keep the loop alive.
    fn new(
        kind: c_int,
        handles: &Rc<Handles>,
        value: T,
        on_event: fn(&T, c_int),
        init: impl FnOnce(&Functions, Raw) -> c_int,
    ) -> Option<Self> {
        let functions = Functions::get()?;
        // SAFETY: `kind` is one of libuv's handle types.
        let words = unsafe { (functions.handle_size)(kind) }.div_ceil(size_of::<u64>());
        let mut memory = vec![0u64; words].into_boxed_slice();
        if init(functions, memory.as_mut_ptr().cast()) != 0 {
            return None;
        }
        let raw = NonNull::new(Box::into_raw(memory).cast::<u64>())?;
        let data = NonNull::from(Box::leak(Box::new(Data {
            value,
            on_event,
            handles: Rc::clone(handles),
            words,
        })));
        handles.open.set(handles.open.get() + 1);
        // SAFETY: every handle of libuv's begins with `void* data`, which is the user's.
        unsafe { raw.cast::<Raw>().write(data.as_ptr().cast()) };
        let handle = Self {
            functions,
            raw,
            data,
        };
        // SAFETY: the handle is initialised.
        unsafe { (functions.unref)(handle.raw()) };
        Some(handle)
    }

    fn raw(&self) -> Raw {
        self.raw.as_ptr().cast()
    }

    fn value(&self) -> &T {
        // SAFETY: the box lives until `on_closed`, which comes after this handle was dropped; it is
        // only ever shared.
        unsafe { &self.data.as_ref().value }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the handle is initialised, and is closed this once.
        unsafe { (self.functions.close)(self.raw(), on_closed::<T>) };
    }
}

/// The data of the handle of a running callback.
///
/// # Safety
/// `handle` is one of [`Handle::new`] with values of type `T`, and is not freed meanwhile.
unsafe fn data_of<'a, T>(handle: Raw) -> &'a Data<T> {
    // SAFETY: the first word of a handle is its data pointer, which `Handle::new` has set.
    unsafe { &**handle.cast::<*const Data<T>>() }
}

unsafe extern "C" fn on_closed<T>(handle: Raw) {
    // SAFETY: libuv calls this once, as the last thing that it does with the handle; both boxes are
    // those of `Handle::new`.
    let data = unsafe { Box::from_raw(*handle.cast::<*mut Data<T>>()) };
    // SAFETY: as above; `words` is the length that the memory was allocated with.
    drop(unsafe {
        Box::from_raw(std::ptr::slice_from_raw_parts_mut(
            handle.cast::<u64>(),
            data.words,
        ))
    });
    data.handles.open.set(data.handles.open.get() - 1);
    data.handles.settle();
}

unsafe extern "C" fn on_poll<T>(handle: Raw, status: c_int, _events: c_int) {
    // SAFETY: a callback of a handle that is not closed.
    let data = unsafe { data_of::<T>(handle) };
    (data.on_event)(&data.value, status);
}

unsafe extern "C" fn on_check<T>(handle: Raw) {
    // SAFETY: a callback of a handle that is not closed.
    let data = unsafe { data_of::<T>(handle) };
    (data.on_event)(&data.value, 0);
}

/// Watches a descriptor for something to read.
pub struct Poll<T>(Handle<T>);

impl<T> Poll<T> {
    /// A handle for `descriptor`, which stays open until this is dropped. `on_event` gets a status
    /// below 0 where the socket has an error; it does not panic.
    pub fn new(
        uv_loop: *mut Loop,
        handles: &Rc<Handles>,
        descriptor: c_int,
        value: T,
        on_event: fn(&T, c_int),
    ) -> Option<Self> {
        Handle::new(UV_POLL, handles, value, on_event, |functions, raw| {
            // SAFETY: the loop is that of this thread, and `raw` has room for such a handle.
            unsafe { (functions.poll_init)(uv_loop, raw, descriptor) }
        })
        .map(Self)
    }

    /// Starts to watch.
    pub fn start(&self) -> bool {
        // SAFETY: the handle is initialised and not closing.
        unsafe { (self.0.functions.poll_start)(self.0.raw(), UV_READABLE, on_poll::<T>) == 0 }
    }

    /// Stops to watch, for now.
    pub fn stop(&self) {
        // SAFETY: the handle is initialised and not closing.
        unsafe { (self.0.functions.poll_stop)(self.0.raw()) };
    }

    /// Whether the loop, and so the process, stays alive for it while it watches.
    pub fn keep_alive(&self, is_wanted: bool) {
        let functions = self.0.functions;
        let set = match is_wanted {
            true => functions.set_ref,
            false => functions.unref,
        };
        // SAFETY: the handle is initialised; both functions may be called any number of times.
        unsafe { set(self.0.raw()) };
    }

    /// What its callback gets.
    pub fn value(&self) -> &T {
        self.0.value()
    }
}

/// Is called in each turn of the loop, right after it has looked for events.
pub struct Check<T>(#[allow(dead_code, reason = "kept for its drop")] Handle<T>);

impl<T> Check<T> {
    /// A handle that is called from now on. `on_event` does not panic.
    pub fn new(
        uv_loop: *mut Loop,
        handles: &Rc<Handles>,
        value: T,
        on_event: fn(&T, c_int),
    ) -> Option<Self> {
        let handle = Handle::new(UV_CHECK, handles, value, on_event, |functions, raw| {
            // SAFETY: as for a poll handle.
            unsafe { (functions.check_init)(uv_loop, raw) }
        })?;
        // SAFETY: the handle is initialised. Starting it cannot fail.
        unsafe { (handle.functions.check_start)(handle.raw(), on_check::<T>) };
        Some(Self(handle))
    }
}
