//! What to do, as the arguments `name=value` say.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::payload::Kind;
use crate::train::{Shape, Takeover};

/// The way that messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server answers each message with the same.
    Echo,
    /// The server answers none but one of one byte.
    Receive,
    /// The server sends to every connection when the first one says so.
    Told,
    /// The peer is a client, which sends on each connection when that says so.
    Sink,
    /// Echoes at a given rate, timed one by one.
    Latency,
    /// Connections, opened and closed.
    Shake,
    /// Connections, opened and left alone.
    Idle,
}

/// Everything that a run depends on.
#[derive(Debug)]
pub struct Plan {
    /// The way that messages go.
    pub mode: Mode,
    /// The server, or where a sink is to listen.
    pub address: SocketAddr,
    /// Connections, at a time.
    pub connections: usize,
    /// Messages sent and not yet echoed on one connection, at most.
    pub in_flight: usize,
    /// What the payloads are.
    pub kind: Kind,
    /// Payload bytes of one message.
    pub size: usize,
    /// Frames of one message.
    pub fragments: usize,
    /// Bytes of one write; 0: as many as there are.
    pub piece: usize,
    /// Whether the server speaks TLS.
    pub tls: bool,
    /// Whether messages are compressed.
    pub deflate: Option<Takeover>,
    /// Of `Told`: messages a connection gets in one tick of the server.
    pub burst: usize,
    /// Of `Told` and `Sink`: messages a connection gets for one command, a multiple of `burst`.
    pub command: usize,
    /// Of `Latency`: messages a second, over all connections.
    pub rate: f64,
    /// Messages of one connection before the first mark. Of `Shake` and `Idle`: connections.
    pub warm_up: usize,
    /// Messages of one connection between the marks. Of `Shake` and `Idle`: connections.
    pub messages: usize,
    /// Whether to poll without ever sleeping.
    pub spin: bool,
}

impl Plan {
    /// Reads the arguments; those that a mode does not need may be left out.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut values = HashMap::new();
        for argument in arguments {
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| format!("{argument}: not name=value"))?;
            values.insert(name.to_owned(), value.to_owned());
        }
        let mut take = Taker(values);
        let plan = Plan {
            mode: take.required("mode")?,
            address: take.required("address")?,
            connections: at_least_one(take.required("connections")?)?,
            in_flight: at_least_one(take.optional("in-flight", 1)?)?,
            kind: take.optional("kind", Kind::Text)?,
            size: take.optional("size", 1)?,
            fragments: at_least_one(take.optional("fragments", 1)?)?,
            piece: take.optional("piece", 0)?,
            tls: take.optional("tls", false)?,
            deflate: take.optional("deflate", Deflate(None))?.0,
            burst: at_least_one(take.optional("burst", 1)?)?,
            command: at_least_one(take.optional("command", 1)?)?,
            rate: take.optional("rate", 0.0)?,
            warm_up: at_least_one(take.required("warm-up")?)?,
            messages: at_least_one(take.required("messages")?)?,
            spin: take.required("spin")?,
        };
        match take.0.keys().next() {
            Some(name) => Err(format!("{name}= is not known").into()),
            None => Ok(plan),
        }
    }

    /// What its messages look like.
    pub fn shape(&self) -> Shape {
        Shape {
            kind: self.kind,
            size: self.size,
            fragments: self.fragments,
            deflate: self.deflate,
        }
    }
}

struct Taker(HashMap<String, String>);

impl Taker {
    fn required<T: FromStr<Err: ToString>>(&mut self, name: &str) -> Result<T, String> {
        let value = self.0.remove(name).ok_or(format!("{name}= is missing"))?;
        value
            .parse()
            .map_err(|error: T::Err| format!("{name}={value}: {}", error.to_string()))
    }

    fn optional<T: FromStr<Err: ToString>>(&mut self, name: &str, default: T) -> Result<T, String> {
        if self.0.contains_key(name) {
            self.required(name)
        } else {
            Ok(default)
        }
    }
}

fn at_least_one(count: usize) -> Result<usize, String> {
    if count == 0 {
        Err("a count of 0".to_owned())
    } else {
        Ok(count)
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "echo" => Ok(Mode::Echo),
            "receive" => Ok(Mode::Receive),
            "told" => Ok(Mode::Told),
            "sink" => Ok(Mode::Sink),
            "latency" => Ok(Mode::Latency),
            "shake" => Ok(Mode::Shake),
            "idle" => Ok(Mode::Idle),
            _ => Err("no such mode".to_owned()),
        }
    }
}

struct Deflate(Option<Takeover>);

impl FromStr for Deflate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Deflate(None)),
            "takeover" => Ok(Deflate(Some(Takeover::On))),
            "alone" => Ok(Deflate(Some(Takeover::Off))),
            _ => Err("not off, takeover or alone".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, Box<dyn Error>> {
        Plan::from_arguments(text.split_whitespace().map(str::to_owned))
    }

    const GOOD: &str = "mode=told address=127.0.0.1:80 connections=2 in-flight=3 size=4 kind=utf8 \
                        burst=8 deflate=alone warm-up=5 messages=6 spin=true";

    #[test]
    fn reads_every_argument_and_knows_the_defaults() {
        let plan = parse(GOOD).unwrap();
        assert_eq!(plan.address, "127.0.0.1:80".parse().unwrap());
        assert_eq!((plan.mode, plan.kind), (Mode::Told, Kind::Utf8));
        assert_eq!(
            (plan.connections, plan.in_flight, plan.size, plan.burst),
            (2, 3, 4, 8)
        );
        assert_eq!((plan.warm_up, plan.messages, plan.spin), (5, 6, true));
        assert_eq!(
            (plan.deflate, plan.fragments, plan.piece),
            (Some(Takeover::Off), 1, 0)
        );
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        assert!(parse(&GOOD.replace("mode=told", "")).is_err());
        assert!(parse(&GOOD.replace("connections=2", "connections=0")).is_err());
        assert!(parse(&GOOD.replace("kind=utf8", "kind=gif")).is_err());
        assert!(parse(&GOOD.replace("deflate=alone", "deflate=1")).is_err());
        assert!(parse(&GOOD.replace("spin=true", "spin=1")).is_err());
        assert!(parse(&format!("{GOOD} speed=9")).is_err());
    }
}
