//! permessage-deflate (RFC 7692), as far as building messages and looking at one takes it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::train::Takeover;

/// What a flush ends with, and RFC 7692 §7.2.1 leaves out.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Makes compressed payloads.
pub struct Compressor {
    stream: Compress,
    takeover: Takeover,
}

impl Compressor {
    /// At zlib's default level.
    pub fn new(takeover: Takeover) -> Self {
        Compressor {
            stream: Compress::new(Compression::default(), false),
            takeover,
        }
    }

    /// The payload of a compressed message.
    pub fn compress(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.takeover == Takeover::Off {
            self.stream.reset();
        }
        let start = self.stream.total_in();
        // Enough for one call: deflate adds a few bytes to what it cannot compress.
        let mut output = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
        self.stream
            .compress_vec(payload, &mut output, FlushCompress::Sync)
            .expect("deflate takes any input");
        assert_eq!(self.stream.total_in() - start, payload.len() as u64);
        assert!(
            output.ends_with(&TAIL),
            "a flush that fits ends with its tail"
        );
        output.truncate(output.len() - TAIL.len());
        output
    }
}

/// The texts of compressed payloads, in their order; `None` for what does not inflate.
pub fn inflate(
    payloads: impl Iterator<Item = Vec<u8>>,
    takeover: Takeover,
) -> Option<Vec<Vec<u8>>> {
    let mut stream = Decompress::new(false);
    payloads
        .map(|mut payload| {
            if takeover == Takeover::Off {
                stream.reset(false);
            }
            payload.extend_from_slice(&TAIL);
            let start = stream.total_in();
            let mut output = Vec::new();
            loop {
                output.reserve(64 * 1024);
                let taken = (stream.total_in() - start) as usize;
                let before = output.len();
                stream
                    .decompress_vec(&payload[taken..], &mut output, FlushDecompress::Sync)
                    .ok()?;
                if output.len() == before {
                    return Some(output);
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takeover_makes_a_repetition_small() {
        let text = b"the same text again, and long enough to be worth a reference";
        let sizes = |takeover| {
            let mut compressor = Compressor::new(takeover);
            [
                compressor.compress(text).len(),
                compressor.compress(text).len(),
            ]
        };
        let [first, second] = sizes(Takeover::On);
        assert!(second < first / 2, "{first} then {second}");
        let [first, second] = sizes(Takeover::Off);
        assert_eq!(first, second);
    }

    #[test]
    fn what_is_no_deflate_stream_is_refused() {
        assert_eq!(inflate([vec![0xff; 20]].into_iter(), Takeover::On), None);
    }
}
