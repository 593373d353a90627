//! Ingest: a batch of turns or chat messages of a conversation stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Turns to take in, in stream order. Turns that are known already, word for word, add nothing, so a batch may be sent again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestRequest {
    /// The cube for all turns; each conversation gets the cube of its own name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cube: Option<String>,
    /// The conversation of the messages, and of turns that name none; the cube's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The session of the messages, and of turns that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Make cubes that do not exist yet.
    #[serde(default = "yes")]
    pub create: bool,
    /// Cubes made here are auditable: reads are on the log before their answer leaves.
    #[serde(default)]
    pub auditable: bool,
    /// Take the good turns in even if some are refused; otherwise one bad turn refuses the batch.
    #[serde(default)]
    pub keep_going: bool,
    /// Pseudonym of the person all of it is about; each turn's speaker if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// At most 10,000 together with the messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// OpenAI-style chat messages; those of the roles system, developer, tool and function are skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<ChatMessage>,
}

impl Default for IngestRequest {
    fn default() -> Self {
        Self {
            cube: None,
            conversation: None,
            session: None,
            create: true,
            auditable: false,
            keep_going: false,
            subject: None,
            turns: Vec::new(),
            messages: Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

/// One turn of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The source's own id, unique within the conversation. The same id is the same turn.
    pub turn_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// When it was said; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub at: Option<String>,
    pub text: String,
    /// Describes an image that was shared with the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Place in the stream. If absent, microseconds since 1970 of `at` or of now, so that batches that follow each other keep
    /// their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Line of the file that it was read from, for messages about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// One chat message. A message without `id` is recognised by what it says: the same role, name, time and content is the same
/// message, counted by its place among equal ones of the batch, so a growing history may be sent whole again and again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatMessage {
    /// `user`, `assistant` or any other.
    pub role: String,
    /// A text, or an array of parts of which those of type `text` count.
    #[serde(default)]
    pub content: serde_json::Value,
    /// Who spoke; the role if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Unique within the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub at: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IngestResponse {
    /// Turns in the batch.
    pub turns: u64,
    /// Turns that are new on the log.
    pub received: u64,
    /// Turns that were there already, word for word.
    pub duplicates: u64,
    /// Turns that were refused.
    pub refused: u64,
    /// Why the first of them were.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Messages that are no turns.
    pub skipped: u64,
    /// Cubes that took turns in, as `tenant/cube`.
    #[serde(default)]
    pub cubes: Vec<String>,
    /// Hand it to a read that must see these turns.
    pub token: String,
}

/// Notes in a cube that an import into it ended, with its counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndIngestRequest {
    pub cube: String,
    /// What was imported: `jsonl`, `locomo`, `openai`, `chatgpt` or another word.
    pub format: String,
    #[serde(default)]
    pub turns: u64,
    #[serde(default)]
    pub received: u64,
    #[serde(default)]
    pub duplicates: u64,
    #[serde(default)]
    pub refused: u64,
    #[serde(default)]
    pub skipped: u64,
}

/// The import is noted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndIngestResponse {
    pub cube: String,
}
