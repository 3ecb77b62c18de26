//! Laws of permessage-deflate, over whole connections.

mod common;

use common::{Receiver, Seen};
use proptest::prelude::*;
use ws13_native::protocol::deflate::{Agreement, Terms};
use ws13_native::protocol::encoder::encode;
use ws13_native::protocol::{Delivery, Limits, MessageKind, ProtocolError, Role};

const LIMITS: Limits = Limits {
    max_payload: 300_000,
    max_fragments: 64,
};

/// What the reader of a connection copies in one piece, at the most; more is done elsewhere.
const COPIED_MOST: usize = 128 * 1024;

fn agreement() -> impl Strategy<Value = Agreement> {
    let terms = (any::<bool>(), 8u8..=15).prop_map(|(takeover, window_bits)| Terms {
        takeover,
        window_bits,
    });
    (terms.clone(), terms).prop_map(|(server, client)| Agreement { server, client })
}

/// Messages that are like each other, as those of one connection are; some are long.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "(name|value|[a-z]{1,4}|[0-9]{1,6}|[{}:,\"]){0,80}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..400),
        1 => (any::<u8>(), 0usize..200_000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

/// Sends a message in `parts`, and tells its bytes on the wire.
fn send(sender: &mut Receiver, parts: &[&[u8]], key: Option<[u8; 4]>) -> Vec<u8> {
    let last = parts.len() - 1;
    let frames = parts.iter().enumerate();
    frames
        .flat_map(|(number, part)| send_part(sender, number == last, part, key))
        .collect()
}

fn send_part(sender: &mut Receiver, fin: bool, part: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let (connection, pools) = (&mut sender.connection, &mut sender.pools);
    let (kind, len) = (MessageKind::Binary, part.len());
    let packing = connection.begin_packing(kind, fin, part, true, pools);
    let packed = packing
        .expect("an open connection")
        .and_then(|mut packing| {
            let mut payload = vec![0; packing.bound(len)];
            let packed = packing.run(part, &mut payload);
            payload.truncate(packed);
            let header = connection.end_packing(packing, len, packed, key, pools);
            Some((header.expect("an open connection")?, payload))
        });
    let (header, payload) = packed.unwrap_or_else(|| {
        let header = connection.send(kind, fin, len, key);
        (header.expect("an open connection"), part.to_vec())
    });
    let mut frame = vec![0; header.encoded_len() + payload.len()];
    encode(header, &payload, &mut frame);
    frame
}

/// A client's messages to a server, each in some parts, and the bytes of it all.
fn conversation(agreement: Agreement, messages: &[Vec<u8>], cut: &prop::sample::Index) -> Vec<u8> {
    let mut sender = Receiver::new(Some(Role::Client), LIMITS).deflating(agreement);
    let mut wire = Vec::new();
    for message in messages {
        let (head, tail) = message.split_at(cut.index(message.len() + 1));
        let parts: &[&[u8]] = if head.is_empty() {
            &[tail]
        } else {
            &[head, tail]
        };
        wire.extend(send(&mut sender, parts, Some([7, 0, 255, 9])));
    }
    wire
}

fn read(agreement: Agreement, delivery: Delivery, chunks: &[&[u8]]) -> Receiver {
    let role = Some(Role::Server);
    let mut receiver = Receiver::with_delivery(role, LIMITS, delivery).deflating(agreement);
    for chunk in chunks {
        receiver.feed(chunk);
    }
    receiver
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn messages_arrive_as_they_were_sent(
        agreement in agreement(),
        messages in prop::collection::vec(message(), 1..6),
        cut in any::<prop::sample::Index>(),
        chunk in any::<prop::sample::Index>(),
    ) {
        let wire = conversation(agreement, &messages, &cut);
        let (head, tail) = wire.split_at(chunk.index(wire.len()));
        for delivery in [Delivery::Whole, Delivery::Parts] {
            let receiver = read(agreement, delivery, &[head, tail]);
            let expected: Vec<_> = messages.iter().cloned().map(Seen::Binary).collect();
            prop_assert!(receiver.seen == expected);
            prop_assert!(receiver.copied <= COPIED_MOST);
        }
    }

    #[test]
    fn damaged_streams_end_with_an_answer_or_wait(
        agreement in agreement(),
        messages in prop::collection::vec(message(), 1..6),
        cut in any::<prop::sample::Index>(),
        faults in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        chunk in any::<prop::sample::Index>(),
    ) {
        let mut wire = conversation(agreement, &messages, &cut);
        for (index, value) in faults {
            let at = index.index(wire.len());
            wire[at] = value;
        }
        let (head, tail) = wire.split_at(chunk.index(wire.len()));
        let mut whole = read(agreement, Delivery::Whole, &[&wire]);
        let cut = read(agreement, Delivery::Whole, &[head, tail]);
        prop_assert!(whole.seen == cut.seen, "any cutting gives the same events");
        let parts = read(agreement, Delivery::Parts, &[head, tail]);
        prop_assert!(whole.seen == parts.seen, "and so does any delivery");

        let ended = matches!(whole.seen.last(), Some(Seen::Close(..) | Seen::Violation(_)));
        prop_assert_eq!(whole.connection.answer(None).is_some(), ended);
        // Memory follows what has been unpacked, and that is limited.
        let most = 16 * LIMITS.max_payload as usize;
        prop_assert!(whole.largest <= most && parts.largest <= most);
    }

    #[test]
    fn noise_ends_with_an_answer_or_waits(
        agreement in agreement(),
        payload in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut wire = vec![0xc2, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        wire.extend(&payload);
        let mut receiver = read(agreement, Delivery::Whole, &[&wire]);
        let outcome = receiver.seen.first();
        prop_assert!(matches!(
            outcome,
            Some(Seen::Binary(_) | Seen::Violation(ProtocolError::InvalidDeflate | ProtocolError::MessageTooBig))
        ));
        let failed = matches!(outcome, Some(Seen::Violation(_)));
        prop_assert_eq!(receiver.connection.answer(None).is_some(), failed);
    }
}

/// A server's frames, as a client gets them.
fn sent(agreement: Agreement, parts: &[&[u8]]) -> Vec<u8> {
    let mut sender = Receiver::new(Some(Role::Server), LIMITS).deflating(agreement);
    send(&mut sender, parts, None)
}

#[test]
fn a_bomb_stops_at_the_limit_with_little_memory() {
    let limits = Limits {
        max_payload: 1_000_000,
        ..LIMITS
    };
    let bomb = vec![0; 100_000_000];
    let parts: Vec<&[u8]> = bomb.chunks(2_000_000).collect();
    for parts in [&[&bomb[..]][..], &parts] {
        let wire = sent(Agreement::default(), parts);
        assert!(wire.len() < 200_000, "{} bytes", wire.len());
        for delivery in [Delivery::Whole, Delivery::Parts] {
            let mut receiver = Receiver::with_delivery(Some(Role::Client), limits, delivery)
                .deflating(Agreement::default());
            receiver.feed(&wire);
            assert_eq!(
                receiver.seen,
                [Seen::Violation(ProtocolError::MessageTooBig)]
            );
            assert!(receiver.largest <= 2_000_000, "{} bytes", receiver.largest);
        }
    }
}

#[test]
fn long_messages_are_copied_elsewhere() {
    const MIB: usize = 1 << 20;
    let limits = Limits {
        max_payload: 64 << 20,
        max_fragments: u32::MAX,
    };
    let noise = noise(2 * MIB);
    // What begins as zeros is expected to come to far more than it does.
    let misleading = [vec![0; MIB], noise.clone()].concat();
    for (message, part) in [
        (&noise, 10_000),
        (&noise, 2 * MIB),
        (&misleading, 10_000),
        (&misleading, 3 * MIB),
        // All of it is at hand at once, and comes to several turns of work.
        (&vec![0; 10 * MIB], 10 * MIB),
    ] {
        let parts: Vec<&[u8]> = message.chunks(part).collect();
        let wire = sent(Agreement::default(), &parts);
        let mut receiver = Receiver::with_delivery(Some(Role::Client), limits, Delivery::Whole)
            .deflating(Agreement::default());
        wire.chunks(0xffff).for_each(|chunk| receiver.feed(chunk));
        assert!(receiver.seen == [Seen::Binary(message.clone())]);
        let (copied, largest) = (receiver.copied, receiver.largest);
        assert!(copied <= COPIED_MOST, "{part}: {copied} bytes");
        // Whatever was expected, it gets memory as long as it is.
        assert_eq!(largest, message.len(), "{part}");
    }
}

/// Bytes that do not get shorter.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn what_is_not_worth_it_goes_out_as_it_is() {
    let noise = noise(300);
    let alone = Agreement {
        server: Terms {
            takeover: false,
            window_bits: 15,
        },
        client: Terms::default(),
    };
    assert_eq!(sent(alone, &[&noise])[0], 0x82);
    // With a context the peer has to see what later messages may refer to.
    assert_eq!(sent(Agreement::default(), &[&noise])[0], 0xc2);
    assert_eq!(sent(alone, &[b"short"])[0], 0x82);
    assert_eq!(sent(alone, &[b"long enough, long enough"])[0], 0xc2);
}

#[test]
fn what_others_have_packed_may_only_be_sent_between_contexts() {
    let mut sender = Receiver::new(Some(Role::Server), LIMITS).deflating(Agreement::default());
    let set = sender.connection.shares(100);
    assert!(set.is_some());
    assert_eq!(
        sender.connection.shares(7),
        None,
        "shorter than the threshold"
    );
    send(&mut sender, &[&[1; 100]], None);
    assert_eq!(sender.connection.shares(100), None, "there is a context");
    // One rest is not enough: it was used just now.
    assert_eq!(sender.connection.rest(), Some(()));
    assert_eq!(sender.connection.shares(100), None);
    assert_eq!(sender.connection.rest(), Some(()));
    assert_eq!(sender.connection.shares(100), set);

    // The peer follows although the context is gone.
    let mut sender = Receiver::new(Some(Role::Server), LIMITS).deflating(Agreement::default());
    let mut receiver = Receiver::new(Some(Role::Client), LIMITS).deflating(Agreement::default());
    for round in 0..4 {
        let message = vec![b'a' + round; 100];
        receiver.feed(&send(&mut sender, &[&message], None));
        assert_eq!(receiver.seen.pop(), Some(Seen::Binary(message)));
        sender.connection.rest();
        sender.connection.rest();
    }
    let (unpacked, _) = receiver.connection.volumes();
    let (_, packed) = sender.connection.volumes();
    assert_eq!(unpacked, packed);
    assert_eq!((packed.messages, packed.plain), (4, 400));
}
