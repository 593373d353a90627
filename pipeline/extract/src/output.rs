//! Reading what an extractor put out: tolerant of everything that models wrap around JSON, strict about what a statement is.

use cubelog_language::fingerprint::exact_form;
use cubelog_memory::{SemanticType, Timestamp};
use serde_json::{Map, Value, json};

use crate::limits::{OUTPUT_BYTES_MAX, STATEMENT_BYTES_MAX, STATEMENTS_MAX, WINDOW_TURNS_MAX};

/// A statement with its sort and its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// Fact, preference, event or profile.
    pub kind: SemanticType,
    pub text: String,
    /// Which of the window's own turns say it, counted from 0, ascending; never empty. They may be more than the window has.
    pub sources: Vec<usize>,
    /// When it begins to hold in the world, and when it ends (exclusive), where that was said.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// Why an output says nothing that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    #[error("the output holds no statements as JSON; it begins {begins:?}")]
    NoStatements { begins: String },
    #[error("the output has {bytes} bytes; at most {OUTPUT_BYTES_MAX} are read")]
    TooLong { bytes: usize },
}

/// Keys under which models put what they were asked for.
const TEXT_KEYS: &[&str] = &["text", "statement", "fact", "memory", "content"];
const KIND_KEYS: &[&str] = &["kind", "type", "category"];
const SOURCE_KEYS: &[&str] = &["sources", "source", "turns", "turn", "turn_ids", "ids"];
const LIST_KEYS: &[&str] = &["statements", "facts", "memories", "preferences", "events", "profile", "profiles", "results"];

/// Reads the statements of an output, in order. Prose, code fences and a model's thinking around the JSON, unknown fields and a cut
/// end do no harm; statements without a source or without words are left out, and repeated ones become one.
pub fn read_output(raw: &str) -> Result<Vec<Extracted>, OutputError> {
    if raw.len() > OUTPUT_BYTES_MAX {
        return Err(OutputError::TooLong { bytes: raw.len() });
    }
    // Drafts in a model's thinking are no answer.
    let answer = raw.rsplit_once("</think>").map_or(raw, |(_, answer)| answer);
    let mut harvest = Harvest { is_answer: matches!(answer.trim(), "[]" | "{}"), ..Harvest::default() };
    let mut at = 0;
    while let Some(found) = answer[at..].find('{') {
        at += found;
        let mut values = serde_json::Deserializer::from_str(&answer[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                harvest.take(&value, None);
                at += values.byte_offset().max(1);
            }
            // Not whole: perhaps something inside of it is.
            _ => {
                harvest.is_answer |= names_a_list(&answer[at..]);
                at += 1;
            }
        }
    }
    if !harvest.is_answer {
        return Err(OutputError::NoStatements { begins: answer.trim().chars().take(60).collect() });
    }
    Ok(harvest.statements)
}

/// Whether a JSON object that was cut off begins with a list of statements.
fn names_a_list(text: &str) -> bool {
    // A few characters of it, so that a text of nothing but braces and blanks costs no more than its length.
    let inside: String = text.chars().skip(1).take(40).collect();
    let key = inside.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
    key.is_some_and(|(key, _)| LIST_KEYS.contains(&key))
}

#[derive(Default)]
struct Harvest {
    statements: Vec<Extracted>,
    /// Exact forms of `statements`.
    forms: Vec<String>,
    /// Something was recognised as an answer, if an empty one.
    is_answer: bool,
}

