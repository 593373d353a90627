//! Which memories a search may look at, decided one by one.

use std::collections::HashSet;

use crate::names::Names;
use crate::part::{Part, Place};

/// A filter in numbers.
#[derive(Debug, Clone, Default)]
pub struct Admit {
    cubes: Vec<u32>,
    /// All cubes of the same tenants: over them the worth of words is counted.
    counted: Vec<u32>,
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

/// Which memories of a part are meant.
#[derive(Debug)]
pub(crate) enum Mask {
    All,
    None,
    Some(Vec<bool>),
}

impl Mask {
    #[inline]
    pub fn has(&self, at: u32) -> bool {
        match self {
            Mask::All => true,
            Mask::None => false,
            Mask::Some(passes) => passes[at as usize],
        }
    }
}

impl Admit {
    /// Everything visible in these cubes (`tenant/cube`); cubes that do not occur have nothing.
    pub fn cubes_of<S: AsRef<str>>(names: &Names, cubes: &[S]) -> Self {
        let mut tenants: Vec<&str> =
            cubes.iter().filter_map(|cube| cube.as_ref().split_once('/')).map(|(tenant, _)| tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        let counted = tenants.iter().flat_map(|tenant| names.cubes_of(tenant)).collect();
        Self { cubes: cubes.iter().filter_map(|cube| names.known(cube.as_ref())).collect(), counted, ..Self::default() }
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

    fn is_in_cubes(&self, place: &Place) -> bool {
        self.cubes.contains(&place.cube)
    }

    /// Whether a search may know of a memory, whether or not it may show it.
    pub(crate) fn knows(&self, place: &Place) -> bool {
        self.is_in_cubes(place)
            && place.visible
            && self.before_index.is_none_or(|before| place.stream_index.is_some_and(|index| index < before))
    }

    /// Whether it asks for nothing but cubes and what is visible in them.
    fn is_plain(&self) -> bool {
        self.speakers.is_none()
            && self.sessions.is_none()
            && self.since.is_none()
            && self.until.is_none()
            && self.before_index.is_none()
            && self.rows.is_none()
    }

    /// Which memories of a part pass.
    pub(crate) fn mask(&self, part: &Part) -> Mask {
        match part.uniform {
            Some(cube) if !self.cubes.contains(&cube) => Mask::None,
            Some(_) if self.is_plain() => Mask::All,
            _ => Mask::Some(part.places.iter().map(|place| self.passes(place)).collect()),
        }
    }

    pub(crate) fn counted(&self) -> &[u32] {
        &self.counted
    }

    /// Which memories of a part are counted.
    pub(crate) fn mask_of_counted(&self, part: &Part) -> Mask {
        match part.uniform {
            Some(cube) if self.counted.contains(&cube) => Mask::All,
            Some(_) => Mask::None,
            None => Mask::Some(part.places.iter().map(|place| self.counted.contains(&place.cube)).collect()),
        }
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
