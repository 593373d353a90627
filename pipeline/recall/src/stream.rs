//! Neighbours in a conversation: what was said before and after, in the same session.

use crate::memories::{Memories, Spot};
use crate::part::{NONE, Place};

/// Places in a stream by (cube, stream index).
pub fn order(places: &[Place]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..places.len() as u32).filter(|at| places[*at as usize].stream_index.is_some()).collect();
    order.sort_by_key(|at| key(&places[*at as usize]));
    order
}

fn key(place: &Place) -> (u32, u64) {
    (place.cube, place.stream_index.unwrap_or(u64::MAX))
}

impl Memories {
    /// The memories up to `reach` places before and after one in its stream that belong to the same session, with their
    /// distance (negative: said before). A memory outside a stream or a session has none.
    pub fn neighbours(&self, spot: Spot, reach: u64) -> Vec<(Spot, i64)> {
        let place = self.place(spot);
        let Some(index) = place.stream_index.filter(|_| place.session != NONE) else { return Vec::new() };
        let (low, high) = (index.saturating_sub(reach), index.saturating_add(reach));
        let mut found = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let first = part.by_stream.partition_point(|at| key(part.place(*at)) < (place.cube, low));
            for at in &part.by_stream[first..] {
                let other = part.place(*at);
                let Some(other_index) = other.stream_index.filter(|other_index| other.cube == place.cube && *other_index <= high)
                else {
                    break;
                };
                if other.session == place.session && other_index != index {
                    found.push((Spot { part: number as u32, at: *at }, other_index as i64 - index as i64));
                }
            }
        }
        found.sort_unstable_by_key(|(spot, distance)| (*distance, *spot));
        found
    }
}
