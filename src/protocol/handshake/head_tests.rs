//! Tests of the head reader: every split, every refusal, linearity, and a law for random bytes.

use super::*;

const REQUEST: &[u8] = b"GET /chat?x=1 HTTP/1.1\r\n\
    Host: example.com\r\n\
    UPGRADE: \t websocket \t\r\n\
    Connection: keep-alive\r\n\
    connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    X-Empty:\r\n\
    X-Latin: caf\xe9\r\n\
    X-Colon: a:b: c\r\n\
    \r\n";

type Outcome = Result<Option<(Head, usize)>, HeadError>;

fn read(bytes: &[u8]) -> Outcome {
    HeadReader::new(DEFAULT_LIMIT).feed(bytes)
}

/// Feeds the pieces until the head or an error comes; counts the bytes of all pieces.
fn read_pieces<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = HeadReader::new(limit);
    let mut before = 0;
    for piece in pieces {
        if let Some((head, used)) = reader.feed(piece)? {
            return Ok(Some((head, before + used)));
        }
        before += piece.len();
    }
    Ok(None)
}

#[test]
fn a_request_head() {
    let (head, used) = read(REQUEST).unwrap().unwrap();
    assert_eq!(used, REQUEST.len());
    assert_eq!(head.start_line, "GET /chat?x=1 HTTP/1.1");
    let expected = [
        ("host", "example.com"),
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("x-empty", ""),
        ("x-latin", "caf\u{e9}"),
        ("x-colon", "a:b: c"),
    ];
    let found: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(head.get("x-empty"), Some(""));
    assert_eq!(head.get("x-absent"), None);
}

#[test]
fn every_split_equals_the_whole() {
    let whole = read(REQUEST);
    for first in 0..=REQUEST.len() {
        let (left, right) = REQUEST.split_at(first);
        assert_eq!(
            read_pieces(DEFAULT_LIMIT, [left, right]),
            whole,
            "cut {first}"
        );
    }
    assert_eq!(read_pieces(DEFAULT_LIMIT, REQUEST.chunks(1)), whole);
    assert_eq!(read_pieces(DEFAULT_LIMIT, REQUEST.chunks(3)), whole);
}

#[test]
fn what_follows_the_head_is_not_touched() {
    let mut bytes = REQUEST.to_vec();
    bytes.extend_from_slice(b"\x81\x80\0\0\0\0\r\n\r\n");
    for cut in 0..=REQUEST.len() {
        let (_, used) = read_pieces(DEFAULT_LIMIT, [&bytes[..cut], &bytes[cut..]])
            .unwrap()
            .unwrap();
        assert_eq!(used, REQUEST.len(), "cut {cut}");
    }
    // The count is that of the last chunk alone.
    let mut reader = HeadReader::new(DEFAULT_LIMIT);
    assert_eq!(reader.feed(&bytes[..100]), Ok(None));
    let (_, used) = reader.feed(&bytes[100..]).unwrap().unwrap();
    assert_eq!(used, REQUEST.len() - 100);
}

#[test]
fn two_heads_in_a_row() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 x\r\nA: b\r\n\r\n";
    let mut reader = HeadReader::new(60);
    let (first, used) = reader.feed(bytes).unwrap().unwrap();
    assert_eq!(first.start_line, "HTTP/1.1 103 Early Hints");
    let (second, _) = reader.feed(&bytes[used..]).unwrap().unwrap();
    assert_eq!(second.start_line, "HTTP/1.1 101 x");
    assert_eq!(second.headers, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn cookies_are_joined_their_own_way() {
    let bytes = b"HTTP/1.1 101 x\r\nCookie: a=1\r\nSet-Cookie: a=1, x\r\n\
        cookie: b=2\r\nset-cookie: b=2\r\n\r\n";
    let (head, _) = read(bytes).unwrap().unwrap();
    assert_eq!(head.get("cookie"), Some("a=1; b=2"));
    let lines = head.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert_eq!(
        lines.map(|(_, value)| &value[..]).collect::<Vec<_>>(),
        ["a=1, x", "b=2"]
    );
}

#[test]
fn names_that_other_languages_stumble_over_are_names() {
    let bytes = b"GET / HTTP/1.1\r\n__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\n\r\n";
    let (head, _) = read(bytes).unwrap().unwrap();
    assert_eq!(head.get("__proto__"), Some("1"));
    assert_eq!(head.get("constructor"), Some("2"));
    assert_eq!(head.get("tostring"), Some("3"));
    assert_eq!(head.get("hasownproperty"), None);
}

#[test]
fn every_refusal_comes_with_its_byte() {
    // The whole up to and with the byte that is wrong.
    let wrong: [(&[u8], HeadError); 16] = [
        (b"GET / HTTP/1.1\n", HeadError::LineEnd),
        (b"GET / HTTP/1.1\r\r", HeadError::LineEnd),
        (b"GET / HTTP/1.1\r\nA: b\n", HeadError::LineEnd),
        (b"GET / HTTP/1.1\r\nA: b\rc", HeadError::LineEnd),
        (b"GET / HTTP/1.1\r\n\n", HeadError::LineEnd),
        (b"\n", HeadError::LineEnd),
        (b"GET / HTTP/1.1\r\nA: b\0", HeadError::ControlCharacter),
        (b"GET / HTTP/1.1\r\nA\x0b", HeadError::ControlCharacter),
        (b"GET / HTTP/1.1\r\nA: \x7f", HeadError::ControlCharacter),
        // A TLS client on a plain port.
        (b"\x16", HeadError::ControlCharacter),
        (b"GET / HTTP/1.1\r\n A: b\r\n", HeadError::Folded),
        (b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n", HeadError::Folded),
        (b"GET / HTTP/1.1\r\nA\r\n", HeadError::NoColon),
        (b"GET / HTTP/1.1\r\nA : b\r\n", HeadError::FieldName),
        (b"GET / HTTP/1.1\r\n: b\r\n", HeadError::FieldName),
        (b"GET / HTTP/1.1\r\nA\xe9: b\r\n", HeadError::FieldName),
    ];
    for (bytes, error) in wrong {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(read(bytes), Err(error), "{shown:?}");
        assert_eq!(
            read_pieces(DEFAULT_LIMIT, bytes.chunks(1)),
            Err(error),
            "{shown:?}"
        );
        assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None), "{shown:?}");
        assert_eq!(error.status(), 400);
    }
}

