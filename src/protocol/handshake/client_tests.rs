//! Tests of the client's handshake: its request to the byte, and every answer it must refuse.

use super::super::head::{DEFAULT_LIMIT, HeadReader};
use super::super::request::RequestFields;
use super::super::response::switching_protocols;
use super::*;

fn request() -> ClientRequest {
    ClientRequest {
        path: "/chat".to_owned(),
        host: "server.example.com".to_owned(),
        key: *b"the sample nonce",
        ..ClientRequest::default()
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    fields.iter().map(owned).collect()
}

fn head(bytes: &str) -> Head {
    let read = HeadReader::new(DEFAULT_LIMIT).feed(bytes.as_bytes());
    read.expect("a valid head").expect("a whole head").0
}

/// The response of RFC 6455 §1.2, line by line.
const RFC_RESPONSE: [&str; 5] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol: chat",
];

/// The outcome for the RFC's response with one line put in the place of another, or after all.
fn answer_with(index: usize, line: &str) -> Result<Accepted, ResponseError> {
    let mut lines = RFC_RESPONSE.to_vec();
    match lines.get_mut(index) {
        Some(old) => *old = line,
        None => lines.push(line),
    }
    let client = ClientRequest {
        protocols: strings(&["chat", "superchat"]),
        extensions: Some("permessage-deflate; client_max_window_bits, x-other".to_owned()),
        ..request()
    };
    client.check_response(&head(&(lines.join("\r\n") + "\r\n\r\n")))
}

#[test]
fn the_request_to_the_byte() {
    let plain = "GET /chat HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\
        \r\n";
    assert_eq!(request().encode().as_deref(), Ok(plain));

    let full = ClientRequest {
        protocols: strings(&["chat", "superchat"]),
        extensions: Some("permessage-deflate".to_owned()),
        origin: Some("http://example.com".to_owned()),
        headers: pairs(&[("Authorization", "Basic eDp5"), ("__proto__", "")]),
        ..request()
    };
    let start = plain.strip_suffix("\r\n").unwrap_or_default();
    let expected = format!(
        "{start}Sec-WebSocket-Protocol: chat, superchat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\
         Origin: http://example.com\r\n\
         Authorization: Basic eDp5\r\n\
         __proto__: \r\n\
         \r\n"
    );
    assert_eq!(full.encode(), Ok(expected));
}

#[test]
fn client_and_server_agree() {
    let client = ClientRequest {
        protocols: strings(&["a", "b"]),
        ..request()
    };
    let sent = head(&client.encode().unwrap());
    let offer = RequestFields::from_head(&sent)
        .unwrap()
        .check(true)
        .unwrap();
    assert_eq!(offer.protocols, ["a", "b"]);
    for protocol in [None, Some("b")] {
        let answer = head(&switching_protocols(&offer.accept, protocol, None));
        let accepted = Accepted {
            protocol: protocol.map(str::to_owned),
            extensions: None,
        };
        assert_eq!(client.check_response(&answer), Ok(accepted));
    }
}

#[test]
fn no_line_end_reaches_the_wire() {
    for bad in [
        "a\r\nX: y",
        "a\n",
        "\r",
        "a\0",
        "caf\u{e9}",
        "\u{10d}\u{10a}",
    ] {
        let path = ClientRequest {
            path: format!("/{bad}"),
            ..request()
        };
        assert_eq!(path.encode(), Err(RequestError::Path), "{bad:?}");
        let host = ClientRequest {
            host: bad.to_owned(),
            ..request()
        };
        assert_eq!(host.encode(), Err(RequestError::Host), "{bad:?}");
        let protocols = ClientRequest {
            protocols: strings(&[bad]),
            ..request()
        };
        assert_eq!(protocols.encode(), Err(RequestError::Protocols), "{bad:?}");
        let origin = ClientRequest {
            origin: Some(bad.to_owned()),
            ..request()
        };
        assert_eq!(
            origin.encode(),
            Err(RequestError::Value("Origin".to_owned())),
            "{bad:?}"
        );
        let extensions = ClientRequest {
            extensions: Some(bad.to_owned()),
            ..request()
        };
        assert!(
            matches!(extensions.encode(), Err(RequestError::Value(_))),
            "{bad:?}"
        );
        let value = ClientRequest {
            headers: pairs(&[("X-A", bad)]),
            ..request()
        };
        assert_eq!(
            value.encode(),
            Err(RequestError::Value("X-A".to_owned())),
            "{bad:?}"
        );
        let name = ClientRequest {
            headers: pairs(&[(bad, "x")]),
            ..request()
        };
        assert_eq!(
            name.encode(),
            Err(RequestError::Name(bad.to_owned())),
            "{bad:?}"
        );
    }
}

