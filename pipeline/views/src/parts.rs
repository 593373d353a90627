//! Groups of columns that several tables share: the state of a memory, and content as a reader may see it.

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use cubelog_memory::{
    Content, Descriptive, Fingerprint, Governance, Kind, Lifecycle, Lifespan, Memory, Origin, Path, Position, SemanticType,
    Sensitivity, Sibling, SubjectId, Tag, Timestamp, Trust, Validity,
};
use serde::{Deserialize, Serialize};

use crate::columns::*;
use crate::error::ViewError;
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
            Lifespan::Keep => None,
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

/// What the current content of a memory is; tables name these columns differently.
pub struct CurrentContent {
    pub subject: SubjectId,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
}

pub struct StateColumns<'a> {
    reader: BatchReader<'a>,
    lifecycle: &'a StringArray,
    kind: &'a StringArray,
    current: &'a arrow_array::UInt32Array,
    last: &'a arrow_array::UInt32Array,
    siblings: &'a StringArray,
    semantic: &'a StringArray,
    path: &'a StringArray,
    tags: TagColumn<'a>,
    sensitivity: &'a StringArray,
    trust: &'a StringArray,
    priority: &'a arrow_array::Int32Array,
    keep_until: TimeColumn<'a>,
    watermark: &'a StringArray,
    origin: &'a StringArray,
    stream_index: &'a arrow_array::UInt64Array,
    merged_into: IdColumn<'a>,
    expired_at: TimeColumn<'a>,
    created_at: TimeColumn<'a>,
    ids: IdColumn<'a>,
}

impl<'a> StateColumns<'a> {
    pub fn of(table: &'static str, batch: &'a RecordBatch) -> Result<Self, ViewError> {
        let reader = BatchReader::new(table, batch);
        Ok(Self {
            lifecycle: reader.text("lifecycle")?,
            kind: reader.text("kind")?,
            current: reader.u32("current_version")?,
            last: reader.u32("last_version")?,
            siblings: reader.text("siblings")?,
            semantic: reader.text("semantic")?,
            path: reader.text("path")?,
            tags: reader.tags("tags")?,
            sensitivity: reader.text("sensitivity")?,
            trust: reader.text("trust")?,
            priority: reader.i32("priority")?,
            keep_until: reader.time("keep_until")?,
            watermark: reader.text("watermark")?,
            origin: reader.text("origin")?,
            stream_index: reader.u64("stream_index")?,
            merged_into: reader.ids("merged_into")?,
            expired_at: reader.time("expired_at")?,
            created_at: reader.time("created_at")?,
            ids: reader.ids("memory")?,
            reader,
        })
    }

    fn word<T>(&self, column: &StringArray, row: usize, from: impl Fn(&str) -> Option<T>) -> Result<T, ViewError> {
        from(column.value(row)).ok_or_else(|| self.reader.damaged(format_args!("unknown word {:?}", column.value(row))))
    }

    /// The memory of one row.
    pub fn get(
        &self,
        row: usize,
        content: CurrentContent,
        changed: Position,
        changed_at: Timestamp,
    ) -> Result<Memory, ViewError> {
        let path = self.path.is_valid(row).then(|| Path::parse(self.path.value(row))).transpose();
        let watermark = self.watermark.is_valid(row).then(|| Tag::new(self.watermark.value(row))).transpose();
        Ok(Memory {
            id: self.ids.memory(row)?,
            kind: self.word(self.kind, row, Kind::from_word)?,
            lifecycle: self.word(self.lifecycle, row, Lifecycle::from_word)?,
            current: self.current.value(row),
            last: self.last.value(row),
            siblings: siblings_from(self.siblings.value(row)).map_err(|error| self.reader.damaged(error))?,
            subject: content.subject,
            fingerprint: content.fingerprint,
            valid: content.valid,
            descriptive: Descriptive {
                semantic: self.word(self.semantic, row, SemanticType::from_word)?,
                path: path.map_err(|error| self.reader.damaged(error))?,
                tags: self.tags.get(row)?,
            },
            governance: Governance {
                sensitivity: self.word(self.sensitivity, row, Sensitivity::from_word)?,
                trust: self.word(self.trust, row, Trust::from_word)?,
                priority: self.priority.value(row),
                lifespan: self.keep_until.maybe(row).map_or(Lifespan::Keep, Lifespan::Until),
                watermark: watermark.map_err(|error| self.reader.damaged(error))?,
            },
            origin: self.word(self.origin, row, Origin::from_word)?,
            stream_index: self.stream_index.is_valid(row).then(|| self.stream_index.value(row)),
            merged_into: self.merged_into.maybe_memory(row)?,
            expired_at: self.expired_at.maybe(row),
            created_at: self.created_at.get(row),
            changed_at,
            changed,
        })
    }
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

pub struct ContentColumns<'a> {
    erased: &'a arrow_array::BooleanArray,
    text: &'a StringArray,
    speaker: &'a StringArray,
    caption: &'a StringArray,
    session: &'a StringArray,
    source: &'a StringArray,
}

