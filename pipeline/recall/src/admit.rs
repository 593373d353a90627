//! Which memories a search may look at, decided one by one.

use std::collections::HashSet;

use crate::names::Names;
use crate::part::Place;

/// A filter in numbers.
#[derive(Debug, Clone, Default)]
pub struct Admit {
    cubes: Vec<u32>,
    speakers: Option<Vec<u32>>,
    sessions: Option<Vec<u32>>,
    /// Valid-from at or after, in microseconds.
    pub since: Option<i64>,
    /// Valid-from strictly before.
    pub until: Option<i64>,
    /// Only turns with a smaller stream index.
    pub before_index: Option<u64>,
    /// Also archived, merged and expired memories.
    pub hidden: bool,
    /// Only these rows, where a filter asks for what is not held.
    pub rows: Option<HashSet<u64>>,
}

impl Admit {
    /// Everything visible in these cubes (`tenant/cube`); cubes that do not occur have nothing.
    pub fn cubes_of<S: AsRef<str>>(names: &Names, cubes: &[S]) -> Self {
        Self { cubes: cubes.iter().filter_map(|cube| names.known(cube.as_ref())).collect(), ..Self::default() }
    }

    /// Only what these speakers said; nobody named means everybody.
    pub fn speakers(mut self, names: &Names, speakers: &[String]) -> Self {
        self.speakers = known(names, speakers);
        self
    }

    /// Only these sessions; none named means all.
    pub fn sessions(mut self, names: &Names, sessions: &[String]) -> Self {
        self.sessions = known(names, sessions);
        self
    }

    pub(crate) fn cubes(&self) -> &[u32] {
        &self.cubes
    }

    pub(crate) fn is_in_cubes(&self, place: &Place) -> bool {
        self.cubes.contains(&place.cube)
    }

    /// Whether a search may know of a memory, whether or not it may show it.
    pub(crate) fn knows(&self, place: &Place) -> bool {
        self.is_in_cubes(place)
            && place.visible
            && self.before_index.is_none_or(|before| place.stream_index.is_some_and(|index| index < before))
    }

    pub(crate) fn passes(&self, place: &Place) -> bool {
        self.is_in_cubes(place)
            && (self.hidden || place.visible)
            && self.speakers.as_ref().is_none_or(|speakers| speakers.contains(&place.speaker))
            && self.sessions.as_ref().is_none_or(|sessions| sessions.contains(&place.session))
            && self.since.is_none_or(|since| place.valid_from >= since)
            && self.until.is_none_or(|until| place.valid_from < until)
            && self.before_index.is_none_or(|before| place.stream_index.is_some_and(|index| index < before))
            && self.rows.as_ref().is_none_or(|rows| rows.contains(&place.row))
    }
}

fn known(names: &Names, wanted: &[String]) -> Option<Vec<u32>> {
    (!wanted.is_empty()).then(|| wanted.iter().filter_map(|name| names.known(name)).collect())
}
