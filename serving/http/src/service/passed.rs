//! Why a memory passed the filters of a search, one reason for each filter that was set.

use cubelog_memory::{Tag, Timestamp};
use cubelog_views::{Filter, MemoryRow};

use super::convert;

/// The cube that it was looked for in comes first: that the caller may read it is the filter that is always set.
pub(crate) fn passed(filter: &Filter, row: &MemoryRow) -> Vec<String> {
    let (memory, content) = (&row.memory, row.content.clear());
    let mut reasons = vec![format!("in cube {}", row.cube)];
    let mut because = |reason: String| reasons.push(reason);
    let time = |at: Timestamp| convert::time(at);
    if !filter.speakers.is_empty() {
        because(format!("said by {}", content.and_then(|content| content.speaker.as_deref()).unwrap_or_default()));
    }
    if !filter.sessions.is_empty() {
        because(format!("in session {}", content.and_then(|content| content.session.as_deref()).unwrap_or_default()));
    }
    if !filter.semantic.is_empty() {
        because(format!("of type {}", memory.descriptive.semantic.word()));
    }
    if !filter.tags.is_empty() {
        because(format!("tagged {}", filter.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")));
    }
    if let Some(path) = &filter.path {
        let own = memory.descriptive.path.as_ref().map(ToString::to_string).unwrap_or_default();
        because(format!("path {own} is at or below {path}"));
    }
    if let Some(since) = filter.since {
        because(format!("valid from {}, not before {}", time(memory.valid.from), time(since)));
    }
    if let Some(until) = filter.until {
        because(format!("valid from {}, before {}", time(memory.valid.from), time(until)));
    }
    if let Some(before) = filter.before_index {
        because(format!("stands before place {before} of its stream"));
    }
    if filter.include_hidden && !memory.is_visible() {
        because(format!("hidden ({}), and hidden ones were asked for", memory.lifecycle.word()));
    }
    reasons
}
