//! The prompt: instructions from a file beside this one, turns as JSON, so that nothing that they say is an instruction.

use serde_json::{Value, json};

use crate::port::Window;

/// Goes up with every change of the prompt, and stands in the extractor's name on the log.
pub const PROMPT_VERSION: &str = "p1";

const INSTRUCTIONS: &str = include_str!("prompt.txt");

/// The messages of a chat completion for one window.
pub fn messages(window: &Window) -> Value {
    let mut own = 0;
    let turns: Vec<Value> = window
        .turns
        .iter()
        .map(|turn| {
            let at = jiff::Timestamp::from_microsecond(turn.said_at.micros()).map(|at| at.to_string()).unwrap_or_default();
            if turn.own {
                own += 1;
                json!({ "id": format!("T{own}"), "speaker": turn.speaker, "at": at, "text": turn.text })
            } else {
                json!({ "context": true, "speaker": turn.speaker, "at": at, "text": turn.text })
            }
        })
        .collect();
    let about = if window.about.is_empty() { "the user" } else { &window.about };
    let data = json!({ "speaker": about, "turns": turns });
    json!([
        { "role": "system", "content": INSTRUCTIONS.trim_end() },
        { "role": "user", "content": data.to_string() },
    ])
}
