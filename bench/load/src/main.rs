//! Raw load for the echo benchmark: N connections, K messages in flight on each.
//!
//! The frames are built before the first byte is sent, and an echo is counted, not parsed, so
//! what this process does for a message is a `read` and a `write`. It speaks lines of JSON with
//! the runner:
//!
//! 1. connect, warm up, print `{"ready":true}`;
//! 2. wait for a line, send the measured messages, print what was done;
//! 3. keep the connections open until standard input ends.
//!
//! Between 1 and 2, and between 2 and 3, nothing is in flight, so the runner can read the
//! server's CPU time at a mark that belongs to neither side of it.

mod connection;
mod train;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Read};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use connection::Connection;
use mio::{Events, Interest, Poll, Token};
use train::{Kind, Train};

/// How long no socket may move before the server is given up: it has lost a message.
const STALLED: Duration = Duration::from_secs(10);

/// Bytes of one read. Larger than any chunk a server writes for small messages.
const READ: usize = 256 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let plan = Plan::from_arguments(std::env::args().skip(1))?;
    let train = Train::new(plan.kind, plan.size, plan.in_flight);
    let mut load = Load::connect(&plan, &train)?;
    let mut control = io::stdin().lock();

    load.send(plan.warm_up)?;
    println!(r#"{{"ready":true}}"#);
    if control.read_line(&mut String::new())? == 0 {
        return Ok(());
    }

    let start = Instant::now();
    load.send(plan.messages)?;
    let seconds = start.elapsed().as_secs_f64();
    let messages = plan.messages * plan.connections;
    println!(r#"{{"messages":{messages},"seconds":{seconds:.6}}}"#);

    control.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// What to send, as the arguments `name=value` say.
struct Plan {
    address: SocketAddr,
    connections: usize,
    /// Messages sent and not yet echoed on one connection, at most.
    in_flight: usize,
    /// Payload bytes of one message.
    size: usize,
    kind: Kind,
    /// Messages of one connection before the first mark.
    warm_up: usize,
    /// Messages of one connection between the marks.
    messages: usize,
    /// Whether to poll without ever sleeping. To wake a sleeping client on the same machine costs
    /// the server a fifth of a small message, which a client elsewhere would not; but it takes a
    /// core of its own.
    spin: bool,
}

impl Plan {
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut values = HashMap::new();
        for argument in arguments {
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| format!("{argument}: not name=value"))?;
            values.insert(name.to_owned(), value.to_owned());
        }
        let mut take = |name: &str| values.remove(name).ok_or(format!("{name}= is missing"));
        let plan = Plan {
            address: take("address")?.parse()?,
            connections: at_least_one(take("connections")?)?,
            in_flight: at_least_one(take("in-flight")?)?,
            size: take("size")?.parse()?,
            kind: take("kind")?.parse()?,
            warm_up: at_least_one(take("warm-up")?)?,
            messages: at_least_one(take("messages")?)?,
            spin: take("spin")?.parse()?,
        };
        match values.keys().next() {
            Some(name) => Err(format!("{name}= is not known").into()),
            None => Ok(plan),
        }
    }
}

fn at_least_one(text: String) -> Result<usize, Box<dyn Error>> {
    match text.parse()? {
        0 => Err("a count of 0".into()),
        count => Ok(count),
    }
}

/// All connections, and the one thread that serves them.
struct Load<'a> {
    poll: Poll,
    connections: Vec<Connection<'a>>,
    scratch: Vec<u8>,
    /// How long to sleep for an event.
    patience: Duration,
}

impl<'a> Load<'a> {
    fn connect(plan: &Plan, train: &'a Train) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let mut connection = Connection::open(plan.address, train, plan.in_flight)?;
            poll.registry().register(
                connection.source(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            connections.push(connection);
        }
        Ok(Load {
            poll,
            connections,
            scratch: vec![0; READ],
            patience: if plan.spin { Duration::ZERO } else { STALLED },
        })
    }

    /// Sends `messages` on every connection and returns when all their echoes have arrived.
    fn send(&mut self, messages: usize) -> io::Result<()> {
        for connection in &mut self.connections {
            connection.start(messages as u64)?;
        }
        let mut waiting = self.connections.len();
        let mut events = Events::with_capacity(1024);
        let mut last = Instant::now();
        while waiting > 0 {
            match self.poll.poll(&mut events, Some(self.patience)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            let now = Instant::now();
            if !events.is_empty() {
                last = now;
            } else if now - last >= STALLED {
                let text = format!("{waiting} connections wait for an echo that does not come");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if !connection.is_done() && connection.advance(&mut self.scratch)? {
                    waiting -= 1;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, Box<dyn Error>> {
        Plan::from_arguments(text.split_whitespace().map(str::to_owned))
    }

    const GOOD: &str = "address=127.0.0.1:80 connections=2 in-flight=3 size=4 kind=text \
                        warm-up=5 messages=6 spin=true";

    #[test]
    fn reads_every_argument() {
        let plan = parse(GOOD).unwrap();
        assert_eq!(plan.address, "127.0.0.1:80".parse().unwrap());
        assert_eq!((plan.connections, plan.in_flight, plan.size), (2, 3, 4));
        assert_eq!((plan.kind, plan.warm_up, plan.messages), (Kind::Text, 5, 6));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        assert!(parse(&GOOD.replace("size=4", "")).is_err());
        assert!(parse(&GOOD.replace("connections=2", "connections=0")).is_err());
        assert!(parse(&GOOD.replace("kind=text", "kind=gif")).is_err());
        assert!(parse(&GOOD.replace("spin=true", "spin=1")).is_err());
        assert!(parse(&format!("{GOOD} speed=9")).is_err());
    }
}
