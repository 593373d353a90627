//! Which memories of a cube are one statement: candidates by equal texts, equal claims, bands of their SimHashes and near vectors;
//! then [`duplicate`] on every pair of a group, so that no chain of likenesses joins what differs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubelog_memory::limits::PARENTS_MAX;
use cubelog_memory::{CubeState, Memory, SemanticType, vectors};

use crate::calendar::Date;
use crate::duplicate::{Features, Likeness, Statement, content, duplicate, plain, simhash};
use crate::limits::{NEAR_BITS_MAX, OCCASION_DAYS, RESTATED_COSINE_MIN, TURN_WINDOW, TURN_WORDS_MIN};
use crate::read::claims;
use crate::when;
use crate::words::{Word, words};

/// A memory with its content, as duplicates are sought among.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub memory: &'a Memory,
    pub text: &'a str,
    pub caption: Option<&'a str>,
    pub speaker: Option<&'a str>,
    pub session: Option<&'a str>,
    /// Of unit length.
    pub vector: Option<&'a [f32]>,
}

/// Memories that are one statement, as places in what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The earliest, into which the others merge.
    pub into: usize,
    /// The others, earliest first.
    pub sources: Vec<usize>,
    /// The one that says most; one of all these.
    pub richest: usize,
    /// The weakest likeness between two of them.
    pub likeness: Likeness,
}

/// The tag of memories that are never merged: who takes a merge back puts it on, and anybody else may.
pub const KEPT_APART: &str = "kept-apart";

/// Whether a memory may be merged at all: in use, undisputed, believed, and not kept as it stands by a hold, a freeze or a tag.
pub fn may_merge(state: &CubeState, memory: &Memory) -> bool {
    memory.is_believed()
        && memory.lifecycle.accepts_content()
        && memory.siblings.is_empty()
        && !memory.descriptive.tags.iter().any(|tag| tag.as_str() == KEPT_APART)
        && !state.is_held(memory.id)
        && !state.reviews.keys().any(|(newer, older)| *newer == memory.id || *older == memory.id)
}

/// Finds the groups, in the order of their earliest memories. Only memories about the same person, of the same sort, with the same
/// labels, governance and end of validity are ever joined: what differs there is not lost by merging.
pub fn groups(pieces: &[Piece<'_>]) -> Vec<Group> {
    let read: Vec<Read> = pieces.iter().map(Read::of).collect();
    let mut buckets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, piece) in pieces.iter().enumerate() {
        let key = (&piece.memory.subject, piece.memory.descriptive.semantic, piece.speaker.map(str::to_lowercase));
        buckets.entry(key).or_default().push(at);
    }
    let mut found = Vec::new();
    for ((_, semantic, _), mut bucket) in buckets {
        bucket.sort_by_key(|at| order(&pieces[*at]));
        let neighbours = match semantic {
            SemanticType::Turn => turns_said_twice(pieces, &read, &bucket),
            _ => neighbours(pieces, &read, &bucket),
        };
        found.extend(join(pieces, &read, &bucket, &neighbours));
    }
    found.sort_by_key(|group: &Group| order(&pieces[group.into]));
    found
}

type Order = (cubelog_memory::Timestamp, cubelog_memory::Timestamp, Option<u64>, cubelog_memory::MemoryId);

fn order(piece: &Piece<'_>) -> Order {
    (piece.memory.valid.from, piece.memory.created_at, piece.memory.stream_index, piece.memory.id)
}

/// What is read of a text once.
struct Read {
    words: Vec<Word>,
    simhash: u64,
    exact: String,
    /// Attribute and answer of every claim.
    claims: BTreeSet<String>,
    content: usize,
}

impl Read {
    fn of(piece: &Piece<'_>) -> Self {
        let words = words(piece.text);
        let is_turn = piece.memory.descriptive.semantic == SemanticType::Turn;
        let said = if is_turn { Vec::new() } else { claims(piece.text, speaker(piece), piece.memory.valid.from) };
        let exact = plain(&words).join(" ");
        Self {
            simhash: simhash(&words),
            // Punctuation and emoji alone are compared as they are.
            exact: if exact.is_empty() { piece.text.trim().to_owned() } else { exact },
            claims: said.iter().filter_map(|claim| Some(format!("{} {}", claim.attribute, claim.answer()?))).collect(),
            content: content(&words).len(),
            words,
        }
    }
}

