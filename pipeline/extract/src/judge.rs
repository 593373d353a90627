//! The port `Judge`: two statements that seem to contradict each other in, how the later one relates to the earlier one out.

use async_trait::async_trait;
use cubelog_memory::Timestamp;
use serde_json::{Value, json};

use crate::limits::OUTPUT_BYTES_MAX;
use crate::output::OutputError;
use crate::port::{Counts, ExtractError};

/// Goes up with every change of the prompt, and stands in the judge's name on the log.
pub const JUDGE_VERSION: &str = "j1";

const INSTRUCTIONS: &str = include_str!("judge.txt");

/// One side of a dispute.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Empty where nobody said who spoke.
    pub speaker: String,
    pub said_at: Timestamp,
    pub text: String,
}

/// Two statements that rules could not settle.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispute {
    /// Whom and what both are about, as far as the rules could tell.
    pub about: Option<String>,
    pub earlier: Statement,
    pub later: Statement,
}

/// How the later statement relates to the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relates {
    /// Both were true in their time; the later is true now.
    Changes,
    /// The earlier was never true.
    Corrects,
    /// Both are true.
    Coexists,
    /// Both say the same.
    Restates,
    Unsure,
}

impl Relates {
    const ALL: [(Self, &'static str); 5] = [
        (Relates::Changes, "changes"),
        (Relates::Corrects, "corrects"),
        (Relates::Coexists, "coexists"),
        (Relates::Restates, "restates"),
        (Relates::Unsure, "unsure"),
    ];

    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(is, _)| *is == self).map_or("unsure", |(_, word)| word)
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, is)| *is == word).map(|(relates, _)| *relates)
    }
}

/// What a judge said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    pub relates: Relates,
    /// 0 to 1.
    pub confidence: f32,
}

/// Settles what rules cannot.
#[async_trait]
pub trait Judge: Send + Sync + 'static {
    /// Names the judge on the log: its sort, a dot, and everything that changes what it says. Letters, digits and `. _ - @ +`.
    fn identity(&self) -> &str;

    async fn judge(&self, dispute: &Dispute) -> Result<Judgement, ExtractError>;

    /// What it has cost so far.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}

/// The messages of a chat completion for one dispute.
pub fn messages(dispute: &Dispute) -> Value {
    let side = |statement: &Statement| {
        let at = jiff::Timestamp::from_microsecond(statement.said_at.micros()).map(|at| at.to_string()).unwrap_or_default();
        json!({ "speaker": statement.speaker, "at": at, "text": statement.text })
    };
    let data = json!({ "about": dispute.about, "earlier": side(&dispute.earlier), "later": side(&dispute.later) });
    json!([
        { "role": "system", "content": INSTRUCTIONS.trim_end() },
        { "role": "user", "content": data.to_string() },
    ])
}

/// Reads a judgement: the last JSON object of the text that has a verdict. A confidence that is missing or none is 0, so that it settles
/// nothing.
pub fn read(raw: &str) -> Result<Judgement, OutputError> {
    if raw.len() > OUTPUT_BYTES_MAX {
        return Err(OutputError::TooLong { bytes: raw.len() });
    }
    let answer = raw.rsplit_once("</think>").map_or(raw, |(_, answer)| answer);
    let mut found = None;
    let mut at = 0;
    while let Some(next) = answer[at..].find('{') {
        at += next;
        let mut values = serde_json::Deserializer::from_str(&answer[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                found = judgement(&value).or(found);
                at += values.byte_offset().max(1);
            }
            _ => at += 1,
        }
    }
    found.ok_or_else(|| OutputError::NoStatements { begins: answer.trim().chars().take(60).collect() })
}

fn judgement(value: &Value) -> Option<Judgement> {
    let relates = Relates::from_word(value["verdict"].as_str()?.trim().to_ascii_lowercase().as_str())?;
    let confidence = value["confidence"].as_f64().filter(|sure| (0.0..=1.0).contains(sure)).unwrap_or(0.0);
    Some(Judgement { relates, confidence: confidence as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_are_read_out_of_what_models_write() {
        let is = |relates, confidence| Some(Judgement { relates, confidence });
        for (raw, meant) in [
            (r#"{"verdict":"changes","confidence":0.9}"#, is(Relates::Changes, 0.9)),
            ("```json\n{\"verdict\": \"Corrects\", \"confidence\": 1}\n```", is(Relates::Corrects, 1.0)),
            (r#"<think>{"verdict":"corrects","confidence":1}</think> {"verdict":"unsure"}"#, is(Relates::Unsure, 0.0)),
            (
                r#"I first said {"verdict":"restates","confidence":0.4} but {"verdict":"coexists","confidence":0.8}."#,
                is(Relates::Coexists, 0.8),
            ),
            (r#"{"verdict":"changes","confidence":"very"}"#, is(Relates::Changes, 0.0)),
            (r#"{"verdict":"changes","confidence":7}"#, is(Relates::Changes, 0.0)),
            (r#"{"verdict":"maybe","confidence":1}"#, None),
            (r#"{"verdict":"changes""#, None),
            ("", None),
            ("{{{{{{", None),
        ] {
            assert_eq!(read(raw).ok(), meant, "{raw}");
        }
        assert!(read(&"{".repeat(OUTPUT_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_disputed_is_data() {
        let side = |text: &str| Statement { speaker: "ana".to_owned(), said_at: Timestamp(0), text: text.to_owned() };
        let dispute =
            Dispute { about: Some("ana: home".to_owned()), earlier: side("I live in Graz\"}]"), later: side("I live in Linz") };
        let messages = messages(&dispute);
        let data: Value = serde_json::from_str(messages[1]["content"].as_str().unwrap()).unwrap();
        assert_eq!((&data["earlier"]["text"], &data["later"]["speaker"]), (&json!("I live in Graz\"}]"), &json!("ana")));
        assert!(!messages[0]["content"].as_str().unwrap().contains("Graz"));
    }
}
