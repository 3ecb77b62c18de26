//! The server's check of a client's request (RFC 6455 §4.2.1).

use super::accept::{accept_value, is_key};
use super::head::Head;
use super::refusal::Refusal;
use super::start_line::RequestLine;
use super::subprotocol;
use super::token::{is_host, list_contains, trim};
use crate::protocol::extension::field;

/// What the check looks at. Values of a repeated field come joined with `", "`, as
/// [`Head::get`] and Node give them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFields<'a> {
    /// The method; `None` if the caller does not know it, and it is then not judged.
    pub method: Option<&'a str>,
    /// The version of HTTP; `None` if the caller does not know it, and it is then not judged.
    pub version: Option<(u8, u8)>,
    /// `Host`
    pub host: Option<&'a str>,
    /// `Connection`
    pub connection: Option<&'a str>,
    /// `Upgrade`
    pub upgrade: Option<&'a str>,
    /// `Sec-WebSocket-Key`
    pub key: Option<&'a str>,
    /// `Sec-WebSocket-Version`
    pub ws_version: Option<&'a str>,
    /// `Sec-WebSocket-Protocol`
    pub protocol: Option<&'a str>,
    /// `Sec-WebSocket-Extensions`
    pub extensions: Option<&'a str>,
    /// `Content-Length`
    pub content_length: Option<&'a str>,
    /// `Transfer-Encoding`
    pub transfer_encoding: Option<&'a str>,
}

/// An acceptable request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The value of `Sec-WebSocket-Accept` that answers it.
    pub accept: String,
    /// The subprotocols it offers: different tokens, in the client's order.
    pub protocols: Vec<&'a str>,
    /// The extensions it offers, as they came: what there is of them is the extension's to judge.
    pub extensions: Option<&'a str>,
}

impl<'a> RequestFields<'a> {
    /// The fields of a request's head. Fails if its first line is no request line.
    pub fn from_head(head: &'a Head) -> Result<Self, Refusal> {
        let line = RequestLine::parse(&head.start_line).ok_or(Refusal::RequestLine)?;
        Ok(Self {
            method: Some(line.method),
            version: Some(line.version),
            host: head.get("host"),
            connection: head.get("connection"),
            upgrade: head.get("upgrade"),
            key: head.get("sec-websocket-key"),
            ws_version: head.get("sec-websocket-version"),
            protocol: head.get("sec-websocket-protocol"),
            extensions: head.get("sec-websocket-extensions"),
            content_length: head.get("content-length"),
            transfer_encoding: head.get("transfer-encoding"),
        })
    }

