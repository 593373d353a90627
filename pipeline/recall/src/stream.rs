//! Neighbours in a conversation: what was said before and after, in the same session.

use std::collections::HashMap;

use crate::memories::{Memories, Spot};
use crate::part::NONE;

/// Where the turns of sessions stand: (cube, session) to stream index and spot, in the order of the stream.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<(u32, u32), Vec<(u64, Spot)>>);

impl Sessions {
    /// The sessions of these spots, with all of these spots that stand in them.
    pub fn of(memories: &Memories, spots: impl Iterator<Item = Spot>) -> Self {
        let mut sessions: HashMap<(u32, u32), Vec<(u64, Spot)>> = HashMap::new();
        for spot in spots {
            let place = memories.place(spot);
            if let Some(index) = place.stream_index.filter(|_| place.session != NONE) {
                sessions.entry((place.cube, place.session)).or_default().push((index, spot));
            }
        }
        sessions.values_mut().for_each(|turns| turns.sort_unstable());
        Self(sessions)
    }

    /// Those up to `reach` places before and after one in its stream, with their distance (negative: said before).
    pub fn neighbours(&self, memories: &Memories, spot: Spot, reach: u64) -> Vec<(Spot, i64)> {
        let place = memories.place(spot);
        let Some(index) = place.stream_index else { return Vec::new() };
        let Some(turns) = self.0.get(&(place.cube, place.session)) else { return Vec::new() };
        let first = turns.partition_point(|(other, _)| *other < index.saturating_sub(reach));
        turns[first..]
            .iter()
            .take_while(|(other, _)| *other <= index.saturating_add(reach))
            .filter(|(other, _)| *other != index)
            .map(|(other, spot)| (*spot, *other as i64 - index as i64))
            .collect()
    }
}

impl Memories {
    /// Spots of all memories in the sessions of the given ones, themselves included.
    pub(crate) fn in_sessions_of(&self, spots: &[Spot], reach: u64) -> Vec<Spot> {
        let mut found: Vec<Spot> = Vec::new();
        for spot in spots {
            let place = self.place(*spot);
            let Some(index) = place.stream_index.filter(|_| place.session != NONE) else { continue };
            let (low, high) = (index.saturating_sub(reach), index.saturating_add(reach));
            for (number, part) in self.parts.iter().enumerate() {
                let Some(turns) = part.sessions.get(&(place.cube, place.session)) else { continue };
                let first = turns.partition_point(|(other, _)| *other < low);
                let near = turns[first..].iter().take_while(|(other, _)| *other <= high);
                found.extend(near.map(|(_, at)| Spot { part: number as u32, at: *at }));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
