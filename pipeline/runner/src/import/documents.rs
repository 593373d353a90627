//! A JSON file value by value: the elements of a top-level array, or values one behind the other. Only one is in memory.

use std::io::BufRead;

use super::error::{ImportError, ImportErrorKind};
use super::lines::BYTE_ORDER_MARK;

/// Longest single value (a conversation, or a message of a bare array), in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Where a value stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Document {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The column of its first byte, from 1, in bytes.
    pub column: usize,
    /// Which top-level value it is or belongs to, from 0.
    pub number: u64,
    /// Its place in the top-level array, from 0; `None` when it is a top-level value itself.
    pub place: Option<u64>,
}

impl Document {
    /// A line that is a value by itself.
    pub(super) fn whole(line: u64) -> Self {
        Self { line, column: 1, number: line - 1, place: None }
    }
}

pub(super) struct Documents<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The line of the next byte, from 1.
    line: u64,
    column: usize,
    at_start: bool,
    /// Top-level values begun so far.
    number: u64,
    array: Option<Array>,
}

/// The open top-level array.
struct Array {
    /// The line of its `[`.
    line: u64,
    /// Elements begun so far.
    place: u64,
    /// Whether an element may come next: a comma was read, or nothing yet.
    expects_element: bool,
}

impl<R: BufRead> Documents<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), line: 1, column: 1, at_start: true, number: 0, array: None }
    }

    /// The next value with its place; `None` at the end. The text is balanced in its brackets and valid UTF-8, nothing more.
    pub(super) fn next_document(&mut self) -> Option<Result<(Document, &str), ImportError>> {
        let document = match self.find() {
            Ok(Some(document)) => document,
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        if let Err(error) = self.take_value(document.line) {
            return Some(Err(error));
        }
        Some(match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok((document, text)),
            Err(error) => {
                let before = &self.buffer[..error.valid_up_to()];
                let line = document.line + before.iter().filter(|byte| **byte == b'\n').count() as u64;
                let byte = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
                Err(ImportError::line(line, ImportErrorKind::Utf8 { byte }))
            }
        })
    }

    /// Moves to the first byte of the next value, through blanks, commas and the brackets of top-level arrays.
    fn find(&mut self) -> Result<Option<Document>, ImportError> {
        if std::mem::take(&mut self.at_start) {
            let available = self.reader.fill_buf().map_err(|error| ImportError::read(1, &error))?;
            if available.starts_with(BYTE_ORDER_MARK) {
                self.reader.consume(BYTE_ORDER_MARK.len());
            }
        }
        while let Some(byte) = self.peek()? {
            match (byte, &mut self.array) {
                (b' ' | b'\t' | b'\r' | b'\n', _) => self.advance(byte),
                (b'[', None) => {
                    self.array = Some(Array { line: self.line, place: 0, expects_element: true });
                    self.number += 1;
                    self.advance(byte);
                }
                (b']', Some(array)) => {
                    let hangs = array.expects_element && array.place > 0;
                    self.array = None;
                    self.advance(byte);
                    if hangs {
                        return Err(self.malformed("trailing comma"));
                    }
                }
                (b',', Some(array)) if !array.expects_element => {
                    array.expects_element = true;
                    self.advance(byte);
                }
                (b']' | b'}' | b',' | b':', _) => {
                    self.advance(byte);
                    return Err(self.malformed(&format!("unexpected {:?}", char::from(byte))));
                }
                (_, None) => {
                    self.number += 1;
                    return Ok(Some(self.here(None)));
                }
                (_, Some(array)) if array.expects_element => {
                    array.expects_element = false;
                    array.place += 1;
                    let place = array.place - 1;
                    return Ok(Some(self.here(Some(place))));
                }
                (_, Some(array)) => {
                    array.expects_element = true;
                    return Err(self.malformed("expected `,` or `]` between the elements"));
                }
            }
        }
        match self.array.take() {
            Some(array) => Err(ImportError::line(array.line, ImportErrorKind::Truncated)),
            None => Ok(None),
        }
    }

    /// Reads one value into the buffer: up to the bracket that closes it, or for a bare word up to what cannot belong to it.
    fn take_value(&mut self, line: u64) -> Result<(), ImportError> {
        self.buffer.clear();
        let mut depth = 0_u64;
        let mut in_text = false;
        let mut escaped = false;
        let mut too_long = false;
        loop {
            let Some(byte) = self.peek()? else {
                if depth > 0 || in_text {
                    return Err(ImportError::line(line, ImportErrorKind::Truncated));
                }
                break;
            };
            let ends_word = matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' | b'[' | b'{');
            if depth == 0 && !in_text && ends_word && !self.buffer.is_empty() {
                break;
            }
            if self.buffer.len() < DOCUMENT_BYTES_MAX {
                self.buffer.push(byte);
            } else {
                too_long = true;
            }
            self.advance(byte);
            if in_text {
                in_text = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
            } else {
                match byte {
                    b'"' => in_text = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => continue,
                }
            }
            if depth == 0 && !in_text {
                break;
            }
        }
        if too_long { Err(ImportError::line(line, ImportErrorKind::DocumentTooLong)) } else { Ok(()) }
    }

    fn here(&self, place: Option<u64>) -> Document {
        Document { line: self.line, column: self.column, number: self.number - 1, place }
    }

    fn malformed(&self, reason: &str) -> ImportError {
        ImportError::line(self.line, ImportErrorKind::Between { reason: reason.to_owned() })
    }

    fn peek(&mut self) -> Result<Option<u8>, ImportError> {
        loop {
            match self.reader.fill_buf() {
                Ok(available) => return Ok(available.first().copied()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ImportError::read(self.line, &error)),
            }
        }
    }

    fn advance(&mut self, byte: u8) {
        self.reader.consume(1);
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }
}
