//! What is believed at a time: per subject and attribute the current claim, its history, and what a person should look at.

use std::collections::{BTreeMap, BTreeSet};

use cubelog_memory::Timestamp;

use crate::attribute::Attribute;
use crate::belief::{Verdict, compare};
use crate::claim::{Claim, Modality};
use crate::limits::REVIEW_BELOW;

/// One value over its time, with the claims behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// The claim that says it best.
    pub claim: Claim,
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// How often it was said.
    pub said: u32,
    /// Taken back: it was never true.
    pub withdrawn: bool,
    /// Places of the claims behind it among those given, in the order in which they were said.
    pub behind: Vec<usize>,
    /// What speaks against it since.
    pub displaced: Option<Displaced>,
}

/// A later claim that ended a belief, took it back or contradicts it.
#[derive(Debug, Clone, PartialEq)]
pub struct Displaced {
    /// Its place among those given; `None` where it is not among them.
    pub by: Option<usize>,
    pub verdict: Verdict,
    /// In plain words.
    pub reason: String,
}

impl Belief {
    pub fn holds_at(&self, at: Timestamp) -> bool {
        !self.withdrawn && self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// Something that the rules would rather not settle alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    pub earlier: Option<Claim>,
    pub later: Claim,
    /// Their places among those given.
    pub earlier_at: Option<usize>,
    pub later_at: usize,
    pub reason: String,
}

/// What somebody settled who knows better than rules, by the places of claims among those given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settled {
    /// Claims that are believed no longer: since when in the world, and which claim is believed instead, if one is.
    pub replaced: BTreeMap<usize, (Timestamp, Option<usize>)>,
    /// Claims that stand side by side whatever the rules say, the smaller place first.
    pub agreed: BTreeSet<(usize, usize)>,
}

impl Settled {
    fn agree(&self, a: usize, b: usize) -> bool {
        self.agreed.contains(&(a.min(b), a.max(b)))
    }
}

/// Everything about one attribute of one subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// Believed at the time asked about; several only where values stand side by side.
    pub current: Vec<Belief>,
    /// Every belief ever, in the order in which it was said; the current ones among them.
    pub history: Vec<Belief>,
    pub reviews: Vec<Review>,
}

/// What is believed, by subject and attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beliefs {
    pub lines: BTreeMap<(String, Attribute), Line>,
}

impl Beliefs {
    pub fn line(&self, subject: &str, attribute: &Attribute) -> Option<&Line> {
        self.lines.get(&(subject.to_owned(), attribute.clone()))
    }

    /// The current answers, in alphabetical order; empty where nothing is believed.
    pub fn answers(&self, subject: &str, attribute: &Attribute) -> Vec<&str> {
        let mut answers: Vec<&str> = self
            .line(subject, attribute)
            .into_iter()
            .flat_map(|line| &line.current)
            .filter_map(|belief| belief.claim.answer())
            .collect();
        answers.sort_unstable();
        answers
    }

    pub fn reviews(&self) -> impl Iterator<Item = &Review> {
        self.lines.values().flat_map(|line| &line.reviews)
    }
}

/// Folds `claims`, given in log order, into what holds at `at`. Claims are taken in the order in which they were said; the log
/// order decides only among those said at the same instant. Subjects and attributes do not influence each other.
pub fn current(claims: &[Claim], at: Timestamp) -> Beliefs {
    let claims: Vec<&Claim> = claims.iter().collect();
    believed(&claims, &Settled::default(), at)
}

/// The same, where something was settled.
pub fn believed(claims: &[&Claim], settled: &Settled, at: Timestamp) -> Beliefs {
    let mut groups: BTreeMap<(String, Attribute), Vec<(usize, &Claim)>> = BTreeMap::new();
    for (place, claim) in claims.iter().enumerate().filter(|(_, claim)| claim.modality == Modality::Asserted) {
        groups.entry((claim.subject.clone(), claim.attribute.clone())).or_default().push((place, claim));
    }
    let lines = groups.into_iter().map(|(key, mut claims)| {
        claims.sort_by_key(|(_, claim)| claim.said_at);
        (key, fold(&claims, settled, at))
    });
    Beliefs { lines: lines.collect() }
}

fn fold(claims: &[(usize, &Claim)], settled: &Settled, at: Timestamp) -> Line {
    let mut line = Line::default();
    for (place, claim) in claims {
        let since = settled.replaced.get(place).map(|(since, _)| *since);
        match since.is_some_and(|since| since <= claim.valid().from) {
            // It never held, so it ended nothing either.
            true => line.history.push(begun(*place, claim)),
            false => take(&mut line, *place, claim, settled),
        }
        if since.is_some() {
            end_replaced(&mut line, *place, settled);
        }
    }
    let replaced = |place: &usize| settled.replaced.contains_key(place);
    line.reviews.retain(|review| !replaced(&review.later_at) && !review.earlier_at.as_ref().is_some_and(replaced));
    line.current = line.history.iter().filter(|belief| belief.holds_at(at) && belief.claim.answer().is_some()).cloned().collect();
    if claims[0].1.cardinality() == crate::attribute::Cardinality::One && line.current.len() > 1 {
        // Contradictions leave both open; what was said last is told, and the review says that there is another.
        let said = |belief: &Belief| claims.iter().rposition(|(place, _)| belief.behind.contains(place));
        let last = (0..line.current.len()).max_by_key(|index| said(&line.current[*index])).unwrap_or(0);
        let told = line.current[last].behind.clone();
        line.current
            .retain(|belief| belief.behind == told || belief.behind.iter().any(|a| told.iter().any(|b| settled.agree(*a, *b))));
    }
    for belief in &line.current {
        if belief.claim.confidence < REVIEW_BELOW && belief.said == 1 {
            let reason = "believed on weak grounds".to_owned();
            let later_at = belief.behind.first().copied().unwrap_or_default();
            line.reviews.push(Review { earlier: None, later: belief.claim.clone(), earlier_at: None, later_at, reason });
        }
    }
    line
}

