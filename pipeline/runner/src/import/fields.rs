//! Fields of a JSON object as the types they should have, with the path of each for the error that says they have not.

use cubelog_memory::Timestamp;
use serde_json::{Map, Value};

use super::error::{ImportError, ImportErrorKind};

/// An object, the line it stands on and the path that leads to it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'v, 'p> {
    map: &'v Map<String, Value>,
    line: u64,
    /// Empty, or a path that ends with a dot.
    path: &'p str,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// `value` as an object; `path` leads to it and is empty at the top.
    pub(super) fn of(value: &'v Value, line: u64, path: &'p str) -> Result<Self, ImportError> {
        let field = path.trim_end_matches('.');
        match value {
            Value::Object(map) => Ok(Self { map, line, path }),
            other => Err(ImportError {
                line,
                field: (!field.is_empty()).then(|| field.to_owned()),
                kind: ImportErrorKind::Type { expected: "an object", found: type_name(other) },
            }),
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    pub(super) fn error(&self, name: &str, kind: ImportErrorKind) -> ImportError {
        ImportError { line: self.line, field: Some(self.path_of(name)), kind }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The names of all fields, as written.
    pub(super) fn names(&self) -> impl Iterator<Item = &'v str> {
        self.map.keys().map(String::as_str)
    }

    /// The field's value; `null` is as good as absent.
    pub(super) fn optional(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<&'v Value, ImportError> {
        self.optional(name).ok_or_else(|| self.error(name, ImportErrorKind::Missing))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'v str, ImportError> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| self.wrong_type(name, "a string", value))
    }

    /// `None` also for the empty string, which says as little as no field at all.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'v str>, ImportError> {
        match self.optional(name) {
            None => Ok(None),
            Some(_) => self.text(name).map(|text| Some(text).filter(|text| !text.is_empty())),
        }
    }

    /// A string, or a number as its digits (answers such as 2022 are often written bare).
    pub(super) fn optional_text_or_number(&self, name: &str) -> Result<Option<String>, ImportError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(self.wrong_type(name, "a string", other)),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<&'v [Value], ImportError> {
        let value = self.required(name)?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong_type(name, "an array", value))
    }

    /// The strings of an array; empty when the field is absent.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ImportError> {
        if self.optional(name).is_none() {
            return Ok(Vec::new());
        }
        let text = |(index, value): (usize, &Value)| {
            let element = format!("{name}[{index}]");
            value.as_str().map(str::to_owned).ok_or_else(|| self.wrong_type(&element, "a string", value))
        };
        self.list(name)?.iter().enumerate().map(text).collect()
    }

    pub(super) fn optional_count(&self, name: &str) -> Result<Option<u64>, ImportError> {
        match self.optional(name) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| self.wrong_type(name, "a whole number that is not negative", value))
            }
        }
    }

    /// An RFC 3339 time.
    pub(super) fn optional_time(&self, name: &str) -> Result<Option<Timestamp>, ImportError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_type(name, "an RFC 3339 time", value))?;
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(Timestamp(time.as_microsecond()))),
            Err(_) => Err(self.error(name, ImportErrorKind::Time { text: text.chars().take(64).collect() })),
        }
    }

    /// Seconds since 1970, with or without a fraction.
    pub(super) fn optional_epoch(&self, name: &str) -> Result<Option<Timestamp>, ImportError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let seconds = value.as_f64().ok_or_else(|| self.wrong_type(name, "a number", value))?;
        let micros = (seconds * 1e6).round();
        // jiff's range of instants: years -9999 to 9999.
        match jiff::Timestamp::from_microsecond(micros as i64) {
            Ok(time) if micros.is_finite() => Ok(Some(Timestamp(time.as_microsecond()))),
            _ => Err(self.error(name, ImportErrorKind::Epoch { seconds: value.to_string() })),
        }
    }

    pub(super) fn wrong_type(&self, name: &str, expected: &'static str, value: &Value) -> ImportError {
        self.error(name, ImportErrorKind::Type { expected, found: type_name(value) })
    }
}

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
