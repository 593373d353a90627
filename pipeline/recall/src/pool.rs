//! From a query to ranked memories: candidates of both sides with what stands beside them, described for the ranking.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubelog_memory::Timestamp;
use cubelog_memory::ranking::weights::WORDS;
use cubelog_memory::ranking::{Ask, Candidate, Method, Ranked, Term, diversify, rank};
use cubelog_memory::vectors::Query;

use crate::admit::{Admit, Mask};
use crate::linked;
use crate::memories::{Best, Memories, Spot};
use crate::names::Names;
use crate::part::NONE;
use crate::stream::Sessions;
use crate::words::{self, Lexical};

/// Memories within this many places of a candidate in its stream are looked at with it.
const REACH: u64 = 2;
/// Candidates whose neighbours are looked at, the best by themselves.
const LOOKED_BESIDE: usize = 40;

/// Memories from which each of a diverse answer is chosen.
const CONSIDERED_PER_HIT: usize = 5;

/// A search, in terms of what is held.
#[derive(Debug)]
pub struct Search<'a> {
    pub admit: &'a Admit,
    pub similar: Side<'a, [f32]>,
    pub wording: Side<'a, str>,
    /// Names of speakers that the query mentions.
    pub named: &'a [String],
    /// Who asks, where that is known.
    pub asker: Option<&'a str>,
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
    let masks: Vec<Mask> = memories.parts.iter().map(|part| search.admit.mask(part)).collect();
    let there = |rows: &[(u64, f32)]| -> Vec<(Spot, f32)> {
        let spots = rows.iter().filter_map(|(row, score)| Some((memories.spot(*row)?, *score)));
        spots.filter(|(spot, _)| search.admit.passes(memories.place(*spot))).collect()
    };
    let dense = match search.similar {
        Side::No => Vec::new(),
        Side::Held(_) => memories.nearest(&query, &masks, search.candidates),
        Side::Elsewhere(rows) => there(rows),
    };
    let lexical = match search.wording {
        Side::No => Lexical::default(),
        Side::Held(text) => words::search(memories, text, search.admit, &masks, search.candidates),
        Side::Elsewhere(rows) => Lexical::elsewhere(there(rows)),
    };
    let mut scores: BTreeMap<Spot, Scores> = BTreeMap::new();
    for (spot, score) in dense {
        scores.entry(spot).or_default().dense = Some(score);
    }
    for (spot, score) in &lexical.best {
        scores.entry(*spot).or_default().bm25 = Some(*score);
    }
    // Baselines order what their side found, and nothing beside it.
    let hybrid = search.ask.method == Method::Hybrid;
    let mut linked: BTreeMap<Spot, f32> = BTreeMap::new();
    if hybrid {
        for (spot, score) in &mut scores {
            score.dense = score.dense.or_else(|| memories.similarity(&query, *spot));
        }
        if search.ask.expand && !search.ask.without.has(Term::Linked) {
            linked = memories.linked(&worths(memories, &scores, &lexical, linked::SEEDS), names, search.admit);
            let mut brought: Vec<(Spot, f32)> =
                linked.iter().filter(|(spot, _)| !scores.contains_key(spot)).map(|(spot, link)| (*spot, *link)).collect();
            brought.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            for (spot, _) in brought.into_iter().take(linked::BROUGHT) {
                scores.insert(spot, Scores { dense: memories.similarity(&query, spot), bm25: None });
            }
        }
        for neighbour in memories.in_sessions_of(&best_of(memories, &scores, &lexical), REACH) {
            if scores.contains_key(&neighbour) || !search.admit.passes(memories.place(neighbour)) {
                continue;
            }
            // What has nothing of the query by itself is no answer, wherever it stands.
            let dense = memories.similarity(&query, neighbour);
            if dense.is_some() || lexical.share(memories, neighbour).is_some() {
                scores.insert(neighbour, Scores { dense, bm25: None });
            }
        }
    }
    let spots: Vec<Spot> = scores.keys().copied().collect();
    let number: HashMap<Spot, usize> = spots.iter().enumerate().map(|(number, spot)| (*spot, number)).collect();
    let sessions = if hybrid { Sessions::of(memories, spots.iter().copied()) } else { Sessions::default() };
    let named: BTreeSet<u32> = search.named.iter().filter_map(|name| names.known(name)).collect();
    let asker = search.asker.map(|name| (names.known(name).unwrap_or(NONE), words::stems(name)));
    let outdated = match hybrid && !search.ask.past && !search.ask.without.has(Term::Outdated) {
        true => memories.outdated(&spots, search.admit),
        false => BTreeSet::new(),
    };
    let pool: Vec<Candidate> = spots
        .iter()
        .map(|spot| {
            let (part, place, scores) = (memories.part(*spot), memories.place(*spot), &scores[spot]);
            let neighbours = sessions.neighbours(memories, *spot, REACH);
            Candidate {
                memory: place.memory,
                dense: scores.dense,
                lexical: lexical.share(memories, *spot),
                bm25: scores.bm25,
                session: (place.session != NONE).then_some(place.session),
                neighbours: neighbours.iter().filter_map(|(spot, distance)| Some((*number.get(spot)?, *distance))).collect(),
                named: named.contains(&place.speaker),
                of_asker: asker.as_ref().is_some_and(|(speaker, stems)| {
                    (place.speaker == *speaker && *speaker != NONE) || stems.iter().any(|stem| part.has_stem(*stem, spot.at))
                }),
                outdated: outdated.contains(spot),
                linked: linked.get(spot).copied().unwrap_or(0.0),
                voice: place.voice,
                turns_ago: place
                    .stream_index
                    .filter(|_| search.own)
                    .and_then(|index| memories.turns_after(index, place.cube, search.admit)),
                stream_index: place.stream_index,
                valid_from: Timestamp(place.valid_from),
                priority: place.priority,
            }
        })
        .collect();
    let ranked = match search.ask.diversity {
        weight if weight > 0.0 => {
            let considered = Ask { k: search.ask.k.saturating_mul(CONSIDERED_PER_HIT), ..search.ask.clone() };
            let alike = |a: usize, b: usize| memories.alike(spots[a], spots[b]);
            diversify(rank(&pool, &considered), search.ask.k, weight, alike)
        }
        _ => rank(&pool, search.ask),
    };
    ranked.into_iter().map(|ranked| (spots[ranked.candidate], ranked)).collect()
}

