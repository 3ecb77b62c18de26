//! A stream in memory: what is read are a case's frames, again and again; what is written goes
//! nowhere.

use std::hint::black_box;
use std::io::{self, IoSlice, Read, Write};

use crate::cases::CHUNK;

/// See the module.
pub struct MemoryStream {
    wire: Vec<u8>,
    at: usize,
}

impl MemoryStream {
    /// A stream of these bytes, endlessly.
    pub fn new(wire: Vec<u8>) -> Self {
        Self { wire, at: 0 }
    }

    /// The bytes of the next read, `most` at most.
    fn next(&mut self, most: usize) -> &[u8] {
        let start = self.at;
        let end = (start + most.min(CHUNK)).min(self.wire.len());
        self.at = if end == self.wire.len() { 0 } else { end };
        &self.wire[start..end]
    }
}

impl Read for MemoryStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(buffer.len());
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for MemoryStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn write_vectored(&mut self, parts: &[IoSlice]) -> io::Result<usize> {
        Ok(black_box(parts).iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "peers")]
mod asynchronous {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    impl AsyncRead for MemoryStream {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context,
            buffer: &mut ReadBuf,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(self.next(buffer.remaining()));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for MemoryStream {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.write(bytes))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context,
            parts: &[IoSlice],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.write_vectored(parts))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
