//! What the memories of a part claim, read once when they come in, so that nobody has to read their texts for it again.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use cubelog_beliefs::limits::REVIEW_BELOW;
use cubelog_beliefs::{Belief, Claim, Modality, Settled, Verdict, believed, claims};
use cubelog_language::{voice, words};
use cubelog_memory::{MemoryId, Timestamp};
use xxhash_rust::xxh3::{Xxh3, Xxh3Default};

use crate::admit::Admit;
use crate::memories::{Memories, Spot};
use crate::part::Part;

/// Words of a text that says one thing and little else. What is longer may hold more than its claims, and is never outdated.
const SHORT_WORDS_MAX: usize = 25;
/// Who speaks of themselves where no speaker is named: whoever writes notes.
pub const NOBODY: &str = "user";

/// A claim of one memory of a part.
#[derive(Debug)]
struct Claimed {
    at: u32,
    /// Whether the memory says little else.
    short: bool,
    line: u64,
    claim: Claim,
}

/// All claims of a part, in the order of its memories.
#[derive(Debug, Default)]
pub struct Claims {
    claims: Vec<Claimed>,
    /// Places in `claims` by what they are about.
    lines: HashMap<u64, Vec<u32>, BuildHasherDefault<Xxh3Default>>,
}

/// What a text claims that was said by somebody at an instant, in microseconds: only what is asserted, and nothing by programs,
/// which repeat what people said.
pub fn asserted(text: &str, speaker: Option<&str>, said_at: i64) -> Vec<Claim> {
    if speaker.is_some_and(|speaker| voice::is_assistant(speaker) || speaker.eq_ignore_ascii_case("tool")) || !can_claim(text) {
        return Vec::new();
    }
    let mut found = claims(text, speaker.unwrap_or(NOBODY), Timestamp(said_at));
    found.retain(|claim| claim.modality == Modality::Asserted);
    found
}

/// Whether a text can hold a claim at all: it has at least three words, and a capital or a first person.
fn can_claim(text: &str) -> bool {
    let spaces = text.bytes().filter(|byte| byte.is_ascii_whitespace()).take(2).count();
    let starts = text.split_ascii_whitespace().any(|word| {
        word.starts_with(|first: char| !first.is_ascii_lowercase() && first.is_alphabetic())
            || ["i", "my", "we", "our", "the"].contains(&word.split(['\'', '’']).next().unwrap_or_default())
    });
    (spaces == 2 || !text.is_ascii()) && starts
}

impl Claims {
    pub fn add(&mut self, at: u32, cube: u32, text: &str, speaker: Option<&str>, said_at: i64) {
        let found = asserted(text, speaker, said_at);
        if found.is_empty() {
            return;
        }
        let short = words::words(text).take(SHORT_WORDS_MAX + 1).count() <= SHORT_WORDS_MAX;
        for claim in found {
            let line = line_of(cube, &claim);
            self.lines.entry(line).or_default().push(self.claims.len() as u32);
            self.claims.push(Claimed { at, short, line, claim });
        }
    }

    pub fn finish(&mut self) {
        self.claims.shrink_to_fit();
        self.lines.values_mut().for_each(Vec::shrink_to_fit);
    }

    pub fn bytes(&self) -> usize {
        self.claims.len() * (size_of::<Claimed>() + 64) + self.lines.len() * 48
    }

    /// What the memory at a place claims.
    fn of(&self, at: u32) -> &[Claimed] {
        let first = self.claims.partition_point(|claimed| claimed.at < at);
        let count = self.claims[first..].partition_point(|claimed| claimed.at == at);
        &self.claims[first..first + count]
    }
}

/// What a claim is about, in one cube.
fn line_of(cube: u32, claim: &Claim) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&cube.to_le_bytes());
    hasher.update(claim.subject.as_bytes());
    hasher.update(&[0]);
    hasher.update(claim.attribute.to_string().as_bytes());
    hasher.digest()
}

impl Part {
    fn claims_of_line(&self, line: u64) -> impl Iterator<Item = &Claimed> {
        self.claims.lines.get(&line).into_iter().flatten().map(|place| &self.claims.claims[*place as usize])
    }
}

impl Memories {
    /// Every claim of the admitted memories with the memory that it comes from, in the order in which they are held.
    pub fn claims<'a>(&'a self, admit: &'a Admit) -> impl Iterator<Item = (MemoryId, &'a Claim)> {
        self.parts.iter().flat_map(move |part| {
            let admitted = part.claims.claims.iter().filter(|claimed| admit.passes(part.place(claimed.at)));
            admitted.map(|claimed| (part.place(claimed.at).memory, &claimed.claim))
        })
    }

    /// Which of these memories say nothing that still holds: another is believed in their place, or they are short and each of
    /// their claims was changed or put right since. What merely contradicts is not enough: nobody knows yet which is right.
    pub fn outdated(&self, spots: &[Spot], admit: &Admit) -> BTreeSet<Spot> {
        let mut outdated = BTreeSet::new();
        let mut lines: HashMap<u64, BTreeSet<(Spot, usize)>> = HashMap::new();
        for spot in spots {
            let part = self.part(*spot);
            if part.place(spot.at).superseded {
                outdated.insert(*spot);
                continue;
            }
            let claims = part.claims.of(spot.at);
            let over = claims.iter().all(|claimed| {
                let gone = lines.entry(claimed.line).or_insert_with(|| self.gone(claimed.line, admit));
                claimed.short && gone.contains(&(*spot, claimed.claim.span.start))
            });
            if over && !claims.is_empty() {
                outdated.insert(*spot);
            }
        }
        outdated
    }

    /// Claims of one line that do not hold any more, by their memory and where they stand in its text.
    fn gone(&self, line: u64, admit: &Admit) -> BTreeSet<(Spot, usize)> {
        let mut there: Vec<(Spot, &Claim)> = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            for claimed in part.claims_of_line(line) {
                let place = part.place(claimed.at);
                if admit.knows(place) && !place.superseded {
                    there.push((Spot { part: number as u32, at: claimed.at }, &claimed.claim));
                }
            }
        }
        if there.len() < 2 {
            return BTreeSet::new();
        }
        // However they came in parts, they are told in one order.
        there.sort_by_key(|(spot, claim)| {
            let place = self.place(*spot);
            (claim.said_at, place.stream_index, place.memory, claim.span.start)
        });
        let claims: Vec<&Claim> = there.iter().map(|(_, claim)| *claim).collect();
        let beliefs = believed(&claims, &Settled::default(), Timestamp(i64::MAX));
        let history: Vec<&Belief> = beliefs.lines.values().flat_map(|line| &line.history).collect();
        let is_over = |belief: &Belief| {
            belief.displaced.as_ref().is_some_and(|displaced| {
                let sure = displaced.by.is_some_and(|by| claims[by].confidence >= REVIEW_BELOW);
                sure && matches!(displaced.verdict, Verdict::Changes | Verdict::Corrects)
            })
        };
        // What was said, given up and said again is as good as new.
        let holds = |answer: Option<&str>| {
            history.iter().any(|belief| !belief.withdrawn && belief.displaced.is_none() && belief.claim.answer() == answer)
        };
        let gone = history.iter().filter(|belief| is_over(belief) && !holds(belief.claim.answer()));
        gone.flat_map(|belief| &belief.behind).map(|place| (there[*place].0, claims[*place].span.start)).collect()
    }
}
