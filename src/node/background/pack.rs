//! Long messages packed, for a connection or for all that have agreed to the same.

use super::super::call::{Bytes, Call, Misuse};
use super::super::environment::Environment;
use super::super::pack::shared_header;
use super::super::send::{REFUSED_PLAIN, message_kind, refusal};
use super::{GONE, Owner, Task, start};
use crate::bytes::mask;
use crate::protocol::deflate::Deflating;
use crate::protocol::extension::{Pack, Packing};
use crate::protocol::{FrameHeader, MessageKind};

/// Packs a message, or a part of one, for its connection.
struct PackOne {
    packing: Packing,
    payload: Bytes,
    out: Bytes,
    mask: Option<[u8; 4]>,
    /// Bytes that it came to.
    packed: usize,
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
    let owner = Owner::connection(environment, number)?;
    let (_, connection, pools) = environment.packing(number)?;
    // SAFETY: the argument keeps its memory during the call. It is a copy of `lib/`'s or the
    // payload of a `WS.frame`, which no other thread has; no JavaScript runs meanwhile, and no
    // slice that is written to exists.
    let bytes = unsafe { payload.as_slice() };
    let packing = match connection.begin_packing(message, fin, bytes, may_pack, pools) {
        Ok(Some(packing)) => packing,
        Ok(None) => return Ok(REFUSED_PLAIN),
        Err(error) => return Ok(refusal(error)),
    };
    if out.len() < FrameHeader::MAX_LEN + packing.bound(payload.len()) {
        return Err(Misuse("a packed frame does not fit its buffer"));
    }
    let task = PackOne {
        packing,
        payload,
        out,
        mask,
        packed: 0,
    };
    start(call, owner, task, [3, 4], 5)
}

impl Task for PackOne {
    fn run(&mut self) {
        // SAFETY: the job holds both arrays, which do not overlap. The payload is a copy that
        // nobody else has, or that of a `WS.frame`, which is never written again and cannot be
        // transferred; `lib/` hands `out` on only when the job is done. These are the only slices
        // that the job makes of them.
        let (payload, out) = unsafe { (self.payload.as_slice(), self.out.as_mut_slice()) };
        let room = &mut out[FrameHeader::MAX_LEN..];
        self.packed = self.packing.run(payload, room);
        if let Some(key) = self.mask {
            mask::xor(&mut room[..self.packed], key);
        }
    }

    fn finish(self: Box<Self>, environment: &mut Environment, number: Option<u32>) -> (i64, i64) {
        let Some(number) = number else {
            return GONE;
        };
        let Ok((_, connection, pools)) = environment.packing(number) else {
            return GONE;
        };
        let (plain, packed) = (self.payload.len(), self.packed);
        match connection.end_packing(self.packing, plain, packed, self.mask, pools) {
            Ok(Some(header)) => place(header, packed, self.out),
            Ok(None) => (REFUSED_PLAIN, 0),
            Err(error) => (refusal(error), 0),
        }
    }
}

/// Packs a message for all connections with a parameter set.
struct PackShared {
    pack: Box<dyn Pack>,
    set: u32,
    kind: MessageKind,
    payload: Bytes,
    out: Bytes,
    /// Bytes that it came to.
    packed: usize,
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
    let owner = Owner::all(environment);
    let task = PackShared {
        pack,
        set,
        kind,
        payload,
        out,
        packed: 0,
    };
    start(call, owner, task, [1, 3], 4)
}

impl Task for PackShared {
    fn run(&mut self) {
        // SAFETY: the job holds both arrays, which do not overlap. The payload is that of a
        // `WS.frame`, which is never written again and cannot be transferred; `lib/` hands `out` on
        // only when the job is done. These are the only slices that the job makes of them.
        let (payload, out) = unsafe { (self.payload.as_slice(), self.out.as_mut_slice()) };
        self.packed = self
            .pack
            .run(payload, true, &mut out[FrameHeader::MAX_LEN..]);
    }

    fn finish(self: Box<Self>, environment: &mut Environment, _: Option<u32>) -> (i64, i64) {
        environment.pools.put_pack(self.set, self.pack);
        match shared_header(self.kind, self.payload.len(), self.packed) {
            Some(header) => place(header, self.packed, self.out),
            None => (REFUSED_PLAIN, 0),
        }
    }
}

/// Writes a header in front of the payload that is in `out`; tells where the frame ends and begins.
fn place(header: FrameHeader, packed: usize, out: Bytes) -> (i64, i64) {
    let start = FrameHeader::MAX_LEN - header.encoded_len();
    // SAFETY: the job still holds `out`, which `lib/` hands on after this, and the thread is done
    // with it: this is the only slice.
    header.write(&mut unsafe { out.as_mut_slice() }[start..]);
    ((FrameHeader::MAX_LEN + packed) as i64, start as i64)
}
