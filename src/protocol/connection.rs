//! One connection after its handshake: both halves, and the closing handshake (RFC 6455 §7).

use std::ops::{AddAssign, Range};

use super::close::{CloseCode, ClosePayload};
use super::decoder::{Decoder, Delivery, Event, Memory, MessageKind, Step};
use super::encoder::{Encoder, SendError, control_header};
use super::error::ProtocolError;
use super::extension::{Inbound, Outbound, Outflow, Packing, Pools, Unpacking, Volume};
use super::header::{FrameHeader, OpCode, ReservedBits, payload_len};
use super::role::{Limits, Role};

/// How far the closing handshake has come (RFC 6455 §7.1.3, §7.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No close frame either way.
    Open,
    /// One of the two close frames has passed.
    Closing,
    /// Both close frames have passed, or ours has because the peer broke the protocol.
    Closed,
}

/// What has passed one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Whole messages.
    pub messages: u64,
    /// Bytes of frames, headers included.
    pub bytes: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// A connection's state machine. It has no socket: bytes and events go in and out of it.
///
/// The caller owes it an order: take the events of a [`Connection::receive`] one by one, and answer
/// each of them (a pong for a ping, [`Connection::answer`] for a close frame or a violation) before
/// the next one is acted on.
pub struct Connection {
    decoder: Decoder,
    encoder: Encoder,
    /// The sending half of the extension, if one was negotiated.
    outflow: Option<Box<Outflow>>,
    close_sent: bool,
    /// The peer's close frame, and its code if it had one.
    close_received: Option<Option<CloseCode>>,
    failure: Option<ProtocolError>,
    /// What has been read.
    pub received: Traffic,
    /// What has been accepted for sending.
    pub sent: Traffic,
}

impl Connection {
    /// A connection whose handshake has just ended.
    pub fn new(limits: Limits, delivery: Delivery) -> Self {
        Self {
            decoder: Decoder::new(limits, delivery),
            encoder: Encoder::default(),
            outflow: None,
            close_sent: false,
            close_received: None,
            failure: None,
            received: Traffic::default(),
            sent: Traffic::default(),
        }
    }

    /// Has an extension transform messages from here on: before the first of them.
    pub fn extend(&mut self, inbound: Box<dyn Inbound>, outbound: Box<dyn Outbound>) {
        self.decoder.extend(inbound);
        self.outflow = Some(Box::new(Outflow::new(outbound)));
    }

    /// What the extension has done to messages that were read, and to those that were sent.
    pub fn volumes(&self) -> (Volume, Volume) {
        let sent = self.outflow.as_ref().map(|flow| flow.volume);
        (self.decoder.unpacked(), sent.unwrap_or_default())
    }

    /// Gives up memory of the extension that was not used since the last call; `None` where there
    /// is no extension.
    pub fn rest(&mut self) -> Option<()> {
        self.outflow.as_mut().map(|flow| flow.half.rest())
    }

    /// See [`Decoder::begin_turn`].
    #[inline]
    pub fn begin_turn(&mut self) {
        self.decoder.begin_turn();
    }

    /// See [`Decoder::take_unpacking`].
    pub fn take_unpacking(&mut self) -> Option<Box<Unpacking>> {
        self.decoder.take_unpacking()
    }

    /// See [`Decoder::put_unpacking`].
    pub fn put_unpacking(&mut self, unpacking: Box<Unpacking>) {
        self.decoder.put_unpacking(unpacking);
    }

    /// Reads on from `input`; see [`Decoder::step`].
    ///
    /// # Errors
    /// The peer's violation, to be [answered](Connection::answer) once the events before it have
    /// been.
    #[inline]
    pub fn receive(
        &mut self,
        role: Option<Role>,
        input: &mut &[u8],
        memory: &mut Memory,
    ) -> Result<Step, ProtocolError> {
        let before = input.len();
        let step = self.decoder.step(role, input, memory);
        self.note(before - input.len(), &step);
        step
    }

    /// Whether a part of a message is in the assembly, which the next step has to get.
    pub fn awaits_assembly(&self) -> bool {
        self.decoder.awaits_assembly()
    }

    /// Where the next bytes may be written before [`Connection::receive_in_place`]; see
    /// [`Decoder::expected`].
    pub fn expected(&self, capacity: usize) -> Range<usize> {
        self.decoder.expected(capacity)
    }

    /// Takes `count` bytes that are where they were [expected](Connection::expected).
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_in_place(
        &mut self,
        count: usize,
        memory: &mut Memory,
    ) -> Result<Step, ProtocolError> {
        let step = self.decoder.step_in_place(count, memory);
        self.note(count, &step);
        step
    }

    #[inline]
    fn note(&mut self, bytes: usize, step: &Result<Step, ProtocolError>) {
        self.received.bytes += bytes as u64;
        match step {
            Ok(Step::Event(Event::Message(..))) => self.received.messages += 1,
            Ok(Step::Event(Event::Close(code, _))) => self.close_received = Some(*code),
            Err(error) => self.failure = Some(*error),
            Ok(_) => {}
        }
    }

