//! The edge to N-API: reading the arguments of a raw callback, and keeping panics from crossing it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::sys;

use super::environment::Environment;
use crate::protocol::Role;

/// A call that `lib/` should never make; thrown as an error rather than trusted.
#[derive(Debug)]
pub struct Misuse(pub &'static str);

/// The arguments of one call of a raw callback, at most `N` of them.
pub struct Call<const N: usize> {
    env: sys::napi_env,
    args: [sys::napi_value; N],
}

/// Our role as `lib/` tells it: 0 none yet, 1 server, 2 client.
pub fn role_of(number: u32) -> Result<Option<Role>, Misuse> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(Role::Server)),
        2 => Ok(Some(Role::Client)),
        _ => Err(Misuse("no such role")),
    }
}

/// What every raw callback does: finds its environment and its arguments, runs `body`, and turns a
/// number into its result, misuse and panics into exceptions.
///
/// # Safety
/// `env` and `info` are those of the running callback, whose data pointer is an [`Environment`] of
/// this thread that outlives the call.
pub unsafe fn run<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Environment, &Call<N>) -> Result<i64, Misuse>,
) -> sys::napi_value {
    // Filled where it stays: to move what has just been written costs more than to write it.
    let mut call = Call {
        env,
        args: [ptr::null_mut(); N],
    };
    let mut count = N;
    let mut data = ptr::null_mut();
    // SAFETY: `env` and `info` belong to this call; `args` has room for `count` values, and those
    // that the caller left out are filled with undefined.
    let status = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            call.args.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        )
    };
    if status != sys::Status::napi_ok || data.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: by this function's contract; callbacks run on one thread and call no JavaScript, so
    // no other reference to the environment is alive.
    let environment = unsafe { &mut *data.cast::<Environment>() };
    let outcome = catch_unwind(AssertUnwindSafe(|| body(environment, &call)))
        .unwrap_or(Err(Misuse("internal error (a panic in native code)")));
    match outcome {
        Ok(number) => number_value(env, number),
        Err(Misuse(message)) => {
            // SAFETY: both pointers are to bytes with a NUL that outlive the call.
            unsafe {
                let text = std::ffi::CString::new(message).unwrap_or_default();
                sys::napi_throw_error(env, c"ERR_WS13_INTERNAL".as_ptr(), text.as_ptr());
            }
            ptr::null_mut()
        }
    }
}

/// A number of JavaScript's, which are exact up to 53 bits.
fn number_value(env: sys::napi_env, number: i64) -> sys::napi_value {
    let mut result = ptr::null_mut();
    // SAFETY: `env` is the running call's; `result` is written on success and stays null, which is
    // undefined to N-API, otherwise.
    unsafe {
        // Most are small, which V8 makes without a look at the number's kind.
        match i32::try_from(number) {
            Ok(small) => sys::napi_create_int32(env, small, &mut result),
            Err(_) => sys::napi_create_int64(env, number, &mut result),
        };
    }
    result
}

/// The memory of a Uint8Array: there for the length of a call, or for as long as somebody holds the
/// array ([`Call::hold`]) and nobody transfers it away.
#[derive(Clone, Copy)]
pub struct Bytes {
    start: *mut u8,
    len: usize,
}

impl Bytes {
    /// No memory.
    pub const EMPTY: Self = Self {
        start: ptr::NonNull::dangling().as_ptr(),
        len: 0,
    };

    /// How many bytes there are.
    pub fn len(self) -> usize {
        self.len
    }

    /// The bytes from `at` on.
    pub fn from(self, at: usize) -> Result<Self, Misuse> {
        if at > self.len {
            return Err(Misuse("an offset is past the end of its buffer"));
        }
        Ok(Self {
            // SAFETY: at <= len, so the sum stays inside of, or one past, the allocation.
            start: unsafe { self.start.add(at) },
            len: self.len - at,
        })
    }

    /// The first `len` of the bytes.
    pub fn until(self, len: usize) -> Result<Self, Misuse> {
        match len <= self.len {
            true => Ok(Self { len, ..self }),
            false => Err(Misuse("an offset is past the end of its buffer")),
        }
    }

