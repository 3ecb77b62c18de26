//! The opening handshake (RFC 6455 §4), blocking: it is not measured.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use sha1::{Digest, Sha1};

use crate::failure;
use crate::stream::{Stream, Tls};
use crate::train::Takeover;

/// For a peer that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who connects, and with what.
pub struct Dial {
    /// The server.
    pub address: SocketAddr,
    /// Where it speaks TLS.
    pub tls: Option<Tls>,
    /// The extension permessage-deflate is offered, and has to be agreed on exactly so.
    pub deflate: Option<Takeover>,
}

impl Dial {
    /// A connection that is open.
    pub fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(self.address)?;
        prepare(&stream)?;
        match &self.tls {
            None => {
                let mut stream = stream;
                self.shake(&mut stream)?;
                stream.set_nonblocking(true)?;
                Ok(Stream::Plain(mio::net::TcpStream::from_std(stream)))
            }
            Some(tls) => {
                let mut stream = tls.wrap(stream)?;
                self.shake(&mut stream)?;
                stream.sock.set_nonblocking(true)?;
                let (connection, socket) = stream.into_parts();
                let socket = mio::net::TcpStream::from_std(socket);
                Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(
                    connection, socket,
                ))))
            }
        }
    }

    /// The request (§4.1).
    pub fn request(&self) -> String {
        let extensions = match self.deflate {
            None => String::new(),
            Some(Takeover::On) => "Sec-WebSocket-Extensions: permessage-deflate\r\n".to_owned(),
            Some(Takeover::Off) => format!(
                "Sec-WebSocket-Extensions: permessage-deflate; {SERVER_ALONE}; {CLIENT_ALONE}\r\n"
            ),
        };
        format!(
            "GET / HTTP/1.1\r\n\
             Host: {}\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {extensions}\
             Sec-WebSocket-Version: 13\r\n\r\n",
            self.address
        )
    }

    fn shake(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        stream.write_all(self.request().as_bytes())?;
        self.judge(&read_head(stream)?)
    }

    /// Whether the connection is what was asked for.
    fn judge(&self, head: &str) -> io::Result<()> {
        if !head.starts_with("HTTP/1.1 101 ") {
            let line = head.lines().next().unwrap_or_default();
            return Err(failure(&format!(
                "the server refused the handshake: {line}"
            )));
        }
        let answer = field(head, "sec-websocket-extensions");
        let Some(takeover) = self.deflate else {
            return answer.map_or(Ok(()), |_| {
                Err(failure("an extension that was not offered"))
            });
        };
        let answer = answer.ok_or_else(|| failure("the server does not compress"))?;
        let alone = [SERVER_ALONE, CLIENT_ALONE].map(|name| answer.contains(name));
        if alone != [takeover == Takeover::Off; 2] {
            return Err(failure(&format!(
                "another context takeover than was asked for: {answer}"
            )));
        }
        Ok(())
    }
}

const SERVER_ALONE: &str = "server_no_context_takeover";
const CLIENT_ALONE: &str = "client_no_context_takeover";

/// Takes one connection and answers its request (§4.2.2), whatever it says.
pub fn accept(listener: &TcpListener) -> io::Result<Stream> {
    let (mut stream, _) = listener.accept()?;
    prepare(&stream)?;
    let head = read_head(&mut stream)?;
    let key =
        field(&head, "sec-websocket-key").ok_or_else(|| failure("a request without a key"))?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_of(key)
    );
    stream.write_all(answer.as_bytes())?;
    stream.set_nonblocking(true)?;
    Ok(Stream::Plain(mio::net::TcpStream::from_std(stream)))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))
}

/// RFC 6455 §1.3.
fn accept_of(key: &str) -> String {
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    BASE64_STANDARD.encode(hash)
}

/// Everything up to the empty line, byte by byte, so that nothing behind it is taken.
fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(failure("the peer closed in the handshake"));
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(|_| failure("a head that is not text"))
}

/// The value of a header field, its name in lower case.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_the_answer_of_the_rfc() {
        assert_eq!(
            accept_of("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn judges_the_extension_that_was_agreed_on() {
        let judge = |deflate, extensions: &str| {
            let address = "127.0.0.1:80".parse().unwrap();
            Dial {
                address,
                tls: None,
                deflate,
            }
            .judge(&format!(
                "HTTP/1.1 101 x\r\nSEC-WEBSOCKET-EXTENSIONS:{extensions}\r\n\r\n"
            ))
            .is_ok()
        };
        let both = format!("permessage-deflate; {CLIENT_ALONE}; {SERVER_ALONE}");
        let one = format!("permessage-deflate; {SERVER_ALONE}");
        assert!(judge(Some(Takeover::On), "permessage-deflate"));
        assert!(judge(Some(Takeover::Off), &both));
        assert!(!judge(Some(Takeover::Off), &one));
        assert!(!judge(Some(Takeover::On), &one));
        assert!(!judge(None, "permessage-deflate"));
    }
}
