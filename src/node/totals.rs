//! What all connections of an environment have moved.

use super::call::{Bytes, Call, Misuse};
use super::environment::Environment;
use crate::protocol::extension::Volume;

/// `totals(out)`: eleven doubles, in the order of `lib/stats.js`.
pub fn write_totals(environment: &mut Environment, call: &Call<1>) -> Result<i64, Misuse> {
    let (open, totals) = environment.totals();
    let (received, sent) = (totals.received, totals.sent);
    let [unpacked, packed] = [totals.unpacked, totals.packed].map(flat);
    let numbers = [
        open as u64,
        received.messages,
        sent.messages,
        received.bytes,
        sent.bytes,
    ];
    let numbers = numbers.into_iter().chain(unpacked).chain(packed);
    write(call.bytes(0)?, numbers);
    Ok(0)
}

/// `volumes(connection, out)`: the last six of these, for one connection.
pub fn write_volumes(environment: &mut Environment, call: &Call<2>) -> Result<i64, Misuse> {
    let (unpacked, packed) = environment.connection(call.number(0)?)?.volumes();
    let numbers = flat(unpacked).into_iter().chain(flat(packed));
    write(call.bytes(1)?, numbers);
    Ok(0)
}

fn flat(volume: Volume) -> [u64; 3] {
    [volume.messages, volume.packed, volume.plain]
}

fn write(out: Bytes, numbers: impl Iterator<Item = u64>) {
    // SAFETY: the argument of the running call keeps its memory for that long. It is an array that
    // `lib/stats.js` has for this alone, no JavaScript runs meanwhile, and this is its only slice.
    let out = unsafe { out.as_mut_slice() };
    for (place, number) in out.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&(number as f64).to_ne_bytes());
    }
}
