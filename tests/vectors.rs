//! The vectors that Rust and JavaScript share: each one whole, byte by byte and at every cut.

mod common;

use std::fs;
use std::path::Path;

use common::{Receiver, Seen};
use serde_json::Value;
use ws13_native::protocol::deflate::{self, Agreement, Settings};
use ws13_native::protocol::{Delivery, Limits, ProtocolError, Role};

struct Vector {
    name: String,
    role: Option<Role>,
    limits: Limits,
    agreement: Option<Agreement>,
    bytes: Vec<u8>,
    cuts: Vec<usize>,
    expected: Vec<Seen>,
}

#[test]
fn every_vector_at_every_cut() {
    let vectors = load();
    assert!(vectors.len() > 100, "only {} vectors", vectors.len());
    for vector in &vectors {
        let Vector {
            bytes, expected, ..
        } = vector;
        let check = |cuts: &[usize]| {
            for delivery in [Delivery::Whole, Delivery::Parts] {
                let seen = replay(vector, delivery, split(bytes, cuts));
                assert_eq!(&seen, expected, "{} cut at {cuts:?}", vector.name);
                let seen = replay_in_place(vector, delivery, split(bytes, cuts));
                assert_eq!(&seen, expected, "{} in place, cut at {cuts:?}", vector.name);
            }
        };
        check(&vector.cuts);
        check(&[]);
        check(&(1..bytes.len()).collect::<Vec<_>>());
        for cut in 1..bytes.len() {
            check(&[cut]);
        }
    }
}

fn replay(vector: &Vector, delivery: Delivery, chunks: Vec<&[u8]>) -> Vec<Seen> {
    replay_to(receiver(vector, delivery), chunks)
}

fn replay_in_place(vector: &Vector, delivery: Delivery, chunks: Vec<&[u8]>) -> Vec<Seen> {
    replay_to(receiver(vector, delivery).in_place(), chunks)
}

fn receiver(vector: &Vector, delivery: Delivery) -> Receiver {
    let mut receiver = Receiver::with_delivery(vector.role, vector.limits, delivery);
    if let Some(agreement) = vector.agreement {
        receiver = receiver.deflating(agreement);
    }
    receiver
}

fn replay_to(mut receiver: Receiver, chunks: Vec<&[u8]>) -> Vec<Seen> {
    for chunk in chunks {
        receiver.feed(chunk);
    }
    receiver.seen
}

fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let ends = cuts.iter().copied().chain([bytes.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(a, b)| &bytes[a..b]).collect()
}

fn load() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the vectors' folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a readable file");
            let rows: Vec<Value> = serde_json::from_str(&text).expect("an array of vectors");
            rows.into_iter().map(|row| parse(&row)).collect::<Vec<_>>()
        })
        .collect()
}

fn parse(row: &Value) -> Vector {
    let defaults = Limits::default();
    let chunks: Vec<Vec<u8>> = row["chunks"].as_array().unwrap().iter().map(hex).collect();
    let mut expected: Vec<Seen> = row["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(event)
        .collect();
    if let Some(violation) = row.get("violation") {
        let code = violation["error"].as_str().unwrap();
        let error = ProtocolError::ALL
            .into_iter()
            .find(|error| error.describe().0 == code)
            .unwrap_or_else(|| panic!("no fault {code}"));
        assert_eq!(violation["code"], u16::from(error.close_code()));
        expected.push(Seen::Violation(error));
    }
    let ends = chunks.iter().scan(0, |end, chunk| {
        *end += chunk.len();
        Some(*end)
    });
    Vector {
        name: row["name"].as_str().unwrap().to_owned(),
        role: match row["role"].as_str() {
            Some("server") => Some(Role::Server),
            Some("client") => Some(Role::Client),
            _ => None,
        },
        limits: Limits {
            max_payload: row["maxPayload"].as_u64().unwrap_or(defaults.max_payload),
            max_fragments: row["maxFragments"]
                .as_u64()
                .map_or(defaults.max_fragments, |most| most as u32),
        },
        agreement: row["deflate"]
            .as_str()
            .map(|answer| deflate::accept(answer, &Settings::default()).expect("an answer")),
        cuts: ends.take(chunks.len() - 1).collect(),
        bytes: chunks.concat(),
        expected,
    }
}

fn event(row: &Value) -> Seen {
    let (kind, value) = row.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "text" => Seen::Text(value.as_str().unwrap().to_owned()),
        "binary" => Seen::Binary(hex(value)),
        "ping" => Seen::Ping(hex(value)),
        "pong" => Seen::Pong(hex(value)),
        "close" | "reason" => Seen::Close(
            row["close"].as_u64().map(|code| code as u16),
            row["reason"].as_str().unwrap_or_default().to_owned(),
        ),
        other => panic!("no event {other}"),
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let digits: Vec<u8> = value
        .as_str()
        .unwrap()
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
