//! Ingest: a batch of turns and chat messages onto the log.

use std::collections::HashMap;

use cubelog_api::ingest::{ChatMessage, EndIngestRequest, EndIngestResponse, IngestRequest, IngestResponse, Turn};
use cubelog_api::{Code, Problem};
use cubelog_memory::limits::BATCH_COMMANDS_MAX;
use cubelog_memory::{CubeKey, Timestamp, derive_uuid};
use cubelog_runner::import::TurnInput;
use cubelog_runner::{Caller, IngestOptions, IngestReport};
use serde_json::Value;

use super::problems::problem;
use super::{Service, parse};

/// Roles whose messages nobody said.
const SKIPPED_ROLES: [&str; 4] = ["system", "developer", "tool", "function"];

impl Service {
    /// Takes a batch of turns in; it is on the log when this answers, and the views follow.
    pub async fn ingest(&self, caller: &Caller, request: IngestRequest) -> Result<IngestResponse, Problem> {
        let count = request.turns.len() + request.messages.len();
        if count > BATCH_COMMANDS_MAX {
            let detail = format!("the batch has {count} turns; at most {BATCH_COMMANDS_MAX} are allowed at once");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let cube = request.cube.as_deref().map(|text| parse::cube(caller, text)).transpose()?;
        let options = IngestOptions {
            tenant: caller.tenant.clone(),
            cube: cube.as_ref().map(|key| key.cube.clone()),
            create: request.create,
            auditable: request.auditable,
            keep_going: request.keep_going,
            subject: request.subject.clone(),
        };
        let mut refused = IngestReport::default();
        let turns = Reader::new(&request, cube.as_ref(), self.now()).read(&mut refused)?;
        let mut report = self.cubelog().ingest_turns(caller, &options, turns).await.map_err(problem)?;
        refused.turns = refused.refused + refused.skipped;
        report.merge(refused);
        Ok(IngestResponse {
            turns: report.turns,
            received: report.received,
            duplicates: report.duplicates,
            refused: report.refused,
            reasons: report.reasons,
            skipped: report.skipped,
            cubes: report.cubes.iter().map(ToString::to_string).collect(),
            token: report.token.to_string(),
        })
    }

    /// Notes that an import ended.
    pub async fn end_ingest(&self, caller: &Caller, request: EndIngestRequest) -> Result<EndIngestResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let format = parse::tag("format", &request.format)?;
        let report = IngestReport {
            turns: request.turns,
            received: request.received,
            duplicates: request.duplicates,
            refused: request.refused,
            skipped: request.skipped,
            ..IngestReport::default()
        };
        self.cubelog().record_import(caller, &cube, format, &report).await.map_err(problem)?;
        Ok(EndIngestResponse { cube: cube.to_string() })
    }
}

/// Makes turns out of a request.
struct Reader<'a> {
    request: &'a IngestRequest,
    /// Conversation of what names none.
    conversation: Option<String>,
    now: Timestamp,
}

impl<'a> Reader<'a> {
    fn new(request: &'a IngestRequest, cube: Option<&CubeKey>, now: Timestamp) -> Self {
        let conversation = request.conversation.clone().or_else(|| cube.map(|key| key.cube.to_string()));
        Self { request, conversation, now }
    }

    /// The turns that are well formed; the others are counted in `refused`, or are an error unless the request goes on.
    fn read(&self, refused: &mut IngestReport) -> Result<Vec<TurnInput>, Problem> {
        let mut turns = Vec::with_capacity(self.request.turns.len() + self.request.messages.len());
        let mut take = |read: Result<Option<TurnInput>, Problem>| match read {
            Ok(Some(turn)) => {
                turns.push(turn);
                Ok(())
            }
            Ok(None) => {
                refused.skipped += 1;
                Ok(())
            }
            Err(problem) if self.request.keep_going => {
                refused.refuse(problem.detail.clone());
                Ok(())
            }
            Err(problem) => Err(problem),
        };
        for (place, turn) in self.request.turns.iter().enumerate() {
            take(self.turn(place, turn).map(Some))?;
        }
        let mut seen: HashMap<String, u64> = HashMap::new();
        for (place, message) in self.request.messages.iter().enumerate() {
            take(self.message(place, message, &mut seen))?;
        }
        Ok(turns)
    }

    fn turn(&self, place: usize, turn: &Turn) -> Result<TurnInput, Problem> {
        let field = |name: &str| format!("turns[{place}].{name}");
        let at = parse::optional_time(&field("at"), turn.at.as_deref())?;
        if turn.turn_id.is_empty() {
            return Err(Problem::invalid(&field("turn_id"), "is empty; it tells the turn apart from the others"));
        }
        Ok(TurnInput {
            conversation: self.conversation(&field("conversation"), turn.conversation.as_deref())?,
            session: turn.session.clone().or_else(|| self.request.session.clone()),
            turn_id: turn.turn_id.clone(),
            speaker: turn.speaker.clone(),
            at,
            text: turn.text.clone(),
            caption: turn.caption.clone(),
            index: turn.index.unwrap_or_else(|| self.index(at, place)),
            line: turn.line.unwrap_or(place as u64 + 1),
        })
    }

