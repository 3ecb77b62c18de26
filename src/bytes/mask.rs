//! Masking (RFC 6455 §5.3). Masking twice with one key gives the first bytes again, so the same
//! functions mask and unmask.
//!
//! Both loops are plain ones over four-byte words: the key is one word, so no phase is carried, and
//! the compiler turns each into vector instructions with no prologue for alignment, which would
//! cost a small frame more than its bytes. Wider words, unrolled by hand, were measured at half the
//! speed of this. Where the processor has AVX2, longer slices go through the same loops compiled
//! for it: a kilobyte takes half of the time.

#[cfg(target_arch = "x86_64")]
use super::avx2;

/// The top bit of every byte of a word: none is set in ASCII.
const HIGH_BITS: u32 = 0x8080_8080;

/// XORs `buf` in place with `key` repeated; `key[0]` meets `buf[0]`.
pub fn xor(buf: &mut [u8], key: [u8; 4]) {
    xor_dispatched(buf, key);
}

/// Does what [`xor`] does, and tells whether every byte written is ASCII: one pass for text, whose
/// validation then needs no second one.
#[must_use]
pub fn xor_ascii(buf: &mut [u8], key: [u8; 4]) -> bool {
    xor_dispatched(buf, key) & HIGH_BITS == 0
}

/// Writes `src` XOR `key` into `dst`; `key[0]` meets `src[0]`. A key of zeros copies.
///
/// The slices must have the same length; of unequal ones the longer end is left alone.
pub fn copy(dst: &mut [u8], src: &[u8], key: [u8; 4]) {
    copy_dispatched(dst, src, key);
}

/// Does what [`copy`] does, and tells whether every byte written is ASCII.
#[must_use]
pub fn copy_ascii(dst: &mut [u8], src: &[u8], key: [u8; 4]) -> bool {
    copy_dispatched(dst, src, key) & HIGH_BITS == 0
}

/// The key for a slice that starts `by` bytes after the one that `key` is for.
#[must_use]
#[inline]
pub fn rotate(key: [u8; 4], by: usize) -> [u8; 4] {
    let bits = (by % 4) as u32 * 8;
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}

#[inline]
fn xor_dispatched(buf: &mut [u8], key: [u8; 4]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(seen) = avx2::xor_seen(buf, key) {
        return seen;
    }
    xor_seen(buf, key)
}

#[inline]
fn copy_dispatched(dst: &mut [u8], src: &[u8], key: [u8; 4]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(seen) = avx2::copy_seen(dst, src, key) {
        return seen;
    }
    copy_seen(dst, src, key)
}

/// The loop in place: returns the OR of all words written.
#[inline(always)]
pub(super) fn xor_seen(buf: &mut [u8], key: [u8; 4]) -> u32 {
    let (words, rest) = buf.as_chunks_mut::<4>();
    let mut seen = 0;
    for word in words {
        *word = masked(*word, key);
        seen |= u32::from_ne_bytes(*word);
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
        seen |= u32::from(*byte);
    }
    seen
}

/// The loop of the copies: returns the OR of all words written.
#[inline(always)]
pub(super) fn copy_seen(dst: &mut [u8], src: &[u8], key: [u8; 4]) -> u32 {
    debug_assert_eq!(dst.len(), src.len());
    let len = dst.len().min(src.len());
    let (dst_words, dst_rest) = dst[..len].as_chunks_mut::<4>();
    let (src_words, src_rest) = src[..len].as_chunks::<4>();
    let mut seen = 0;
    for (dst, src) in dst_words.iter_mut().zip(src_words) {
        *dst = masked(*src, key);
        seen |= u32::from_ne_bytes(*dst);
    }
    for ((dst, src), key) in dst_rest.iter_mut().zip(src_rest).zip(key) {
        *dst = src ^ key;
        seen |= u32::from(*dst);
    }
    seen
}

