//! Laws that hold for any bytes.

mod common;

use common::{Receiver, Seen, events_of};
use proptest::prelude::*;
use ws13_native::protocol::encoder::encode;
use ws13_native::protocol::{
    Delivery, FrameHeader, Limits, MessageKind, OpCode, ProtocolError, ReservedBits, Role,
};

const LIMITS: Limits = Limits {
    max_payload: 4096,
    max_fragments: 8,
};

fn role() -> impl Strategy<Value = Option<Role>> {
    prop_oneof![
        Just(None),
        Just(Some(Role::Server)),
        Just(Some(Role::Client))
    ]
}

/// Streams that are mostly right: frames with a few bytes changed.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        4 => Just(OpCode::Text),
        4 => Just(OpCode::Binary),
        3 => Just(OpCode::Continuation),
        1 => Just(OpCode::Ping),
        1 => Just(OpCode::Pong),
        1 => Just(OpCode::Close),
    ];
    let payload = prop_oneof![
        "\\PC{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..300),
        (1000u16..1020).prop_map(|code| code.to_be_bytes().to_vec()),
    ];
    let frame = (any::<bool>(), opcode, payload, any::<Option<[u8; 4]>>()).prop_map(
        |(fin, opcode, payload, mask)| {
            let header = FrameHeader {
                fin: fin || opcode.is_control(),
                reserved: ReservedBits::NONE,
                opcode,
                mask,
                len: payload.len() as u64,
            };
            let mut frame = vec![0; header.encoded_len() + payload.len()];
            encode(header, &payload, &mut frame);
            frame
        },
    );
    let faults = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    (prop::collection::vec(frame, 1..8), faults).prop_map(|(frames, faults)| {
        let mut bytes = frames.concat();
        for (index, value) in faults {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    })
}

fn check_end(role: Option<Role>, bytes: &[u8]) {
    let mut receiver = Receiver::new(role, LIMITS);
    receiver.feed(bytes);
    let before = receiver.seen.len();
    let ended = matches!(
        receiver.seen.last(),
        Some(Seen::Close(..) | Seen::Violation(_))
    );
    // Whatever ended a connection is answered once, by a valid close frame, and nothing follows.
    let answer = receiver.connection.answer(None);
    assert_eq!(answer.is_some(), ended);
    assert!(receiver.connection.answer(None).is_none());
    if ended {
        receiver.feed(&[0x81, 0x00]);
        assert_eq!(receiver.seen.len(), before);
        assert!(
            receiver
                .connection
                .send(MessageKind::Text, true, 0, None)
                .is_err()
        );
    }
    // Memory follows the bytes that arrived.
    assert!(receiver.largest <= (16 * bytes.len()).max(256));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn any_chunking_gives_the_same_events(
        role in role(),
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts {
            chunks.push(&bytes[start..cut]);
            start = cut;
        }
        chunks.push(&bytes[start..]);
        prop_assert_eq!(
            events_of(role, LIMITS, [&bytes[..]]),
            events_of(role, LIMITS, chunks)
        );
    }

    #[test]
    fn parts_add_up_to_the_whole(
        role in role(),
        bytes in stream(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (head, tail) = bytes.split_at(cut.index(bytes.len()));
        let mut receiver = Receiver::with_delivery(role, LIMITS, Delivery::Parts);
        receiver.feed(head);
        receiver.feed(tail);
        prop_assert_eq!(receiver.seen, events_of(role, LIMITS, [&bytes[..]]));
    }

    #[test]
    fn bytes_read_in_place_are_the_same(
        role in role(),
        bytes in stream(),
        cut in any::<prop::sample::Index>(),
        delivery in prop_oneof![Just(Delivery::Whole), Just(Delivery::Parts)],
    ) {
        let (head, tail) = bytes.split_at(cut.index(bytes.len()));
        let mut receiver = Receiver::with_delivery(role, LIMITS, delivery).in_place();
        receiver.feed(head);
        receiver.feed(tail);
        prop_assert_eq!(receiver.connection.received.bytes, bytes.len() as u64);
        prop_assert_eq!(receiver.seen, events_of(role, LIMITS, [&bytes[..]]));
    }

    #[test]
    fn streams_end_with_an_answer_or_wait(role in role(), bytes in stream()) {
        check_end(role, &bytes);
    }

    #[test]
    fn noise_ends_with_an_answer_or_waits(
        role in role(),
        bytes in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        check_end(role, &bytes);
    }

    #[test]
    fn accepted_headers_encode_to_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
        let rules = ws13_native::protocol::header::Rules { role: None, claimed: ReservedBits::NONE };
        if let Ok(Some((header, len))) = FrameHeader::parse(&bytes, rules) {
            let mut again = [0; FrameHeader::MAX_LEN];
            prop_assert_eq!(header.write(&mut again), len);
            prop_assert_eq!(&again[..len], &bytes[..len]);
        }
    }

    #[test]
    fn sent_frames_arrive(
        payload in prop::collection::vec(any::<u8>(), 0..3000),
        key in any::<Option<[u8; 4]>>(),
    ) {
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let mut receiver = Receiver::new(Some(role), LIMITS);
        let header = receiver.connection
            .send(MessageKind::Binary, true, payload.len(), key)
            .unwrap();
        let mut frame = vec![0; header.encoded_len() + payload.len()];
        let end = encode(header, &payload, &mut frame);
        receiver.feed(&frame[..end]);
        prop_assert_eq!(receiver.seen, vec![Seen::Binary(payload)]);
    }
}

