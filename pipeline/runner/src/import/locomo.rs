//! LoCoMo's published JSON: conversations of numbered sessions, each with one date, and the questions asked afterwards.

use std::collections::{HashSet, VecDeque};

use cubelog_memory::Timestamp;
use serde_json::Value;

use super::documents::Document;
use super::error::{ImportError, ImportErrorKind};
use super::fields::Fields;
use super::{Item, QuestionInput, TurnInput};

/// A session has one date; its turns are set this far apart, so that they keep their order in time.
const TURN_MICROS: i64 = 1_000_000;

/// The published categories are numbers; these are the names that their paper gives them.
const CATEGORIES: [(u64, &str); 5] =
    [(1, "multi-hop"), (2, "temporal"), (3, "open-domain"), (4, "single-hop"), (5, "adversarial")];

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

/// One element of the published array. An error in a turn costs that turn; one that is returned, the rest of the conversation.
fn conversation(value: &Value, line: u64, out: &mut VecDeque<Result<Item, ImportError>>) -> Result<(), ImportError> {
    let fields = Fields::of(value, line, "")?;
    let name = fields.text("sample_id")?;
    let sessions = Fields::of(fields.required("conversation")?, line, "conversation.")?;

    let mut turn_ids = HashSet::new();
    let mut last_at = None;
    for number in session_numbers(sessions) {
        let key = format!("session_{number}");
        let (starts_at, turns) = match session_time(sessions, &format!("{key}_date_time"))
            .and_then(|starts_at| sessions.list(&key).map(|turns| (starts_at, turns)))
        {
            Ok(session) => session,
            Err(error) => {
                out.push_back(Err(error));
                continue;
            }
        };
        for (place, value) in turns.iter().enumerate() {
            let at = starts_at.map(|start| Timestamp(start.0 + place as i64 * TURN_MICROS));
            let path = format!("conversation.{key}[{place}].");
            let turn = Fields::of(value, line, &path).and_then(|fields| turn(fields, name, number, at));
            if let Ok(turn) = &turn {
                turn_ids.insert(turn.turn_id.clone());
                last_at = turn.at.or(last_at);
            }
            out.push_back(turn.map(Item::Turn));
        }
    }

    if fields.optional("qa").is_none() {
        return Ok(());
    }
    for (place, value) in fields.list("qa")?.iter().enumerate() {
        let path = format!("qa[{place}].");
        let question = Fields::of(value, line, &path).and_then(|fields| question(fields, &turn_ids));
        out.push_back(question.map(|question| {
            Item::Question(QuestionInput {
                conversation: name.to_owned(),
                id: Some(format!("{name}/q{place}")),
                asked_at: last_at,
                ..question
            })
        }));
    }
    Ok(())
}

/// The numbers of the sessions that hold turns, ascending: in the file "session_10" may stand before "session_2", and a date
/// may stand there without its session.
fn session_numbers(sessions: Fields<'_, '_>) -> Vec<u32> {
    let number = |name: &str| name.strip_prefix("session_").and_then(|rest| rest.parse().ok());
    let mut numbers: Vec<u32> = sessions.names().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// "1:56 pm on 8 May, 2023", taken as UTC because no zone is given.
fn session_time(sessions: Fields<'_, '_>, name: &str) -> Result<Option<Timestamp>, ImportError> {
    let Some(text) = sessions.optional_text(name)? else { return Ok(None) };
    jiff::civil::DateTime::strptime("%I:%M %p on %d %B, %Y", text)
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .map(|time| Some(Timestamp(time.timestamp().as_microsecond())))
        .map_err(|_| sessions.error(name, ImportErrorKind::SessionTime { text: text.chars().take(64).collect() }))
}

fn turn(fields: Fields<'_, '_>, conversation: &str, session: u32, at: Option<Timestamp>) -> Result<TurnInput, ImportError> {
    Ok(TurnInput {
        conversation: conversation.to_owned(),
        session: Some(format!("S{session}")),
        turn_id: fields.text("dia_id")?.to_owned(),
        speaker: fields.optional_text("speaker")?.map(str::to_owned),
        at,
        text: fields.text("text")?.to_owned(),
        caption: fields.optional_text("blip_caption")?.map(str::to_owned),
        index: 0,
        line: fields.line(),
    })
}

fn question(fields: Fields<'_, '_>, turn_ids: &HashSet<String>) -> Result<QuestionInput, ImportError> {
    let category = fields.optional_count("category")?.map(|number| {
        CATEGORIES.iter().find(|(known, _)| *known == number).map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
    });
    Ok(QuestionInput {
        question: fields.text("question")?.to_owned(),
        answer: fields.optional_text_or_number("answer")?,
        category,
        evidence: evidence(&fields.texts("evidence")?, turn_ids),
        line: fields.line(),
        ..QuestionInput::default()
    })
}

/// Turn ids, in the order of the conversation and each once. The published labels have several in one string ("D8:6; D9:17"),
/// misspellings ("D:11:26") and turns that do not exist; the last are left out, since nothing could ever find them.
fn evidence(labels: &[String], turn_ids: &HashSet<String>) -> Vec<String> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    for label in labels.iter().flat_map(|label| label.split([';', ',', ' '])) {
        let mut numbers = label.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        if let (Some(session), Some(place)) = (numbers.next(), numbers.next()) {
            found.push((session, place));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|(session, place)| format!("D{session}:{place}")).filter(|id| turn_ids.contains(id)).collect()
}
