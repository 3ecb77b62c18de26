//! Messages that turned out to be long, unpacked.

use std::thread::yield_now;

use super::super::call::{Bytes, Call, Misuse};
use super::super::environment::Environment;
use super::{Owner, Task, start};
use crate::protocol::extension::Unpacking;

/// Bytes copied between two yields: without those the event loop may wait milliseconds for this
/// thread's core.
const STRETCH: usize = 32 * 1024;

/// Unpacks what was set aside of a message.
struct Unpack {
    unpacking: Box<Unpacking>,
    assembly: Bytes,
    /// What the assembly begins with.
    carried: Bytes,
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
    let owner = Owner::connection(environment, number)?;
    let unpacking = environment
        .connection(number)?
        .take_unpacking()
        .ok_or(Misuse("nothing is to be unpacked"))?;
    let task = Unpack {
        unpacking,
        assembly,
        carried,
    };
    start(call, owner, task, [1, 2], 4)
}

impl Task for Unpack {
    fn run(&mut self) {
        // SAFETY: the job holds both arrays. They are the connection's assembly, the present one
        // and the one before: `lib/` shows neither to anybody, and decodes nothing for a connection
        // whose message is unpacked. They do not overlap, and these are their only slices.
        let (assembly, carried) =
            unsafe { (self.assembly.as_mut_slice(), self.carried.as_slice()) };
        for (to, from) in assembly.chunks_mut(STRETCH).zip(carried.chunks(STRETCH)) {
            to[..from.len()].copy_from_slice(from);
            yield_now();
        }
        self.unpacking.run(assembly, yield_now);
    }

    fn finish(self: Box<Self>, environment: &mut Environment, number: Option<u32>) -> (i64, i64) {
        if let Some(number) = number
            && let Ok(connection) = environment.connection(number)
        {
            connection.put_unpacking(self.unpacking);
        }
        (0, 0)
    }
}
