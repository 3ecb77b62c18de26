//! The binding: arguments in, one call of the core, results out. Nothing else knows N-API.
//!
//! What a chunk or a send goes through, and whatever else works on connections ([`hot`]), are raw
//! N-API callbacks over numbers, strings and byte buffers: they create no JavaScript object and
//! call no JavaScript. All others (the handshakes in [`connect`], [`handshake`] and [`listen`], the
//! negotiation in [`extension`], the [`tables`]) are ordinary `#[napi]` functions. State is per
//! environment, so worker threads share nothing.
//!
//! One part does more than that: the reactor, where sockets are read and written without Node's
//! streams between.

// The one layer that talks C; each block says why it may.
#![allow(unsafe_code)]
// In a test build nothing registers the functions that Node would call.
#![cfg_attr(test, allow(dead_code))]

mod background;
mod call;
mod connect;
mod environment;
mod extension;
mod handshake;
mod heap;
mod hot;
mod listen;
mod pack;
mod random;
#[cfg(reactor)]
mod reactor;
mod receive;
mod samples;
mod send;
mod tables;
mod totals;
