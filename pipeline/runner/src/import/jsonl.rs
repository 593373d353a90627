//! Cubelog's own form: one JSON object a line, `"kind":"turn"` or `"kind":"question"`; fields it does not know are ignored.

use serde_json::Value;

use super::documents::Document;
use super::error::{ImportError, ImportErrorKind};
use super::fields::Fields;
use super::{Item, QuestionInput, TurnInput};

pub(super) fn parse(text: &str, document: Document) -> Result<Item, ImportError> {
    let Document { line, column, .. } = document;
    let value: Value = serde_json::from_str(text).map_err(|error| ImportError::json(line, column, &error))?;
    let fields = Fields::of(&value, line, "")?;
    match fields.text("kind")? {
        "turn" => turn(fields).map(Item::Turn),
        "question" => question(fields).map(Item::Question),
        other => Err(fields.error("kind", ImportErrorKind::UnknownKind { kind: other.chars().take(64).collect() })),
    }
}

fn turn(fields: Fields<'_, '_>) -> Result<TurnInput, ImportError> {
    Ok(TurnInput {
        conversation: fields.text("conversation")?.to_owned(),
        session: fields.optional_text("session")?.map(str::to_owned),
        turn_id: fields.text("turn_id")?.to_owned(),
        speaker: fields.optional_text("speaker")?.map(str::to_owned),
        at: fields.optional_time("at")?,
        text: fields.text("text")?.to_owned(),
        caption: fields.optional_text("caption")?.map(str::to_owned),
        index: 0,
        line: fields.line(),
    })
}

fn question(fields: Fields<'_, '_>) -> Result<QuestionInput, ImportError> {
    Ok(QuestionInput {
        conversation: fields.text("conversation")?.to_owned(),
        id: fields.optional_text("id")?.map(str::to_owned),
        question: fields.text("question")?.to_owned(),
        answer: fields.optional_text_or_number("answer")?,
        category: fields.optional_text("category")?.map(str::to_owned),
        evidence: fields.texts("evidence")?,
        evidence_audited: match fields.optional("evidence_audited") {
            None => None,
            Some(_) => Some(fields.texts("evidence_audited")?),
        },
        asked_at: fields.optional_time("asked_at")?,
        before_session: fields.optional_text("before_session")?.map(str::to_owned),
        context: fields.texts("context")?,
        choices: fields.texts("choices")?,
        choice: fields.optional_count("choice")?,
        line: fields.line(),
    })
}
