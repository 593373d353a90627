//! OpenAI-style chat messages: a bare array of them, `{"messages": [...]}`, or one of these (or one message) a line.

use std::collections::VecDeque;
use std::io::{BufRead, Read};

use cubelog_memory::Timestamp;
use cubelog_memory::limits::LINE_BYTES_MAX;
use serde_json::Value;

use super::documents::Document;
use super::error::{ImportError, ImportErrorKind};
use super::fields::{Fields, type_name};
use super::lines::BYTE_ORDER_MARK;
use super::{Item, TurnInput};

/// Whether the file holds one whole value on each line. Its first line is read into `head` to see whether it is one: reading
/// by lines keeps a broken line from swallowing the lines behind it.
pub(super) fn is_by_lines(reader: &mut impl BufRead, head: &mut Vec<u8>) -> Result<bool, ImportError> {
    loop {
        let start = head.len();
        let read = reader.take(LINE_BYTES_MAX as u64).read_until(b'\n', head);
        if read.map_err(|error| ImportError::read(1, &error))? == 0 {
            return Ok(false);
        }
        let line = &head[start..];
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
        if !line.is_empty() {
            return Ok(serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok());
        }
        if head.len() > LINE_BYTES_MAX {
            return Ok(false);
        }
    }
}

/// Names the conversations of one file and counts the messages of those that are spread over several values.
pub(super) struct Chats {
    name: String,
    /// Conversations so far that carried no name of their own.
    unnamed: u64,
    /// The conversation of the top-level array that is being read, with the array's number.
    array: Option<(u64, String)>,
    /// The conversation of messages that stand one a line, and how many there were.
    loose: Option<(String, u64)>,
}

impl Chats {
    pub(super) fn new(name: String) -> Self {
        Self { name, unnamed: 0, array: None, loose: None }
    }

    pub(super) fn read(&mut self, text: &str, document: Document, out: &mut VecDeque<Result<Item, ImportError>>) {
        let Document { line, column, .. } = document;
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.value(&value, document, out),
            Err(error) => out.push_back(Err(ImportError::json(line, column, &error))),
        }
    }

    fn value(&mut self, value: &Value, document: Document, out: &mut VecDeque<Result<Item, ImportError>>) {
        let line = document.line;
        let fields = match value {
            // A line or a nested array: conversations, or the messages of one.
            Value::Array(values) if values.first().is_some_and(|first| first.get("messages").is_some()) => {
                for value in values {
                    self.value(value, Document { place: None, ..document }, out);
                }
                return;
            }
            Value::Array(values) => {
                let conversation = self.next_name();
                return messages(values, &conversation, line, "", out);
            }
            value => match Fields::of(value, line, "") {
                Ok(fields) => fields,
                Err(_) => {
                    let kind = ImportErrorKind::Type { expected: "a message or a conversation", found: type_name(value) };
                    return out.push_back(Err(ImportError::line(line, kind)));
                }
            },
        };
        if fields.has("role") {
            let (conversation, index) = self.place_of_message(document);
            return out.extend(message(fields, &conversation, index).transpose());
        }
        let conversation = match fields.optional_text("id").and_then(|id| match id {
            None => fields.optional_text("conversation_id"),
            Some(id) => Ok(Some(id)),
        }) {
            Ok(name) => name.map_or_else(|| self.next_name(), str::to_owned),
            Err(error) => return out.push_back(Err(error)),
        };
        match fields.list("messages") {
            Ok(values) => messages(values, &conversation, line, "messages", out),
            Err(error) => out.push_back(Err(error)),
        }
    }

    fn next_name(&mut self) -> String {
        self.unnamed += 1;
        match self.unnamed {
            1 => self.name.clone(),
            number => format!("{}-{number}", self.name),
        }
    }

    /// The conversation of a message that stands by itself, and its place there.
    fn place_of_message(&mut self, document: Document) -> (String, u64) {
        if let Some(place) = document.place {
            let conversation = match self.array.take().filter(|(number, _)| *number == document.number) {
                Some((_, name)) => name,
                None => self.next_name(),
            };
            self.array = Some((document.number, conversation.clone()));
            return (conversation, place);
        }
        let (conversation, count) = match self.loose.take() {
            Some(loose) => loose,
            None => (self.next_name(), 0),
        };
        self.loose = Some((conversation.clone(), count + 1));
        (conversation, count)
    }
}

fn messages(values: &[Value], conversation: &str, line: u64, list: &str, out: &mut VecDeque<Result<Item, ImportError>>) {
    for (index, value) in values.iter().enumerate() {
        let path = format!("{list}[{index}].");
        let item = Fields::of(value, line, &path).and_then(|fields| message(fields, conversation, index as u64));
        out.extend(item.transpose());
    }
}

/// A turn; `None` for what no person and no assistant said: instructions, tool calls and their results, empty messages.
fn message(fields: Fields<'_, '_>, conversation: &str, index: u64) -> Result<Option<Item>, ImportError> {
    let role = fields.text("role")?;
    if matches!(role, "system" | "developer" | "tool" | "function") {
        return Ok(None);
    }
    let text = content(fields)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let speaker = fields.optional_text("name")?.unwrap_or(role);
    Ok(Some(Item::Turn(TurnInput {
        conversation: conversation.to_owned(),
        session: None,
        turn_id: index.to_string(),
        speaker: Some(speaker.to_owned()).filter(|speaker| !speaker.is_empty()),
        at: time(fields)?,
        text,
        caption: None,
        index: 0,
        line: fields.line(),
    })))
}

/// A string, or the text parts of an array, one a line.
fn content(fields: Fields<'_, '_>) -> Result<String, ImportError> {
    let parts = match fields.optional("content") {
        None => return Ok(String::new()),
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Array(parts)) => parts,
        Some(other) => return Err(fields.wrong_type("content", "a string or an array of parts", other)),
    };
    let mut texts = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if let Value::String(text) = part {
            texts.push(text.as_str());
            continue;
        }
        let path = fields.path_of(&format!("content[{index}]."));
        let part = Fields::of(part, fields.line(), &path)?;
        if matches!(part.text("type")?, "text" | "input_text" | "output_text") {
            texts.push(part.text("text")?);
        }
    }
    texts.retain(|text| !text.is_empty());
    Ok(texts.join("\n"))
}

/// The form has no time of its own; these three names are the usual additions, as RFC 3339 or in seconds since 1970.
fn time(fields: Fields<'_, '_>) -> Result<Option<Timestamp>, ImportError> {
    for name in ["at", "created_at", "timestamp"] {
        match fields.optional(name) {
            None => {}
            Some(Value::Number(_)) => return fields.optional_epoch(name),
            Some(_) => return fields.optional_time(name),
        }
    }
    Ok(None)
}
