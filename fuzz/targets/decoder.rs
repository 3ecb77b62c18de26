//! Any cutting of a stream gives the same events, whole or in parts; what ends a connection is
//! answered once; memory follows the bytes that arrived.
//!
//! The first byte of an input chooses the role, the next two the cuts; the rest is the stream.

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{Receiver, Seen, events_of};
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

    let chunks = cut(stream, usize::from(*short), usize::from(*long));
    assert_eq!(whole.seen, events_of(role, LIMITS, chunks.iter().copied()));
    let mut parts = Receiver::with_delivery(role, LIMITS, Delivery::Parts);
    for chunk in chunks {
        parts.feed(chunk);
    }
    assert_eq!(whole.seen, parts.seen);

    let last = whole.seen.last();
    let ended = matches!(last, Some(Seen::Close(..) | Seen::Violation(_)));
    assert_eq!(whole.connection.answer(None).is_some(), ended);
    assert!(whole.connection.answer(None).is_none());
});

/// Chunks of two lengths in turn.
fn cut(mut stream: &[u8], short: usize, long: usize) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    for len in [short + 1, long + 1].into_iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (chunk, rest) = stream.split_at(len.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}
