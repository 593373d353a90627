//! `conversations.json` of a ChatGPT export: each conversation is a tree of messages, of which one path is the one shown.

use std::collections::{HashSet, VecDeque};

use cubelog_memory::Timestamp;
use serde_json::Value;

use super::documents::Document;
use super::error::{ImportError, ImportErrorKind};
use super::fields::Fields;
use super::{Item, TurnInput};

pub(super) fn read(text: &str, document: Document, out: &mut VecDeque<Result<Item, ImportError>>) {
    let Document { line, column, .. } = document;
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return out.push_back(Err(ImportError::json(line, column, &error))),
    };
    if let Err(error) = conversation(&value, line, out) {
        out.push_back(Err(error));
    }
}

/// One conversation. An error in a message costs that message; one that is returned, the whole conversation.
fn conversation(value: &Value, line: u64, out: &mut VecDeque<Result<Item, ImportError>>) -> Result<(), ImportError> {
    let fields = Fields::of(value, line, "")?;
    let name = match fields.optional_text("conversation_id")? {
        Some(name) => name,
        None => fields.text("id")?,
    };
    let title = fields.optional_text("title")?;
    let nodes = Fields::of(fields.required("mapping")?, line, "mapping.")?;
    let path = shown_path(fields, nodes)?;

    // Some messages carry no time; they were written no earlier than what stands before them.
    let mut last_at = fields.optional_epoch("create_time")?;
    for id in path {
        let prefix = format!("mapping.{id}.message.");
        let turn = match nodes.optional(id).and_then(|node| node.get("message")).filter(|message| !message.is_null()) {
            None => continue,
            Some(message) => Fields::of(message, line, &prefix).and_then(|fields| turn(fields, id)),
        };
        out.extend(turn.transpose().map(|turn| {
            turn.map(|mut turn| {
                turn.at = turn.at.or(last_at);
                last_at = turn.at;
                turn.conversation = name.to_owned();
                turn.session = title.map(str::to_owned);
                Item::Turn(turn)
            })
        }));
    }
    Ok(())
}

/// Ids from the root to the current message, which is how the export marks the branch that was shown last.
fn shown_path<'v>(fields: Fields<'v, '_>, nodes: Fields<'v, '_>) -> Result<Vec<&'v str>, ImportError> {
    let mut path = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some((fields.text("current_node")?, String::from("current_node")));
    while let Some((id, named_by)) = next {
        let wrong = |kind| ImportError { line: fields.line(), field: Some(named_by.clone()), kind };
        if !seen.insert(id) {
            return Err(wrong(ImportErrorKind::Circle { id: id.to_owned() }));
        }
        let node = nodes.optional(id).ok_or_else(|| wrong(ImportErrorKind::Dangling { id: id.to_owned() }))?;
        let prefix = format!("mapping.{id}.");
        let node = Fields::of(node, fields.line(), &prefix)?;
        path.push(id);
        let parent = node.optional_text("parent")?;
        next = parent.map(|parent| (parent, node.path_of("parent")));
    }
    path.reverse();
    Ok(path)
}

/// A turn; `None` for what no person read: instructions, tools and calls of them, hidden and empty messages.
fn turn(fields: Fields<'_, '_>, node: &str) -> Result<Option<TurnInput>, ImportError> {
    let author_path = fields.path_of("author.");
    let author = Fields::of(fields.required("author")?, fields.line(), &author_path)?;
    let role = author.text("role")?;
    let recipient = fields.optional_text("recipient")?;
    let hidden = fields
        .optional("metadata")
        .and_then(|metadata| metadata.get("is_visually_hidden_from_conversation"))
        .is_some_and(|hidden| hidden == &Value::Bool(true));
    if !matches!(role, "user" | "assistant") || recipient.is_some_and(|recipient| recipient != "all") || hidden {
        return Ok(None);
    }
    let text = content(fields)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(TurnInput {
        turn_id: fields.optional_text("id")?.unwrap_or(node).to_owned(),
        speaker: Some(author.optional_text("name")?.unwrap_or(role).to_owned()),
        at: time(fields)?,
        text,
        line: fields.line(),
        ..TurnInput::default()
    }))
}

fn time(fields: Fields<'_, '_>) -> Result<Option<Timestamp>, ImportError> {
    fields.optional_epoch("create_time")
}

/// The text parts, one a line. Code, tool output, browsing results and reasoning are other content types and left out, and so
/// are pictures; of spoken parts the transcript counts.
fn content(fields: Fields<'_, '_>) -> Result<String, ImportError> {
    let Some(content) = fields.optional("content") else { return Ok(String::new()) };
    let path = fields.path_of("content.");
    let content = Fields::of(content, fields.line(), &path)?;
    if !matches!(content.text("content_type")?, "text" | "multimodal_text") || content.optional("parts").is_none() {
        return Ok(String::new());
    }
    let text_of = |part: &'_ Value| match part {
        Value::String(text) => Some(text.clone()),
        Value::Object(part) if part.get("content_type").is_some_and(|kind| kind == "audio_transcription") => {
            part.get("text").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    let texts: Vec<String> = content.list("parts")?.iter().filter_map(text_of).filter(|text| !text.is_empty()).collect();
    Ok(texts.join("\n"))
}
