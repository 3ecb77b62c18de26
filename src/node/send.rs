//! Frames out, into a buffer that JavaScript owns.

use std::mem;
use std::ops::Range;

use napi::sys;

use super::call::{Bytes, Call, Misuse};
use super::environment::Environment;
use super::pack::put_packed;
use crate::bytes::mask;
use crate::protocol::close::MAX_REASON;
use crate::protocol::encoder::{Encoder, encode};
use crate::protocol::header::MAX_CONTROL_PAYLOAD;
use crate::protocol::{
    CloseCode, ClosePayload, Connection, FrameHeader, MessageKind, OpCode, ReservedBits, Role,
    SendError, State,
};

/// Added to the kind of a frame to send: more parts of the message follow.
const MORE: u32 = 0x10;
/// Added to the kind of a frame to send: only the header is to be written.
const HEADER_ONLY: u32 = 0x20;
/// Added to the kind of a frame to send: the message is not to be transformed.
const AS_IT_IS: u32 = 0x40;
/// Added to the kind of a frame to put: the message is to be transformed, where that is worth it.
const PACK: u32 = 0x80;
/// Added to the kind of a frame to put: the payload is a string.
const STRING: u32 = 0x100;

/// A frame was not accepted, because a close frame has been sent.
pub const REFUSED_CLOSING: i64 = -1;
/// A frame was not accepted, because its text is not UTF-8.
const REFUSED_UTF8: i64 = -2;
/// A frame was not accepted, because another thread may write to its payload.
pub const REFUSED_SHARED: i64 = -3;
/// A part was not packed: it is to be sent as it is.
pub const REFUSED_PLAIN: i64 = -4;

/// The Uint8Array that frames are put into, from one call to the next.
pub struct Outbound {
    /// INVARIANT: valid during `put` and `writeLent`. `reference` keeps it from being collected;
    /// `lib/gathered.js` checks before either call that it has not been transferred.
    memory: Bytes,
    reference: Option<sys::napi_ref>,
}

impl Default for Outbound {
    /// None, with room for nothing.
    fn default() -> Self {
        Self {
            memory: Bytes::EMPTY,
            reference: None,
        }
    }
}

impl Outbound {
    /// A part of it.
    pub fn part(&self, Range { start, end }: Range<usize>) -> Result<Bytes, Misuse> {
        self.memory.from(start)?.until(end.saturating_sub(start))
    }
}

/// What V8 keeps among its objects, and moves, is much smaller.
const LEAST_SLAB: usize = 1024;

/// `lend(slab)`.
pub fn lend_slab(environment: &mut Environment, call: &Call<1>) -> Result<i64, Misuse> {
    let memory = call.bytes(0)?;
    if memory.len() < LEAST_SLAB {
        return Err(Misuse("a slab is too small"));
    }
    let reference = Some(call.hold(0)?);
    let lent = Outbound { memory, reference };
    let before = mem::replace(&mut environment.outbound, lent);
    if let Some(reference) = before.reference {
        // SAFETY: it was made in this environment, whose call this is, and never deleted; it went
        // out of `outbound` just now, so nobody uses it after this.
        unsafe { call.let_go(reference) };
    }
    Ok(0)
}

/// Which frame is to be written, and for whom.
pub struct FrameRequest {
    pub number: u32,
    pub role: Option<Role>,
    pub kind: u32,
}

impl FrameRequest {
    /// Whether the payload is a string; to be told so costs less than to ask.
    pub fn is_string(&self) -> bool {
        self.kind & STRING != 0
    }
}

/// `put(payload)`.
pub fn put_frame(environment: &mut Environment, call: &Call<1>) -> Result<i64, Misuse> {
    let (request, place) = environment.frame_request()?;
    let start = place.start;
    let room = environment.outbound.part(place)?;
    match request.kind & PACK {
        0 => write(environment, &request, call, 0, room, start),
        _ => put_packed(environment, &request, call, room, start),
    }
}

/// `frame(connection, role, kind, payload, out, at)`.
pub fn write_frame(environment: &mut Environment, call: &Call<6>) -> Result<i64, Misuse> {
    let request = FrameRequest {
        number: call.number(0)?,
        role: call.role(1)?,
        kind: call.number(2)?,
    };
    let at = call.number(5)? as usize;
    let room = call.bytes(4)?.from(at)?;
    write(environment, &request, call, 3, room, at)
}