    /// Fails the connection for a fault that is not on the wire (RFC 6455 §7.1.7). The first
    /// failure stays.
    pub fn fail(&mut self, error: ProtocolError) {
        self.decoder.end(&mut &[][..]);
        self.failure.get_or_insert(error);
    }

    /// The header of the next part of a message, whose payload is `len` bytes and, if it is text,
    /// known to be UTF-8.
    ///
    /// # Errors
    /// [`SendError::Closing`].
    #[inline]
    pub fn send(
        &mut self,
        kind: MessageKind,
        fin: bool,
        len: usize,
        mask: Option<[u8; 4]>,
    ) -> Result<FrameHeader, SendError> {
        if self.close_sent {
            return Err(SendError::Closing);
        }
        let opcode = self.encoder.accept(kind, fin);
        self.sent.messages += u64::from(fin);
        Ok(self.count(FrameHeader {
            fin,
            reserved: ReservedBits::NONE,
            opcode,
            mask,
            len: len as u64,
        }))
    }

    /// What packs the next part of a message; `None` where the part is to be sent as it is, which
    /// it is in any case if the message begins without `may_pack`. Nothing else is sent of a
    /// message before [`Connection::end_packing`].
    ///
    /// # Errors
    /// [`SendError::Closing`], and [`SendError::InvalidUtf8`] for text that is not. On `None` the
    /// part is unchecked: a check advances the UTF-8 state, so it must run only once.
    pub fn begin_packing(
        &mut self,
        kind: MessageKind,
        fin: bool,
        part: &[u8],
        may_pack: bool,
        pools: &mut Pools,
    ) -> Result<Option<Packing>, SendError> {
        if self.close_sent {
            return Err(SendError::Closing);
        }
        let Some(flow) = &mut self.outflow else {
            return Ok(None);
        };
        let begins = self.encoder.is_between_messages();
        let packs = match begins {
            true => may_pack && flow.half.wants(part.len()),
            false => flow.is_in_message(),
        };
        if !packs {
            return Ok(None);
        }
        self.encoder.check(kind, fin, part)?;
        Ok(match begins {
            true => Some(flow.begin(kind, fin, part.len(), pools)),
            false => flow.resume(kind, fin),
        })
    }

    /// Takes a part of `plain` bytes that was packed to `packed`, and tells the header of its
    /// frame; `None` where it is better sent as it is.
    ///
    /// # Errors
    /// [`SendError::Closing`].
    pub fn end_packing(
        &mut self,
        packing: Packing,
        plain: usize,
        packed: usize,
        mask: Option<[u8; 4]>,
        pools: &mut Pools,
    ) -> Result<Option<FrameHeader>, SendError> {
        let Some(flow) = &mut self.outflow else {
            return Ok(None);
        };
        if self.close_sent {
            flow.discard(packing, pools);
            return Err(SendError::Closing);
        }
        let (kind, fin) = (packing.kind, packing.fin);
        let Some(reserved) = flow.end(packing, plain, packed, pools) else {
            return Ok(None);
        };
        let opcode = self.encoder.accept(kind, fin);
        self.sent.messages += u64::from(fin);
        Ok(Some(self.count(FrameHeader {
            fin,
            reserved,
            opcode,
            mask,
            len: packed as u64,
        })))
    }

    /// Whether a message whose first part is of `len` bytes, or the one in progress, would be
    /// packed.
    pub fn packs(&self, len: usize) -> bool {
        let between = self.encoder.is_between_messages();
        let flow = self.outflow.as_ref();
        flow.is_some_and(|flow| !between || flow.half.wants(len))
    }

    /// The number of the parameter set with which a whole message of `len` bytes may have been
    /// packed beforehand; `None` where it is to be encoded for this connection alone.
    pub fn shares(&self, len: usize) -> Option<u32> {
        let flow = self.outflow.as_ref()?;
        match self.encoder.is_between_messages() && flow.half.wants(len) {
            true => flow.half.shares(len),
            false => None,
        }
    }