impl Harvest {
    /// `kind` is what the key above the value says of it. The depth is bounded by what serde_json parses.
    fn take(&mut self, value: &Value, kind: Option<SemanticType>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.take(value, kind)),
            Value::Object(object) if text_of(object).is_some() => {
                self.is_answer = true;
                if let Some(statement) = statement(object, kind) {
                    self.add(statement);
                }
            }
            Value::Object(object) => {
                for (key, value) in object {
                    if LIST_KEYS.contains(&key.as_str()) && value.is_array() {
                        self.is_answer = true;
                    }
                    self.take(value, kind_of(key).or(kind));
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, statement: Extracted) {
        let form = exact_form(&statement.text);
        if let Some(known) = self.forms.iter().position(|known| *known == form) {
            let sources = &mut self.statements[known].sources;
            sources.extend(statement.sources);
            sources.sort_unstable();
            sources.dedup();
        } else if self.statements.len() < STATEMENTS_MAX {
            self.statements.push(statement);
            self.forms.push(form);
        }
    }
}

fn text_of(object: &Map<String, Value>) -> Option<&str> {
    TEXT_KEYS.iter().find_map(|key| object.get(*key)?.as_str())
}

fn statement(object: &Map<String, Value>, above: Option<SemanticType>) -> Option<Extracted> {
    let text = plain(text_of(object)?)?;
    let named = KIND_KEYS.iter().find_map(|key| object.get(*key)?.as_str()).and_then(kind_of);
    let mut sources: Vec<usize> = SOURCE_KEYS.iter().find_map(|key| object.get(*key)).map(sources_of).unwrap_or_default();
    sources.sort_unstable();
    sources.dedup();
    let time = |key: &str| object.get(key)?.as_str().and_then(time_of);
    let (from, to) = (time("from"), time("to"));
    let orderly = !matches!((from, to), (Some(from), Some(to)) if to <= from);
    (!sources.is_empty()).then_some(Extracted {
        kind: named.or(above).unwrap_or(SemanticType::Fact),
        text,
        sources,
        from: from.filter(|_| orderly),
        to: to.filter(|_| orderly),
    })
}

/// On one line and without control characters; `None` for what is too long or has no words.
fn plain(text: &str) -> Option<String> {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    (text.len() <= STATEMENT_BYTES_MAX && text.chars().any(char::is_alphanumeric)).then_some(text)
}

fn kind_of(word: &str) -> Option<SemanticType> {
    match word.trim().to_lowercase().as_str() {
        "fact" | "facts" => Some(SemanticType::Fact),
        "preference" | "preferences" => Some(SemanticType::Preference),
        "event" | "events" => Some(SemanticType::Event),
        "profile" | "profiles" => Some(SemanticType::Profile),
        _ => None,
    }
}

/// `"T3"`, `3`, `"[T3, T4]"` or a list of these.
fn sources_of(value: &Value) -> Vec<usize> {
    let numbered = |number: u64| usize::try_from(number).ok().filter(|n| (1..=WINDOW_TURNS_MAX).contains(n)).map(|n| n - 1);
    match value {
        Value::Number(number) => number.as_u64().and_then(numbered).into_iter().collect(),
        Value::String(text) => text
            .split(|c: char| !c.is_alphanumeric())
            .filter_map(|id| id.strip_prefix(['T', 't']).unwrap_or(id).parse().ok().and_then(numbered))
            .collect(),
        Value::Array(values) => values.iter().filter(|value| !value.is_array()).flat_map(sources_of).collect(),
        _ => Vec::new(),
    }
}

/// `2026-03-01T10:00:00Z`, `2026-03-01`, `2026-03` or `2026`, each from its first instant in UTC.
fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(instant.as_microsecond()));
    }
    let day = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let date: jiff::civil::Date = day.parse().ok()?;
    let instant = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp(instant.as_microsecond()))
}

/// Writes statements in the form that [`read_output`] reads and models are asked for.
pub fn write_output(statements: &[Extracted]) -> String {
    let time = |time: Timestamp| jiff::Timestamp::from_microsecond(time.micros()).ok().map(|time| Value::from(time.to_string()));
    let statements: Vec<Value> = statements
        .iter()
        .map(|statement| {
            let mut written = json!({
                "kind": statement.kind.word(),
                "text": statement.text,
                "sources": statement.sources.iter().map(|index| format!("T{}", index + 1)).collect::<Vec<_>>(),
            });
            for (key, value) in [("from", statement.from.and_then(time)), ("to", statement.to.and_then(time))] {
                if let Some(value) = value {
                    written[key] = value;
                }
            }
            written
        })
        .collect();
    json!({ "statements": statements }).to_string()
}