fn speaker<'a>(piece: &Piece<'a>) -> &'a str {
    piece.speaker.unwrap_or("")
}

/// Pairs of turns that were said word for word a few turns before in the same session. People repeat themselves, so other
/// sessions and short turns do not count.
fn turns_said_twice(pieces: &[Piece<'_>], read: &[Read], bucket: &[usize]) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut neighbours: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut said: HashMap<(Option<&str>, &str), Vec<usize>> = HashMap::new();
    for (place, at) in bucket.iter().enumerate() {
        if read[*at].words.iter().filter(|word| !word.is_mark()).count() < TURN_WORDS_MIN {
            continue;
        }
        said.entry((pieces[*at].session, read[*at].exact.as_str())).or_default().push(place);
    }
    for places in said.values() {
        for pair in places.windows(2) {
            neighbours.entry(pair[1]).or_default().insert(pair[0]);
        }
    }
    neighbours
}

/// For each place in the bucket the earlier places that it might repeat.
fn neighbours(pieces: &[Piece<'_>], read: &[Read], bucket: &[usize]) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut neighbours: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut pair = |a: usize, b: usize| {
        neighbours.entry(a.max(b)).or_default().insert(a.min(b));
    };
    // Equal texts and equal claims: each with the one before it, and with the first.
    let mut equal: HashMap<&str, (usize, usize)> = HashMap::new();
    for (place, at) in bucket.iter().enumerate() {
        let read = &read[*at];
        for key in std::iter::once(&read.exact).chain(&read.claims) {
            match equal.get_mut(key.as_str()) {
                Some((first, last)) => {
                    pair(*first, place);
                    pair(*last, place);
                    *last = place;
                }
                None => drop(equal.insert(key, (place, place))),
            }
        }
    }
    // Hashes that differ in no more bits than there are bands less one agree in a band.
    const BANDS: u32 = 8;
    const { assert!(NEAR_BITS_MAX < BANDS) };
    for band in 0..BANDS {
        let mut bands: HashMap<u8, Vec<usize>> = HashMap::new();
        for (place, at) in bucket.iter().enumerate() {
            let mates = bands.entry((read[*at].simhash >> (band * 8)) as u8).or_default();
            let near = |mate: &&usize| (read[bucket[**mate]].simhash ^ read[*at].simhash).count_ones() <= NEAR_BITS_MAX;
            mates.iter().filter(near).for_each(|mate| pair(*mate, place));
            mates.push(place);
        }
    }
    // Near vectors, of bytes first, because every one is compared with every other.
    let dim = bucket.iter().find_map(|at| pieces[*at].vector).map_or(0, <[f32]>::len);
    let (mut bytes, mut scales) = (Vec::new(), Vec::new());
    for at in bucket {
        match pieces[*at].vector.filter(|vector| vector.len() == dim && dim > 0) {
            Some(vector) => scales.push(vectors::quantise(vector, &mut bytes)),
            None => {
                bytes.extend(std::iter::repeat_n(0, dim));
                scales.push(f32::NAN);
            }
        }
    }
    for (place, at) in bucket.iter().enumerate().skip(1).filter(|(place, _)| dim > 0 && !scales[*place].is_nan()) {
        let query = vectors::Query::new(pieces[*at].vector);
        let near = |mate: &usize| {
            query.similarity(&bytes, &scales, *mate).is_some_and(|score| score >= RESTATED_COSINE_MIN - BYTES_ERROR)
        };
        (0..place).filter(near).for_each(|mate| pair(mate, place));
    }
    neighbours
}

/// By how much a similarity of bytes may be less than that of the numbers.
const BYTES_ERROR: f32 = 0.005;

/// Joins memories, in order, to the earliest group all of whose members they repeat.
fn join(pieces: &[Piece<'_>], read: &[Read], bucket: &[usize], neighbours: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<Group> {
    let mut group_of: HashMap<usize, usize> = HashMap::new();
    let mut members: Vec<(Vec<usize>, Likeness)> = Vec::new();
    for (place, earlier) in neighbours {
        for mate in earlier {
            let group = group_of.get(mate).copied();
            let alone = [*mate];
            let others = group.map_or(&alone[..], |group| members[group].0.as_slice());
            // The memory that the others merge into is a parent too.
            if others.len() >= PARENTS_MAX {
                continue;
            }
            let likeness = others
                .iter()
                .map(|other| {
                    likeness((&pieces[bucket[*other]], &read[bucket[*other]]), (&pieces[bucket[*place]], &read[bucket[*place]]))
                })
                .min()
                .unwrap_or(Likeness::Different);
            if likeness == Likeness::Different {
                continue;
            }
            let group = group.unwrap_or_else(|| {
                members.push((vec![*mate], Likeness::Same));
                group_of.insert(*mate, members.len() - 1);
                members.len() - 1
            });
            members[group].0.push(*place);
            members[group].1 = members[group].1.min(likeness);
            group_of.insert(*place, group);
            break;
        }
    }
    members
        .into_iter()
        .map(|(mut places, likeness)| {
            places.sort_unstable();
            let all: Vec<usize> = places.into_iter().map(|place| bucket[place]).collect();
            let richest = all
                .iter()
                .copied()
                .max_by_key(|at| (read[*at].content, pieces[*at].text.len(), std::cmp::Reverse(order(&pieces[*at]))));
            Group { into: all[0], richest: richest.unwrap_or(all[0]), sources: all[1..].to_vec(), likeness }
        })
        .collect()
}

fn likeness((a, read_a): (&Piece<'_>, &Read), (b, read_b): (&Piece<'_>, &Read)) -> Likeness {
    if !circumstances_agree(a, b) || signs(a.text) != signs(b.text) || !same_times((a, read_a), (b, read_b)) {
        return Likeness::Different;
    }
    if read_a.words.iter().all(Word::is_mark) || read_b.words.iter().all(Word::is_mark) {
        return if read_a.exact == read_b.exact { Likeness::Same } else { Likeness::Different };
    }
    if a.memory.descriptive.semantic == SemanticType::Turn {
        let asked = |read: &Read| read.words.iter().rfind(|word| word.text != "\n").is_some_and(|word| word.text == "?");
        let same = read_a.exact == read_b.exact && asked(read_a) == asked(read_b);
        return if same { Likeness::Same } else { Likeness::Different };
    }
    let cosine = a.vector.zip(b.vector).filter(|(a, b)| a.len() == b.len()).map(|(a, b)| vectors::cosine(a, b));
    let features = |a, b| duplicate(&Features::of(statement(a), statement(b), cosine));
    // Whichever way round they are looked at.
    features(a, b).min(features(b, a))
}

fn statement<'a>(piece: &Piece<'a>) -> Statement<'a> {
    Statement { text: piece.text, speaker: speaker(piece), said_at: piece.memory.valid.from }
}

