//! A source read to its end before anything of it is taken: form, limits, times, and turns that contradict each other.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use cubelog_memory::limits::FUTURE_SKEW_MICROS_MAX;
use cubelog_memory::{Content, ContentError, Timestamp};
use cubelog_runner::import::{Item, TurnInput};

use super::source::Source;
use crate::failure::Result;
use crate::wire;

/// Complaints that are kept.
const FIRST_MAX: usize = 20;

#[derive(Debug, Default)]
pub struct Checked {
    pub turns: u64,
    pub errors: u64,
    /// The first complaints, with the source's name, line and field.
    pub first: Vec<String>,
}

impl Checked {
    fn complain(&mut self, complaint: String) {
        self.errors += 1;
        if self.first.len() < FIRST_MAX {
            self.first.push(complaint);
        }
    }
}

pub fn check(source: &Source) -> Result<Checked> {
    let now = Timestamp(wire::now().as_microsecond());
    let mut checked = Checked::default();
    let mut seen = HashMap::new();
    for item in source.peek()? {
        match item {
            Ok(Item::Turn(turn)) => {
                checked.turns += 1;
                let line = turn.line;
                if let Err(reason) = check_turn(turn, now, &mut seen) {
                    checked.complain(format!("{} line {line}: {reason}", source.name()));
                }
            }
            Ok(Item::Question(_)) => {}
            Err(error) => checked.complain(format!("{} {error}", source.name())),
        }
    }
    Ok(checked)
}

/// `seen` maps turns to what they say, both as hashes: a turn may stand in a file twice, but only with the same words.
fn check_turn(turn: TurnInput, now: Timestamp, seen: &mut HashMap<u64, (u64, u64)>) -> Result<(), String> {
    if turn.at.is_some_and(|at| at.micros() > now.micros().saturating_add(FUTURE_SKEW_MICROS_MAX)) {
        return Err("field `at`: the time lies more than a day in the future".to_owned());
    }
    let key = hash(&(&turn.conversation, &turn.turn_id));
    let content = Content {
        text: turn.text,
        speaker: turn.speaker,
        caption: turn.caption,
        session: turn.session,
        source: Some(turn.turn_id),
    };
    match content.check() {
        // Nothing is said; the runner passes over such turns and counts them.
        Err(ContentError::Empty) => return Ok(()),
        other => other.map_err(|error| error.to_string())?,
    }
    let says = hash(&(&content.text, &content.speaker, &content.caption, &content.session));
    let (first_line, first_says) = *seen.entry(key).or_insert((turn.line, says));
    if first_says != says {
        let id = content.source.unwrap_or_default();
        return Err(format!("field `turn_id`: {id:?} is also the id of line {first_line}, which says something else"));
    }
    Ok(())
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn complaints(text: &str) -> Vec<String> {
        let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let source = Source::open(file.path(), "auto", false).unwrap();
        let name = source.name().to_owned();
        check(&source).unwrap().first.iter().map(|complaint| complaint.replace(&name, "f")).collect()
    }

    fn turn(id: &str, at: &str, text: &str) -> String {
        format!(
            "{{\"kind\":\"turn\",\"conversation\":\"c\",\"session\":\"s\",\"turn_id\":\"{id}\",\"speaker\":\"A\",\"at\":\"{at}\",\"text\":\"{text}\"}}\n"
        )
    }

    #[test]
    fn a_good_file_has_no_complaints_and_twice_the_same_turn_is_good() {
        let at = "2023-05-08T13:56:00Z";
        assert!(complaints(&format!("{}{}{}", turn("1", at, "hello"), turn("2", at, "you"), turn("1", at, "hello"))).is_empty());
    }

    #[test]
    fn each_complaint_names_line_and_field() {
        let at = "2023-05-08T13:56:00Z";
        let text = format!(
            "{}{}{}{{\"kind\":\"turn\"\n{}",
            turn("1", at, "hello"),
            turn("1", at, "good bye"),
            turn("2", at, " "),
            turn("3", "2999-01-01T00:00:00Z", "later")
        );
        let complaints = complaints(&text);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].starts_with("f line 2: field `turn_id`"), "{complaints:?}");
        assert!(complaints[1].starts_with("f line 4: malformed JSON"), "{complaints:?}");
        assert!(complaints[2].starts_with("f line 5: field `at`"), "{complaints:?}");
    }
}
