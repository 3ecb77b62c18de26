//! `Sec-WebSocket-Accept` (RFC 6455 §4.2.2): the proof that the server has read the request and
//! speaks WebSocket. It is no secret and no authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3: the number that no other protocol would append to the key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The accept value for a `Sec-WebSocket-Key`: base64 of the SHA-1 of the key and the GUID, 28
/// characters.
///
/// The key is hashed as it stands on the wire, not decoded, so any string has an accept value.
#[must_use]
pub fn accept_value(key: &str) -> String {
    let digest = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(GUID.as_bytes())
        .finalize();
    STANDARD.encode(digest)
}

/// The key of a request as it is written: base64 of the 16 random bytes (RFC 6455 §4.1), 24
/// characters.
#[must_use]
pub fn encode_key(key: [u8; 16]) -> String {
    STANDARD.encode(key)
}

/// Whether `key` is base64 for exactly 16 bytes, as RFC 6455 §4.2.1 wants it.
///
/// The four bits that the last digit has to spare may have any value: RFC 4648 §3.5 leaves it to
/// the decoder, and clients that draw the 22 digits themselves exist.
#[must_use]
pub fn is_key(key: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match key.as_bytes().split_first_chunk::<22>() {
        Some((digits, b"==")) => digits.iter().all(is_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6455_1_3_example() {
        let accept = accept_value("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn the_key_of_seven_bytes_in_the_article() {
        let accept = accept_value("bm9tbm9tCg==");
        assert_eq!(accept, "xJ/uuf9/4bPn6X8/5iTtj7ArAH0=");
    }

    #[test]
    fn any_string_has_an_accept_value() {
        for key in ["", "\0\r\n", "ключ", &"x".repeat(100_000)] {
            assert_eq!(accept_value(key).len(), 28);
        }
    }

    #[test]
    fn a_key_is_base64_of_sixteen_bytes() {
        assert_eq!(encode_key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(is_key(&encode_key([0; 16])));
        assert!(is_key(&encode_key([0xff; 16])));
        assert!(is_key("AQIDBAUGBwgJCgsMDQ4PEC=="));
        // Spare bits that are not zero.
        assert!(is_key("AQIDBAUGBwgJCgsMDQ4PEF=="));
    }

    #[test]
    fn everything_else_is_no_key() {
        let wrong = [
            "",
            "==",
            "bm9tbm9tCg==",
            "AQIDBAUGBwgJCgsMDQ4PEC",
            "AQIDBAUGBwgJCgsMDQ4PEC=",
            "AQIDBAUGBwgJCgsMDQ4PECA=",
            "AQIDBAUGBwgJCgsMDQ4PEC===",
            "AQIDBAUGBwgJCgsMDQ4PEC==\r",
            " AQIDBAUGBwgJCgsMDQ4PEC=",
            "AQIDBAUGBwgJCgsMDQ4-EC==",
            "AQIDBAUGBwgJCgsMDQ4P C==",
            "AQIDBAUGBwgJCgsMDQ4\u{e9}C==",
            "AQIDBAUGBwgJCgsMDQ4PEC==, AQIDBAUGBwgJCgsMDQ4PEC==",
        ];
        for key in wrong {
            assert!(!is_key(key), "{key:?}");
        }
    }
}
