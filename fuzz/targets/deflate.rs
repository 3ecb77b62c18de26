//! The laws of the decoder with permessage-deflate: any cutting of a stream gives the same events, whole
//! or in parts; what ends a connection is answered once; memory follows what is unpacked, up to its
//! limit.
//!
//! The first byte of an input chooses the terms and whether the rest is a stream of frames or the
//! payload of one compressed message; the next two choose the cuts.

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../laws.rs"]
mod laws;

use common::Receiver;
use laws::{assert_answered_once, cut};
use libfuzzer_sys::fuzz_target;
use ws13_native::protocol::deflate::{Agreement, Terms};
use ws13_native::protocol::encoder::encode;
use ws13_native::protocol::{Delivery, FrameHeader, Limits, OpCode, ReservedBits, Role};

/// Large enough for work that is set aside.
const LIMITS: Limits = Limits {
    max_payload: 400_000,
    max_fragments: 8,
};

fuzz_target!(|input: &[u8]| {
    let [first, short, long, bytes @ ..] = input else {
        return;
    };
    let terms = Terms {
        takeover: first & 1 != 0,
        window_bits: 15,
    };
    let agreement = Agreement {
        server: terms,
        client: terms,
    };
    let stream = match first & 2 {
        0 => bytes.to_vec(),
        _ => frame(bytes),
    };
    let read = |delivery, chunks: &[&[u8]]| {
        let receiver = Receiver::with_delivery(Some(Role::Client), LIMITS, delivery);
        let mut receiver = receiver.deflating(agreement);
        chunks.iter().for_each(|chunk| receiver.feed(chunk));
        receiver
    };
    let mut whole = read(Delivery::Whole, &[&stream]);
    assert!(whole.largest <= 2 * LIMITS.max_payload as usize);
    let chunks = cut(&stream, *short, *long);
    assert_eq!(whole.seen, read(Delivery::Whole, &chunks).seen);
    assert_eq!(whole.seen, read(Delivery::Parts, &chunks).seen);

    assert_answered_once(&mut whole);
});

/// The frame of a compressed message.
fn frame(payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        fin: true,
        reserved: ReservedBits::RSV1,
        opcode: OpCode::Text,
        mask: None,
        len: payload.len() as u64,
    };
    let mut frame = vec![0; header.encoded_len() + payload.len()];
    encode(header, payload, &mut frame);
    frame
}
