//! Incremental UTF-8 validation (RFC 6455 §8.1, RFC 3629 §4).
//!
//! A text message may be cut anywhere, inside a character too, by frames and by chunks. The
//! validator keeps the few bits that a cut character needs, and refuses a wrong byte when that
//! byte arrives, not when the message ends.

use std::fmt;

/// Validates a stream of UTF-8 piece by piece. Three bytes; a fresh one stands at a character
/// boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validator {
    /// Bytes still due in the character begun. INVARIANT: at most 3.
    due: u8,
    /// The lowest value allowed for the next byte, while one is due.
    low: u8,
    /// The highest value allowed for the next byte, while one is due.
    high: u8,
}

/// The bytes are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

impl Validator {
    /// Takes the next bytes of the stream.
    ///
    /// Fails if `bytes` holds the first byte that no valid text can have at its place; the
    /// validator must not be used for this stream after that.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), InvalidUtf8> {
        while self.due > 0 {
            let Some((&byte, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.step(byte)?;
            bytes = rest;
        }
        let (whole, cut) = bytes.split_at(bytes.len() - cut_len(bytes));
        simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?;
        cut.iter().try_for_each(|&byte| self.step(byte))
    }

    /// Whether the bytes so far end with a whole character. At the end of a message they must.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.due == 0
    }

    /// One byte. The ranges are the rows of RFC 3629 §4: the second byte of E0 and F0 rules out
    /// overlong forms, that of ED the surrogates, and that of F4 all beyond U+10FFFF.
    fn step(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        let (due, low, high) = match byte {
            _ if self.due > 0 && !(self.low..=self.high).contains(&byte) => {
                return Err(InvalidUtf8);
            }
            _ if self.due > 0 => (self.due - 1, 0x80, 0xbf),
            0x00..=0x7f => (0, 0, 0),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            0x80..=0xc1 | 0xf5..=0xff => return Err(InvalidUtf8),
        };
        *self = Self { due, low, high };
        Ok(())
    }
}

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid UTF-8")
    }
}

impl std::error::Error for InvalidUtf8 {}