/// Writes the frame of the argument at `index` into `room`, which begins at `at` of its buffer.
#[inline]
fn write<const N: usize>(
    environment: &mut Environment,
    request: &FrameRequest,
    call: &Call<N>,
    index: usize,
    room: Bytes,
    at: usize,
) -> Result<i64, Misuse> {
    let mask = environment.mask(request.role)?;
    let connection = environment.connection(request.number)?;
    let kind = request.kind;
    if request.is_string() {
        // SAFETY: `room` is an argument's or the lent slab's, so it is there during the call. It is
        // memory of `lib/`'s that no other thread has, and no JavaScript runs that could use it; a
        // string is copied out of V8, so this is the only slice.
        let out = unsafe { room.as_mut_slice() };
        let written = write_text(connection, call, index, kind, mask, out)?;
        return Ok(written.map_or_else(refusal, |len| (at + len) as i64));
    }

    let Some(payload) = call.unshared_bytes(index)? else {
        return Ok(REFUSED_SHARED);
    };
    let copied;
    let payload = if payload.overlaps(room) {
        // SAFETY: the argument keeps its memory until it is copied; no other thread can write to
        // it, as was just asked, no JavaScript runs, and no slice of `room` exists yet.
        copied = unsafe { payload.as_slice() }.to_vec();
        &copied[..]
    } else {
        // SAFETY: the argument keeps its memory during the call. No other thread can write to it,
        // as was just asked, no JavaScript runs, and it does not overlap `room`, the one slice that
        // is written to.
        unsafe { payload.as_slice() }
    };
    // SAFETY: `room` is there during the call, and nobody else uses it, as above with a string; the
    // payload does not overlap it, or was copied, so this is the only slice.
    let out = unsafe { room.as_mut_slice() };
    if out.len()
        < FrameHeader::MAX_LEN
            + if kind & HEADER_ONLY == 0 {
                payload.len()
            } else {
                0
            }
    {
        return Err(Misuse("a frame does not fit its buffer"));
    }
    let header = match kind & 0xf {
        0x1 | 0x2 => {
            let (message, fin, _) = message_kind(kind)?;
            connection
                .check(message, fin, payload)
                .and_then(|()| connection.send(message, fin, payload.len(), mask))
        }
        _ => control_header(connection, kind, payload.len(), mask)?,
    };
    let header = match header {
        Ok(header) => header,
        Err(error) => return Ok(refusal(error)),
    };
    let len = match kind & HEADER_ONLY {
        0 => encode(header, payload, out),
        _ => header.write(out),
    };
    Ok((at + len) as i64)
}

/// The header of a ping or pong.
fn control_header(
    connection: &mut Connection,
    kind: u32,
    len: usize,
    mask: Option<[u8; 4]>,
) -> Result<std::result::Result<FrameHeader, SendError>, Misuse> {
    let opcode = match kind {
        0x9 => OpCode::Ping,
        0xa => OpCode::Pong,
        _ => return Err(Misuse("no such kind of frame")),
    };
    if len > MAX_CONTROL_PAYLOAD {
        return Err(Misuse("a control frame is too long"));
    }
    let header = connection.send_control(opcode, len, mask);
    Ok(header.ok_or(SendError::Closing))
}

/// Writes a string's frame: first the text, behind the shortest header there is, since its length
/// in bytes is known only then.
fn write_text<const N: usize>(
    connection: &mut Connection,
    call: &Call<N>,
    index: usize,
    kind: u32,
    mask: Option<[u8; 4]>,
    out: &mut [u8],
) -> Result<std::result::Result<usize, SendError>, Misuse> {
    let (message, fin, _) = message_kind(kind)?;
    let guess = if mask.is_some() { 6 } else { 2 };
    if out.len() < FrameHeader::MAX_LEN {
        return Err(Misuse("a frame does not fit its buffer"));
    }
    let len = call.write_string(index, &mut out[guess..])?;
    // A string ends on a character, but the parts before it may not have.
    if let Err(error) = connection.check(message, fin, &out[guess..guess + len]) {
        return Ok(Err(error));
    }
    let header = match connection.send(message, fin, len, mask) {
        Ok(header) => header,
        Err(error) => return Ok(Err(error)),
    };
    let start = header.encoded_len();
    if out.len() < start + len {
        return Err(Misuse("a frame does not fit its buffer"));
    }
    if start != guess {
        out.copy_within(guess..guess + len, start);
    }
    header.write(out);
    if let Some(key) = mask {
        mask::xor(&mut out[start..start + len], key);
    }
    Ok(Ok(start + len))
}

/// `prepare(kind, payload, out)`.
pub fn write_prepared(_: &mut Environment, call: &Call<3>) -> Result<i64, Misuse> {
    let (message, fin, _) = message_kind(call.number(0)?)?;
    let (payload, room) = (call.bytes(1)?, call.bytes(2)?);
    if payload.overlaps(room) || room.len() < FrameHeader::MAX_LEN + payload.len() {
        return Err(Misuse("a frame does not fit its buffer"));
    }
    // SAFETY: the arguments keep their memory during the call, and no JavaScript runs meanwhile.
    // `room` was allocated for this frame, and `lib/` copies a payload that another thread may
    // write to first. They do not overlap, and these are their only slices.
    let (payload, out) = unsafe { (payload.as_slice(), room.as_mut_slice()) };
    // It may go to any connection, so its text has to stand alone: no character goes on in the next
    // part.
    let mut encoder = Encoder::default();
    if let Err(error) = encoder.check(message, true, payload) {
        return Ok(refusal(error));
    }
    let header = FrameHeader {
        fin,
        reserved: ReservedBits::NONE,
        opcode: encoder.accept(message, fin),
        mask: None,
        len: payload.len() as u64,
    };
    Ok(encode(header, payload, out) as i64)
}