/// Everything beside the text that a merge would lose.
fn circumstances_agree(a: &Piece<'_>, b: &Piece<'_>) -> bool {
    let (one, other) = (a.memory, b.memory);
    let labels = one.descriptive == other.descriptive && one.governance == other.governance && one.kind == other.kind;
    let days = (Date::of(one.valid.from).days() - Date::of(other.valid.from).days()).abs();
    let occasion = match one.descriptive.semantic {
        SemanticType::Event => days <= OCCASION_DAYS,
        SemanticType::Turn => match (one.stream_index, other.stream_index) {
            (Some(one), Some(other)) => a.session == b.session && one.abs_diff(other) <= TURN_WINDOW,
            _ => false,
        },
        _ => true,
    };
    labels && occasion && one.subject == other.subject && one.valid.to == other.valid.to && a.caption == b.caption
}

/// "Yesterday" is another day every day.
fn same_times((a, read_a): (&Piece<'_>, &Read), (b, read_b): (&Piece<'_>, &Read)) -> bool {
    let (said_a, said_b) = (a.memory.valid.from, b.memory.valid.from);
    Date::of(said_a) == Date::of(said_b)
        || [true, false]
            .into_iter()
            .all(|past| when::scan(&read_a.words, said_a, past) == when::scan(&read_b.words, said_b, past))
}

/// Signs that change what a number or a name says.
fn signs(text: &str) -> Vec<char> {
    let mut signs = Vec::new();
    let mut characters = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        let minus =
            matches!(c, '-' | '\u{2212}') && !before.is_alphanumeric() && characters.peek().is_some_and(char::is_ascii_digit);
        if minus || matches!(c, '+' | '#' | '%' | '$' | '€' | '£' | '¥' | '°' | '@') {
            signs.push(c);
        }
        before = c;
    }
    signs.sort_unstable();
    signs
}
