//! What the messages say. The same in every run, and different from message to message: a server
//! can profit neither from a key of zeros nor from a payload that it has seen a moment ago.

use std::str::FromStr;

use crate::frame::{BINARY, TEXT};

/// What the payloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ASCII letters in text frames.
    Text,
    /// Any byte in binary frames.
    Binary,
    /// Characters of one to four bytes, as many of each, in text frames.
    Utf8,
    /// Records as a program's interface has them, in text frames. They compress to a fourth or less.
    Json,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Kind::Text),
            "binary" => Ok(Kind::Binary),
            "utf8" => Ok(Kind::Utf8),
            "json" => Ok(Kind::Json),
            other => Err(format!("{other}: not text, binary, utf8 or json")),
        }
    }
}

impl Kind {
    /// Of the frames.
    pub fn opcode(self) -> u8 {
        if self == Kind::Binary { BINARY } else { TEXT }
    }

    /// A payload of exactly `size` bytes.
    pub fn payload(self, noise: &mut Noise, size: usize) -> Vec<u8> {
        match self {
            Kind::Text => (0..size).map(|_| noise.letter()).collect(),
            Kind::Binary => (0..size).map(|_| noise.byte()).collect(),
            Kind::Utf8 => filled(size, |text| text.push(noise.pick(&['k', 'é', '字', '🚀']))),
            Kind::Json => filled(size, |text| push_record(text, noise)),
        }
    }
}

/// Text of `size` bytes: what `more` appends, cut at a character, and spaces where it is short.
fn filled(size: usize, mut more: impl FnMut(&mut String)) -> Vec<u8> {
    let mut text = String::new();
    while text.len() < size {
        more(&mut text);
    }
    let end = (0..=size).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    let mut bytes = text.into_bytes();
    bytes.resize(size, b' ');
    bytes
}

fn push_record(text: &mut String, noise: &mut Noise) {
    let name = noise.pick(&[
        "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi",
    ]);
    let event = noise.pick(&["trade", "quote", "cancel", "update", "snapshot"]);
    let (id, at, price) = (noise.next() >> 40, noise.next() >> 44, noise.next() >> 48);
    text.push_str(&format!(
        r#"{{"id":{id},"event":"{event}","user":"{name}","time":17000{at},"price":{price}.25,"active":true}},"#
    ));
}

/// xorshift64: enough variety for keys and payloads.
pub struct Noise(u64);

impl Noise {
    /// The same sequence every time.
    pub fn new() -> Self {
        Noise(0x9e37_79b9_7f4a_7c15)
    }

    /// 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A key to mask with.
    pub fn key(&mut self) -> [u8; 4] {
        ((self.next() >> 32) as u32).to_le_bytes()
    }

    /// Between 0 and 1, never 0.
    pub fn fraction(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 32) as u8
    }

    fn letter(&mut self) -> u8 {
        b'a' + self.byte() % 26
    }

    fn pick<T: Copy, const N: usize>(&mut self, choices: &[T; N]) -> T {
        choices[(self.next() >> 32) as usize % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_size_and_the_kind() {
        let mut noise = Noise::new();
        for size in [0, 1, 2, 3, 300, 2048] {
            let mut make = |kind: Kind| kind.payload(&mut noise, size);
            assert!(make(Kind::Text).iter().all(u8::is_ascii_lowercase));
            assert_eq!(make(Kind::Binary).len(), size);
            for kind in [Kind::Utf8, Kind::Json] {
                let text = String::from_utf8(make(kind)).unwrap();
                assert_eq!(text.len(), size);
            }
        }
        assert!(std::str::from_utf8(&Kind::Binary.payload(&mut noise, 1000)).is_err());
        let utf8 = String::from_utf8(Kind::Utf8.payload(&mut noise, 1000)).unwrap();
        assert_eq!(
            (1..=4)
                .map(|len| utf8.chars().any(|c| c.len_utf8() == len))
                .filter(|&x| x)
                .count(),
            4
        );
    }

    #[test]
    fn fractions_lie_between_0_and_1() {
        let mut noise = Noise::new();
        let all: Vec<f64> = (0..1000).map(|_| noise.fraction()).collect();
        assert!(all.iter().all(|&each| each > 0.0 && each <= 1.0));
        let mean = all.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean));
    }
}
