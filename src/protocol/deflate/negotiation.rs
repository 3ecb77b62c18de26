//! Offers and answers (RFC 7692 §7.1).

use super::settings::{Agreement, Settings, Terms};
use crate::protocol::extension::field::{self, Element};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The four parameters, as an offer or an answer has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<ClientBits>,
}

/// `client_max_window_bits` may come without a value, in an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientBits {
    /// "the client supports the parameter" (§7.1.2.2).
    Any,
    Most(u8),
}

/// The field's value of a client that wants this.
#[must_use]
pub fn offer(settings: &Settings) -> String {
    let most = settings.client_max_window_bits;
    let parameters = Parameters {
        server_no_context_takeover: settings.server_no_context_takeover,
        client_no_context_takeover: settings.client_no_context_takeover,
        server_max_window_bits: settings.server_max_window_bits,
        client_max_window_bits: Some(most.map_or(ClientBits::Any, ClientBits::Most)),
    };
    parameters.write()
}

/// The server's answer to a request's field: the element to write, and what is agreed to by it, for
/// the first offer that can be accepted. `None` where there is none: all are declined.
#[must_use]
pub fn answer(offers: &str, settings: &Settings) -> Option<(String, Agreement)> {
    let elements = field::parse(offers)?;
    elements
        .iter()
        .filter(|element| element.name == NAME)
        // §7.1: an offer with a parameter that is unknown, repeated or invalid is declined.
        .filter_map(Parameters::of)
        .find_map(|offer| offer.answer(settings))
}

/// What is agreed to by a server's answer to [`offer`]; `None` where the connection has to be
/// failed.
#[must_use]
pub fn accept(answer: &str, settings: &Settings) -> Option<Agreement> {
    let elements = field::parse(answer)?;
    let [element] = elements.as_slice() else {
        return None;
    };
    if element.name != NAME {
        return None;
    }
    let answer = Parameters::of(element)?;
    // §7.1.1.1: a server that accepts the offer's parameter includes it.
    if settings.server_no_context_takeover && !answer.server_no_context_takeover {
        return None;
    }
    // §7.1.2.1: "with the same or smaller value as the offer"
    let server_bits = match (
        settings.server_max_window_bits,
        answer.server_max_window_bits,
    ) {
        (Some(_), None) => return None,
        (Some(most), Some(bits)) if bits > most => return None,
        (_, bits) => bits.unwrap_or(Terms::default().window_bits),
    };
    // §7.1.2.2: in an answer it has a value.
    let client_bits = match answer.client_max_window_bits {
        None => None,
        Some(ClientBits::Any) => return None,
        Some(ClientBits::Most(bits)) => Some(bits),
    };
    let own = settings.client_max_window_bits;
    if own.zip(client_bits).is_some_and(|(most, bits)| bits > most) {
        return None;
    }
    Some(Agreement {
        server: Terms {
            takeover: !answer.server_no_context_takeover,
            window_bits: server_bits,
        },
        client: Terms {
            takeover: !(answer.client_no_context_takeover || settings.client_no_context_takeover),
            window_bits: client_bits.or(own).unwrap_or(Terms::default().window_bits),
        },
    })
}

impl Parameters {
    /// `None` for a parameter that is unknown, repeated, or has a value that it must not have.
    fn of(element: &Element) -> Option<Self> {
        let mut found = Self::default();
        for parameter in &element.parameters {
            let value = parameter.value.as_deref();
            let is_new = match parameter.name {
                SERVER_NO_CONTEXT_TAKEOVER if value.is_none() => {
                    !std::mem::replace(&mut found.server_no_context_takeover, true)
                }
                CLIENT_NO_CONTEXT_TAKEOVER if value.is_none() => {
                    !std::mem::replace(&mut found.client_no_context_takeover, true)
                }
                SERVER_MAX_WINDOW_BITS => {
                    let bits = window_bits(value?)?;
                    found.server_max_window_bits.replace(bits).is_none()
                }
                CLIENT_MAX_WINDOW_BITS => {
                    let bits = match value {
                        None => ClientBits::Any,
                        Some(value) => ClientBits::Most(window_bits(value)?),
                    };
                    found.client_max_window_bits.replace(bits).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(found)
    }

    /// The server's answer to this offer, if it can be accepted.
    fn answer(self, settings: &Settings) -> Option<(String, Agreement)> {
        let least = |a: Option<u8>, b: Option<u8>| a.into_iter().chain(b).min();
        let client_max_window_bits =
            match (self.client_max_window_bits, settings.client_max_window_bits) {
                // §7.1.2.2: without it in the offer the client's window cannot be limited.
                (None, Some(most)) if most < Terms::default().window_bits => return None,
                (None | Some(ClientBits::Any), None) | (None, Some(_)) => None,
                (Some(ClientBits::Any), Some(most)) => Some(most),
                (Some(ClientBits::Most(offered)), most) => {
                    Some(most.map_or(offered, |most| most.min(offered)))
                }
            };
        let answer = Self {
            // §7.1.1.1: the server may do so without being asked to.
            server_no_context_takeover: self.server_no_context_takeover
                || settings.server_no_context_takeover,
            // §7.1.1.2: the offer's is a hint, which is repeated, and the server may ask by itself.
            client_no_context_takeover: self.client_no_context_takeover
                || settings.client_no_context_takeover,
            server_max_window_bits: least(
                self.server_max_window_bits,
                settings.server_max_window_bits,
            ),
            client_max_window_bits: client_max_window_bits.map(ClientBits::Most),
        };
        let default = Terms::default().window_bits;
        let agreement = Agreement {
            server: Terms {
                takeover: !answer.server_no_context_takeover,
                window_bits: answer.server_max_window_bits.unwrap_or(default),
            },
            client: Terms {
                takeover: !answer.client_no_context_takeover,
                window_bits: client_max_window_bits.unwrap_or(default),
            },
        };
        Some((answer.write(), agreement))
    }

    fn write(self) -> String {
        let mut text = NAME.to_owned();
        let mut push = |name: &str, value: Option<u8>| {
            text.extend(["; ", name]);
            if let Some(bits) = value {
                text.extend(["=", &bits.to_string()]);
            }
        };
        if self.server_no_context_takeover {
            push(SERVER_NO_CONTEXT_TAKEOVER, None);
        }
        if self.client_no_context_takeover {
            push(CLIENT_NO_CONTEXT_TAKEOVER, None);
        }
        if let Some(bits) = self.server_max_window_bits {
            push(SERVER_MAX_WINDOW_BITS, Some(bits));
        }
        match self.client_max_window_bits {
            None => {}
            Some(ClientBits::Any) => push(CLIENT_MAX_WINDOW_BITS, None),
            Some(ClientBits::Most(bits)) => push(CLIENT_MAX_WINDOW_BITS, Some(bits)),
        }
        text
    }
}

/// §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15 inclusive"
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
