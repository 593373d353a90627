//! Turns of a cube as windows for an extractor: each about one speaker, in one session, with what others said around it.

use std::collections::{BTreeMap, HashSet};

use cubelog_extract::limits::{CONTEXT_BYTES_MAX, CONTEXT_TURNS_MAX, TURN_BYTES_MAX, WINDOW_BYTES_MAX, WINDOW_TURNS_MAX};
use cubelog_extract::{Turn, Window};
use cubelog_language::voice::is_assistant;
use cubelog_memory::{Content, SemanticType, Sensitivity, SubjectId, VersionRef};
use cubelog_views::VersionRow;

/// Turns of others before each of the speaker's own.
const CONTEXT_EACH: usize = 2;

/// A window with where its turns came from.
#[derive(Debug, Clone)]
pub struct Job {
    pub window: Window,
    /// The window's own turns, in order.
    pub sources: Vec<VersionRef>,
    /// Every turn in the window.
    pub shown: Vec<VersionRef>,
    /// Whose key seals the output: one person's words in one window, so that erasing the person reaches it.
    pub subject: SubjectId,
    pub session: Option<String>,
}

pub struct Jobs {
    pub jobs: Vec<Job>,
    /// Secret turns that stay inside.
    pub withheld: u64,
}

/// Cuts the turns that are not `done` into windows. What assistants say is context and never a source; what is secret does not come
/// into a window that `leaves` this process.
pub fn windows(rows: &[VersionRow], done: &HashSet<VersionRef>, readable: &dyn Fn(&SubjectId) -> bool, leaves: bool) -> Jobs {
    let mut withheld = 0;
    let mut sessions: BTreeMap<Option<&str>, Vec<(&VersionRow, &Content)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.memory.descriptive.semantic == SemanticType::Turn) {
        let Some(content) = row.content.clear().filter(|_| readable(&row.memory.subject)) else { continue };
        if leaves && row.memory.governance.sensitivity == Sensitivity::Secret {
            withheld += 1;
            continue;
        }
        sessions.entry(content.session.as_deref()).or_default().push((row, content));
    }
    let mut jobs: Vec<((u64, i64), Job)> = Vec::new();
    for turns in sessions.values_mut() {
        turns.sort_by_key(|(row, _)| (row.memory.stream_index, row.valid.from, row.memory.id));
        let mut open: BTreeMap<(&str, &SubjectId), (Vec<usize>, usize)> = BTreeMap::new();
        for (index, (row, content)) in turns.iter().enumerate() {
            let speaker = content.speaker.as_deref().unwrap_or_default();
            if is_assistant(speaker) || done.contains(&reference(row)) {
                continue;
            }
            let (own, bytes) = open.entry((speaker, &row.memory.subject)).or_default();
            let more = content.text.len().min(TURN_BYTES_MAX);
            if own.len() >= WINDOW_TURNS_MAX || (!own.is_empty() && *bytes + more > WINDOW_BYTES_MAX) {
                jobs.push(job(turns, own));
                own.clear();
                *bytes = 0;
            }
            own.push(index);
            *bytes += more;
        }
        jobs.extend(open.values().map(|(own, _)| job(turns, own)));
    }
    jobs.sort_by_key(|(place, job)| (*place, job.sources.first().map(|source| source.memory)));
    Jobs { jobs: jobs.into_iter().map(|(_, job)| job).collect(), withheld }
}

fn reference(row: &VersionRow) -> VersionRef {
    VersionRef { memory: row.memory.id, version: row.version }
}

/// The window over the turns `own` of a session, never empty, with its place in the stream.
fn job(turns: &[(&VersionRow, &Content)], own: &[usize]) -> ((u64, i64), Job) {
    let mut chosen: Vec<(usize, bool)> = Vec::with_capacity(own.len() * 2);
    let mut context = 0;
    for &index in own {
        let after = chosen.last().map_or(0, |(last, _)| last + 1);
        let before = (after.max(index.saturating_sub(CONTEXT_EACH))..index).filter(|other| !own.contains(other));
        for other in before {
            if context < CONTEXT_TURNS_MAX {
                chosen.push((other, false));
                context += 1;
            }
        }
        chosen.push((index, true));
    }
    let (first, content) = turns[own[0]];
    let shown_turns = chosen.iter().map(|(index, own)| {
        let (row, content) = turns[*index];
        Turn {
            speaker: content.speaker.clone().unwrap_or_default(),
            said_at: row.valid.from,
            text: text(content, if *own { TURN_BYTES_MAX } else { CONTEXT_BYTES_MAX }),
            own: *own,
        }
    });
    let job = Job {
        window: Window { about: content.speaker.clone().unwrap_or_default(), turns: shown_turns.collect() },
        sources: own.iter().map(|index| reference(turns[*index].0)).collect(),
        shown: chosen.iter().map(|(index, _)| reference(turns[*index].0)).collect(),
        subject: first.memory.subject.clone(),
        session: content.session.clone(),
    };
    ((first.memory.stream_index.unwrap_or(u64::MAX), first.valid.from.micros()), job)
}

/// What was said and shown, cut at a character.
fn text(content: &Content, bytes_max: usize) -> String {
    let mut text = content.text.clone();
    if let Some(caption) = content.caption.as_deref().filter(|caption| !caption.trim().is_empty()) {
        text.push_str(&format!(" [picture: {caption}]"));
    }
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