    /// Whether both share a byte.
    pub fn overlaps(self, other: Self) -> bool {
        let (start, other_start) = (self.start as usize, other.start as usize);
        start < other_start + other.len && other_start < start + self.len
    }

    /// # Safety
    /// The memory is there as long as the slice, and meanwhile no mutable slice of an overlapping
    /// part is alive and nobody else writes to it.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        // SAFETY: a typed array's start and length, or `EMPTY`: not null, and any bytes are valid
        // u8s. Lifetime and aliasing are the caller's duty.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// # Safety
    /// The memory is there as long as the slice, and meanwhile no other slice of an overlapping
    /// part is alive and nobody else reads or writes it.
    pub unsafe fn as_mut_slice<'a>(self) -> &'a mut [u8] {
        // SAFETY: as in `as_slice`.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

impl<const N: usize> Call<N> {
    /// The environment that makes the call.
    pub fn env(&self) -> sys::napi_env {
        self.env
    }

    /// Keeps the object at `index` until the reference is deleted, or the environment ends.
    pub fn hold(&self, index: usize) -> Result<sys::napi_ref, Misuse> {
        let mut reference = ptr::null_mut();
        // SAFETY: the value is this call's argument; `reference` outlives the call.
        let status =
            unsafe { sys::napi_create_reference(self.env, self.args[index], 1, &mut reference) };
        match status {
            sys::Status::napi_ok => Ok(reference),
            _ => Err(Misuse("an argument cannot be held")),
        }
    }

    /// Lets go of what [`Call::hold`] keeps, or [`Call::watch_memory`] refers to.
    ///
    /// # Safety
    /// `reference` is of this environment, and is not used after this.
    pub unsafe fn let_go(&self, reference: sys::napi_ref) {
        // SAFETY: by this function's contract.
        unsafe { sys::napi_delete_reference(self.env, reference) };
    }

    /// A reference to the ArrayBuffer of the Uint8Array at `index` that does not keep it from being
    /// collected.
    pub fn watch_memory(&self, index: usize) -> Result<sys::napi_ref, Misuse> {
        let (mut memory, mut reference) = (ptr::null_mut(), ptr::null_mut());
        self.bytes_within(index, &mut memory)?;
        // SAFETY: `memory` is the array's buffer; null, for an argument that is undefined, is
        // refused.
        let status = unsafe { sys::napi_create_reference(self.env, memory, 0, &mut reference) };
        match status {
            sys::Status::napi_ok => Ok(reference),
            _ => Err(Misuse("an argument cannot be watched")),
        }
    }

    /// Whether what [`Call::watch_memory`] refers to has not been collected.
    ///
    /// # Safety
    /// `reference` is of this environment, and nobody has let go of it.
    pub unsafe fn is_there(&self, reference: sys::napi_ref) -> bool {
        let mut value = ptr::null_mut();
        // SAFETY: by this function's contract; `value` outlives the call.
        let status = unsafe { sys::napi_get_reference_value(self.env, reference, &mut value) };
        status == sys::Status::napi_ok && !value.is_null()
    }

    /// The memory of the Uint8Array at `index`, for as long as the environment lives: the array is
    /// neither transferred nor shown to anybody.
    #[cfg(reactor)]
    pub fn hold_bytes(&self, index: usize) -> Result<Bytes, Misuse> {
        self.hold(index)?;
        self.bytes(index)
    }

    /// The argument at `index` as an unsigned number.
    pub fn number(&self, index: usize) -> Result<u32, Misuse> {
        let mut number = 0;
        // SAFETY: the value is this call's argument; `number` outlives the call.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.args[index], &mut number) };
        match status {
            sys::Status::napi_ok => Ok(number),
            _ => Err(Misuse("an argument is not a number")),
        }
    }

    /// The argument at `index` as a number of up to 53 bits.
    pub fn large_number(&self, index: usize) -> Result<u64, Misuse> {
        let mut number = 0.0;
        // SAFETY: the value is this call's argument; `number` outlives the call.
        let status = unsafe { sys::napi_get_value_double(self.env, self.args[index], &mut number) };
        match status {
            sys::Status::napi_ok if number >= 0.0 => Ok(number as u64),
            _ => Err(Misuse("an argument is not a number")),
        }
    }

    /// Our role as the argument at `index` tells it.
    pub fn role(&self, index: usize) -> Result<Option<Role>, Misuse> {
        role_of(self.number(index)?)
    }

    /// The memory of the Uint8Array at `index`; none of an argument that is undefined.
    pub fn bytes(&self, index: usize) -> Result<Bytes, Misuse> {
        self.bytes_within(index, ptr::null_mut())
    }

    /// The same, or `None` where another thread may write to that memory while it is read.
    pub fn unshared_bytes(&self, index: usize) -> Result<Option<Bytes>, Misuse> {
        let mut memory = ptr::null_mut();
        let bytes = self.bytes_within(index, &mut memory)?;
        let mut is_own = false;
        // SAFETY: `memory` is the array's ArrayBuffer or SharedArrayBuffer; null, for an argument
        // that is undefined, is refused.
        unsafe { sys::napi_is_arraybuffer(self.env, memory, &mut is_own) };
        Ok((is_own || bytes.len == 0).then_some(bytes))
    }

    /// `memory` may be null; it gets the buffer that the array is a view of.
    fn bytes_within(&self, index: usize, memory: *mut sys::napi_value) -> Result<Bytes, Misuse> {
        let mut start = ptr::null_mut();
        let mut len = 0;
        // Its type is not asked for, which would cost more than the rest: no element is smaller
        // than a byte, so `len` never exceeds the memory. SAFETY: the value is this call's
        // argument; all results outlive the call, and those that are not wanted may be null.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.args[index],
                ptr::null_mut(),
                &mut len,
                &mut start,
                memory,
                ptr::null_mut(),
            )
        };
        match status {
            // An empty array may have no memory at all.
            sys::Status::napi_ok if start.is_null() || len == 0 => Ok(Bytes::EMPTY),
            sys::Status::napi_ok => Ok(Bytes {
                start: start.cast(),
                len,
            }),
            _ if self.is_undefined(index) => Ok(Bytes::EMPTY),
            _ => Err(Misuse("an argument is not a Uint8Array")),
        }
    }