/// What is read to where it belongs: the rest of a frame of which some is there already.
#[test]
fn the_rest_of_a_message_is_read_in_place() {
    let frame = |fin, opcode, len: usize| {
        let header = FrameHeader {
            fin,
            reserved: ReservedBits::NONE,
            opcode,
            mask: Some([1, 2, 3, 4]),
            len: len as u64,
        };
        let mut frame = vec![0; header.encoded_len() + len];
        encode(header, &vec![b'a'; len], &mut frame);
        frame
    };
    let in_place = |chunks: &[&[u8]], delivery| {
        let mut receiver = Receiver::with_delivery(Some(Role::Server), LIMITS, delivery).in_place();
        for chunk in chunks {
            receiver.feed(chunk);
        }
        assert!(matches!(receiver.seen.last(), Some(Seen::Text(_))));
        receiver.in_place
    };
    let whole = frame(true, OpCode::Text, 100);
    let (head, tail) = whole.split_at(whole.len() - 40);
    let (header, payload) = whole.split_at(whole.len() - 100);
    let tail_and_more = [tail, &whole].concat();
    let fragments = [
        frame(false, OpCode::Text, 100),
        frame(true, OpCode::Continuation, 100),
    ];
    for (chunks, bytes) in [
        (&[&whole[..]][..], 0),
        (&[head, tail], 40),
        (&[head, &tail_and_more], 40),
        (&[header, payload], 0),
        (&[&fragments[0], &fragments[1]], 0),
    ] {
        assert_eq!(in_place(chunks, Delivery::Whole), bytes);
        assert_eq!(in_place(chunks, Delivery::Parts), 0);
    }
}

#[test]
fn a_declared_length_costs_nothing() {
    let huge = Limits {
        max_payload: u64::MAX >> 1,
        ..Limits::default()
    };
    let mut receiver = Receiver::new(Some(Role::Client), huge);
    receiver.feed(&[0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3]);
    assert!(receiver.largest <= 256);

    let seen = events_of(
        Some(Role::Client),
        Limits::default(),
        [&[0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0][..]],
    );
    assert_eq!(seen, vec![Seen::Violation(ProtocolError::MessageTooBig)]);
}

#[test]
fn many_small_parts_move_few_bytes() {
    let mut receiver = Receiver::new(Some(Role::Client), Limits::default());
    let mut grown = Vec::new();
    receiver.feed(&[0x02, 0x01, 0xaa]);
    for _ in 0..10_000 {
        receiver.feed(&[0x00, 0x01, 0xaa]);
        grown.push(receiver.largest);
    }
    receiver.feed(&[0x80, 0x00]);
    grown.dedup();
    assert!(grown.len() < 8, "grew {} times", grown.len());
    assert_eq!(receiver.seen, vec![Seen::Binary(vec![0xaa; 10_001])]);
}