#[test]
fn an_error_is_final() {
    let mut reader = HeadReader::new(DEFAULT_LIMIT);
    assert_eq!(reader.feed(b"\0"), Err(HeadError::ControlCharacter));
    assert_eq!(reader.feed(REQUEST), Err(HeadError::ControlCharacter));
}

#[test]
fn rfc_9112_2_2_empty_lines_before_the_start_line_are_ignored() {
    let (head, used) = read(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n").unwrap().unwrap();
    assert_eq!((head.start_line.as_str(), used), ("GET / HTTP/1.1", 22));
    let endless = b"\r\n".repeat(DEFAULT_LIMIT);
    assert_eq!(read(&endless), Err(HeadError::TooLarge));
}

#[test]
fn the_limit_is_exact() {
    for limit in 0..REQUEST.len() {
        let found = read_pieces(limit, REQUEST.chunks(7));
        assert_eq!(found, Err(HeadError::TooLarge), "limit {limit}");
    }
    assert!(matches!(read_pieces(REQUEST.len(), [REQUEST]), Ok(Some(_))));
    assert_eq!(HeadError::TooLarge.status(), 431);
}

#[test]
fn an_endless_head_costs_no_more_than_the_limit() {
    let mut reader = HeadReader::new(DEFAULT_LIMIT);
    assert_eq!(reader.feed(b"GET / HTTP/1.1\r\nX: "), Ok(None));
    let flood = vec![b'a'; 1 << 20];
    assert_eq!(reader.feed(&flood), Err(HeadError::TooLarge));
    assert_eq!(reader.feed(&flood), Err(HeadError::TooLarge));
    assert!(reader.line.len() < DEFAULT_LIMIT);
}

#[test]
fn header_lines_are_counted_repeated_ones_too() {
    for line in ["A: b\r\n", "X-%: b\r\n"] {
        let lines = |count: usize| {
            let names = (0..count).map(|i| line.replace('%', &i.to_string()));
            format!("GET / HTTP/1.1\r\n{}\r\n", names.collect::<String>())
        };
        assert!(matches!(read(lines(MAX_HEADERS).as_bytes()), Ok(Some(_))));
        let found = read(lines(MAX_HEADERS + 1).as_bytes());
        assert_eq!(found, Err(HeadError::TooManyHeaders));
    }
    assert_eq!(HeadError::TooManyHeaders.status(), 431);
}

#[test]
fn no_byte_is_looked_at_more_than_twice_however_it_arrives() {
    let lines = format!("A: {}\r\n", "a".repeat(100)).repeat(MAX_HEADERS);
    let long = format!("GET / HTTP/1.1\r\n{lines}");
    for size in [1, 2, 1000, long.len()] {
        let mut reader = HeadReader::new(DEFAULT_LIMIT);
        for chunk in long.as_bytes().chunks(size) {
            assert_eq!(reader.feed(chunk), Ok(None));
        }
        assert!(reader.looks >= long.len(), "{} looks", reader.looks);
        assert!(reader.looks <= 2 * long.len(), "{} looks", reader.looks);
    }
}

#[test]
fn any_chunking_of_random_lines_gives_the_same() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    // Mostly what a head is made of, so that some heads are whole and errors come anywhere.
    let pieces: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"A: b\r\n",
        b"a:\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"X",
        b": ",
        b"\r",
        b"\n",
        b" ",
        b"\xff",
        b"\0",
    ];
    let (mut heads, mut errors, mut open) = (0, 0, 0);
    for _ in 0..5_000 {
        let mut bytes = Vec::new();
        for _ in 0..random(12) {
            // The last four are seldom drawn.
            let choice = random(64).min(random(12));
            bytes.extend_from_slice(pieces[choice]);
        }
        let whole = read_pieces(40, [&bytes[..]]);
        for size in 1..=4 {
            assert_eq!(read_pieces(40, bytes.chunks(size)), whole, "{bytes:?}");
        }
        match whole {
            Ok(Some(_)) => heads += 1,
            Ok(None) => open += 1,
            Err(_) => errors += 1,
        }
    }
    assert!(
        heads > 100 && errors > 100 && open > 100,
        "{heads} {errors} {open}"
    );
}
