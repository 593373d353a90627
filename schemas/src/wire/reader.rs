//! Avro's primitives, taken from a slice. Nothing is allocated before the bytes for it have been seen.

use cubelog_memory::NameError;

use crate::error::DecodeError;

pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from `start` on, which lies within them.
    pub(crate) fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, at: start }
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(self.truncated(field)),
        }
    }

    #[cold]
    fn truncated(&self, field: &'static str) -> DecodeError {
        DecodeError::Truncated { field, at: self.bytes.len() }
    }

    #[inline]
    pub(super) fn long(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        // Almost every number of an event fits one byte: lengths, branches, versions.
        if let Some(&byte) = self.bytes.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
        }
        self.long_of_many(field)
    }

    fn long_of_many(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.truncated(field)) };
            self.at += 1;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(DecodeError::Varint { field, at: start })
    }

    /// A number that the domain holds in a type narrower than `long`.
    #[inline]
    pub(super) fn number<T: TryFrom<i64>>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        let value = self.long(field)?;
        T::try_from(value).map_err(|_| DecodeError::Range { field, value })
    }

    pub(super) fn boolean(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.take(field, 1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => Err(DecodeError::Boolean { field, value: other.first().copied().unwrap_or_default() }),
        }
    }

    pub(super) fn float(&mut self, field: &'static str) -> Result<f32, DecodeError> {
        Ok(f32::from_le_bytes(self.fixed(field)?))
    }

    #[inline]
    pub(super) fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(self.truncated(field)),
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.long(field)?;
        let count = usize::try_from(length).map_err(|_| DecodeError::Length { field, value: length })?;
        self.take(field, count)
    }

    #[inline]
    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes(field)?;
        let start = self.at - bytes.len();
        std::str::from_utf8(bytes).map_err(|error| DecodeError::Utf8 { field, at: start + error.valid_up_to() })
    }

    /// A string that the domain holds as a validated name.
    #[inline]
    pub(super) fn name<T>(&mut self, field: &'static str, new: fn(&'a str) -> Result<T, NameError>) -> Result<T, DecodeError> {
        new(self.string(field)?).map_err(|reason| DecodeError::Name { field, reason })
    }

    /// A string that stands for a value of an enumeration.
    #[inline]
    pub(super) fn word<T>(&mut self, field: &'static str, from_word: fn(&str) -> Option<T>) -> Result<T, DecodeError> {
        let word = self.string(field)?;
        from_word(word).ok_or_else(|| DecodeError::Word { field, word: word.chars().take(64).collect() })
    }

    /// The branch of a union of null and something: whether the something follows.
    #[inline]
    pub(super) fn some(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.long(field)? {
            0 => Ok(false),
            1 => Ok(true),
            branch => Err(DecodeError::Branch { field, branch }),
        }
    }

    #[inline]
    pub(super) fn option<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.some(field)? { read(self, field).map(Some) } else { Ok(None) }
    }

    pub(super) fn option_string(&mut self, field: &'static str) -> Result<Option<String>, DecodeError> {
        self.option(field, |reader, field| reader.string(field).map(str::to_owned))
    }

    /// An array: blocks of items up to an empty one. A negative count announces the block's size in bytes too.
    pub(super) fn array<T, C: FromItems<T>>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<C, DecodeError> {
        let mut items = C::default();
        loop {
            let count = match self.long(field)? {
                0 => return Ok(items),
                count if count < 0 => {
                    self.long(field)?;
                    count.checked_neg().ok_or(DecodeError::Length { field, value: count })?
                }
                count => count,
            };
            // Every item of our schemas takes at least one byte, so a larger count is a lie.
            match usize::try_from(count) {
                Ok(count) if count <= self.left() => items.reserve_items(count.min(64)),
                _ => return Err(DecodeError::Length { field, value: count }),
            }
            for _ in 0..count {
                items.add(read(self)?);
            }
        }
    }
}

/// A collection that an array is read into.
pub(super) trait FromItems<T>: Default {
    fn reserve_items(&mut self, _count: usize) {}
    fn add(&mut self, item: T);
}

impl<T> FromItems<T> for Vec<T> {
    fn reserve_items(&mut self, count: usize) {
        self.reserve(count);
    }
    fn add(&mut self, item: T) {
        self.push(item);
    }
}

impl<T: Ord> FromItems<T> for std::collections::BTreeSet<T> {
    fn add(&mut self, item: T) {
        self.insert(item);
    }
}
