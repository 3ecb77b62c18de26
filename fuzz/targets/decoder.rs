//! Any cutting of a stream gives the same events, whole, in parts or in place; what ends a connection is
//! answered once; memory follows the bytes that arrived.
//!
//! The first byte of an input chooses the role, the next two the cuts; the rest is the stream.

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../laws.rs"]
mod laws;

use common::{Receiver, events_of};
use laws::{assert_answered_once, cut};
use libfuzzer_sys::fuzz_target;
use ws13_native::protocol::{Delivery, Limits, Role};

const LIMITS: Limits = Limits {
    max_payload: 4096,
    max_fragments: 8,
};

fuzz_target!(|input: &[u8]| {
    let [first, short, long, stream @ ..] = input else {
        return;
    };
    let role = match first % 3 {
        0 => None,
        1 => Some(Role::Server),
        _ => Some(Role::Client),
    };
    let mut whole = Receiver::new(role, LIMITS);
    whole.feed(stream);
    assert!(whole.largest <= (16 * stream.len()).max(256));

    let chunks = cut(stream, *short, *long);
    assert_eq!(whole.seen, events_of(role, LIMITS, chunks.iter().copied()));
    let mut parts = Receiver::with_delivery(role, LIMITS, Delivery::Parts);
    let mut in_place = Receiver::new(role, LIMITS).in_place();
    for chunk in chunks {
        parts.feed(chunk);
        in_place.feed(chunk);
    }
    assert_eq!(whole.seen, parts.seen);
    assert_eq!(whole.seen, in_place.seen);

    assert_answered_once(&mut whole);
});
