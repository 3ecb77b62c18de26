//! What more than one target needs.

use super::common::{Receiver, Seen};

/// Chunks of two lengths in turn.
pub fn cut(mut stream: &[u8], short: u8, long: u8) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    for len in [short, long]
        .map(|len| usize::from(len) + 1)
        .into_iter()
        .cycle()
    {
        if stream.is_empty() {
            break;
        }
        let (chunk, rest) = stream.split_at(len.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

/// What ends a connection is answered, once; and nothing else is.
pub fn assert_answered_once(receiver: &mut Receiver) {
    let last = receiver.seen.last();
    let ended = matches!(last, Some(Seen::Close(..) | Seen::Violation(_)));
    assert_eq!(receiver.connection.answer(None).is_some(), ended);
    assert!(receiver.connection.answer(None).is_none());
}
