//! The metadata of a GGUF file: named values, read with every length checked against what is left of the file.

use std::collections::HashMap;
use std::io::Read;

/// Named values of a GGUF file.
#[derive(Debug, Default)]
pub struct Metadata {
    values: HashMap<String, Value>,
}

/// One value.
#[derive(Debug)]
enum Value {
    Whole(i128),
    Number(f64),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

/// Longest name of a value or tensor, in bytes, as the format's specification has it.
const NAME_BYTES_MAX: u64 = 65_535;
/// Most values, far above any real file's.
const VALUES_MAX: u64 = 65_536;

impl Metadata {
    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        if let Value::Text(text) = self.values.get(key)? { Some(text) } else { None }
    }

    /// A whole number that is not negative.
    pub fn size(&self, key: &str) -> Option<usize> {
        if let Value::Whole(number) = self.values.get(key)? { usize::try_from(*number).ok() } else { None }
    }

    /// Any number.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.values.get(key)? {
            Value::Whole(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Yes or no.
    pub fn flag(&self, key: &str) -> Option<bool> {
        if let Value::Flag(flag) = self.values.get(key)? { Some(*flag) } else { None }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Option<&[String]> {
        if let Value::Texts(texts) = self.values.get(key)? { Some(texts) } else { None }
    }

    /// A list of numbers.
    pub fn numbers(&self, key: &str) -> Option<&[f64]> {
        if let Value::Numbers(numbers) = self.values.get(key)? { Some(numbers) } else { None }
    }
}

/// A reader of little-endian values that knows how many bytes are left, so that no length is believed which cannot be true.
pub(super) struct Cursor<R> {
    from: R,
    /// Bytes read so far.
    pub at: u64,
    length: u64,
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The content is not what it should be.
    Wrong(String),
    /// The system failed.
    Io(std::io::Error),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

impl<R: Read> Cursor<R> {
    /// A reader of `length` bytes.
    pub fn new(from: R, length: u64) -> Self {
        Self { from, at: 0, length }
    }

    fn left(&self) -> u64 {
        self.length - self.at
    }

    /// A number of bytes that are there, else an error.
    fn room(&self, count: u64, each: u64, what: &str) -> Result<usize, Stop> {
        let bytes = count.checked_mul(each).filter(|bytes| *bytes <= self.left());
        let bytes = bytes.ok_or_else(|| Stop::Wrong(format!("{what} of {count} goes beyond its end")))?;
        usize::try_from(bytes).map_err(|_| Stop::Wrong(format!("{what} is too large")))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        self.room(N as u64, 1, "a value")?;
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(Stop::Io)?;
        self.at += N as u64;
        Ok(bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Stop> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub fn u64(&mut self) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// A text of at most `most` bytes.
    pub fn text(&mut self, most: u64) -> Result<String, Stop> {
        let length = self.u64()?;
        if length > most {
            return Err(Stop::Wrong(format!("a text of {length} bytes, where {most} are allowed")));
        }
        let mut text = vec![0; self.room(length, 1, "a text")?];
        self.from.read_exact(&mut text).map_err(Stop::Io)?;
        self.at += length;
        String::from_utf8(text).map_err(|_| Stop::Wrong("a text that is not UTF-8".into()))
    }

    /// A name of a value or tensor.
    pub fn name(&mut self) -> Result<String, Stop> {
        self.text(NAME_BYTES_MAX)
    }

    /// `count` named values.
    pub fn metadata(&mut self, count: u64) -> Result<Metadata, Stop> {
        if count > VALUES_MAX {
            return Err(Stop::Wrong(format!("{count} values, where {VALUES_MAX} are possible")));
        }
        let mut metadata = Metadata::default();
        for _ in 0..count {
            let name = self.name()?;
            let kind = self.u32()?;
            let value = self.value(kind).map_err(|stop| match stop {
                Stop::Wrong(reason) => Stop::Wrong(format!("value {name:?}: {reason}")),
                stop => stop,
            })?;
            metadata.values.insert(name, value);
        }
        Ok(metadata)
    }

    fn value(&mut self, kind: u32) -> Result<Value, Stop> {
        Ok(match kind {
            0 => Value::Whole(u8::from_le_bytes(self.bytes()?).into()),
            1 => Value::Whole(i8::from_le_bytes(self.bytes()?).into()),
            2 => Value::Whole(u16::from_le_bytes(self.bytes()?).into()),
            3 => Value::Whole(i16::from_le_bytes(self.bytes()?).into()),
            4 => Value::Whole(u32::from_le_bytes(self.bytes()?).into()),
            5 => Value::Whole(i32::from_le_bytes(self.bytes()?).into()),
            6 => Value::Number(f32::from_le_bytes(self.bytes()?).into()),
            7 => Value::Flag(self.bytes::<1>()?[0] != 0),
            8 => Value::Text(self.text(u64::MAX)?),
            9 => self.list()?,
            10 => Value::Whole(self.u64()?.into()),
            11 => Value::Whole(i64::from_le_bytes(self.bytes()?).into()),
            12 => Value::Number(f64::from_le_bytes(self.bytes()?)),
            other => return Err(Stop::Wrong(format!("of the unknown type {other}"))),
        })
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let (kind, count) = (self.u32()?, self.u64()?);
        // The fewest bytes that an element can take bound the count, and so what is allocated for it.
        let least = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => return Err(Stop::Wrong("a list of lists".into())),
            other => return Err(Stop::Wrong(format!("a list of the unknown type {other}"))),
        };
        self.room(count, least, "a list")?;
        if kind == 8 {
            return Ok(Value::Texts((0..count).map(|_| self.text(u64::MAX)).collect::<Result<_, _>>()?));
        }
        let number = |value: Value| match value {
            Value::Whole(number) => number as f64,
            Value::Number(number) => number,
            Value::Flag(flag) => f64::from(u8::from(flag)),
            Value::Text(_) | Value::Texts(_) | Value::Numbers(_) => f64::NAN,
        };
        Ok(Value::Numbers((0..count).map(|_| self.value(kind).map(number)).collect::<Result<_, _>>()?))
    }
}
