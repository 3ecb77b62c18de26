//! The head of an HTTP/1.1 message (RFC 9112 §2), collected from whatever chunks arrive.
//!
//! Every byte is looked at when it comes and never again, so a head that arrives byte by byte
//! costs as much as one that arrives whole; a wrong byte is refused on arrival, and what is kept
//! is bounded by the limit, not by the peer.

use std::fmt;

use super::token::is_token;

/// Bytes in a head, if the caller has no better idea: that of Node's own server.
pub const DEFAULT_LIMIT: usize = 16 * 1024;

/// Field lines in a head. Browsers send about twenty.
pub const MAX_HEADERS: usize = 128;

/// Collects one head after another.
#[derive(Debug)]
pub struct HeadReader {
    limit: usize,
    /// Bytes of this head so far. INVARIANT: at most `limit`.
    size: usize,
    /// The current line, without its line end.
    line: Vec<u8>,
    /// The last byte was a CR, so this one must be a LF.
    after_cr: bool,
    /// Field lines so far. INVARIANT: at most `MAX_HEADERS`.
    lines: usize,
    /// What is known so far: `None` before the start line is complete.
    head: Option<Head>,
    failed: Option<HeadError>,
    /// Counts every look at a byte, for the test of linearity.
    #[cfg(test)]
    looks: usize,
}

/// A request's or a response's head.
///
/// Bytes beyond ASCII are read as Latin-1, as Node does: nothing is lost, and nothing refused
/// that only another program may understand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The first line; see [`super::RequestLine`] and [`super::StatusLine`].
    pub start_line: String,
    /// Name in lower case, and value, in the order in which the names came first. A name that
    /// repeats stands here once, its values joined; only `set-cookie` keeps its lines.
    pub headers: Vec<(String, String)>,
}

/// Why a head is refused. Nothing can follow it on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// More bytes than the limit.
    TooLarge,
    /// More than [`MAX_HEADERS`] field lines.
    TooManyHeaders,
    /// A CR without LF, or a LF without CR.
    LineEnd,
    /// NUL, or another control character but the tab.
    ControlCharacter,
    /// A field line that begins with white space (RFC 9112 §5.2, obsolete line folding).
    Folded,
    /// A field line without a colon.
    NoColon,
    /// A field name that is empty or not a token, white space before the colon included.
    FieldName,
}

impl HeadReader {
    /// A reader for heads of at most `limit` bytes, the empty line at the end included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            size: 0,
            line: Vec::new(),
            after_cr: false,
            lines: 0,
            head: None,
            failed: None,
            #[cfg(test)]
            looks: 0,
        }
    }

    /// Takes the next chunk. `None`: the head goes on in the next one.
    ///
    /// With the head comes the number of bytes of `chunk` that belong to it; the others are
    /// frames, or a body. The reader is then ready for another head: a client that gets an
    /// interim response feeds it those others. An error is final, and every later call repeats
    /// it.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Option<(Head, usize)>, HeadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        for (index, &byte) in chunk.iter().enumerate() {
            match self.take(byte) {
                Ok(None) => {}
                Ok(Some(head)) => return Ok(Some((head, index + 1))),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    fn take(&mut self, byte: u8) -> Result<Option<Head>, HeadError> {
        if self.size == self.limit {
            return Err(HeadError::TooLarge);
        }
        self.size += 1;
        self.count_looks(1);
        // RFC 9112 §2.2 lets a recipient take a bare LF for a line end. This one does not: no
        // WebSocket peer sends it, and where a proxy in front disagrees, a request could be
        // hidden in what one of the two takes for a field. A bare CR is invalid in any case.
        match byte {
            b'\n' if self.after_cr => {
                self.after_cr = false;
                return self.end_line();
            }
            _ if self.after_cr => return Err(HeadError::LineEnd),
            b'\n' => return Err(HeadError::LineEnd),
            b'\r' => self.after_cr = true,
            b'\t' | 0x20..=0x7e | 0x80.. => self.line.push(byte),
            _ => return Err(HeadError::ControlCharacter),
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Result<Option<Head>, HeadError> {
        self.count_looks(self.line.len());
        match &mut self.head {
            // RFC 9112 §2.2: "SHOULD ignore at least one empty line (CRLF) received prior to the
            // request-line". They count towards the limit.
            None if self.line.is_empty() => {}
            None => {
                self.head = Some(Head {
                    start_line: latin1(&self.line),
                    headers: Vec::new(),
                });
            }
            Some(_) if self.line.is_empty() => {
                let next = Self::new(self.limit);
                return Ok(std::mem::replace(self, next).head);
            }
            Some(_) if self.lines == MAX_HEADERS => return Err(HeadError::TooManyHeaders),
            Some(head) => {
                self.lines += 1;
                let (name, value) = parse_field(&self.line)?;
                head.add(name, value);
            }
        }
        self.line.clear();
        Ok(None)
    }

    #[cfg(test)]
    fn count_looks(&mut self, looks: usize) {
        self.looks += looks;
    }

    #[cfg(not(test))]
    fn count_looks(&mut self, _: usize) {}
}

impl Head {
    /// The value of a field; `name` in lower case.
    ///
    /// The values of a repeated field come joined, as RFC 9110 §5.3 allows. For a list that is
    /// its meaning; a field that may stand only once has then a value that its check refuses,
    /// since no host, key, version or accept value holds a comma and a space.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// A head that somebody else has split into its lines.
    pub fn from_lines(start_line: String, fields: impl Iterator<Item = (String, String)>) -> Self {
        let mut head = Self {
            start_line,
            headers: Vec::new(),
        };
        for (name, value) in fields {
            head.add(name.to_ascii_lowercase(), value);
        }
        head
    }

    fn add(&mut self, name: String, value: String) {
        let separator = match name.as_str() {
            // RFC 9110 §5.3: its values hold commas of their own.
            "set-cookie" => None,
            // RFC 6265 §4.2.1
            "cookie" => Some("; "),
            _ => Some(", "),
        };
        let known = self.headers.iter_mut().find(|(known, _)| *known == name);
        match (known, separator) {
            (Some((_, joined)), Some(separator)) => {
                joined.push_str(separator);
                joined.push_str(&value);
            }
            _ => self.headers.push((name, value)),
        }
    }
}

impl HeadError {
    /// The HTTP status of the answer: 400, or 431 (RFC 6585 §5).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge | Self::TooManyHeaders => 431,
            _ => 400,
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::TooLarge => "The head of the message is too large.",
            Self::TooManyHeaders => "The message has too many header fields.",
            Self::LineEnd => "Every line must end with CR LF.",
            Self::ControlCharacter => "The head of the message holds a control character.",
            Self::Folded => "A header field must not go on in another line.",
            Self::NoColon => "A header field has no colon.",
            Self::FieldName => "The name of a header field is not a token.",
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for HeadError {}

/// RFC 9112 §5: `field-line = field-name ":" OWS field-value OWS`.
fn parse_field(line: &[u8]) -> Result<(String, String), HeadError> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(HeadError::Folded);
    }
    let line = latin1(line);
    let (name, value) = line.split_once(':').ok_or(HeadError::NoColon)?;
    // RFC 9112 §5.1: "A server MUST reject, with a response status code of 400 (Bad Request),
    // any received request message that contains whitespace between a header field name and
    // colon."
    if !is_token(name) {
        return Err(HeadError::FieldName);
    }
    Ok((
        name.to_ascii_lowercase(),
        super::token::trim(value).to_owned(),
    ))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
