//! Whether payloads are still held: a few of them are watched, and keep nothing from being
//! collected.

use napi::sys;

use super::call::{Call, Misuse};
use super::environment::Environment;

/// How many are watched at a time.
const COUNT: usize = 4;

/// Weak references to the memory of payloads, the last [`COUNT`] of them.
#[derive(Default)]
pub struct Samples {
    references: [Option<sys::napi_ref>; COUNT],
    next: usize,
}

/// `sample(memory)`.
pub fn sample(environment: &mut Environment, call: &Call<1>) -> Result<i64, Misuse> {
    let reference = call.watch_memory(0)?;
    let samples = &mut environment.samples;
    let oldest = samples.references[samples.next].replace(reference);
    samples.next = (samples.next + 1) % COUNT;
    if let Some(oldest) = oldest {
        // SAFETY: it was made in this environment, whose call this is, and never deleted; its place
        // in the list has another one now, so nobody uses it after this.
        unsafe { call.let_go(oldest) };
    }
    Ok(0)
}

/// `survivors()`.
pub fn survivors(environment: &mut Environment, call: &Call<0>) -> Result<i64, Misuse> {
    let mut count = 0;
    for reference in &mut environment.samples.references {
        let Some(reference) = reference.take() else {
            continue;
        };
        // SAFETY: it was made in this environment, whose call this is, and never deleted; it was
        // taken out of the list, so nobody uses it after this.
        unsafe {
            count += i64::from(call.is_there(reference));
            call.let_go(reference);
        }
    }
    Ok(count)
}
