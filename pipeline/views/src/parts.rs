//! Groups of columns that several tables share: the state of a memory, and content as a reader may see it.

use arrow_schema::{DataType, Field};
use cubelog_memory::{Content, Fingerprint, Lifespan, Memory, Path, Sibling, SubjectId, Tag, Timestamp, Validity};
use serde::Serialize;

use crate::columns::*;
use crate::rows::Shown;

/// Everything of a memory but its id, its place in the log and what its current content is (those have columns in each table).
pub fn state_fields() -> Vec<Field> {
    vec![
        some("lifecycle", DataType::Utf8),
        some("kind", DataType::Utf8),
        some("current_version", DataType::UInt32),
        some("last_version", DataType::UInt32),
        some("siblings", DataType::Utf8),
        some("semantic", DataType::Utf8),
        maybe("path", DataType::Utf8),
        some("tags", tags_type()),
        some("sensitivity", DataType::Utf8),
        some("trust", DataType::Utf8),
        some("priority", DataType::Int32),
        maybe("keep_until", time_type()),
        maybe("watermark", DataType::Utf8),
        some("origin", DataType::Utf8),
        maybe("stream_index", DataType::UInt64),
        maybe("merged_into", DataType::Utf8),
        maybe("expired_at", time_type()),
        some("created_at", time_type()),
    ]
}

/// Content in clear; all null and `erased` once the subject's key is gone.
pub fn content_fields() -> Vec<Field> {
    vec![
        some("erased", DataType::Boolean),
        maybe("text", DataType::Utf8),
        maybe("speaker", DataType::Utf8),
        maybe("caption", DataType::Utf8),
        maybe("session", DataType::Utf8),
        maybe("source", DataType::Utf8),
    ]
}

pub fn write_state<'a>(batch: &mut BatchWriter, memories: impl Iterator<Item = &'a Memory> + Clone) {
    let each = || memories.clone();
    batch.text("lifecycle", each().map(|memory| memory.lifecycle.word()));
    batch.text("kind", each().map(|memory| memory.kind.word()));
    batch.u32("current_version", each().map(|memory| memory.current));
    batch.u32("last_version", each().map(|memory| memory.last));
    batch.text("siblings", each().map(|memory| siblings_text(&memory.siblings)));
    batch.text("semantic", each().map(|memory| memory.descriptive.semantic.word()));
    batch.maybe_text("path", each().map(|memory| memory.descriptive.path.as_ref().map(Path::to_string)));
    batch.tags("tags", each().map(|memory| memory.descriptive.tags.iter().map(Tag::as_str)));
    batch.text("sensitivity", each().map(|memory| memory.governance.sensitivity.word()));
    batch.text("trust", each().map(|memory| memory.governance.trust.word()));
    batch.i32("priority", each().map(|memory| memory.governance.priority));
    batch.maybe_time(
        "keep_until",
        each().map(|memory| match memory.governance.lifespan {
            Lifespan::Keep | Lifespan::Decay { .. } => None,
            Lifespan::Until(end) => Some(end),
        }),
    );
    batch.maybe_text("watermark", each().map(|memory| memory.governance.watermark.as_ref().map(Tag::as_str)));
    batch.text("origin", each().map(|memory| memory.origin.word()));
    batch.maybe_u64("stream_index", each().map(|memory| memory.stream_index));
    batch.maybe_text("merged_into", each().map(|memory| memory.merged_into.map(|id| id.to_string())));
    batch.maybe_time("expired_at", each().map(|memory| memory.expired_at));
    batch.time("created_at", each().map(|memory| memory.created_at));
}

pub fn write_content<'a>(batch: &mut BatchWriter, contents: impl Iterator<Item = &'a Shown> + Clone) {
    let each = || contents.clone().map(Shown::clear);
    batch.flag("erased", each().map(|content| content.is_none()));
    batch.maybe_text("text", each().map(|content| content.map(|content| content.text.as_str())));
    batch.maybe_text("speaker", each().map(|content| content.and_then(|content| content.speaker.as_deref())));
    batch.maybe_text("caption", each().map(|content| content.and_then(|content| content.caption.as_deref())));
    batch.maybe_text("session", each().map(|content| content.and_then(|content| content.session.as_deref())));
    batch.maybe_text("source", each().map(|content| content.and_then(|content| content.source.as_deref())));
}