impl<'a> ContentColumns<'a> {
    pub fn of(reader: &BatchReader<'a>) -> Result<Self, ViewError> {
        Ok(Self {
            erased: reader.flag("erased")?,
            text: reader.text("text")?,
            speaker: reader.text("speaker")?,
            caption: reader.text("caption")?,
            session: reader.text("session")?,
            source: reader.text("source")?,
        })
    }

    pub fn get(&self, row: usize) -> Shown {
        if self.erased.value(row) {
            return Shown::Erased;
        }
        Shown::Clear(Content {
            text: maybe_text(self.text, row).unwrap_or_default(),
            speaker: maybe_text(self.speaker, row),
            caption: maybe_text(self.caption, row),
            session: maybe_text(self.session, row),
            source: maybe_text(self.source, row),
        })
    }
}

/// What the full-text index reads of a memory: `speaker: text [caption]`.
pub fn search_text(content: &Content) -> String {
    let mut text = String::with_capacity(content.text.len() + 32);
    if let Some(speaker) = &content.speaker {
        text.push_str(speaker);
        text.push_str(": ");
    }
    text.push_str(&content.text);
    if let Some(caption) = &content.caption {
        text.push_str(" [");
        text.push_str(caption);
        text.push(']');
    }
    text
}

#[derive(Serialize, Deserialize)]
struct SiblingJson {
    version: u32,
    subject: String,
    fingerprint: String,
    valid_from: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
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

fn siblings_from(text: &str) -> Result<Vec<Sibling>, String> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let rows: Vec<SiblingJson> = serde_json::from_str(text).map_err(|error| format!("siblings: {error}"))?;
    rows.into_iter()
        .map(|row| {
            Ok(Sibling {
                version: row.version,
                subject: SubjectId::new(&row.subject).map_err(|error| error.to_string())?,
                fingerprint: fingerprint_from(&row.fingerprint).ok_or("siblings: bad fingerprint")?,
                valid: Validity { from: Timestamp(row.valid_from), to: row.valid_to.map(Timestamp) },
            })
        })
        .collect()
}

/// Subject, fingerprint and validity of content, under the given column names.
pub struct AboutContent<'a> {
    subject: &'a StringArray,
    fingerprint: &'a StringArray,
    valid_from: TimeColumn<'a>,
    valid_to: TimeColumn<'a>,
    table: &'static str,
}

impl<'a> AboutContent<'a> {
    /// `prefix` is empty for the content that a row shows, `memory_` for the memory's current content.
    pub fn of(table: &'static str, batch: &'a RecordBatch, prefix: &str) -> Result<Self, ViewError> {
        let reader = BatchReader::new(table, batch);
        Ok(Self {
            subject: reader.text(&format!("{prefix}subject"))?,
            fingerprint: reader.text(&format!("{prefix}fingerprint"))?,
            valid_from: reader.time(&format!("{prefix}valid_from"))?,
            valid_to: reader.time(&format!("{prefix}valid_to"))?,
            table,
        })
    }

    pub fn get(&self, row: usize) -> Result<CurrentContent, ViewError> {
        let damaged = |reason: String| ViewError::Damaged { table: self.table.to_owned(), reason };
        Ok(CurrentContent {
            subject: SubjectId::new(self.subject.value(row)).map_err(|error| damaged(error.to_string()))?,
            fingerprint: fingerprint_from(self.fingerprint.value(row)).ok_or_else(|| damaged("bad fingerprint".to_owned()))?,
            valid: Validity { from: self.valid_from.get(row), to: self.valid_to.maybe(row) },
        })
    }
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