#[inline(always)]
fn masked(word: [u8; 4], key: [u8; 4]) -> [u8; 4] {
    (u32::from_ne_bytes(word) ^ u32::from_ne_bytes(key)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    /// Past four vectors of 32 bytes, so that every tail follows none, one and several of them.
    const LONGEST: usize = 4 * 32 + 35;
    /// The same lengths behind the one from which on other loops are taken on some processors.
    const LONGER: std::ops::RangeInclusive<usize> = 256 - 1..=256 + LONGEST;

    fn lengths() -> impl Iterator<Item = usize> {
        (0..=LONGEST).chain(LONGER)
    }

    /// RFC 6455 §5.3: "transformed-octet-i = original-octet-i XOR masking-key-octet-j",
    /// where j = i MOD 4.
    fn oracle(src: &[u8], key: [u8; 4], phase: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, byte) in src.iter().enumerate() {
            out.push(byte ^ key[(i + phase) % 4]);
        }
        out
    }

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 167 + 13) as u8).collect()
    }

    #[test]
    fn rfc_6455_5_7_masked_hello() {
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        xor(&mut payload, KEY);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn every_length_alignment_and_phase_equals_the_oracle() {
        let source = sample(LONGER.end() + 8);
        for len in lengths() {
            for start in 0..8 {
                for phase in 0..4 {
                    let src = &source[start..start + len];
                    let expected = oracle(src, KEY, phase);
                    let key = rotate(KEY, phase);
                    let place = format!("length {len}, start {start}, phase {phase}");

                    let mut in_place = source.clone();
                    xor(&mut in_place[start..start + len], key);
                    assert_eq!(in_place[start..start + len], expected, "{place}");
                    assert_eq!(in_place[..start], source[..start], "{place}");
                    assert_eq!(in_place[start + len..], source[start + len..], "{place}");

                    let mut checked = source.clone();
                    let ascii = xor_ascii(&mut checked[start..start + len], key);
                    assert_eq!(checked, in_place, "{place}");
                    assert_eq!(ascii, expected.is_ascii(), "{place}");

                    // The destination sits at another alignment than the source.
                    let mut copied = vec![0xaa; len + 16];
                    let at = 7 - start;
                    copy(&mut copied[at..at + len], src, key);
                    assert_eq!(copied[at..at + len], expected, "{place}");
                    assert!(copied[..at].iter().all(|&byte| byte == 0xaa), "{place}");
                    let after = &copied[at + len..];
                    assert!(after.iter().all(|&byte| byte == 0xaa), "{place}");

                    let mut fused = vec![0; len];
                    let ascii = copy_ascii(&mut fused, src, key);
                    assert_eq!(fused, expected, "{place}");
                    assert_eq!(ascii, expected.is_ascii(), "{place}");
                }
            }
        }
    }

    #[test]
    fn one_high_byte_is_seen_anywhere() {
        for len in lengths() {
            let plain: Vec<u8> = (0..len).map(|i| (i % 128) as u8).collect();
            let wire = oracle(&plain, KEY, 0);
            let mut out = vec![0; len];
            assert!(copy_ascii(&mut out, &wire, KEY), "length {len}");
            let mut in_place = wire;
            assert!(xor_ascii(&mut in_place, KEY), "length {len}");
            for at in 0..len {
                let mut marked = plain.clone();
                marked[at] = 0x80;
                let wire = oracle(&marked, KEY, 0);
                assert!(!copy_ascii(&mut out, &wire, KEY), "length {len}, byte {at}");
                assert_eq!(out, marked);
                let mut in_place = wire;
                assert!(!xor_ascii(&mut in_place, KEY), "length {len}, byte {at}");
            }
        }
    }

    #[test]
    fn a_key_of_zeros_copies() {
        for len in lengths() {
            let src = sample(len);
            let mut dst = vec![0; len];
            copy(&mut dst, &src, [0; 4]);
            assert_eq!(dst, src);
            let mut dst = vec![0; len];
            assert_eq!(copy_ascii(&mut dst, &src, [0; 4]), src.is_ascii());
            assert_eq!(dst, src);
            xor(&mut dst, [0; 4]);
            assert_eq!(dst, src);
        }
    }

    #[test]
    fn a_slice_masked_in_two_parts_equals_the_whole() {
        let src = sample(LONGEST);
        let whole = oracle(&src, KEY, 0);
        for cut in 0..=LONGEST {
            let mut parts = src.clone();
            let (left, right) = parts.split_at_mut(cut);
            xor(left, KEY);
            xor(right, rotate(KEY, cut));
            assert_eq!(parts, whole, "cut {cut}");
        }
    }

    #[test]
    fn rotate_moves_the_phase() {
        assert_eq!(rotate([1, 2, 3, 4], 0), [1, 2, 3, 4]);
        assert_eq!(rotate([1, 2, 3, 4], 1), [2, 3, 4, 1]);
        assert_eq!(rotate([1, 2, 3, 4], 7), [4, 1, 2, 3]);
        assert_eq!(rotate([1, 2, 3, 4], usize::MAX), [4, 1, 2, 3]);
    }
}
