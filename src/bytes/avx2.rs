//! The loops of [`mask`] again, compiled for AVX2: vectors of 32 bytes in place of 16.
//!
//! The one place outside of the binding that opens unsafe code: a function that is compiled for
//! more than every processor has can be called in no other way.
#![allow(unsafe_code)]

use super::mask;

/// From so many bytes on the wider vectors gain more than the test for them costs.
const LEAST: usize = 256;

/// Does what [`mask::xor_seen`] does; `None`, and nothing, where that does as well.
#[inline]
pub(super) fn xor_seen(buf: &mut [u8], key: [u8; 4]) -> Option<u32> {
    // SAFETY: `pays` has seen that the processor has AVX2, which is all that the function asks for.
    pays(buf.len()).then(|| unsafe { xor_seen_avx2(buf, key) })
}

/// Does what [`mask::copy_seen`] does; `None`, and nothing, where that does as well.
#[inline]
pub(super) fn copy_seen(dst: &mut [u8], src: &[u8], key: [u8; 4]) -> Option<u32> {
    // SAFETY: `pays` has seen that the processor has AVX2, which is all that the function asks for.
    pays(src.len()).then(|| unsafe { copy_seen_avx2(dst, src, key) })
}

/// Whether to take these loops. The standard library keeps what it has found out about the
/// processor, so it is a load and a test.
#[inline]
fn pays(len: usize) -> bool {
    len >= LEAST && is_x86_feature_detected!("avx2")
}

#[target_feature(enable = "avx2")]
fn xor_seen_avx2(buf: &mut [u8], key: [u8; 4]) -> u32 {
    mask::xor_seen(buf, key)
}

#[target_feature(enable = "avx2")]
fn copy_seen_avx2(dst: &mut [u8], src: &[u8], key: [u8; 4]) -> u32 {
    mask::copy_seen(dst, src, key)
}