impl Memories {
    /// Where the memory of a row stands; `None` if it is not held.
    pub fn spot(&self, row: u64) -> Option<Spot> {
        self.parts.iter().enumerate().find_map(|(part, memories)| Some(Spot { part: part as u32, at: memories.at(row)? }))
    }

    /// Turns of a cube's stream behind this place of it, as far as the search may look.
    fn turns_after(&self, index: u64, cube: u32, admit: &Admit) -> Option<u64> {
        let last = self.parts.iter().filter_map(|part| part.last.get(&cube)).max()?;
        let last = admit.before_index.map_or(*last, |before| before.saturating_sub(1).min(*last));
        Some(last.saturating_sub(index))
    }
}

/// What both sides say of one memory.
#[derive(Debug, Clone, Copy, Default)]
struct Scores {
    dense: Option<f32>,
    bm25: Option<f32>,
}

/// The candidates whose neighbours are looked at.
fn best_of(memories: &Memories, scores: &BTreeMap<Spot, Scores>, lexical: &Lexical) -> Vec<Spot> {
    worths(memories, scores, lexical, LOOKED_BESIDE).into_iter().map(|(spot, _)| spot).collect()
}

/// The best candidates by themselves, with what they are worth so; best first.
fn worths(memories: &Memories, scores: &BTreeMap<Spot, Scores>, lexical: &Lexical, count: usize) -> Vec<(Spot, f32)> {
    let worth =
        |spot: &Spot, scores: &Scores| scores.dense.unwrap_or(0.0) + WORDS * lexical.share(memories, *spot).unwrap_or(0.0);
    let mut best = Best::new(count);
    scores.iter().for_each(|(spot, scores)| best.offer(*spot, worth(spot, scores)));
    best.finish()
}
