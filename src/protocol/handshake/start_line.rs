//! Request line and status line (RFC 9112 §3 and §4), read to the letter: one space between the
//! parts, no other white space.

use super::token::{is_target, is_token};

/// `GET /chat HTTP/1.1`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// A token, case-sensitive.
    pub method: &'a str,
    /// Path and query as they were sent, visible ASCII.
    pub target: &'a str,
    /// Major and minor version of HTTP.
    pub version: (u8, u8),
}

/// `HTTP/1.1 101 Switching Protocols`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// Major and minor version of HTTP.
    pub version: (u8, u8),
    /// 100 to 999.
    pub status: u16,
    /// What a person may read; often empty, and never to be relied on.
    pub reason: &'a str,
}

impl<'a> RequestLine<'a> {
    /// Reads a request line without its line end; `None` if it is not one.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let (target, version) = rest.split_once(' ')?;
        let version = parse_version(version)?;
        (is_token(method) && is_target(target)).then_some(Self {
            method,
            target,
            version,
        })
    }
}

impl<'a> StatusLine<'a> {
    /// Reads a status line without its line end; `None` if it is not one.
    ///
    /// The space before an absent reason may be absent too: RFC 9112 §4 demands it, and servers
    /// in wide use leave it out.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (version, rest) = line.split_once(' ')?;
        let version = parse_version(version)?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        let status = status
            .parse()
            .ok()
            .filter(|&status| digits && status >= 100)?;
        Some(Self {
            version,
            status,
            reason,
        })
    }
}

/// RFC 9112 §2.3: `HTTP-version = HTTP-name "/" DIGIT "." DIGIT`, in capitals.
fn parse_version(text: &str) -> Option<(u8, u8)> {
    match text.strip_prefix("HTTP/")?.as_bytes() {
        &[major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => Some((major - b'0', minor - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line() {
        let line = RequestLine::parse("GET /chat?x=1 HTTP/1.1");
        let expected = RequestLine {
            method: "GET",
            target: "/chat?x=1",
            version: (1, 1),
        };
        assert_eq!(line, Some(expected));
        let preface = RequestLine::parse("PRI * HTTP/2.0").map(|line| line.version);
        assert_eq!(preface, Some((2, 0)));
    }

    #[test]
    fn what_is_no_request_line() {
        let wrong = [
            "",
            "GET",
            "GET /",
            "GET /  HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET  HTTP/1.1",
            " GET / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET\t/\tHTTP/1.1",
            "GET / b HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET / http/1.1",
            "GET / HTTP/1",
            "GET / HTTP/1.10",
            "GET / HTTP/+.1",
            "GET / HTTPS/1.1",
            "HTTP/1.1 101 Switching Protocols",
        ];
        for line in wrong {
            assert_eq!(RequestLine::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn status_lines() {
        let parse = |line| StatusLine::parse(line).map(|line| (line.status, line.reason));
        let long = "HTTP/1.1 101 WebSocket Protocol Handshake";
        assert_eq!(parse(long), Some((101, "WebSocket Protocol Handshake")));
        assert_eq!(parse("HTTP/1.0 404 "), Some((404, "")));
        assert_eq!(parse("HTTP/1.1 599"), Some((599, "")));
        assert_eq!(
            StatusLine::parse("HTTP/1.0 200 OK").map(|line| line.version),
            Some((1, 0))
        );
    }

    #[test]
    fn what_is_no_status_line() {
        let wrong = [
            "",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1 10",
            "HTTP/1.1 1011 x",
            "HTTP/1.1 +10 x",
            "HTTP/1.1 099 x",
            "HTTP/1.1  101 x",
            "ICY 200 OK",
            "GET / HTTP/1.1",
        ];
        for line in wrong {
            assert_eq!(StatusLine::parse(line), None, "{line:?}");
        }
    }
}