    fn message(
        &self,
        place: usize,
        message: &ChatMessage,
        seen: &mut HashMap<String, u64>,
    ) -> Result<Option<TurnInput>, Problem> {
        let field = |name: &str| format!("messages[{place}].{name}");
        if SKIPPED_ROLES.contains(&message.role.as_str()) {
            return Ok(None);
        }
        let text = text_of(&field("content"), &message.content)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let at = parse::optional_time(&field("at"), message.at.as_deref())?;
        let turn_id = match message.id.as_deref() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => {
                let parts = [
                    message.role.as_str(),
                    message.name.as_deref().unwrap_or_default(),
                    message.at.as_deref().unwrap_or_default(),
                    &text,
                ];
                let said = derive_uuid("message", &parts).to_string();
                let times = seen.entry(said.clone()).or_default();
                *times += 1;
                format!("{said}.{times}")
            }
        };
        Ok(Some(TurnInput {
            conversation: self.conversation(&field("conversation"), None)?,
            session: self.request.session.clone(),
            turn_id,
            speaker: Some(message.name.clone().unwrap_or_else(|| message.role.clone())).filter(|name| !name.is_empty()),
            at,
            text,
            caption: None,
            index: self.index(at, self.request.turns.len() + place),
            line: place as u64 + 1,
        }))
    }

    fn conversation(&self, field: &str, named: Option<&str>) -> Result<String, Problem> {
        named.map(str::to_owned).or_else(|| self.conversation.clone()).ok_or_else(|| {
            Problem::invalid(field, "is missing; name a conversation or a cube for the turn or for the whole batch")
        })
    }

    /// A place behind everything that was said earlier, for a turn whose source counts none.
    fn index(&self, at: Option<Timestamp>, place: usize) -> u64 {
        let micros = at.map_or_else(|| self.now.micros().saturating_add(place as i64), Timestamp::micros);
        u64::try_from(micros).unwrap_or(0)
    }
}

/// A text, or the text parts of an array, one a line.
fn text_of(field: &str, content: &Value) -> Result<String, Problem> {
    let parts = match content {
        Value::Null => return Ok(String::new()),
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(Problem::invalid(field, "must be a text or an array of parts"));
        }
    };
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Value::String(text) => texts.push(text.as_str()),
            part => {
                let is_text = matches!(part.get("type").and_then(Value::as_str), Some("text" | "input_text" | "output_text"));
                if let (true, Some(text)) = (is_text, part.get("text").and_then(Value::as_str)) {
                    texts.push(text);
                }
            }
        }
    }
    texts.retain(|text| !text.is_empty());
    Ok(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(request: Value) -> Result<(Vec<TurnInput>, IngestReport), Problem> {
        let request: IngestRequest = serde_json::from_value(request).unwrap();
        let mut refused = IngestReport::default();
        let turns = Reader::new(&request, None, Timestamp(1_000)).read(&mut refused)?;
        Ok((turns, refused))
    }

    fn ids(messages: Value) -> Vec<String> {
        let (turns, _) = read(json!({"conversation": "c", "messages": messages})).unwrap();
        turns.into_iter().map(|turn| turn.turn_id).collect()
    }

    #[test]
    fn a_history_that_grows_keeps_the_ids_of_its_messages() {
        let two = json!([{"role": "user", "content": "ok"}, {"role": "assistant", "content": "ok"}]);
        let four = json!([
            {"role": "user", "content": "ok"}, {"role": "assistant", "content": "ok"},
            {"role": "user", "content": "ok"}, {"role": "user", "content": "why?"},
        ]);
        let (two, four) = (ids(two), ids(four));
        assert_eq!(two, four[..2]);
        let mut unique = four;
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 4, "the same words twice are two messages");
    }

    #[test]
    fn what_nobody_said_is_skipped_and_parts_are_joined() {
        let (turns, report) = read(json!({"conversation": "c", "session": "s1", "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "tool", "content": "42"},
            {"role": "assistant", "content": null},
            {"role": "user", "name": "Ann", "id": "m4", "at": "1970-01-01T00:00:05Z", "content": [
                {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "there"},
            ]},
        ]}))
        .unwrap();
        assert_eq!((turns.len(), report.skipped, report.refused), (1, 3, 0));
        let turn = &turns[0];
        assert_eq!((turn.turn_id.as_str(), turn.text.as_str()), ("m4", "look\nthere"));
        assert_eq!((turn.speaker.as_deref(), turn.session.as_deref()), (Some("Ann"), Some("s1")));
        assert_eq!(turn.index, 5_000_000, "its time is its place");
    }

    #[test]
    fn turns_without_place_or_time_keep_their_order() {
        let turns =
            json!([{"turn_id": "a", "text": "1"}, {"turn_id": "b", "text": "2"}, {"turn_id": "c", "text": "3", "index": 7}]);
        let (turns, _) = read(json!({"conversation": "c", "turns": turns})).unwrap();
        assert_eq!(turns.iter().map(|turn| turn.index).collect::<Vec<_>>(), [1_000, 1_001, 7]);
    }

    #[test]
    fn a_bad_turn_refuses_the_batch_unless_it_goes_on() {
        let mut request = json!({"conversation": "c", "turns": [
            {"turn_id": "a", "text": "good"},
            {"turn_id": "b", "text": "bad", "at": "tomorrow"},
            {"turn_id": "", "text": "nameless"},
        ]});
        let problem = read(request.clone()).unwrap_err();
        assert!(problem.detail.starts_with("turns[1].at: "), "{problem}");
        request["keep_going"] = true.into();
        let (turns, report) = read(request).unwrap();
        assert_eq!((turns.len(), report.refused, report.reasons.len()), (1, 2, 2));
    }

    #[test]
    fn a_turn_without_conversation_and_cube_is_refused() {
        let problem = read(json!({"turns": [{"turn_id": "a", "text": "x"}]})).unwrap_err();
        assert!(problem.detail.starts_with("turns[0].conversation: "), "{problem}");
    }
}
