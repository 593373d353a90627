//! The life of a module as a written table: proposed → trained → evaluated → published → active → retired.

use crate::metadata::words;

words!(
    /// Stage of a module's life.
    Stage {
        /// Worth training, says a policy or a person.
        Proposed = "proposed",
        Trained = "trained",
        /// It passed its gates.
        Evaluated = "evaluated",
        /// Where servers find it, not worn.
        Published = "published",
        /// Worn.
        Active = "active",
        /// Out of service.
        Retired = "retired",
        /// It failed a gate, and is kept with its report and never served.
        Rejected = "rejected",
    }
);

/// Allowed moves, one row per stage. A rejected module may pass under other thresholds; a retired one may be published again.
const MOVES: &[(Stage, &[Stage])] = &[
    (Stage::Proposed, &[Stage::Trained, Stage::Retired]),
    (Stage::Trained, &[Stage::Evaluated, Stage::Rejected, Stage::Retired]),
    (Stage::Evaluated, &[Stage::Published, Stage::Rejected, Stage::Retired]),
    (Stage::Published, &[Stage::Active, Stage::Rejected, Stage::Retired]),
    (Stage::Active, &[Stage::Published, Stage::Rejected, Stage::Retired]),
    (Stage::Retired, &[Stage::Published, Stage::Rejected]),
    (Stage::Rejected, &[Stage::Evaluated, Stage::Retired]),
];

impl Stage {
    /// Where a module may move from here.
    pub fn moves(self) -> &'static [Stage] {
        MOVES.iter().find(|(from, _)| *from == self).map_or(&[], |(_, to)| *to)
    }
    pub fn may_move_to(self, to: Stage) -> bool {
        self.moves().contains(&to)
    }
    /// Where an evaluation leaves a module; `None` if there is nothing to evaluate yet.
    pub fn evaluated(self, passed: bool) -> Option<Stage> {
        match (self, passed) {
            (Stage::Proposed, _) => None,
            (_, false) => Some(Stage::Rejected),
            (Stage::Trained | Stage::Evaluated | Stage::Rejected, true) => Some(Stage::Evaluated),
            (later @ (Stage::Published | Stage::Active | Stage::Retired), true) => Some(later),
        }
    }
}
