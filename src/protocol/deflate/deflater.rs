//! Messages out (RFC 7692 §7.2.1).

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use crate::protocol::extension::Pack;

/// RFC 7692 §7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
const TAIL: usize = 4;
/// §7.2.3.6: an empty message is the first byte of the empty block whose other four are the tail.
const EMPTY: u8 = 0x00;

/// The most that zlib is given in one call.
const CALL: usize = 1 << 30;

/// Deflates messages.
pub struct Deflater {
    stream: Deflate,
}

impl Deflater {
    /// A deflater with a window of 2 ^ `window_bits` bytes; the levels are those of zlib.
    pub fn new(window_bits: u8, level: u8, mem_level: u8) -> Self {
        // zlib has no raw deflate with a window of 256 bytes. One of 512 does: it refers back by
        // 512 - 262 bytes at most, which any receiver with the smaller window can follow
        // (test-js/deflate.test.js has one that would not follow farther).
        let window_bits = window_bits.max(9);
        Self {
            stream: Deflate::new_with_config(DeflateConfig {
                level: level.into(),
                mem_level: mem_level.into(),
                window_bits: -i32::from(window_bits),
                ..DeflateConfig::default()
            }),
        }
    }

    fn step(&mut self, part: &[u8], flush: DeflateFlush, output: &mut [u8]) -> usize {
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let outcome = self.stream.compress(part, output, flush);
        debug_assert!(outcome.is_ok());
        debug_assert_eq!(self.stream.total_in() - read, part.len() as u64);
        (self.stream.total_out() - written) as usize
    }
}

impl Pack for Deflater {
    fn bound(&self, len: usize) -> usize {
        // Nine bits for each byte at the worst, the heads of blocks, and the flush.
        len + (len >> 3) + (len >> 6) + 64
    }

    fn run(&mut self, part: &[u8], last: bool, output: &mut [u8]) -> usize {
        if part.is_empty() {
            // What came before, if anything, ended with a whole block.
            output[..usize::from(last)].fill(EMPTY);
            return usize::from(last);
        }
        let mut written = 0;
        let mut rest = part;
        while rest.len() > CALL {
            written += self.step(&rest[..CALL], DeflateFlush::NoFlush, &mut output[written..]);
            rest = &rest[CALL..];
        }
        written += self.step(rest, DeflateFlush::SyncFlush, &mut output[written..]);
        match last {
            true => written - TAIL,
            false => written,
        }
    }

    fn reset(&mut self) {
        self.stream.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflater::Inflater;
    use super::*;
    use crate::protocol::extension::{Unpack, Wants};

    /// Bytes that no level can make smaller.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    /// Bytes that match others at every distance, near and far, among bytes that match nothing.
    fn echoes(len: usize) -> Vec<u8> {
        let noise = noise(len + 600);
        let mut bytes = noise[..600.min(len)].to_vec();
        while bytes.len() < len {
            let at = bytes.len();
            let from = at - (1 + at * 37 % 600);
            bytes.extend_from_within(from..at.min(from + 40));
            bytes.extend(&noise[at..at + 5]);
        }
        bytes.truncate(len);
        bytes
    }

    fn pack(deflater: &mut Deflater, part: &[u8], last: bool) -> Vec<u8> {
        let mut output = vec![0; deflater.bound(part.len())];
        let len = deflater.run(part, last, &mut output);
        output.truncate(len);
        output
    }

    fn unpack(inflater: &mut Inflater, packed: &[u8], len: usize) -> Vec<u8> {
        let mut output = vec![0; len + 1];
        let progress = inflater.run(packed, true, &mut output).unwrap();
        assert_eq!(progress.wants, Wants::Nothing);
        assert_eq!(progress.read, packed.len());
        output.truncate(progress.written);
        output
    }

    #[test]
    fn every_parameter_set_stays_in_its_bound_and_comes_back() {
        let lens = [1, 2, 127, 128, 4096, 20_000];
        for level in [0, 1, 2, 3, 6, 9] {
            for mem_level in [1, 9] {
                for window_bits in [8, 12, 15] {
                    let mut deflater = Deflater::new(window_bits, level, mem_level);
                    let mut inflater = Inflater::new(true);
                    for len in lens {
                        for message in [noise(len), echoes(len), vec![0xff; len]] {
                            let packed = pack(&mut deflater, &message, true);
                            let back = unpack(&mut inflater, &packed, len);
                            assert!(back == message, "level {level}, {window_bits} bits, {len}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn parts_of_a_message() {
        let message = echoes(10_000);
        let mut deflater = Deflater::new(15, 3, 8);
        let mut inflater = Inflater::new(true);
        for _ in 0..3 {
            let mut packed = Vec::new();
            for part in [&message[..100], &[], &message[100..9000], &message[9000..]] {
                packed.extend(pack(&mut deflater, part, false));
            }
            packed.extend(pack(&mut deflater, &[], true));
            assert!(unpack(&mut inflater, &packed, message.len()) == message);
        }
        let packed = pack(&mut deflater, &[], true);
        assert_eq!(packed, [0x00]);
        assert_eq!(unpack(&mut inflater, &packed, 0), []);
    }

    #[test]
    fn the_examples_of_section_7_2_3() {
        let mut deflater = Deflater::new(15, 3, 8);
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(pack(&mut deflater, b"Hello", true), hello);
        assert_eq!(
            pack(&mut deflater, b"Hello", true),
            [0xf2, 0x00, 0x11, 0x00, 0x00]
        );
        deflater.reset();
        assert_eq!(pack(&mut deflater, b"Hello", true), hello);
    }
}
