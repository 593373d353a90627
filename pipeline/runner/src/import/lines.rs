//! A file line by line, each held to a maximum length and checked to be UTF-8, so that one bad line costs only itself.

use std::io::{BufRead, Read};

use cubelog_memory::limits::LINE_BYTES_MAX;

use super::error::{ImportError, ImportErrorKind};

pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The line read last, from 1.
    line: u64,
}

/// Marks UTF-8 at the start of a file; some editors write it, JSON does not allow it.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), line: 0 }
    }

    /// The next line that is not blank, with its number and without its ending; `None` at the end.
    pub(super) fn next_line(&mut self) -> Option<Result<(u64, &str), ImportError>> {
        loop {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        Some(match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok((self.line, text.trim_ascii_end())),
            Err(error) => Err(ImportError::line(self.line, ImportErrorKind::Utf8 { byte: error.valid_up_to() + 1 })),
        })
    }

    /// Reads one line into the buffer; false at the end. Of a line that is too long nothing is kept.
    fn fill(&mut self) -> Result<bool, ImportError> {
        self.buffer.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut self.buffer);
        self.line += 1;
        if read.map_err(|error| ImportError::read(self.line, &error))? == 0 {
            return Ok(false);
        }
        if self.buffer.len() > LINE_BYTES_MAX && !self.buffer.ends_with(b"\n") {
            self.buffer.clear();
            self.reader.skip_until(b'\n').map_err(|error| ImportError::read(self.line, &error))?;
            return Err(ImportError::line(self.line, ImportErrorKind::LineTooLong));
        }
        if self.line == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.buffer.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }
}
