//! Frames of messages that an extension has transformed.
//!
//! How long such a frame is shows only when it is there, so it is made in memory of the
//! environment's, and copied from there when `lib/` has the room for it.

use std::ops::Range;

use super::call::{Bytes, Call, Misuse};
use super::environment::Environment;
use super::send::{FrameRequest, REFUSED_PLAIN, REFUSED_SHARED, message_kind, refusal};
use crate::bytes::mask;
use crate::protocol::deflate::Deflating;
use crate::protocol::encoder::Encoder;
use crate::protocol::extension::{Pools, is_shorter};
use crate::protocol::{Connection, FrameHeader, MessageKind, ReservedBits, SendError};

/// Where frames are packed.
#[derive(Default)]
pub struct Desk {
    /// The text of a message that was given as a string.
    text: Vec<u8>,
    /// Where the frame that was packed last is in `room`.
    frame: Range<usize>,
    room: Vec<u8>,
}

/// A message, or a part of one, that is to be packed.
#[derive(Clone, Copy)]
struct Part<'a> {
    kind: MessageKind,
    fin: bool,
    may_pack: bool,
    payload: &'a [u8],
    mask: Option<[u8; 4]>,
}

impl Desk {
    /// Packs a part for a connection, and tells the length of its frame; `None` where it is to be
    /// sent as it is.
    fn pack(
        &mut self,
        part: Part,
        connection: &mut Connection,
        pools: &mut Pools,
    ) -> Result<Option<usize>, SendError> {
        let (kind, fin, len) = (part.kind, part.fin, part.payload.len());
        let packing = connection.begin_packing(kind, fin, part.payload, part.may_pack, pools)?;
        let Some(mut packing) = packing else {
            return Ok(None);
        };
        let packed = packing.run(part.payload, self.payload_room(packing.bound(len)));
        let header = connection.end_packing(packing, len, packed, part.mask, pools)?;
        Ok(header.map(|header| self.finish(header, packed)))
    }

    /// Room for a payload, behind that for a header.
    fn payload_room(&mut self, len: usize) -> &mut [u8] {
        let len = FrameHeader::MAX_LEN + len;
        if self.room.len() < len {
            self.room.resize(len, 0);
        }
        &mut self.room[FrameHeader::MAX_LEN..]
    }

    /// Makes a frame of a payload that is in its room, and tells its length.
    fn finish(&mut self, header: FrameHeader, packed: usize) -> usize {
        let payload = FrameHeader::MAX_LEN;
        let start = payload - header.encoded_len();
        header.write(&mut self.room[start..payload]);
        self.frame = start..payload + packed;
        if let Some(key) = header.mask {
            mask::xor(&mut self.room[payload..payload + packed], key);
        }
        self.frame.len()
    }

    /// Copies the frame into `room`, which begins at `at` of its buffer → where it ends there.
    fn copy_to(&self, room: Bytes, at: usize) -> Result<i64, Misuse> {
        let frame = &self.room[self.frame.clone()];
        if room.len() < frame.len() {
            return Err(Misuse("a frame does not fit its buffer"));
        }
        // SAFETY: `room` is an argument's or the lent slab's, so it is there during the call. It is
        // memory of `lib/`'s that no other thread has, and no JavaScript runs that could use it;
        // the frame is in the environment's own memory, so this is the only slice.
        let out = unsafe { room.as_mut_slice() };
        out[..frame.len()].copy_from_slice(frame);
        Ok((at + frame.len()) as i64)
    }
}

/// `put` answers this less the length of a packed frame that does not fit.
const ON_DESK: i64 = -16;

