//! Two steps through the graph of entities: from the best candidates to whom and what they name, and on to what else names that.

use std::collections::BTreeMap;

use crate::admit::Admit;
use crate::memories::{Memories, Spot};
use crate::names::Names;

/// Candidates from which the steps begin.
pub const SEEDS: usize = 5;
/// Memories that the second step brings at most.
pub const BROUGHT: usize = 100;
/// An entity that more than this share of the memories mentions links nothing; a few may always share one.
const COMMON: f32 = 0.05;
const FEW: f32 = 3.0;
/// Things in small letters link no memories: they are many, and what they say the words say already (measured: see the weight).
const THINGS: &str = "thing:";

impl Memories {
    /// How strongly memories are linked to seeds (each with its worth), 0 to 1: the greatest worth of a seed that shares an entity with it,
    /// as a share of the best seed's, times how rare that entity is. No seed is linked by itself, and what was not read links nothing.
    pub(crate) fn linked(&self, seeds: &[(Spot, f32)], names: &Names, admit: &Admit) -> BTreeMap<Spot, f32> {
        let best = seeds.iter().map(|(_, worth)| *worth).fold(f32::MIN_POSITIVE, f32::max);
        let mut by_entity: BTreeMap<u32, Vec<(Spot, f32)>> = BTreeMap::new();
        for (spot, worth) in seeds {
            for mention in self.part(*spot).topics().map_or(&[][..], |topics| topics.mentions(spot.at)) {
                if names.name(mention.entity).is_some_and(|name| !name.starts_with(THINGS)) {
                    by_entity.entry(mention.entity).or_default().push((*spot, (worth / best).clamp(0.0, 1.0)));
                }
            }
        }
        let mut linked: BTreeMap<Spot, f32> = BTreeMap::new();
        if by_entity.is_empty() {
            return linked;
        }
        let all = self.parts.iter().flat_map(|part| &part.places).filter(|place| admit.passes(place)).count() as f32;
        for (entity, from) in by_entity {
            let spots = self.mentioning(entity, admit);
            let count = spots.len() as f32;
            if count < 2.0 || count > (COMMON * all).max(FEW) {
                continue;
            }
            let rarity = (all / count).ln() / all.ln().max(1.0);
            for spot in spots {
                let worth = from.iter().filter(|(seed, _)| *seed != spot).map(|(_, worth)| *worth).fold(0.0, f32::max);
                let link = linked.entry(spot).or_default();
                *link = link.max(worth * rarity);
            }
        }
        linked.retain(|_, link| *link > 0.0);
        linked
    }

    /// The admitted memories that mention an entity.
    fn mentioning(&self, entity: u32, admit: &Admit) -> Vec<Spot> {
        let mut spots = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let there = part.topics().map_or(&[][..], |topics| topics.mentioning(entity)).iter();
            let there = there.filter(|at| admit.passes(part.place(**at)));
            spots.extend(there.map(|at| Spot { part: number as u32, at: *at }));
        }
        spots
    }
}
