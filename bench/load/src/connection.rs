//! One connection: messages out, messages counted.

use std::io::{self, ErrorKind, Read, Write};

use crate::compress::inflate;
use crate::failure;
use crate::stream::Stream;
use crate::tally::{First, Tally};
use crate::train::{Takeover, Train};

/// What to do next, added to what was to be done before.
#[derive(Clone, Default)]
pub struct Task {
    /// Messages of the train to send.
    pub send: u64,
    /// Bytes to send behind them.
    pub then: Vec<u8>,
    /// Messages to see arrive.
    pub expect: u64,
}

/// What is the same for all connections of a load.
pub struct Rules {
    /// What they send.
    pub train: Train,
    /// Messages that may be on their way before one arrives in return.
    pub window: u64,
    /// Bytes of one write; 0: as many as there are.
    pub piece: usize,
    /// What the first message has to look like.
    pub first: Expected,
    /// Payload bytes on the wire of each message that arrives, where all have the same.
    pub size: Option<u64>,
}

/// The first message that arrives.
pub enum Expected {
    /// The train's first one, compressed where the takeover is given.
    Echo(Option<Takeover>),
    /// Any.
    Any,
}

/// A connection after its handshake.
pub struct Connection<'a> {
    stream: Stream,
    rules: &'a Rules,
    task: Task,
    /// Bytes of the train that have been written.
    sent: u64,
    tally: Tally,
    /// Bytes that were read.
    read: u64,
    checked: bool,
}

impl<'a> Connection<'a> {
    /// A connection that has nothing to do yet.
    pub fn new(stream: Stream, rules: &'a Rules) -> Self {
        Connection {
            stream,
            rules,
            task: Task::default(),
            sent: 0,
            tally: Tally::default(),
            read: 0,
            checked: false,
        }
    }

    /// What it reads and writes.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Messages that have arrived.
    pub fn received(&self) -> u64 {
        self.tally.messages
    }

    /// Bytes that have arrived.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Starts a task behind those before it. What `then` holds of an earlier one has been sent:
    /// its answer was waited for.
    pub fn start(&mut self, task: &Task) -> io::Result<()> {
        self.task.send += task.send;
        self.task.expect += task.expect;
        self.task.then.extend_from_slice(&task.then);
        self.write()
    }

    /// Whether all that was expected has arrived.
    pub fn is_done(&self) -> bool {
        self.tally.messages == self.task.expect
    }

    /// Reads what is there and sends what that makes room for. Returns `is_done`.
    pub fn advance(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        // The poll is edge-triggered: read until the kernel has no more. A short read says so
        // as well as an EAGAIN does and saves a system call; not of TLS, which reads by records.
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(failure("the peer closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            self.read += count as u64;
            self.tally.count(&scratch[..count])?;
            self.check()?;
            if count < scratch.len() && matches!(self.stream, Stream::Plain(_)) {
                break;
            }
            self.write()?;
        }
        self.write()?;
        Ok(self.is_done())
    }

    /// Sends what may be sent now: one piece of it, or as much as the kernel takes.
    pub fn write(&mut self) -> io::Result<()> {
        let window = self.tally.messages.saturating_add(self.rules.window);
        let allowed = self.task.send.min(window);
        let due = self.rules.train.bytes_of(allowed);
        while self.sent < due {
            let run = self.rules.train.run(self.sent, due - self.sent);
            let piece = if self.rules.piece > 0 {
                self.rules.piece.min(run.len())
            } else {
                run.len()
            };
            let Some(count) = attempt(self.stream.write(&run[..piece]))? else {
                return Ok(());
            };
            self.sent += count as u64;
            if self.rules.piece > 0 {
                return Ok(());
            }
        }
        while allowed == self.task.send && !self.task.then.is_empty() {
            let Some(count) = attempt(self.stream.write(&self.task.then))? else {
                return Ok(());
            };
            self.task.then.drain(..count);
        }
        attempt(self.stream.flush())?;
        Ok(())
    }

    fn check(&mut self) -> io::Result<()> {
        if self.tally.messages > self.task.expect {
            return Err(failure("other messages came than were expected"));
        }
        if !self.checked && self.tally.messages > 0 {
            self.checked = true;
            let first = self.tally.take_first();
            if let Expected::Echo(takeover) = self.rules.first {
                self.check_echo(first, takeover)?;
            }
        }
        match self.rules.size {
            Some(size) if self.is_done() && self.tally.payload != size * self.tally.messages => {
                Err(failure("other messages came than were expected"))
            }
            _ => Ok(()),
        }
    }

    fn check_echo(&self, first: First, takeover: Option<Takeover>) -> io::Result<()> {
        if first.is_compressed() != takeover.is_some() {
            return Err(failure("the first echo is not compressed as it should be"));
        }
        let payload = match takeover {
            None => Some(first.payload),
            Some(takeover) => inflate([first.payload].into_iter(), takeover)
                .and_then(|mut payloads| payloads.pop()),
        };
        if payload.as_deref() != Some(self.rules.train.first()) {
            return Err(failure("the first echo is not what was sent"));
        }
        Ok(())
    }
}

/// `None` where the kernel takes no more for now.
fn attempt<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::{Dial, accept};
    use crate::payload::Kind;
    use crate::train::Shape;
    use std::net::TcpListener;
    use std::thread;

