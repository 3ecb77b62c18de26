//! The loops over payload bytes do what slow ones do, at any length, alignment and phase; and the
//! validator says what the standard library says, wherever the text is cut.
//!
//! The first four bytes of an input are the key, the next two the alignment and the cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws13_native::bytes::{mask, utf8};

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, start, cut, bytes @ ..] = input else {
        return;
    };
    // Short inputs come back often enough to pass for long ones, which take other loops.
    let bytes = bytes.repeat(1 + usize::from(start >> 4));
    let bytes = &bytes[usize::from(start & 0xf).min(bytes.len())..];
    check_mask(bytes, [*a, *b, *c, *d]);
    check_utf8(bytes, usize::from(*cut).min(bytes.len()));
});

fn check_mask(bytes: &[u8], key: [u8; 4]) {
    let masked = bytes.iter().zip(key.iter().cycle());
    let expected: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();

    let mut copied = vec![0; bytes.len()];
    assert_eq!(
        mask::copy_ascii(&mut copied, bytes, key),
        expected.is_ascii()
    );
    assert_eq!(copied, expected);
    let mut in_place = bytes.to_vec();
    assert_eq!(mask::xor_ascii(&mut in_place, key), expected.is_ascii());
    assert_eq!(in_place, expected);
}

fn check_utf8(bytes: &[u8], cut: usize) {
    let (head, tail) = bytes.split_at(cut);
    let mut validator = utf8::Validator::default();
    let fed = validator.feed(head).and_then(|()| validator.feed(tail));
    match std::str::from_utf8(bytes) {
        Ok(_) => assert!(fed.is_ok() && validator.is_complete()),
        Err(error) if error.error_len().is_none() => {
            assert!(fed.is_ok() && !validator.is_complete());
        }
        Err(_) => assert!(fed.is_err()),
    }
    // What is refused is refused with its first bad byte, not with a later one.
    let mut bytewise = utf8::Validator::default();
    let steps = bytes.iter().map_while(|byte| bytewise.feed(&[*byte]).ok());
    let accepted = steps.count();
    assert_eq!(accepted < bytes.len(), fed.is_err());
    let right = std::str::from_utf8(&bytes[..accepted]);
    assert!(right.err().is_none_or(|error| error.error_len().is_none()));
}
