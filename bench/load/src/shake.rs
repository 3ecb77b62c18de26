//! Connections that are opened and closed again, some of them at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::failure;
use crate::frame::{CLOSE, FIN, push_frame};
use crate::handshake::Dial;

/// No connection may take longer.
const STALLED: Duration = Duration::from_secs(10);

/// One connection on its way: request, answer, close frame, end.
struct Visit {
    stream: TcpStream,
    /// What is still to be written.
    output: Vec<u8>,
    input: Vec<u8>,
    closing: bool,
}

/// Makes `count` connections, `width` of them at a time. On each one the request is sent, the
/// answer read, a close frame with 1000 sent, and the server's end waited for.
pub fn shake(dial: &Dial, count: usize, width: usize, spin: bool) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut visits = Vec::new();
    for index in 0..width.min(count) {
        visits.push(Visit::start(dial, &poll, index)?);
    }
    let mut started = visits.len();
    let mut done = 0;
    let mut last = Instant::now();
    while done < count {
        match poll.poll(
            &mut events,
            Some(if spin { Duration::ZERO } else { STALLED }),
        ) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        let now = Instant::now();
        if !events.is_empty() {
            last = now;
        } else if now - last >= STALLED {
            return Err(failure("a server that does not close connections"));
        }
        for event in &events {
            let index = event.token().0;
            if !visits[index].advance()? {
                continue;
            }
            done += 1;
            poll.registry().deregister(&mut visits[index].stream)?;
            if started < count {
                started += 1;
                visits[index] = Visit::start(dial, &poll, index)?;
            }
        }
    }
    Ok(())
}

impl Visit {
    fn start(dial: &Dial, poll: &Poll, index: usize) -> io::Result<Self> {
        let mut stream = TcpStream::connect(dial.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(index), interest)?;
        let output = dial.request().into_bytes();
        Ok(Visit {
            stream,
            output,
            input: Vec::new(),
            closing: false,
        })
    }

    /// Goes on as far as it can. Returns whether the server has ended the connection.
    fn advance(&mut self) -> io::Result<bool> {
        self.write()?;
        let mut scratch = [0; 1024];
        loop {
            match self.stream.read(&mut scratch) {
                Ok(0) => break,
                Ok(count) => self.input.extend_from_slice(&scratch[..count]),
                Err(error) if is_early(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
            if !self.closing && self.input.ends_with(b"\r\n\r\n") {
                self.closing = true;
                let code = 1000u16.to_be_bytes();
                push_frame(&mut self.output, FIN | CLOSE, &code, Some([1, 2, 3, 4]));
                self.write()?;
            }
        }
        let is_open = self.input.starts_with(b"HTTP/1.1 101 ");
        if !is_open || !self.closing || self.input.ends_with(b"\r\n\r\n") {
            return Err(failure(
                "a connection that was not opened and closed in order",
            ));
        }
        Ok(true)
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether there is an event to wait for: of a stream that is not connected yet, too.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected
    )
}