/// How many bytes at the end begin a character that the end cuts off: at most three.
fn cut_len(bytes: &[u8]) -> usize {
    let (mut wanted, mut len) = (0xc0, 0);
    // A lead of two bytes may be the last byte, one of three the last but one, and so on.
    for &byte in bytes.iter().rev().take(3) {
        len += 1;
        if byte >= 0xc0 {
            return if byte >= wanted { len } else { 0 };
        }
        if byte < 0x80 {
            return 0;
        }
        wanted = wanted >> 1 | 0x80;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of every kind of byte, and those on each side of every range of RFC 3629 §4.
    const INTERESTING: [u8; 26] = [
        0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
        0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ];

    /// What the standard library says: valid, cut short, or the index of the first bad byte.
    #[derive(Debug, PartialEq)]
    enum Verdict {
        Valid,
        Cut,
        BadAt(usize),
    }

    fn oracle(bytes: &[u8]) -> Verdict {
        match std::str::from_utf8(bytes) {
            Ok(_) => Verdict::Valid,
            Err(error) if error.error_len().is_none() => Verdict::Cut,
            // The first prefix that the standard library refuses ends with the bad byte.
            Err(_) => Verdict::BadAt(
                (0..bytes.len())
                    .find(|&at| {
                        std::str::from_utf8(&bytes[..=at])
                            .is_err_and(|error| error.error_len().is_some())
                    })
                    .expect("the whole is refused, so some prefix is"),
            ),
        }
    }

    fn byte_by_byte(bytes: &[u8]) -> Verdict {
        let mut validator = Validator::default();
        for (at, byte) in bytes.iter().enumerate() {
            if validator.feed(std::slice::from_ref(byte)).is_err() {
                return Verdict::BadAt(at);
            }
        }
        if validator.is_complete() {
            Verdict::Valid
        } else {
            Verdict::Cut
        }
    }

    fn cut_at(bytes: &[u8], first: usize, second: usize) -> Option<Validator> {
        let mut validator = Validator::default();
        validator.feed(&bytes[..first]).ok()?;
        validator.feed(&bytes[first..second]).ok()?;
        validator.feed(&bytes[second..]).ok()?;
        Some(validator)
    }

    fn check_every_cut(bytes: &[u8]) {
        let expected = oracle(bytes);
        assert_eq!(byte_by_byte(bytes), expected, "{bytes:02x?}");
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let found = match cut_at(bytes, first, second) {
                    Some(end) if end.is_complete() => Some(Verdict::Valid),
                    Some(_) => Some(Verdict::Cut),
                    None => None,
                };
                match &expected {
                    Verdict::BadAt(_) => assert_eq!(found, None, "{bytes:02x?}"),
                    ok => assert_eq!(found.as_ref(), Some(ok), "{bytes:02x?}"),
                }
            }
        }
    }

    #[test]
    fn sequences_of_one_to_four_interesting_bytes_equal_the_oracle() {
        for a in INTERESTING {
            check_every_cut(&[a]);
            for b in INTERESTING {
                check_every_cut(&[a, b]);
                for c in INTERESTING {
                    assert_eq!(byte_by_byte(&[a, b, c]), oracle(&[a, b, c]));
                    for d in INTERESTING {
                        let bytes = [a, b, c, d];
                        let expected = oracle(&bytes);
                        assert_eq!(byte_by_byte(&bytes), expected, "{bytes:02x?}");
                        // The whole at once takes the other way through `feed`.
                        let whole = Validator::default().feed(&bytes);
                        assert_eq!(whole.is_err(), matches!(expected, Verdict::BadAt(_)));
                    }
                }
            }
        }
    }

    #[test]
    fn every_cut_of_a_corpus_equals_the_oracle() {
        let texts = [
            "κόσμε",
            "Hello-µ@ßöäüàá-UTF-8!!",
            "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}\u{d7ff}\u{e000}",
            "日本語と emoji 🙂 and a long ASCII tail that is more than one block of the scan",
        ];
        for text in texts {
            check_every_cut(text.as_bytes());
        }
        let broken: [&[u8]; 9] = [
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xf4\x90\x80\x80",
            b"ok\xf5\x80\x80\x80",
            b"\xed\xbf\xbf",
            b"a\xe2\x82b",
            b"\xf0\x9f\x99",
        ];
        for bytes in broken {
            check_every_cut(bytes);
        }
    }

    #[test]
    fn a_wrong_second_byte_is_refused_on_that_byte() {
        for pair in [[0xed, 0xa0], [0xe0, 0x80], [0xf0, 0x8f], [0xf4, 0x90]] {
            let mut validator = Validator::default();
            assert_eq!(validator.feed(&pair[..1]), Ok(()));
            assert!(!validator.is_complete());
            assert_eq!(validator.feed(&pair[1..]), Err(InvalidUtf8), "{pair:02x?}");
            assert!(Validator::default().feed(&pair).is_err(), "{pair:02x?}");
        }
    }

    /// Characters of every length in turn, from each of them on, through several vectors.
    fn long_texts() -> impl Iterator<Item = String> {
        let ascii = "a".repeat(200);
        let mixed = (0..4).map(|skip| "aé日🙂".chars().cycle().skip(skip).take(80).collect());
        std::iter::once(ascii).chain(mixed)
    }

    #[test]
    fn a_bad_byte_is_found_at_every_place_of_a_long_text() {
        for text in long_texts() {
            assert_eq!(Validator::default().feed(text.as_bytes()), Ok(()));
            for at in 0..text.len() {
                for bad in [0x80, 0xc0, 0xed, 0xf5] {
                    let mut broken = text.clone().into_bytes();
                    broken[at] = bad;
                    let mut validator = Validator::default();
                    let found = validator.feed(&broken).is_ok() && validator.is_complete();
                    let expected = oracle(&broken) == Verdict::Valid;
                    assert_eq!(found, expected, "byte {at} is {bad:x}");
                }
            }
        }
    }

    #[test]
    fn every_length_and_alignment_of_a_long_text_equals_the_oracle() {
        for text in long_texts() {
            let bytes = text.as_bytes();
            for start in (0..32).filter(|&start| text.is_char_boundary(start)) {
                for end in start..=bytes.len() {
                    let mut validator = Validator::default();
                    let part = &bytes[start..end];
                    assert_eq!(validator.feed(part), Ok(()), "{start}..{end}");
                    let complete = oracle(part) == Verdict::Valid;
                    assert_eq!(validator.is_complete(), complete, "{start}..{end}");
                    // The rest goes on where the first part was cut.
                    assert_eq!(validator.feed(&bytes[end..]), Ok(()), "{start}..{end}");
                    assert!(validator.is_complete(), "{start}..{end}");
                }
            }
        }
    }

    #[test]
    fn an_empty_feed_changes_nothing() {
        let mut validator = Validator::default();
        assert_eq!(validator.feed(b"\xf0\x9f"), Ok(()));
        let before = validator;
        assert_eq!(validator.feed(b""), Ok(()));
        assert_eq!(validator, before);
        assert_eq!(validator.feed(b"\x99\x82"), Ok(()));
        assert!(validator.is_complete());
    }

    #[test]
    fn the_state_stays_small() {
        assert_eq!(size_of::<Validator>(), 3);
    }
}
