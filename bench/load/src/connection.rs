//! One connection: frames out, echoes counted.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mio::event::Source;

use crate::train::Train;

/// A connection after its handshake.
///
/// Its whole state is how many bytes went out and came in; what may be sent follows from that.
pub struct Connection<'a> {
    stream: mio::net::TcpStream,
    train: &'a Train,
    in_flight: u64,
    /// Messages to send and to see echoed, from the beginning of the connection on.
    goal: u64,
    /// Bytes written and read since the handshake.
    sent: u64,
    received: u64,
    /// The first echo as far as it has come: the only one whose content is looked at.
    first: Vec<u8>,
}

impl<'a> Connection<'a> {
    /// Connects and shakes hands, blocking.
    pub fn open(address: SocketAddr, train: &'a Train, in_flight: usize) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        shake_hands(&mut stream, address)?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream: mio::net::TcpStream::from_std(stream),
            train,
            in_flight: in_flight as u64,
            goal: 0,
            sent: 0,
            received: 0,
            first: Vec::new(),
        })
    }

    /// What to register with the poll.
    pub fn source(&mut self) -> &mut impl Source {
        &mut self.stream
    }

    /// Adds `messages` to the goal and sends the first of them.
    pub fn start(&mut self, messages: u64) -> io::Result<()> {
        self.goal += messages;
        self.write()
    }

    /// Whether the last echo of the goal has arrived.
    pub fn is_done(&self) -> bool {
        self.received == self.goal * self.train.echo_len()
    }

    /// Reads what is there and sends as many messages as were echoed. Returns `is_done`.
    pub fn advance(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        // The poll is edge-triggered: read until the kernel has no more. A short read says so
        // as well as an EAGAIN does and saves a system call.
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(failure("the server closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            self.count(&scratch[..count])?;
            if count < scratch.len() {
                break;
            }
            self.write()?;
        }
        self.write()?;
        Ok(self.is_done())
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let echo = self.train.first_echo();
        if self.first.len() < echo.len() {
            let missing = (echo.len() - self.first.len()).min(bytes.len());
            self.first.extend_from_slice(&bytes[..missing]);
            if !echo.starts_with(&self.first) {
                return Err(failure("the first echo is not what was sent"));
            }
        }
        self.received += bytes.len() as u64;
        if self.received > self.goal * self.train.echo_len() {
            return Err(failure("the server sent more than the echoes"));
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let echoed = self.received / self.train.echo_len();
        let due = self.goal.min(echoed + self.in_flight) * self.train.frame_len();
        while self.sent < due {
            match self
                .stream
                .write(self.train.run(self.sent, due - self.sent))
            {
                Ok(count) => self.sent += count as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn shake_hands(stream: &mut TcpStream, address: SocketAddr) -> io::Result<()> {
    // RFC 6455 §4.1. No extension is offered, so nothing is compressed.
    let request = format!(
        "GET / HTTP/1.1\r\n\
         Host: {address}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    let mut byte = [0];
    // Byte by byte, so that nothing behind the head is taken; this is not measured.
    while !response.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(failure("the server closed in the handshake"));
        }
        response.push(byte[0]);
    }
    if !response.starts_with(b"HTTP/1.1 101 ") {
        return Err(failure("the server refused the handshake"));
    }
    Ok(())
}

fn failure(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Kind;
    use std::net::TcpListener;
    use std::thread;

    /// A server for one connection that answers every `frame` bytes with `reply`.
    fn serve(frame: usize, reply: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 101 x\r\n\r\n").unwrap();
            let mut message = vec![0; frame];
            while stream.read_exact(&mut message).is_ok() && stream.write_all(&reply).is_ok() {}
        });
        address
    }

    /// Runs `messages` against that server, polling by spinning.
    fn exchange(reply: impl Fn(&Train) -> Vec<u8>, messages: u64) -> io::Result<Vec<u64>> {
        let train = Train::new(Kind::Binary, 300, 2);
        let address = serve(train.frame_len() as usize, reply(&train));
        let mut connection = Connection::open(address, &train, 2)?;
        let mut scratch = vec![0; 100];
        connection.start(messages)?;
        while !connection.advance(&mut scratch)? {
            thread::yield_now();
        }
        Ok(vec![connection.sent, connection.received])
    }

    #[test]
    fn sends_the_goal_and_counts_the_echoes() {
        let counts = exchange(|train| train.first_echo().to_vec(), 50).unwrap();
        assert_eq!(counts, [50 * 308, 50 * 304]);
    }

    #[test]
    fn refuses_a_wrong_first_echo_a_surplus_and_an_end() {
        let wrong = |train: &Train| {
            let mut echo = train.first_echo().to_vec();
            *echo.last_mut().unwrap() ^= 1;
            echo
        };
        assert_eq!(
            exchange(wrong, 5).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        let surplus = |train: &Train| [train.first_echo(), b"!"].concat();
        assert_eq!(
            exchange(surplus, 1).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || drop(listener.accept()));
        let train = Train::new(Kind::Text, 1, 1);
        assert!(Connection::open(address, &train, 1).is_err());
    }
}
