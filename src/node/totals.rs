//! What all connections of an environment have moved.

use super::call::{Call, Misuse};
use super::environment::Environment;

/// `totals(out)`: five doubles, in the order of `lib/stats.js`.
pub fn write_totals(environment: &mut Environment, call: &Call<1>) -> Result<f64, Misuse> {
    let (open, received, sent) = environment.totals();
    let numbers = [
        open as u64,
        received.messages,
        sent.messages,
        received.bytes,
        sent.bytes,
    ];
    // SAFETY: the only slice of `out`.
    let out = unsafe { call.bytes(0)?.as_mut_slice() };
    for (place, number) in out.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&(number as f64).to_ne_bytes());
    }
    Ok(0.0)
}
