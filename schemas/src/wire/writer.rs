//! Avro's primitives, appended to a buffer.

use crate::error::EncodeError;

pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// An `int` or a `long`: zig-zag, then seven bits a byte, lowest first.
    #[inline]
    pub(super) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    /// A `long` from a number that has no sign in the domain.
    pub(super) fn unsigned(&mut self, field: &'static str, value: u64) -> Result<(), EncodeError> {
        self.long(i64::try_from(value).map_err(|_| EncodeError::Range { field, value })?);
        Ok(())
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    pub(super) fn float(&mut self, value: f32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        // A slice is never longer than isize::MAX, so the cast keeps the value.
        self.long(bytes.len() as i64);
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn string(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A union of null and something.
    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.long(0),
            Some(value) => {
                self.long(1);
                write(self, value);
            }
        }
    }

    pub(super) fn option_string(&mut self, text: Option<&str>) {
        self.option(text, Self::string);
    }

    /// An array in one block, as apache-avro writes it.
    pub(super) fn array<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        if items.len() > 0 {
            self.long(items.len() as i64);
            for item in items {
                write(self, item);
            }
        }
        self.long(0);
    }

    /// As [`Writer::array`], for items that may not be writable.
    pub(super) fn try_array<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut written = Ok(());
        self.array(items, |writer, item| {
            if written.is_ok() {
                written = write(writer, item);
            }
        });
        written
    }
}
