//! Masking and UTF-8 over slices: the two loops that touch every payload byte.
//!
//! | file | RFC 6455 | what |
//! |---|---|---|
//! | [`mask`] | §5.3 | mask and unmask, in place or while copying |
//! | [`utf8`] | §8.1 | incremental validation, exact to the byte |
//!
//! The loops are safe Rust, which the compiler turns into vector instructions; those of [`mask`] it
//! compiles a second time, for AVX2. Neither file knows anything of frames.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub mod mask;
pub mod utf8;