/// A belief as its first claim makes it.
fn begun(place: usize, claim: &Claim) -> Belief {
    let from = claim.valid().from;
    Belief { claim: claim.clone(), from, to: claim.validity.to, said: 1, withdrawn: false, behind: vec![place], displaced: None }
}

/// Ends the belief behind which a claim stands that another was settled in place of, once that is so of all claims behind it.
/// Where that began no later than the belief, it never held.
fn end_replaced(line: &mut Line, place: usize, settled: &Settled) {
    for belief in line.history.iter_mut().filter(|belief| belief.behind.contains(&place)) {
        let replaced: Option<Vec<_>> = belief.behind.iter().map(|place| settled.replaced.get(place).copied()).collect();
        if let Some((since, by)) = replaced.and_then(|replaced| replaced.into_iter().max()) {
            belief.to = Some(belief.to.map_or(since, |to| to.min(since)).max(belief.from));
            belief.withdrawn |= since <= belief.from;
            belief.displaced = Some(Displaced { by, verdict: Verdict::Changes, reason: "settled".to_owned() });
        }
    }
}

fn take(line: &mut Line, place: usize, claim: &Claim, settled: &Settled) {
    let from = claim.valid().from;
    // Said after it was over ("I used to …"): it holds for no time that a question could meet, unless its start is known.
    let mut belief = begun(place, claim);
    let open: Vec<usize> = (0..line.history.len()).filter(|index| is_open(&line.history[*index], claim)).collect();
    let mut keep = true;
    for index in open {
        let judgement = compare(&line.history[index].claim, claim);
        let old = &mut line.history[index];
        if old.behind.iter().any(|other| settled.agree(*other, place)) {
            continue;
        }
        let displaced = Some(Displaced { by: Some(place), verdict: judgement.verdict, reason: judgement.reason.clone() });
        let earlier_at = old.behind.last().copied();
        match judgement.verdict {
            Verdict::Unrelated => {}
            Verdict::Restates | Verdict::Refines => {
                old.said = old.said.saturating_add(1);
                old.behind.push(place);
                old.displaced = None;
                let better = judgement.verdict == Verdict::Refines || claim.confidence > old.claim.confidence;
                let to = claim.validity.to.or(old.to);
                if better {
                    old.claim = claim.clone();
                }
                old.to = if claim.is_event() { old.to } else { to };
                old.from = old.from.min(from);
                keep = false;
                // Said again, it settles an open contradiction.
                let settled = old.claim.answer().map(str::to_owned);
                if old.said >= 2 {
                    line.reviews.retain(|review| review.later.answer().map(str::to_owned) != settled);
                }
            }
            Verdict::Changes => {
                let end = if claim.is_past() { claim.validity.to.unwrap_or(from) } else { from };
                old.to = Some(old.to.map_or(end, |to| to.min(end)).max(old.from));
                old.displaced = displaced;
                keep = keep && !claim.is_past();
            }
            Verdict::Corrects => {
                old.withdrawn = true;
                old.displaced = displaced;
                belief.from = belief.from.min(old.from);
            }
            Verdict::Contradicts => {
                line.reviews.push(Review {
                    earlier: Some(old.claim.clone()),
                    later: claim.clone(),
                    earlier_at,
                    later_at: place,
                    reason: judgement.reason.clone(),
                });
                // Somebody's own word about themselves is not displaced by another's.
                if old.claim.speaker == old.claim.subject && claim.speaker != claim.subject {
                    keep = false;
                } else {
                    old.displaced = displaced;
                    if claim.answer().is_none() {
                        old.to = Some(from.max(old.from));
                    }
                }
            }
        }
        if judgement.verdict == Verdict::Changes && judgement.confidence < REVIEW_BELOW {
            let earlier = Some(line.history[index].claim.clone());
            line.reviews.push(Review { earlier, later: claim.clone(), earlier_at, later_at: place, reason: judgement.reason });
        }
    }
    if keep {
        line.history.push(belief);
    }
}

/// Whether a belief is one that `claim` can speak to: it still held when the claim starts to hold, or when it was said.
fn is_open(belief: &Belief, claim: &Claim) -> bool {
    let met = |at: Timestamp| belief.to.is_none_or(|to| at < to);
    !belief.withdrawn && (met(claim.holds_from()) || belief.to.is_some_and(|to| to > claim.said_at) || belief.claim.is_event())
}
