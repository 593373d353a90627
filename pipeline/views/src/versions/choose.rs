//! Which row of a chain answers a question about a moment: pure, and the same for every store.

use cubelog_memory::{IdMap, Memory, MemoryId, Position, Timestamp, Validity};

use crate::rows::VersionRow;

/// What has to be known of a row to choose; `at` says where the row is.
#[derive(Debug, Clone)]
pub struct Glance<T> {
    pub memory: MemoryId,
    pub position: Position,
    pub conflict: bool,
    pub valid: Validity,
    pub visible: bool,
    pub at: T,
}

/// The row to show, and the last known row, which says what had become of the memory.
#[derive(Debug, Clone)]
pub struct Choice<T> {
    pub shown: T,
    pub last: T,
}

struct Chain<T> {
    last: Glance<T>,
    shown: Option<Glance<T>>,
}

/// One choice a memory. Without `valid_at` the latest row that is no sibling; with it, among those, the one with the greatest
/// `valid.from` not after it (ties: the later recorded), if it still holds then.
pub fn choose<T: Copy>(rows: Vec<Glance<T>>, valid_at: Option<Timestamp>, include_hidden: bool) -> Vec<Choice<T>> {
    let mut chains: IdMap<MemoryId, Chain<T>> = IdMap::default();
    for row in rows {
        let eligible = !row.conflict && valid_at.is_none_or(|at| row.valid.from <= at);
        let rank = |row: &Glance<T>| (valid_at.map(|_| row.valid.from), row.position);
        match chains.entry(row.memory) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Chain { shown: eligible.then(|| row.clone()), last: row });
            }
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let chain = entry.get_mut();
                if eligible && chain.shown.as_ref().is_none_or(|shown| rank(shown) < rank(&row)) {
                    chain.shown = Some(row.clone());
                }
                if chain.last.position < row.position {
                    chain.last = row;
                }
            }
        }
    }
    chains
        .into_values()
        .filter(|chain| include_hidden || chain.last.visible)
        .filter_map(|chain| {
            let shown = chain.shown.filter(|shown| valid_at.is_none_or(|at| shown.valid.holds_at(at)))?;
            Some(Choice { shown: shown.at, last: chain.last.at })
        })
        .collect()
}

/// Puts each shown row together with what the memory was as last known, in the order of the port: by stream index (memories
/// outside a stream last), creation, id.
pub fn finish(found: Vec<(VersionRow, Memory)>) -> Vec<VersionRow> {
    let mut rows: Vec<VersionRow> = found
        .into_iter()
        .map(|(mut shown, last)| {
            shown.memory = last;
            shown
        })
        .collect();
    rows.sort_by_key(|row| (row.memory.stream_index.unwrap_or(u64::MAX), row.memory.created_at, row.memory.id));
    rows
}
