//! From a query to ranked memories: candidates of both sides with what stands beside them, described for the ranking.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubelog_memory::Timestamp;
use cubelog_memory::ranking::{Ask, Candidate, Method, Ranked, rank};

use crate::admit::Admit;
use crate::memories::{Memories, Query, Spot};
use crate::names::Names;
use crate::part::NONE;
use crate::words::{self, Lexical};

/// Memories within this many places of a candidate in its stream are looked at with it.
const REACH: u64 = 2;

/// A search, in terms of what is held.
#[derive(Debug)]
pub struct Search<'a> {
    pub admit: &'a Admit,
    pub similar: Side<'a, [f32]>,
    pub wording: Side<'a, str>,
    /// Names of speakers that the query mentions.
    pub named: &'a [String],
    /// Whether the query is about whoever asks, so that what is new counts.
    pub own: bool,
    /// How many candidates each side brings.
    pub candidates: usize,
    pub ask: &'a Ask,
}

/// One side of a search: the vector of the query, or its words.
#[derive(Debug)]
pub enum Side<'a, Q: ?Sized> {
    /// Not asked for.
    No,
    /// By what is held.
    Held(&'a Q),
    /// Found elsewhere: rows with cosine similarity, or with a score that has no bounds.
    Elsewhere(&'a [(u64, f32)]),
}

/// Finds and ranks. The result is the same for the same memories, however they came in parts.
pub fn find(memories: &Memories, names: &Names, search: &Search<'_>) -> Vec<(Spot, Ranked)> {
    let query = Query::new(match search.similar {
        Side::Held(vector) => Some(vector),
        _ => None,
    });
    let there = |rows: &[(u64, f32)]| -> Vec<(Spot, f32)> {
        rows.iter().filter_map(|(row, score)| Some((memories.spot(*row)?, *score))).collect()
    };
    let dense = match search.similar {
        Side::No => Vec::new(),
        Side::Held(_) => memories.nearest(&query, search.admit, search.candidates),
        Side::Elsewhere(rows) => there(rows),
    };
    let lexical = match search.wording {
        Side::No => Lexical::default(),
        Side::Held(text) => words::search(memories, text, search.admit, search.candidates),
        // How much could have been reached is not known there; the best stands for it.
        Side::Elsewhere(rows) => {
            let limit = rows.iter().map(|(_, score)| *score).fold(f32::MIN_POSITIVE, f32::max);
            Lexical { scores: there(rows), limit }
        }
    };
    let mut scores: BTreeMap<Spot, (Option<f32>, Option<f32>)> = BTreeMap::new();
    for (spot, score) in dense {
        scores.entry(spot).or_default().0 = Some(score);
    }
    for (spot, score) in lexical.scores {
        scores.entry(spot).or_default().1 = Some(score / lexical.limit);
    }
    // Baselines order what their side found, and nothing beside it.
    let alone = search.ask.method != Method::Hybrid;
    let found: Vec<Spot> = scores.keys().copied().collect();
    let mut beside: HashMap<Spot, Vec<(Spot, i64)>> = HashMap::new();
    for spot in found.iter().filter(|_| !alone) {
        let neighbours = memories.neighbours(*spot, REACH);
        for (neighbour, _) in &neighbours {
            if search.admit.passes(memories.place(*neighbour)) {
                scores.entry(*neighbour).or_default();
            }
        }
        beside.insert(*spot, neighbours);
    }
    let spots: Vec<Spot> = scores.keys().copied().collect();
    let number: HashMap<Spot, usize> = spots.iter().enumerate().map(|(number, spot)| (*spot, number)).collect();
    let named: BTreeSet<u32> = search.named.iter().filter_map(|name| names.known(name)).collect();
    let newest = if search.own && !alone { memories.sessions(search.admit) } else { HashMap::new() };
    let pool: Vec<Candidate> = spots
        .iter()
        .map(|spot| {
            let place = memories.place(*spot);
            let (dense, lexical) = scores[spot];
            let neighbours = match beside.remove(spot) {
                Some(neighbours) => neighbours,
                None if alone => Vec::new(),
                None => memories.neighbours(*spot, REACH),
            };
            Candidate {
                memory: place.memory,
                dense: dense.or_else(|| if alone { None } else { query.similarity(memories, *spot) }),
                lexical,
                session: (place.session != NONE).then_some(place.session),
                neighbours: neighbours.iter().filter_map(|(spot, distance)| Some((*number.get(spot)?, *distance))).collect(),
                named: named.contains(&place.speaker),
                voice: place.voice,
                sessions_ago: newest.get(&(place.cube, place.session)).copied(),
                stream_index: place.stream_index,
                valid_from: Timestamp(place.valid_from),
                priority: place.priority,
            }
        })
        .collect();
    rank(&pool, search.ask).into_iter().map(|ranked| (spots[ranked.candidate], ranked)).collect()
}

impl Memories {
    /// Where the memory of a row stands; `None` if it is not held.
    pub fn spot(&self, row: u64) -> Option<Spot> {
        self.parts.iter().enumerate().find_map(|(part, memories)| Some(Spot { part: part as u32, at: memories.at(row)? }))
    }

    /// The admitted cubes' sessions, by how many began after them in the stream of their cube.
    fn sessions(&self, admit: &Admit) -> HashMap<(u32, u32), u32> {
        let mut first: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (key, index) in self.parts.iter().flat_map(|part| &part.sessions) {
            if admit.cubes().contains(&key.0) && admit.before_index.is_none_or(|before| *index < before) {
                let known = first.entry(*key).or_insert(*index);
                *known = (*index).min(*known);
            }
        }
        let mut order: Vec<((u32, u32), u64)> = first.into_iter().collect();
        order.sort_unstable_by_key(|((cube, session), index)| (*cube, std::cmp::Reverse(*index), *session));
        let mut ago = HashMap::with_capacity(order.len());
        let mut cube_begins = 0;
        for (place, ((cube, session), _)) in order.iter().enumerate() {
            if place > 0 && order[place - 1].0.0 != *cube {
                cube_begins = place;
            }
            ago.insert((*cube, *session), (place - cube_begins) as u32);
        }
        ago
    }
}
