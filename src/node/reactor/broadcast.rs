//! One frame to many sockets, in one call.

use super::super::call::{Call, Misuse};
use super::super::environment::{Environment, Peer};
use super::super::send::{ADMITTED, admit};
use super::error_of;
use crate::protocol::Role;

/// Nothing was written, and the frame has not been accepted: it is to be sent by itself.
const SEND_ALONE: i32 = i32::MIN;

/// `broadcast(targets, count, kind, length, frame)`: `targets` has the number of a connection in
/// each of its first `count` words, and gets there what has come of it.
pub fn broadcast(environment: &mut Environment, call: &Call<5>) -> Result<i64, Misuse> {
    const WORD: usize = size_of::<i32>();
    let count = call.number(1)? as usize;
    let targets = call.bytes(0)?.until(count.saturating_mul(WORD))?;
    let (kind, len) = (call.number(2)?, call.large_number(3)? as usize);
    let frame = call.bytes(4)?;
    if targets.overlaps(frame) || i32::try_from(frame.len()).is_err() {
        return Err(Misuse("a frame is not one to broadcast"));
    }
    // SAFETY: the arguments keep their memory during the call, which calls no JavaScript; other
    // threads have neither the list of targets, which is `lib/`'s own, nor the frame, which nobody
    // writes to any more. The two do not overlap, and these are their only slices.
    let (targets, frame) = unsafe { (targets.as_mut_slice(), frame.as_slice()) };
    let (targets, _) = targets.as_chunks_mut::<WORD>();
    for target in targets {
        let outcome = match environment.peer(u32::from_ne_bytes(*target)) {
            Ok(peer) => send(peer, kind, len, frame)?,
            Err(_) => SEND_ALONE,
        };
        *target = outcome.to_ne_bytes();
    }
    Ok(0)
}

/// How many bytes the kernel has taken of a frame, or below 0 the error, or [`SEND_ALONE`].
fn send(peer: &mut Peer, kind: u32, len: usize, frame: &[u8]) -> Result<i32, Misuse> {
    let Some((connection, channel)) = peer.both() else {
        return Ok(SEND_ALONE);
    };
    if admit(connection, Some(Role::Server), kind, len)? != ADMITTED {
        return Ok(SEND_ALONE);
    }
    Ok(match channel.send(frame) {
        Ok(taken) => taken as i32,
        Err(errno) => error_of(errno),
    })
}
