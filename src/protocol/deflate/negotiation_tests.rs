use super::*;

fn terms(takeover: bool, window_bits: u8) -> Terms {
    Terms {
        takeover,
        window_bits,
    }
}

fn agreement(server: Terms, client: Terms) -> Agreement {
    Agreement { server, client }
}

const PLAIN: Settings = Settings {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: None,
};

/// What the server answers to these offers.
fn answered(offers: &str, settings: Settings) -> Option<String> {
    answer(offers, &settings).map(|(text, _)| text)
}

#[test]
fn the_answers_to_a_browsers_offer() {
    let offers = "permessage-deflate; client_max_window_bits";
    let (text, agreed) = answer(offers, &PLAIN).unwrap();
    assert_eq!(text, "permessage-deflate");
    assert_eq!(agreed, Agreement::default());

    let settings = Settings {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(12),
        client_max_window_bits: Some(9),
    };
    let (text, agreed) = answer(offers, &settings).unwrap();
    assert_eq!(
        text,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=12; client_max_window_bits=9"
    );
    assert_eq!(agreed, agreement(terms(false, 12), terms(false, 9)));
}

#[test]
fn every_parameter_of_an_offer_is_answered() {
    let table = [
        ("", ""),
        (
            "; server_no_context_takeover",
            "; server_no_context_takeover",
        ),
        (
            "; client_no_context_takeover",
            "; client_no_context_takeover",
        ),
        ("; server_max_window_bits=8", "; server_max_window_bits=8"),
        (
            "; server_max_window_bits=\"15\"",
            "; server_max_window_bits=15",
        ),
        ("; client_max_window_bits=10", "; client_max_window_bits=10"),
        ("; client_max_window_bits", ""),
    ];
    for (offer, expected) in table {
        let text = answered(&format!("permessage-deflate{offer}"), PLAIN);
        assert_eq!(
            text,
            Some(format!("permessage-deflate{expected}")),
            "{offer}"
        );
    }
}

#[test]
fn the_smaller_window_wins() {
    for (ours, offered, answer) in [(10, 12, 10), (12, 10, 10), (8, 15, 8), (15, 8, 8)] {
        let settings = Settings {
            server_max_window_bits: Some(ours),
            client_max_window_bits: Some(ours),
            ..PLAIN
        };
        let offer = format!(
            "permessage-deflate; client_max_window_bits={offered}; server_max_window_bits={offered}"
        );
        let expected = format!(
            "permessage-deflate; server_max_window_bits={answer}; client_max_window_bits={answer}"
        );
        assert_eq!(answered(&offer, settings), Some(expected));
    }
}

#[test]
fn a_client_whose_window_cannot_be_limited_is_declined_where_it_must_be() {
    let limited = |most| Settings {
        client_max_window_bits: Some(most),
        ..PLAIN
    };
    assert_eq!(answered("permessage-deflate", limited(14)), None);
    let text = answered("permessage-deflate", limited(15));
    assert_eq!(text.as_deref(), Some("permessage-deflate"));
    let fallback = "permessage-deflate, permessage-deflate; client_max_window_bits";
    let text = answered(fallback, limited(14));
    let expected = "permessage-deflate; client_max_window_bits=14";
    assert_eq!(text.as_deref(), Some(expected));
}

/// RFC 7692 §7.1: offers that MUST be declined.
#[test]
fn offers_that_are_declined() {
    for parameters in [
        "unknown",
        "constructor",
        "__proto__",
        "__proto__=8",
        "server_no_context_takeover=true",
        "client_no_context_takeover=\"\"",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits=10",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=010",
        "server_max_window_bits=+9",
        "server_max_window_bits=9.0",
        "server_max_window_bits=0x9",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=015",
        "client_max_window_bits=-9",
        "client_max_window_bits=99999999999999999999",
        "Server_No_Context_Takeover",
    ] {
        let offer = format!("permessage-deflate; {parameters}");
        assert_eq!(answered(&offer, PLAIN), None, "{offer}");
        // The next one is taken for it.
        let both = format!("{offer}, permessage-deflate; server_no_context_takeover");
        let expected = match parameters.contains("\"\"") {
            // The whole field is malformed.
            true => None,
            false => Some("permessage-deflate; server_no_context_takeover".to_owned()),
        };
        assert_eq!(answered(&both, PLAIN), expected, "{both}");
    }
}

