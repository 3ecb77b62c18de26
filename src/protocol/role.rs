//! Which side of a connection we are, and what we accept on it.

/// Our side of the connection. It decides which direction is masked (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We accepted the connection: frames to us are masked, ours are not.
    Server,
    /// We opened the connection: our frames are masked, those to us are not.
    Client,
}

/// Bounds on what a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one whole message.
    pub max_payload: u64,
    /// Parts of one message, empty ones counted; at least 1.
    pub max_fragments: u32,
}

impl Default for Limits {
    /// 100 MiB, in 131,072 parts.
    fn default() -> Self {
        Self {
            max_payload: 100 << 20,
            max_fragments: 131_072,
        }
    }
}
