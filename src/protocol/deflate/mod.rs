//! permessage-deflate (RFC 7692 §7): the first user of [`super::extension`].
//!
//! | RFC 7692 | file |
//! |---|---|
//! | §7.1 negotiation | [`negotiation`] |
//! | §7.1.1, §7.1.2 the four parameters | [`settings`] |
//! | §7.2.1 compression | [`deflater`] |
//! | §7.2.2 decompression | [`inflater`] |
//! | §6 RSV1, fragments | [`super::decoder`], [`super::connection`], [`super::extension`] |

pub mod deflater;
pub mod inflater;
pub mod negotiation;
pub mod settings;

pub use negotiation::{accept, answer, offer};
pub use settings::{Agreement, Deflating, Inflating, Settings, Terms, Tuning};