    const SHAPE: Shape = Shape {
        kind: Kind::Binary,
        size: 300,
        fragments: 1,
        deflate: None,
    };

    /// The rules of an echo of two in flight.
    fn rules(piece: usize) -> Rules {
        let first = Expected::Echo(None);
        Rules {
            train: Train::new(SHAPE, 2),
            window: 2,
            piece,
            first,
            size: Some(300),
        }
    }

    /// Exchanges 50 messages with a server that answers the `n`th one with what `reply` makes of the
    /// frame that was expected; returns what was sent and received.
    fn exchange(
        rules: &Rules,
        reply: impl Fn(usize, Vec<u8>) -> Vec<u8> + Send + 'static,
    ) -> io::Result<(u64, u64)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let dial = Dial {
            address: listener.local_addr()?,
            tls: None,
            deflate: None,
        };
        thread::spawn(move || serve(&listener, reply));
        let mut connection = Connection::new(dial.connect()?, rules);
        let mut scratch = vec![0; 100];
        connection.start(&Task {
            send: 50,
            expect: 50,
            ..Task::default()
        })?;
        while !connection.advance(&mut scratch)? {
            thread::yield_now();
        }
        Ok((connection.sent, connection.received()))
    }

    /// Takes the train's frames by their length, and answers each one.
    fn serve(listener: &TcpListener, reply: impl Fn(usize, Vec<u8>) -> Vec<u8>) -> io::Result<()> {
        let Stream::Plain(mut stream) = accept(listener)? else {
            unreachable!()
        };
        let train = Train::new(SHAPE, 2);
        let (mut input, mut answered) = (Vec::new(), 0);
        loop {
            let mut scratch = [0; 1000];
            match stream.read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(count) => input.extend_from_slice(&scratch[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => return Err(error),
            }
            while input.len() as u64 >= train.bytes_of(answered + 1) {
                let frame = [&[0x82, 126, 1, 44], train.first()].concat();
                stream.write_all(&reply(answered as usize, frame))?;
                answered += 1;
            }
        }
    }

    #[test]
    fn sends_the_goal_and_counts_the_echoes() {
        for piece in [0, 7] {
            let counts = exchange(&rules(piece), |_, frame| frame).unwrap();
            assert_eq!(counts, (50 * 308, 50));
        }
    }

    #[test]
    fn refuses_a_wrong_echo_a_wrong_size_a_surplus_and_an_end() {
        let refused = |reply: fn(usize, Vec<u8>) -> Vec<u8>, reason: &str| {
            let error = exchange(&rules(0), reply).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string()),
                (ErrorKind::InvalidData, reason.to_owned())
            );
        };
        let wrong = |_, mut frame: Vec<u8>| {
            frame[100] ^= 1;
            frame
        };
        refused(wrong, "the first echo is not what was sent");
        let short = |n, frame| if n == 49 { vec![0x82, 1, 0] } else { frame };
        refused(short, "other messages came than were expected");
        let twice = |n, frame: Vec<u8>| if n == 49 { frame.repeat(2) } else { frame };
        refused(twice, "other messages came than were expected");
        let close = |_, _| vec![0x88, 0];
        refused(close, "the peer sent a close frame");
    }
}