#[test]
fn other_extensions_are_passed_over() {
    for offers in [
        "",
        ",",
        "x-webkit-deflate-frame",
        "constructor",
        "permessage-bzip2; x",
    ] {
        assert_eq!(answered(offers, PLAIN), None, "{offers}");
    }
    let offers = "x-other; a=1, __proto__, permessage-deflate; server_max_window_bits=9, x-last";
    let expected = "permessage-deflate; server_max_window_bits=9";
    assert_eq!(answered(offers, PLAIN).as_deref(), Some(expected));
}

#[test]
fn what_a_client_offers() {
    assert_eq!(offer(&PLAIN), "permessage-deflate; client_max_window_bits");
    let settings = Settings {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(10),
        client_max_window_bits: Some(11),
    };
    assert_eq!(
        offer(&settings),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=10; client_max_window_bits=11"
    );
}

#[test]
fn what_a_client_accepts() {
    let limited = Settings {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(12),
        client_max_window_bits: Some(11),
    };
    let table = [
        (PLAIN, "", Some(agreement(terms(true, 15), terms(true, 15)))),
        (
            PLAIN,
            "; server_no_context_takeover",
            Some(agreement(terms(false, 15), terms(true, 15))),
        ),
        (
            PLAIN,
            "; client_no_context_takeover",
            Some(agreement(terms(true, 15), terms(false, 15))),
        ),
        (
            PLAIN,
            "; server_max_window_bits=8",
            Some(agreement(terms(true, 8), terms(true, 15))),
        ),
        (
            PLAIN,
            "; client_max_window_bits=\"9\"",
            Some(agreement(terms(true, 15), terms(true, 9))),
        ),
        // §7.1.2.2: an answer's has a value.
        (PLAIN, "; client_max_window_bits", None),
        (PLAIN, "; server_max_window_bits", None),
        (PLAIN, "; server_max_window_bits=16", None),
        (PLAIN, "; client_max_window_bits=07", None),
        (PLAIN, "; server_no_context_takeover=1", None),
        (
            PLAIN,
            "; client_no_context_takeover; client_no_context_takeover",
            None,
        ),
        (PLAIN, "; unknown", None),
        (PLAIN, "; __proto__", None),
        (PLAIN, ", permessage-deflate", None),
        (PLAIN, ", x-other", None),
        (PLAIN, ";", None),
        // What was asked for is to be in the answer.
        (limited, "", None),
        (limited, "; server_no_context_takeover", None),
        (limited, "; server_max_window_bits=12", None),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=12",
            Some(agreement(terms(false, 12), terms(false, 11))),
        ),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10",
            Some(agreement(terms(false, 9), terms(false, 10))),
        ),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=13",
            None,
        ),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12",
            None,
        ),
    ];
    for (settings, parameters, expected) in table {
        let found = accept(&format!("permessage-deflate{parameters}"), &settings);
        assert_eq!(found, expected, "{parameters}");
    }
    for other in ["", "x-other", "Permessage-Deflate"] {
        assert_eq!(accept(other, &PLAIN), None, "{other}");
    }
}

/// Whatever a client of ours wants, a server of ours answers, and both agree.
#[test]
fn both_roles_agree() {
    let bits = [None, Some(8), Some(11), Some(15)];
    let all = || {
        (0..4 * bits.len() * bits.len()).map(|number| Settings {
            server_no_context_takeover: number & 1 != 0,
            client_no_context_takeover: number & 2 != 0,
            server_max_window_bits: bits[number / 4 % bits.len()],
            client_max_window_bits: bits[number / 4 / bits.len()],
        })
    };
    for client in all() {
        for server in all() {
            let (text, agreed) = answer(&offer(&client), &server).unwrap();
            assert_eq!(
                accept(&text, &client),
                Some(agreed),
                "{client:?} {server:?}"
            );
        }
    }
}
