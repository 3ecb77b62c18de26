//! All connections, and the one thread that serves them.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Rules, Task};
use crate::stream::Stream;

/// How long no socket may move before the peer is given up: it has lost a message.
const STALLED: Duration = Duration::from_secs(10);

/// Bytes of one read. Larger than any chunk a server writes for small messages.
const READ: usize = 256 * 1024;

/// The connections of a run.
pub struct Load<'a> {
    poll: Poll,
    events: Events,
    connections: Vec<Connection<'a>>,
    rules: &'a Rules,
    scratch: Vec<u8>,
    /// How long to sleep for an event.
    patience: Duration,
}

impl<'a> Load<'a> {
    /// `spin` polls without ever sleeping. To wake a sleeping client on the same machine costs the
    /// server a fifth of a small message, which a client elsewhere would not; but it takes a core of
    /// its own.
    pub fn new(
        streams: impl Iterator<Item = io::Result<Stream>>,
        rules: &'a Rules,
        spin: bool,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for (index, stream) in streams.enumerate() {
            let mut connection = Connection::new(stream?, rules);
            let interest = Interest::READABLE | Interest::WRITABLE;
            let source = connection.stream().source();
            poll.registry().register(source, Token(index), interest)?;
            connections.push(connection);
        }
        let patience = if spin || rules.piece > 0 {
            Duration::ZERO
        } else {
            STALLED
        };
        let events = Events::with_capacity(1024);
        Ok(Load {
            poll,
            events,
            connections,
            rules,
            scratch: vec![0; READ],
            patience,
        })
    }

    /// Connections.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Bytes that have arrived on all of them.
    pub fn bytes_read(&self) -> u64 {
        self.connections.iter().map(Connection::bytes_read).sum()
    }

    /// Gives each connection its task by its index, and returns when all of them are done.
    pub fn run(&mut self, task: impl Fn(usize) -> Task) -> io::Result<()> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            connection.start(&task(index))?;
        }
        let mut last = Instant::now();
        let mut waiting = self
            .connections
            .iter()
            .filter(|each| !each.is_done())
            .count();
        while waiting > 0 {
            let mut done = 0;
            let moved = self.turn(|_, _, is_done| done += usize::from(is_done))?;
            waiting -= done;
            let now = Instant::now();
            if moved {
                last = now;
            } else if now - last >= STALLED {
                return Err(stalled(waiting));
            }
        }
        Ok(())
    }

    /// Messages sent at times of their own, one at each of `times` after the start, on one
    /// connection after the other; returns how long after its time each one was answered.
    pub fn run_paced(&mut self, times: &[Duration]) -> io::Result<Vec<Duration>> {
        let single = Task {
            send: 1,
            expect: 1,
            ..Task::default()
        };
        let count = self.connections.len();
        let start = Instant::now();
        let mut sent = 0;
        let mut latencies = Vec::with_capacity(times.len());
        // Message i goes over connection i % count, so a connection's answers are in order.
        let mut answered = vec![0; count];
        self.patience = Duration::ZERO;
        while latencies.len() < times.len() {
            while sent < times.len() && start.elapsed() >= times[sent] {
                self.connections[sent % count].start(&single)?;
                sent += 1;
            }
            self.turn(|index, arrived, _| {
                let now = start.elapsed();
                for _ in 0..arrived {
                    latencies.push(now - times[index + count * answered[index]]);
                    answered[index] += 1;
                }
            })?;
            let due = times[latencies.len().min(times.len() - 1)];
            if start.elapsed() > due + STALLED {
                return Err(stalled(sent - latencies.len()));
            }
        }
        Ok(latencies)
    }

    /// Waits for events and serves them; `each` gets the index of a connection that was busy, how
    /// many messages have arrived, and whether it is done. Returns whether anything happened.
    fn turn(&mut self, mut each: impl FnMut(usize, u64, bool)) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, Some(self.patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            other => other?,
        }
        for event in &self.events {
            let index = event.token().0;
            let connection = &mut self.connections[index];
            if !connection.is_done() {
                let before = connection.received();
                let is_done = connection.advance(&mut self.scratch)?;
                each(index, connection.received() - before, is_done);
            }
        }
        if self.rules.piece > 0 {
            // No event tells of the next piece.
            for connection in &mut self.connections {
                connection.write()?;
            }
        }
        Ok(!self.events.is_empty())
    }
}

fn stalled(waiting: usize) -> io::Error {
    let text = format!("{waiting} wait for a message that does not come");
    io::Error::new(ErrorKind::TimedOut, text)
}
