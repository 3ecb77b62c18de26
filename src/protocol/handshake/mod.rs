//! The opening handshake (RFC 6455 §4), for both roles: bytes in, a decision and bytes out.
//!
//! | section | file | what |
//! |---|---|---|
//! | RFC 9112 §2-5 | [`head`] | collects the head of a request or response from any chunks |
//! | RFC 9112 §3, §4 | [`start_line`] | request line and status line |
//! | RFC 9110 §5.6 | [`token`] | tokens, comma-separated lists, safe field values |
//! | RFC 6455 §4.2.1 | [`request`] | the server's check of a request |
//! | RFC 6455 §4.2.2 | [`response`] | the server's `101`; [`accept`] holds its accept value |
//! | RFC 6455 §4.2.2 | [`refusal`] | every reason to refuse, and the answer that tells it |
//! | | [`fields`] | what a program adds to either of them |
//! | RFC 6455 §1.9 | [`subprotocol`] | what was offered, and which one is chosen |
//! | RFC 6455 §4.1 | [`client`] | the client's request, and its check of the response |
//! | RFC 9112 §6.3 | [`body`] | the start of the body of a response that refuses |
//!
//! A server of its own feeds a [`HeadReader`], builds [`RequestFields::from_head`] and calls
//! [`RequestFields::check`]; one that has the fields already starts with the last step. All text
//! that reaches the wire is checked in the place that writes it.

pub mod accept;
pub mod body;
pub mod client;
pub mod fields;
pub mod head;
pub mod refusal;
pub mod request;
pub mod response;
pub mod start_line;
pub mod subprotocol;
pub mod token;

pub use accept::accept_value;
pub use body::BodyStart;
pub use client::{Accepted, ClientRequest, RequestError, ResponseError};
pub use fields::FieldError;
pub use head::{Head, HeadError, HeadReader};
pub use refusal::Refusal;
pub use request::{Offer, RequestFields};
pub use response::{switching_protocols, switching_protocols_with};
pub use start_line::{RequestLine, StatusLine};
