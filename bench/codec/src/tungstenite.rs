//! tungstenite, at its defaults.

use std::hint::black_box;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Message, WebSocket};

use crate::Pass;
use crate::cases::{Case, Direction};
use crate::stream::MemoryStream;

/// A pass of a case.
pub fn pass(case: &Case) -> Pass {
    match case.direction {
        Direction::Receive => {
            let mut socket = socket(case.wire(), Role::Server);
            Box::new(move |frames| {
                for _ in 0..frames {
                    black_box(socket.read().expect("the frames are right"));
                }
            })
        }
        Direction::SendServer => sender(case, Role::Server),
        Direction::SendClient => sender(case, Role::Client),
    }
}

fn sender(case: &Case, role: Role) -> Pass {
    let payload = Bytes::from(case.payload());
    let mut socket = socket(Vec::new(), role);
    Box::new(move |frames| {
        for _ in 0..frames {
            // The clone is a reference; it writes when its buffer is full.
            let message = Message::Binary(payload.clone());
            socket.write(message).expect("memory has no errors");
        }
    })
}

fn socket(wire: Vec<u8>, role: Role) -> WebSocket<MemoryStream> {
    let config = WebSocketConfig::default();
    WebSocket::from_raw_socket(MemoryStream::new(wire), role, Some(config))
}