/// Added to the number of a parameter set, so that it is none of the other answers of `prepared`.
const FIRST_SET: u32 = 2;

/// What `prepared` answers of a frame that is accepted as it is.
pub const ADMITTED: i64 = 1;

/// What it answers of one that has to be encoded anew.
const TO_ENCODE: i64 = 0;

/// `prepared(connection, role, kind, length)`.
pub fn admit_prepared(environment: &mut Environment, call: &Call<4>) -> Result<i64, Misuse> {
    let (role, kind) = (call.role(1)?, call.number(2)?);
    let len = call.large_number(3)? as usize;
    admit(environment.connection(call.number(0)?)?, role, kind, len)
}

/// Accepts a frame of `prepare`, with a payload of `len` bytes. Only a server sends it as it is.
pub fn admit(
    connection: &mut Connection,
    role: Option<Role>,
    kind: u32,
    len: usize,
) -> Result<i64, Misuse> {
    let (message, fin, may_pack) = message_kind(kind)?;
    if connection.has_sent_close() {
        return Ok(REFUSED_CLOSING);
    }
    if role != Some(Role::Server) {
        return Ok(TO_ENCODE);
    }
    if may_pack
        && fin
        && connection.state() == State::Open
        && let Some(set) = connection.shares(len)
    {
        return Ok(i64::from(FIRST_SET + set));
    }
    if may_pack && connection.packs(len) {
        return Ok(TO_ENCODE);
    }
    Ok(match connection.send_prepared(message, fin, len) {
        Ok(true) => ADMITTED,
        Ok(false) => TO_ENCODE,
        Err(error) => refusal(error),
    })
}

/// The message that a kind speaks of, whether it is its last part, and whether it may be packed.
pub fn message_kind(kind: u32) -> Result<(MessageKind, bool, bool), Misuse> {
    let message = match kind & 0xf {
        0x1 => MessageKind::Text,
        0x2 => MessageKind::Binary,
        _ => return Err(Misuse("no message is of that kind")),
    };
    Ok((message, kind & MORE == 0, kind & AS_IT_IS == 0))
}

/// How a refusal is told.
pub fn refusal(error: SendError) -> i64 {
    match error {
        SendError::Closing => REFUSED_CLOSING,
        SendError::InvalidUtf8 => REFUSED_UTF8,
    }
}

/// `close(connection, role, code, reason, out, at)`.
pub fn write_close(environment: &mut Environment, call: &Call<6>) -> Result<i64, Misuse> {
    let mut text = [0; MAX_REASON * 3 + 5];
    let len = call.write_string(3, &mut text)?;
    let reason = str::from_utf8(&text[..len]).map_err(|_| Misuse("a reason is not UTF-8"))?;
    let code = match call.number(2)? {
        0 => None,
        code => Some(
            u16::try_from(code)
                .ok()
                .and_then(|code| CloseCode::try_from(code).ok())
                .ok_or(Misuse("a close code may not be sent"))?,
        ),
    };
    let payload = ClosePayload::new(code, reason).ok_or(Misuse("a reason is too long"))?;
    let mask = environment.mask(call.role(1)?)?;
    let frame = environment
        .connection(call.number(0)?)?
        .start_closing(payload, mask);
    write_closing(call, frame, 4)
}

/// `answer(connection, role, out, at)`.
pub fn write_answer(environment: &mut Environment, call: &Call<4>) -> Result<i64, Misuse> {
    let mask = environment.mask(call.role(1)?)?;
    let frame = environment.connection(call.number(0)?)?.answer(mask);
    write_closing(call, frame, 2)
}

fn write_closing<const N: usize>(
    call: &Call<N>,
    frame: Option<(FrameHeader, ClosePayload)>,
    out: usize,
) -> Result<i64, Misuse> {
    let at = call.number(out + 1)? as usize;
    let room = call.bytes(out)?.from(at)?;
    let Some((header, payload)) = frame else {
        return Ok(REFUSED_CLOSING);
    };
    if room.len() < FrameHeader::MAX_LEN + MAX_CONTROL_PAYLOAD {
        return Err(Misuse("a frame does not fit its buffer"));
    }
    // SAFETY: the argument keeps its memory during the call. It is memory of `lib/`'s that no other
    // thread has, and no JavaScript runs that could use it; `payload` holds its own bytes, so this
    // is the only slice.
    let out = unsafe { room.as_mut_slice() };
    Ok((at + encode(header, payload.as_bytes(), out)) as i64)
}