    /// Writes the string at `index` into `out` as UTF-8, lone surrogates replaced, and returns its
    /// length; three bytes for each of its UTF-16 units and four more have to be free.
    pub fn write_string(&self, index: usize, out: &mut [u8]) -> Result<usize, Misuse> {
        let mut len = 0;
        // SAFETY: the value is this call's argument; at most `out.len()` bytes are written, a NUL
        // included.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                self.args[index],
                out.as_mut_ptr().cast(),
                out.len(),
                &mut len,
            )
        };
        // A string that was cut short leaves less than one character and the NUL free.
        if status == sys::Status::napi_ok && len + 4 < out.len() {
            Ok(len)
        } else {
            Err(Misuse("a string does not fit its buffer"))
        }
    }

    /// How many bytes of UTF-8 the string at `index` has.
    pub fn string_len(&self, index: usize) -> Result<usize, Misuse> {
        let mut len = 0;
        // SAFETY: the value is this call's argument; without a buffer only the length is told.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                self.args[index],
                ptr::null_mut(),
                0,
                &mut len,
            )
        };
        match status {
            sys::Status::napi_ok => Ok(len),
            _ => Err(Misuse("an argument is not a string")),
        }
    }

    /// A string of ASCII.
    pub fn string(&self, text: &std::ffi::CStr) -> Result<sys::napi_value, Misuse> {
        let mut value = ptr::null_mut();
        // SAFETY: the text is NUL-terminated and outlives the call.
        let status = unsafe {
            sys::napi_create_string_utf8(
                self.env,
                text.as_ptr(),
                text.count_bytes() as isize,
                &mut value,
            )
        };
        match status {
            sys::Status::napi_ok => Ok(value),
            _ => Err(Misuse("a string cannot be made")),
        }
    }

    fn is_undefined(&self, index: usize) -> bool {
        let mut kind = sys::ValueType::napi_null;
        // SAFETY: the value is this call's argument; `kind` outlives the call.
        unsafe { sys::napi_typeof(self.env, self.args[index], &mut kind) };
        kind == sys::ValueType::napi_undefined
    }
}
