//! The life of a memory as a written table: generated → activated → merged → archived → frozen.

use crate::metadata::words;

words!(
    /// Stage of a memory's life.
    Lifecycle {
        /// Recorded, not yet used.
        Generated = "generated",
        /// In use.
        Activated = "activated",
        /// Its content lives on in another memory.
        Merged = "merged",
        /// Out of ordinary search, still readable.
        Archived = "archived",
        /// Refuses revision and merging until thawed.
        Frozen = "frozen",
    }
);

/// Allowed moves, one row per stage. Merging happens by a merge only, so no move leads to `Merged`; leaving it undoes the merge.
const MOVES: &[(Lifecycle, &[Lifecycle])] = &[
    (Lifecycle::Generated, &[Lifecycle::Activated, Lifecycle::Archived, Lifecycle::Frozen]),
    (Lifecycle::Activated, &[Lifecycle::Archived, Lifecycle::Frozen]),
    (Lifecycle::Merged, &[Lifecycle::Activated, Lifecycle::Archived]),
    (Lifecycle::Archived, &[Lifecycle::Activated, Lifecycle::Frozen]),
    (Lifecycle::Frozen, &[Lifecycle::Activated, Lifecycle::Archived]),
];

impl Lifecycle {
    /// Where a memory may move from here.
    pub fn moves(self) -> &'static [Lifecycle] {
        MOVES.iter().find(|(from, _)| *from == self).map_or(&[], |(_, to)| *to)
    }
    pub fn may_move_to(self, to: Lifecycle) -> bool {
        self.moves().contains(&to)
    }
    /// Whether content may change here.
    pub fn accepts_content(self) -> bool {
        matches!(self, Lifecycle::Generated | Lifecycle::Activated | Lifecycle::Archived)
    }
}
