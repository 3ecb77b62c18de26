//! A head gives the same result however it is cut; and what a server answers to a request that it
//! accepts is one head that says no more than it should, whatever the request holds.
//!
//! The first byte of an input is the length of its chunks.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws13_native::protocol::handshake::{
    Head, HeadError, HeadReader, RequestFields, StatusLine, switching_protocols,
};

const LIMIT: usize = 2048;

fuzz_target!(|input: &[u8]| {
    let [len, bytes @ ..] = input else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, usize::from(*len) + 1));
    let Ok(Some((head, used))) = whole else {
        return;
    };
    assert!(used <= LIMIT && bytes[..used].ends_with(b"\r\n\r\n"));
    for strict in [false, true] {
        check_answer(&head, strict);
    }
});

/// The head at the start of `bytes`, fed `len` at a time, and where it ends.
fn read(bytes: &[u8], len: usize) -> Result<Option<(Head, usize)>, HeadError> {
    let mut reader = HeadReader::new(LIMIT);
    for (index, chunk) in bytes.chunks(len).enumerate() {
        if let Some((head, used)) = reader.feed(chunk)? {
            return Ok(Some((head, index * len + used)));
        }
    }
    Ok(None)
}

fn check_answer(head: &Head, strict: bool) {
    let Ok(fields) = RequestFields::from_head(head) else {
        return;
    };
    let Ok(offer) = fields.check(strict) else {
        return;
    };
    let protocol = offer.protocols.first().copied();
    let answer = switching_protocols(&offer.accept, protocol, None).into_bytes();
    let (answered, used) = read(&answer, answer.len())
        .expect("the answer is right")
        .expect("the answer is whole");
    assert_eq!(used, answer.len());
    let line = StatusLine::parse(&answered.start_line).expect("it has a status");
    assert_eq!(line.status, 101);
    assert_eq!(answered.get("sec-websocket-accept"), Some(&*offer.accept));
    assert_eq!(answered.get("sec-websocket-protocol"), protocol);
    let names = answered.headers.iter().map(|(name, _)| name.as_str());
    let allowed = ["upgrade", "connection", "sec-websocket-accept"]
        .into_iter()
        .chain(protocol.map(|_| "sec-websocket-protocol"))
        .chain(["sec-websocket-version"]);
    assert!(names.eq(allowed));
}
