//! Masking and UTF-8 over slices: the two loops that touch every payload byte.
//!
//! | file | RFC 6455 | what |
//! |---|---|---|
//! | [`mask`] | §5.3 | mask and unmask, in place or while copying |
//! | [`utf8`] | §8.1 | incremental validation, exact to the byte |
//!
//! Both are safe Rust. They work on fixed-size blocks, which the compiler turns into vector
//! instructions, and know nothing of frames.

pub mod mask;
pub mod utf8;
