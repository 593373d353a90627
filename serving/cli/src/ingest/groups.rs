//! Turns put together by conversation, so that each request speaks of one cube and its counts are that cube's.

use std::collections::BTreeMap;

use cubelog_api::ingest::IngestResponse;
use cubelog_runner::import::TurnInput;

/// Turns that wait at most, over all groups.
const TURNS_MAX: usize = 1_000;
/// Bytes of text that wait at most, over all groups; far below what a server takes in one request.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The conversation of a group, or nothing where all turns go to one cube.
pub type Group = Option<String>;

pub struct Groups {
    /// All turns go to this cube.
    cube: Option<String>,
    waiting: BTreeMap<Group, Vec<TurnInput>>,
    turns: usize,
    bytes: usize,
    /// What became of each cube's turns so far.
    counts: BTreeMap<String, IngestResponse>,
}

impl Groups {
    pub fn new(cube: Option<String>) -> Self {
        Self { cube, waiting: BTreeMap::new(), turns: 0, bytes: 0, counts: BTreeMap::new() }
    }

    pub fn push(&mut self, turn: TurnInput) {
        self.turns += 1;
        self.bytes += turn.text.len() + turn.caption.as_ref().map_or(0, String::len);
        let group = if self.cube.is_some() { None } else { Some(turn.conversation.clone()) };
        self.waiting.entry(group).or_default().push(turn);
    }

    pub fn is_full(&self) -> bool {
        self.turns >= TURNS_MAX || self.bytes >= BYTES_MAX
    }

    /// Everything that waits, group by group, each in the order of the source.
    pub fn take(&mut self) -> Vec<(Group, Vec<TurnInput>)> {
        (self.turns, self.bytes) = (0, 0);
        std::mem::take(&mut self.waiting).into_iter().collect()
    }

    /// Adds what became of a group's turns.
    pub fn count(&mut self, response: IngestResponse) {
        let Some(cube) = self.cube.clone().or_else(|| response.cubes.first().cloned()) else { return };
        let counts = self.counts.entry(cube).or_default();
        counts.turns += response.turns;
        counts.received += response.received;
        counts.duplicates += response.duplicates;
        counts.refused += response.refused;
        counts.skipped += response.skipped;
    }

    /// The counts of each cube.
    pub fn finish(self) -> BTreeMap<String, IngestResponse> {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(conversation: &str, id: u64) -> TurnInput {
        TurnInput { conversation: conversation.to_owned(), turn_id: id.to_string(), index: id, ..TurnInput::default() }
    }

    #[test]
    fn interleaved_conversations_are_told_apart_and_keep_their_order() {
        let mut groups = Groups::new(None);
        for id in 0..6 {
            groups.push(turn(["a", "b"][id as usize % 2], id));
        }
        let taken = groups.take();
        let ids: Vec<Vec<u64>> = taken.iter().map(|(_, turns)| turns.iter().map(|turn| turn.index).collect()).collect();
        assert_eq!(ids, [[0, 2, 4], [1, 3, 5]]);
        assert!(groups.take().is_empty());
        let mut one = Groups::new(Some("t/c".to_owned()));
        one.push(turn("a", 0));
        one.push(turn("b", 1));
        assert_eq!(one.take().len(), 1);
    }

    #[test]
    fn a_group_is_full_at_its_limits() {
        let mut groups = Groups::new(None);
        groups.push(TurnInput { text: "x".repeat(BYTES_MAX), ..turn("a", 0) });
        assert!(groups.is_full());
        groups.take();
        assert!(!groups.is_full());
    }
}
