//! The loops over payload bytes, beside memcpy and the standard library.

use std::hint::black_box;

use ws13_native::bytes::{mask, utf8};

use crate::Pass;
use crate::cases::{Content, SIZES, payload};
use crate::timing::interleaved;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Prints nanoseconds for one run over a size's bytes, a number for each round.
pub fn print(rounds: usize) {
    for (size, _) in SIZES {
        let (names, mut passes): (Vec<_>, Vec<_>) = kernels(size).into_iter().unzip();
        let times = interleaved(&mut passes, 1, rounds);
        for (name, times) in names.iter().zip(times) {
            println!(r#"{{"kernel":"{name}","bytes":{size},"ns":{times:?}}}"#);
        }
    }
}

fn kernels(size: usize) -> Vec<(&'static str, Pass)> {
    let ascii = payload(Content::Ascii, size);
    let multi_byte = payload(Content::MultiByte, size);
    let memcpy = |to: &mut [u8], from: &[u8]| to.copy_from_slice(from);
    let copy = |to: &mut [u8], from: &[u8]| mask::copy(to, from, KEY);
    let copy_ascii = |to: &mut [u8], from: &[u8]| {
        black_box(mask::copy_ascii(to, from, KEY));
    };
    let xor_ascii = |to: &mut [u8], _: &[u8]| {
        black_box(mask::xor_ascii(to, KEY));
    };
    let validate = |_: &mut [u8], from: &[u8]| {
        let mut validator = utf8::Validator::default();
        black_box(validator.feed(from).is_ok() && validator.is_complete());
    };
    let standard = |_: &mut [u8], from: &[u8]| {
        black_box(std::str::from_utf8(from).is_ok());
    };
    vec![
        ("memcpy", over(&ascii, memcpy)),
        ("mask::copy", over(&ascii, copy)),
        ("mask::copy_ascii", over(&ascii, copy_ascii)),
        ("mask::xor_ascii", over(&ascii, xor_ascii)),
        ("utf8, ASCII", over(&ascii, validate)),
        ("utf8, multi-byte", over(&multi_byte, validate)),
        ("str::from_utf8, multi-byte", over(&multi_byte, standard)),
    ]
}

/// A pass of a kernel, given a target and a source of the same length.
fn over(source: &[u8], kernel: impl Fn(&mut [u8], &[u8]) + 'static) -> Pass {
    let source = source.to_vec();
    let mut target = vec![0; source.len()];
    Box::new(move |times| {
        for _ in 0..times {
            kernel(black_box(&mut target), black_box(&source));
        }
    })
}
