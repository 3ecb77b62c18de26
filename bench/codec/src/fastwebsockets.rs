//! fastwebsockets, with its feature `simd`, which is on unless told otherwise.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastwebsockets::{FragmentCollector, Frame, Payload, Role, WebSocket};

use crate::Pass;
use crate::cases::{Case, Direction};
use crate::stream::MemoryStream;

/// A pass of a case.
pub fn pass(case: &Case) -> Pass {
    match case.direction {
        Direction::Receive => {
            let stream = MemoryStream::new(case.wire());
            let socket = WebSocket::after_handshake(stream, Role::Server);
            let mut socket = FragmentCollector::new(socket);
            Box::new(move |frames| {
                for _ in 0..frames {
                    black_box(
                        now(socket.read_frame())
                            .expect("the frames are right")
                            .payload,
                    );
                }
            })
        }
        Direction::SendServer => sender(case, Role::Server),
        Direction::SendClient => sender(case, Role::Client),
    }
}

fn sender(case: &Case, role: Role) -> Pass {
    let payload = case.payload();
    let mut socket = WebSocket::after_handshake(MemoryStream::new(Vec::new()), role);
    Box::new(move |frames| {
        for _ in 0..frames {
            // A client masks a borrowed payload in a copy of its own.
            let frame = Frame::binary(Payload::Borrowed(&payload));
            now(socket.write_frame(frame)).expect("memory has no errors");
        }
    })
}

/// The result of a future over a stream that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the stream is always ready"),
    }
}