#[test]
fn what_else_cannot_be_written() {
    for path in ["", "chat", "*", "/a#b", "/a b"] {
        let request = ClientRequest {
            path: path.to_owned(),
            ..request()
        };
        assert_eq!(request.encode(), Err(RequestError::Path), "{path:?}");
    }
    for protocols in [&["a", "a"][..], &[""], &["a, b"], &["a b"]] {
        let request = ClientRequest {
            protocols: strings(protocols),
            ..request()
        };
        assert_eq!(
            request.encode(),
            Err(RequestError::Protocols),
            "{protocols:?}"
        );
    }
    for name in ["", "a b", "a:"] {
        let request = ClientRequest {
            headers: pairs(&[(name, "x")]),
            ..request()
        };
        assert_eq!(request.encode(), Err(RequestError::Name(name.to_owned())));
    }
}

#[test]
fn the_handshakes_own_fields_are_not_overridden() {
    let own = [
        "host",
        "UPGRADE",
        "Connection",
        "Origin",
        "Content-Length",
        "transfer-encoding",
        "Sec-WebSocket-Key",
        "sec-websocket-version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Anything",
    ];
    for name in own {
        let request = ClientRequest {
            headers: pairs(&[(name, "x")]),
            ..request()
        };
        assert_eq!(
            request.encode(),
            Err(RequestError::Reserved(name.to_owned()))
        );
    }
}

#[test]
fn rfc_6455_1_2_response() {
    let accepted = answer_with(4, RFC_RESPONSE[4]).unwrap();
    assert_eq!(accepted.protocol.as_deref(), Some("chat"));
    assert_eq!(accepted.extensions, None);
}

#[test]
fn answers_that_are_no_101() {
    for (line, error) in [
        ("HTTP/1.0 101 x", ResponseError::StatusLine),
        ("ICY 101 x", ResponseError::StatusLine),
        ("HTTP/1.1 200 OK", ResponseError::Status(200)),
        ("HTTP/1.1 401", ResponseError::Status(401)),
        ("HTTP/1.1 103 Early Hints", ResponseError::Status(103)),
        ("HTTP/1.1 302 Found", ResponseError::Status(302)),
    ] {
        assert_eq!(answer_with(0, line), Err(error), "{line}");
    }
    assert!(ResponseError::Status(103).is_interim());
    assert!(!ResponseError::Status(200).is_interim());
    assert!(!ResponseError::Accept.is_interim());
    assert!(ResponseError::Status(503).to_string().contains("503"));
}

#[test]
fn fields_that_do_not_fit() {
    let wrong = [
        (1, "Upgrade: h2c", ResponseError::Upgrade),
        (1, "Upgrade: websocket, h2c", ResponseError::Upgrade),
        (1, "X: y", ResponseError::Upgrade),
        (2, "Connection: close", ResponseError::Connection),
        (2, "Connection: NotUpgrade", ResponseError::Connection),
        (2, "X: y", ResponseError::Connection),
        (3, "X: y", ResponseError::Accept),
        (3, "Sec-WebSocket-Accept:", ResponseError::Accept),
        (
            3,
            "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
            ResponseError::Accept,
        ),
        (
            3,
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
            ResponseError::Accept,
        ),
        (4, "Sec-WebSocket-Protocol: Chat", ResponseError::Protocol),
        (4, "Sec-WebSocket-Protocol: other", ResponseError::Protocol),
        (
            4,
            "Sec-WebSocket-Protocol: chat, superchat",
            ResponseError::Protocol,
        ),
        (4, "Sec-WebSocket-Protocol:", ResponseError::Protocol),
        (
            4,
            "Sec-WebSocket-Protocol: constructor",
            ResponseError::Protocol,
        ),
        (
            9,
            "Sec-WebSocket-Extensions: constructor",
            ResponseError::Extensions,
        ),
        (
            9,
            "Sec-WebSocket-Extensions: x-other, __proto__",
            ResponseError::Extensions,
        ),
        (
            9,
            "Sec-WebSocket-Extensions: client_max_window_bits",
            ResponseError::Extensions,
        ),
        (9, "Sec-WebSocket-Protocol: chat", ResponseError::Protocol),
        (9, RFC_RESPONSE[3], ResponseError::Accept),
        (9, RFC_RESPONSE[1], ResponseError::Upgrade),
    ];
    for (index, line, error) in wrong {
        assert_eq!(answer_with(index, line), Err(error), "{line}");
    }
}

#[test]
fn fields_that_fit_in_another_form() {
    let right = [
        (1, "upgrade:WebSocket"),
        (2, "Connection: keep-alive, UPGRADE"),
        (3, "Sec-WebSocket-Accept:\t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "),
        (4, "Sec-WebSocket-Protocol: superchat"),
        (4, "X: y"),
        (
            9,
            "Sec-WebSocket-Extensions: permessage-deflate ; server_no_context_takeover",
        ),
        (9, "Sec-WebSocket-Extensions: x-other"),
    ];
    for (index, line) in right {
        assert!(answer_with(index, line).is_ok(), "{line}");
    }
    // Nothing offered, nothing may be chosen.
    let answer = head(&(RFC_RESPONSE.join("\r\n") + "\r\n\r\n"));
    assert_eq!(
        request().check_response(&answer),
        Err(ResponseError::Protocol)
    );
}