/// What a memory is found by in words: `text [caption]`. Its speaker is a field of its own, which names in a query are held against.
pub fn search_text(content: &Content) -> String {
    let mut text = String::with_capacity(content.text.len() + 32);
    text.push_str(&content.text);
    if let Some(caption) = &content.caption {
        text.push_str(" [");
        text.push_str(caption);
        text.push(']');
    }
    text
}

#[derive(Serialize)]
struct SiblingJson {
    version: u32,
    subject: String,
    fingerprint: String,
    valid_from: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<i64>,
}

fn siblings_text(siblings: &[Sibling]) -> String {
    if siblings.is_empty() {
        return "[]".to_owned();
    }
    let rows: Vec<SiblingJson> = siblings
        .iter()
        .map(|sibling| SiblingJson {
            version: sibling.version,
            subject: sibling.subject.to_string(),
            fingerprint: fingerprint_text(&sibling.fingerprint),
            valid_from: sibling.valid.from.micros(),
            valid_to: sibling.valid.to.map(Timestamp::micros),
        })
        .collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

pub fn about_fields(prefix: &str) -> Vec<Field> {
    vec![
        some(&format!("{prefix}subject"), DataType::Utf8),
        some(&format!("{prefix}fingerprint"), DataType::Utf8),
        some(&format!("{prefix}valid_from"), time_type()),
        maybe(&format!("{prefix}valid_to"), time_type()),
    ]
}

pub fn write_about<'a>(
    batch: &mut BatchWriter,
    prefix: &str,
    rows: impl Iterator<Item = (&'a SubjectId, &'a Fingerprint, &'a Validity)> + Clone,
) {
    batch.text(&format!("{prefix}subject"), rows.clone().map(|(subject, ..)| subject.as_str()));
    batch.text(&format!("{prefix}fingerprint"), rows.clone().map(|(_, fingerprint, _)| fingerprint_text(fingerprint)));
    batch.time(&format!("{prefix}valid_from"), rows.clone().map(|(.., valid)| valid.from));
    batch.maybe_time(&format!("{prefix}valid_to"), rows.map(|(.., valid)| valid.to));
}

/// What the first views did not have. These stand at the end, where an older table gets them, and are null where a memory is as
/// all memories were then: served as text, not pinned, not decaying, not superseded.
pub fn later_fields() -> Vec<Field> {
    vec![
        maybe("tier", DataType::Utf8),
        maybe("carrier", DataType::Utf8),
        maybe("pinned", DataType::Boolean),
        maybe("half_life_s", DataType::UInt64),
        maybe("superseded_by", DataType::Utf8),
    ]
}

pub fn write_later<'a>(batch: &mut BatchWriter, memories: impl Iterator<Item = &'a Memory> + Clone) {
    let each = || memories.clone();
    batch.maybe_text("tier", each().map(|memory| memory.carrier.map(|carrier| carrier.tier().word())));
    batch.maybe_text("carrier", each().map(|memory| memory.carrier.map(|carrier| carrier.memory().to_string())));
    batch.maybe_flag("pinned", each().map(|memory| memory.governance.pinned.then_some(true)));
    batch.maybe_u64(
        "half_life_s",
        each().map(|memory| match memory.governance.lifespan {
            Lifespan::Decay { half_life_s } => Some(half_life_s),
            Lifespan::Keep | Lifespan::Until(_) => None,
        }),
    );
    batch.maybe_text("superseded_by", each().map(|memory| memory.superseded.map(|superseded| superseded.by.to_string())));
}

/// The row in one piece, which is what the store itself reads; hidden from SQL.
pub fn packed_fields() -> Vec<Field> {
    vec![some(PACKED_STATE, DataType::Binary), maybe(PACKED_CONTENT, DataType::Binary)]
}

pub const PACKED_STATE: &str = "packed_state";
pub const PACKED_CONTENT: &str = "packed_content";