    /// Judges the request.
    ///
    /// `strict` is RFC 6455 §4.2.1 to the letter. Otherwise only what the answer is made of
    /// counts: there is a key, of whatever form; the version is 13 or not told; a subprotocol
    /// that cannot be answered is passed over.
    pub fn check(&self, strict: bool) -> Result<Offer<'a>, Refusal> {
        if strict {
            self.check_http()?;
            self.check_upgrade()?;
        }
        match self.ws_version.map(trim) {
            Some("13") => {}
            Some(_) => return Err(Refusal::Version),
            None if strict => return Err(Refusal::NoVersion),
            None => {}
        }
        let key = match self.key {
            None | Some("") => return Err(Refusal::NoKey),
            Some(key) if strict && !is_key(key) => return Err(Refusal::Key),
            Some(key) => key,
        };
        let protocols = match self.protocol {
            None => Vec::new(),
            Some(value) if strict => subprotocol::parse(value).ok_or(Refusal::Subprotocol)?,
            Some(value) => subprotocol::parse_lenient(value),
        };
        let extensions = match self.extensions {
            // §9.1: "If a value is received [...] that does not conform to the ABNF below, the
            // recipient of such malformed data MUST immediately _Fail the WebSocket Connection_."
            Some(value) if strict && field::parse(value).is_none() => {
                return Err(Refusal::Extensions);
            }
            offers => offers,
        };
        Ok(Offer {
            accept: accept_value(key),
            protocols,
            extensions,
        })
    }

    /// The same on a port where WebSocket is all there is: whoever asks for a page is told so,
    /// and not that a key is missing.
    pub fn check_alone(&self, strict: bool) -> Result<Offer<'a>, Refusal> {
        if self.upgrade.is_none() && self.key.is_none() {
            return Err(Refusal::PlainHttp);
        }
        self.check(strict)
    }

    /// Items 1 and 2: a GET request of HTTP/1.1 or higher with a Host.
    fn check_http(&self) -> Result<(), Refusal> {
        if self.method.is_some_and(|method| method != "GET") {
            return Err(Refusal::Method);
        }
        if self.version.is_some_and(|version| version < (1, 1)) {
            return Err(Refusal::HttpVersion);
        }
        // RFC 9110 §7.8: the body of a request is read before the protocol changes. No client
        // sends one; a proxy that believes in it would see another end of the request than we.
        if self.transfer_encoding.is_some() || self.content_length.is_some_and(|len| len != "0") {
            return Err(Refusal::Body);
        }
        // RFC 9112 §3.2: 400 for a request "that lacks a Host header field and to any request
        // message that contains more than one Host header field line or a Host header field
        // with an invalid field value".
        if !self.host.is_some_and(is_host) {
            return Err(Refusal::Host);
        }
        Ok(())
    }

    /// Items 3 and 4: "websocket" in Upgrade, "Upgrade" in Connection, in any case.
    fn check_upgrade(&self) -> Result<(), Refusal> {
        let upgrade = self.upgrade.ok_or(Refusal::PlainHttp)?;
        if !list_contains(upgrade, "websocket") {
            return Err(Refusal::Upgrade);
        }
        if !self
            .connection
            .is_some_and(|value| list_contains(value, "upgrade"))
        {
            return Err(Refusal::Connection);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{DEFAULT_LIMIT, HeadReader};
    use super::*;

    const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const RFC_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    /// The request of RFC 6455 §1.2.
    const RFC_REQUEST: [&str; 9] = [
        "GET /chat HTTP/1.1",
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Origin: http://example.com",
        "Sec-WebSocket-Protocol: chat, superchat",
        "Sec-WebSocket-Version: 13",
        "",
    ];

    fn good() -> RequestFields<'static> {
        RequestFields {
            method: Some("GET"),
            version: Some((1, 1)),
            host: Some("example.com"),
            connection: Some("Upgrade"),
            upgrade: Some("websocket"),
            key: Some(RFC_KEY),
            ws_version: Some("13"),
            ..RequestFields::default()
        }
    }

    fn head(lines: &[&str]) -> Head {
        let bytes = lines.join("\r\n") + "\r\n";
        let read = HeadReader::new(DEFAULT_LIMIT).feed(bytes.as_bytes());
        read.expect("a valid head").expect("a whole head").0
    }

    /// The outcome of a request made of lines, without what an offer holds.
    fn judge(lines: &[&str], strict: bool) -> Result<(), Refusal> {
        let head = head(lines);
        RequestFields::from_head(&head)?.check(strict).map(|_| ())
    }

    #[test]
    fn rfc_6455_1_2_request() {
        let head = head(&RFC_REQUEST);
        let fields = RequestFields::from_head(&head).unwrap();
        for strict in [true, false] {
            let offer = fields.check(strict).unwrap();
            assert_eq!(offer.accept, RFC_ACCEPT);
            assert_eq!(offer.protocols, ["chat", "superchat"]);
        }
    }

    #[test]
    fn the_headers_removed_one_by_one() {
        let outcomes = [
            (1, Err(Refusal::Host), Ok(())),
            (2, Err(Refusal::PlainHttp), Ok(())),
            (3, Err(Refusal::Connection), Ok(())),
            (4, Err(Refusal::NoKey), Err(Refusal::NoKey)),
            (5, Ok(()), Ok(())),
            (6, Ok(()), Ok(())),
            (7, Err(Refusal::NoVersion), Ok(())),
        ];
        for (index, strict, lenient) in outcomes {
            let mut lines = RFC_REQUEST.to_vec();
            let removed = lines.remove(index);
            assert_eq!(judge(&lines, true), strict, "without {removed}");
            assert_eq!(judge(&lines, false), lenient, "without {removed}");
        }
        assert_eq!(RequestFields::default().check(false), Err(Refusal::NoKey));
    }

    #[test]
    fn the_headers_repeated_one_by_one() {
        let outcomes = [
            (1, Err(Refusal::Host)),
            (2, Ok(())),
            (3, Ok(())),
            (4, Err(Refusal::Key)),
            (6, Err(Refusal::Subprotocol)),
            (7, Err(Refusal::Version)),
        ];
        for (index, strict) in outcomes {
            let mut lines = RFC_REQUEST.to_vec();
            lines.insert(index, lines[index]);
            assert_eq!(judge(&lines, true), strict, "twice {}", RFC_REQUEST[index]);
        }
        // An empty second one is a second one.
        for (name, refusal) in [
            ("Host:", Refusal::Host),
            ("Sec-WebSocket-Key:", Refusal::Key),
            ("Sec-WebSocket-Version:", Refusal::Version),
        ] {
            for index in [1, 8] {
                let mut lines = RFC_REQUEST.to_vec();
                lines.insert(index, name);
                assert_eq!(judge(&lines, true), Err(refusal), "{name} at {index}");
            }
        }
    }

    #[test]
    fn a_head_that_announces_a_body_or_is_no_request() {
        for line in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let mut lines = RFC_REQUEST.to_vec();
            lines.insert(1, line);
            assert_eq!(judge(&lines, true), Err(Refusal::Body), "{line}");
        }
        let mut lines = RFC_REQUEST.to_vec();
        for line in ["HTTP/1.1 200 OK", "GET / HTTP/1.1 x"] {
            lines[0] = line;
            assert_eq!(judge(&lines, false), Err(Refusal::RequestLine), "{line}");
        }
    }

    /// Checks a good request with one field changed.
    fn with(change: impl FnOnce(&mut RequestFields<'static>)) -> Result<(), Refusal> {
        let mut fields = good();
        change(&mut fields);
        fields.check(true).map(|_| ())
    }

    #[test]
    fn strict_http() {
        assert_eq!(with(|_| ()), Ok(()));
        for method in ["POST", "get", "HEAD", "PRI", "CONNECT"] {
            assert_eq!(with(|f| f.method = Some(method)), Err(Refusal::Method));
        }
        for version in [(1, 0), (0, 9)] {
            assert_eq!(
                with(|f| f.version = Some(version)),
                Err(Refusal::HttpVersion)
            );
        }
        assert_eq!(with(|f| f.version = Some((2, 0))), Ok(()));
        assert_eq!(with(|f| (f.method, f.version) = (None, None)), Ok(()));
        assert_eq!(with(|f| f.content_length = Some("0")), Ok(()));
        assert_eq!(with(|f| f.content_length = Some("5")), Err(Refusal::Body));
        assert_eq!(
            with(|f| f.content_length = Some("0, 5")),
            Err(Refusal::Body)
        );
        assert_eq!(
            with(|f| f.transfer_encoding = Some("chunked")),
            Err(Refusal::Body)
        );
        for host in ["", "a b", "a, b", "a/b"] {
            assert_eq!(with(|f| f.host = Some(host)), Err(Refusal::Host), "{host}");
        }
    }

    #[test]
    fn a_page_is_asked_for() {
        let post = RequestFields {
            method: Some("POST"),
            version: Some((1, 0)),
            ..RequestFields::default()
        };
        for strict in [true, false] {
            assert_eq!(post.check_alone(strict), Err(Refusal::PlainHttp));
            assert_eq!(good().check_alone(strict), good().check(strict));
        }
    }

    #[test]
    fn strict_upgrade() {
        for upgrade in ["WebSocket", "h2c, websocket", ",websocket,"] {
            assert_eq!(with(|f| f.upgrade = Some(upgrade)), Ok(()), "{upgrade}");
        }
        for upgrade in ["", "h2c", "websockets", "websocket/13", "not websocket"] {
            let found = with(|f| f.upgrade = Some(upgrade));
            assert_eq!(found, Err(Refusal::Upgrade), "{upgrade}");
        }
        for connection in ["keep-alive, Upgrade", "UPGRADE", "upgrade, close"] {
            assert_eq!(
                with(|f| f.connection = Some(connection)),
                Ok(()),
                "{connection}"
            );
        }
        for connection in ["", "keep-alive", "NotUpgrade", "Upgraded"] {
            let found = with(|f| f.connection = Some(connection));
            assert_eq!(found, Err(Refusal::Connection), "{connection}");
        }
    }

    #[test]
    fn versions() {
        for version in [
            "", "8", "12", "14", "013", "+13", "13.0", "13, 13", "13;", "1 3",
        ] {
            let fields = RequestFields {
                ws_version: Some(version),
                ..good()
            };
            for strict in [true, false] {
                assert_eq!(fields.check(strict), Err(Refusal::Version), "{version}");
            }
        }
        assert_eq!(with(|f| f.ws_version = Some(" 13\t")), Ok(()));
    }

    #[test]
    fn any_key_is_safe_and_a_strict_one_has_sixteen_bytes() {
        for key in [
            "bm9tbm9tCg==",
            "x",
            " ",
            "constructor",
            "a\r\nb",
            "\0",
            "ключ",
        ] {
            let fields = RequestFields {
                key: Some(key),
                ..good()
            };
            assert_eq!(fields.check(true), Err(Refusal::Key), "{key:?}");
            assert_eq!(
                fields.check(false).map(|offer| offer.accept),
                Ok(accept_value(key))
            );
        }
        for strict in [true, false] {
            let fields = RequestFields {
                key: Some(""),
                ..good()
            };
            assert_eq!(fields.check(strict), Err(Refusal::NoKey));
        }
    }

    #[test]
    fn subprotocols() {
        let offered = |value, strict| {
            let fields = RequestFields {
                protocol: Some(value),
                ..good()
            };
            fields.check(strict).map(|offer| offer.protocols)
        };
        assert_eq!(offered("b, a", true), Ok(vec!["b", "a"]));
        for value in ["a, a", "a b", "a\r\nX: y", "a, \"b\""] {
            assert_eq!(offered(value, true), Err(Refusal::Subprotocol), "{value:?}");
        }
        assert_eq!(offered("a, b c, b, a", false), Ok(vec!["a", "b"]));
        assert_eq!(offered("a\r\nX: y", false), Ok(vec![]));
    }
}