    /// Accepts a whole message of `plain` bytes that was packed beforehand to a server's frame of
    /// `frame` bytes, with the parameters that [`Connection::shares`] has told.
    ///
    /// # Errors
    /// [`SendError::Closing`].
    pub fn send_shared(
        &mut self,
        kind: MessageKind,
        plain: usize,
        frame: usize,
    ) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closing);
        }
        self.encoder.accept(kind, true);
        if let Some(flow) = &mut self.outflow {
            flow.count(true, plain, payload_len(frame));
        }
        self.sent.messages += 1;
        self.sent.bytes += frame as u64;
        Ok(())
    }

    /// Checks a part that is not known to be UTF-8, before [`Connection::send`].
    ///
    /// # Errors
    /// [`SendError::InvalidUtf8`] for text that is not, or does not end on a character.
    pub fn check(&mut self, kind: MessageKind, fin: bool, part: &[u8]) -> Result<(), SendError> {
        self.encoder.check(kind, fin, part)
    }

    /// Whether our close frame has been sent: nothing follows it (RFC 6455 §5.5.1).
    pub fn has_sent_close(&self) -> bool {
        self.close_sent
    }

    /// Accepts a frame that was encoded beforehand, of checked text or of binary, if what
    /// [`Connection::send`] would make of it is those bytes. It is not where the part continues a
    /// message, which has to be encoded anew.
    ///
    /// # Errors
    /// [`SendError::Closing`].
    pub fn send_prepared(
        &mut self,
        kind: MessageKind,
        fin: bool,
        len: usize,
    ) -> Result<bool, SendError> {
        let is_same = self.encoder.is_between_messages();
        if is_same {
            self.send(kind, fin, len, None)?;
        }
        Ok(is_same)
    }

    /// The header of a ping or pong with `len` bytes of payload, 125 at most; it may stand between
    /// the parts of a message. `None` once a close frame has been sent.
    pub fn send_control(
        &mut self,
        opcode: OpCode,
        len: usize,
        mask: Option<[u8; 4]>,
    ) -> Option<FrameHeader> {
        debug_assert!(matches!(opcode, OpCode::Ping | OpCode::Pong));
        (!self.close_sent).then(|| self.count(control_header(opcode, len, mask)))
    }

    /// Starts the closing handshake, or ends the one that the peer has started (RFC 6455 §7.1.2).
    /// `None` when our close frame has been sent before.
    pub fn start_closing(
        &mut self,
        payload: ClosePayload,
        mask: Option<[u8; 4]>,
    ) -> Option<(FrameHeader, ClosePayload)> {
        if self.close_sent {
            return None;
        }
        self.close_sent = true;
        let header = control_header(OpCode::Close, payload.as_bytes().len(), mask);
        Some((self.count(header), payload))
    }

    /// The close frame that is due: the answer to the peer's, or the one that fails the connection.
    /// `None` when none is.
    pub fn answer(&mut self, mask: Option<[u8; 4]>) -> Option<(FrameHeader, ClosePayload)> {
        let code = match (self.failure, self.close_received) {
            (Some(error), _) => Some(error.close_code()),
            // §5.5.1: "the endpoint typically echos the status code it received"
            (None, Some(code)) => code,
            (None, None) => return None,
        };
        self.start_closing(ClosePayload::new(code, "")?, mask)
    }

    /// How far the closing handshake has come.
    pub fn state(&self) -> State {
        match (self.close_sent, self.close_received, self.failure) {
            (true, Some(_), _) | (true, _, Some(_)) => State::Closed,
            (false, None, None) => State::Open,
            _ => State::Closing,
        }
    }

    fn count(&mut self, header: FrameHeader) -> FrameHeader {
        self.sent.bytes += header.encoded_len() as u64 + header.len;
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(Limits::default(), Delivery::Whole)
    }

    /// There may be hundreds of thousands of them, most of them idle.
    #[test]
    fn a_connection_is_small() {
        assert!(
            size_of::<Connection>() <= 160,
            "{}",
            size_of::<Connection>()
        );
    }

    #[test]
    fn a_prepared_frame_goes_out_where_send_would_make_the_same() {
        let (text, binary) = (MessageKind::Text, MessageKind::Binary);
        let (mut one, mut other) = (connection(), connection());
        for (kind, fin, len) in [(text, true, 5), (binary, true, 0), (binary, false, 70_000)] {
            assert_eq!(one.send_prepared(kind, fin, len), Ok(true));
            other.send(kind, fin, len, None).unwrap();
            assert_eq!(one.sent, other.sent);
        }
        // A message is in progress: the frame would have to continue it, and nothing is counted.
        assert_eq!(one.send_prepared(text, true, 5), Ok(false));
        assert_eq!(one.sent, other.sent);
        one.send(binary, true, 0, None).unwrap();
        assert_eq!(one.send_prepared(text, true, 5), Ok(true));
    }

    #[test]
    fn nothing_prepared_goes_out_after_a_close_frame() {
        let mut connection = connection();
        connection.start_closing(ClosePayload::new(None, "").unwrap(), None);
        let refused = connection.send_prepared(MessageKind::Text, true, 5);
        assert_eq!(refused, Err(SendError::Closing));
        assert!(connection.has_sent_close());
    }

    #[test]
    fn messages_count_when_they_are_whole() {
        let mut connection = connection();
        connection.send(MessageKind::Text, false, 1, None).unwrap();
        assert_eq!(
            connection.sent,
            Traffic {
                messages: 0,
                bytes: 3
            }
        );
        connection.send(MessageKind::Text, true, 1, None).unwrap();
        connection.send_control(OpCode::Ping, 0, None).unwrap();
        assert_eq!(
            connection.sent,
            Traffic {
                messages: 1,
                bytes: 8
            }
        );
    }
}