/// Packs the argument of `put` into `room`, which begins at `at` of its buffer; what does not fit
/// stays where `packed` finds it.
pub fn put_packed(
    environment: &mut Environment,
    request: &FrameRequest,
    call: &Call<1>,
    room: Bytes,
    at: usize,
) -> Result<i64, Misuse> {
    let mut text = std::mem::take(&mut environment.desk.text);
    let outcome = pack(environment, request, call, &mut text);
    environment.desk.text = text;
    let outcome = outcome?;
    if outcome < 0 {
        return Ok(outcome);
    }
    if outcome > room.len() as i64 {
        return Ok(ON_DESK - outcome);
    }
    environment.desk.copy_to(room, at)
}

/// Packs the argument at 0 → the length of its frame, or why there is none.
fn pack(
    environment: &mut Environment,
    request: &FrameRequest,
    call: &Call<1>,
    text: &mut Vec<u8>,
) -> Result<i64, Misuse> {
    let mask = environment.mask(request.role)?;
    let (kind, fin, may_pack) = message_kind(request.kind)?;
    let payload = if request.is_string() {
        // What is written ends with a NUL, and has room for a character more.
        text.resize(call.string_len(0)? + 8, 0);
        let len = call.write_string(0, text)?;
        &text[..len]
    } else {
        let Some(payload) = call.unshared_bytes(0)? else {
            return Ok(REFUSED_SHARED);
        };
        // SAFETY: the argument keeps its memory during the call, and this slice does not outlive
        // it. No other thread can write to it, as was just asked, and no JavaScript runs; what is
        // packed goes to the environment's own memory.
        unsafe { payload.as_slice() }
    };
    let part = Part {
        kind,
        fin,
        may_pack,
        payload,
        mask,
    };
    let (desk, connection, pools) = environment.packing(request.number)?;
    Ok(match desk.pack(part, connection, pools) {
        Ok(Some(len)) => len as i64,
        Ok(None) => REFUSED_PLAIN,
        Err(error) => refusal(error),
    })
}

/// `packed(out, at)`.
pub fn take_packed(environment: &mut Environment, call: &Call<2>) -> Result<i64, Misuse> {
    let at = call.number(1)? as usize;
    environment.desk.copy_to(call.bytes(0)?.from(at)?, at)
}

/// `share(kind, payload, set)`; the payload of text has been checked.
pub fn write_shared(environment: &mut Environment, call: &Call<3>) -> Result<i64, Misuse> {
    let (kind, ..) = message_kind(call.number(0)?)?;
    // SAFETY: the argument keeps its memory during the call, and this slice does not outlive it. It
    // is a `WS.frame`'s payload, memory of `lib/`'s that no other thread has; no JavaScript runs
    // meanwhile, and what is packed goes to the environment's own memory.
    let payload = unsafe { call.bytes(1)?.as_slice() };
    let set = call.number(2)?;
    let Environment { desk, pools, .. } = environment;
    let mut pack = Deflating::of_set(set, pools);
    let packed = pack.run(payload, true, desk.payload_room(pack.bound(payload.len())));
    pools.put_pack(set, pack);
    Ok(match shared_header(kind, payload.len(), packed) {
        Some(header) => desk.finish(header, packed) as i64,
        None => REFUSED_PLAIN,
    })
}

/// The header of a server's message that was packed for many connections; `None` where that has not
/// made it shorter.
pub fn shared_header(kind: MessageKind, plain: usize, packed: usize) -> Option<FrameHeader> {
    is_shorter(plain, packed).then(|| FrameHeader {
        fin: true,
        reserved: ReservedBits::RSV1,
        opcode: Encoder::default().accept(kind, true),
        mask: None,
        len: packed as u64,
    })
}

/// `shared(connection, kind, length, frameLength)`.
pub fn admit_shared(environment: &mut Environment, call: &Call<4>) -> Result<i64, Misuse> {
    let (kind, ..) = message_kind(call.number(1)?)?;
    let (plain, frame) = (call.large_number(2)?, call.large_number(3)?);
    let connection = environment.connection(call.number(0)?)?;
    Ok(
        match connection.send_shared(kind, plain as usize, frame as usize) {
            Ok(()) => 1,
            Err(error) => refusal(error),
        },
    )
}
