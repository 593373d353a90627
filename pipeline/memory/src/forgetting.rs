//! What is due to be forgotten, and why: lifespans, a cube's rules, use. It decides only; a job appends what was decided.
//!
//! A memory's own lifespan comes first; the rules of the policy speak for memories whose lifespan is `Keep`. Pinned, held, frozen
//! and merged memories are never touched, whatever a policy says.

use std::collections::BTreeSet;

use crate::event::{Body, MemoryExpired, MemoryMoved};
use crate::ids::{MemoryId, Tag};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Lifespan, Path, SemanticType};
use crate::position::Timestamp;
use crate::state::{CubeState, IdMap, Memory};

/// Name under which a cube's policy of forgetting is set.
pub const POLICY: &str = "forgetting";

const SECOND: i64 = 1_000_000;
const DAY_S: u64 = 86_400;

/// How a cube forgets.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub ending: Ending,
    /// Worth below which a decaying memory has been of use long enough; a new memory is worth 1.
    pub floor: f32,
    /// The first rule that fits speaks; where none does, a memory is kept.
    pub rules: Vec<Rule>,
}

impl Default for Policy {
    /// What cubes without a policy go by: lifespans of single memories are honoured, gently.
    fn default() -> Self {
        Self { ending: Ending::ArchiveThenExpire { grace_s: 30 * DAY_S }, floor: 0.05, rules: Vec::new() }
    }
}

/// What happens at the end of a lifespan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It leaves ordinary search at once and expires after it has stood archived, unchanged, for this many seconds.
    ArchiveThenExpire { grace_s: u64 },
    /// It leaves ordinary search and is never expired.
    Archive,
    /// It expires with no archiving before it.
    Expire,
}

/// Memories that a rule speaks of, and how long they live. Fields that are empty fit every memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// One of these.
    pub semantic: Vec<SemanticType>,
    /// This path and everything below it.
    pub path: Option<Path>,
    /// All of these.
    pub tags: BTreeSet<Tag>,
    pub lives: Lives,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lives {
    /// Until somebody says otherwise.
    On,
    /// So many seconds since the log recorded it.
    For { ttl_s: u64 },
    /// As long as it is used: its worth halves in so many seconds without use.
    WhileUsed { half_life_s: u64 },
}

/// How often a memory was shown, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub count: u32,
    pub last: Timestamp,
}

/// Uses by memory; one that is missing was never used.
pub type Uses = IdMap<MemoryId, Use>;

/// A step that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub memory: MemoryId,
    pub step: Step,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Archive,
    Expire,
}

impl Step {
    pub const fn word(self) -> &'static str {
        match self {
            Step::Archive => "archive",
            Step::Expire => "expire",
        }
    }
}

/// Why a lifespan has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Its own lifespan ran until an instant that has passed.
    Ended,
    /// A rule gave it this long.
    LivedOut { ttl_s: u64 },
    /// It was used too little.
    Decayed { worth: f32, floor: f32 },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Ended => f.write_str("its lifespan ended"),
            Reason::LivedOut { ttl_s } if ttl_s % DAY_S == 0 => write!(f, "its {} days are over", ttl_s / DAY_S),
            Reason::LivedOut { ttl_s } => write!(f, "its {ttl_s} seconds are over"),
            Reason::Decayed { worth, floor } => write!(f, "for want of use it is worth {worth:.3}, less than {floor}"),
        }
    }
}

impl Move {
    /// The event that carries the step out.
    pub fn body(&self) -> Body {
        let (memory, reason) = (self.memory, Some(self.reason.to_string()));
        match self.step {
            Step::Archive => Body::MemoryMoved(MemoryMoved { memory, to: Lifecycle::Archived, reason }),
            Step::Expire => Body::MemoryExpired(MemoryExpired { memory, reason }),
        }
    }
}

/// What is due at `now`, at most one step a memory, oldest memory first. Once these steps are on the log as of `now`, nothing is
/// due at `now` any more.
pub fn due(state: &CubeState, now: Timestamp, policy: &Policy, uses: &Uses) -> Vec<Move> {
    if state.holds.values().any(Option::is_none) {
        return Vec::new();
    }
    let held: BTreeSet<MemoryId> = state.holds.values().copied().flatten().collect();
    let mut memories: Vec<&Memory> =
        state.memories.values().filter(|memory| may_end(memory) && !held.contains(&memory.id)).collect();
    memories.sort_unstable_by_key(|memory| (memory.created_at, memory.id));
    memories.into_iter().filter_map(|memory| step(memory, now, policy, uses.get(&memory.id))).collect()
}

/// Whether anything here can end for want of use, so that uses have to be known.
pub fn asks_for_use(state: &CubeState, policy: &Policy) -> bool {
    policy.rules.iter().any(|rule| matches!(rule.lives, Lives::WhileUsed { .. }))
        || state.memories.values().any(|memory| matches!(memory.governance.lifespan, Lifespan::Decay { .. }))
}

/// What a decaying memory is worth: 1 when it is new, half after each half-life without use, and the more the oftener it was used.
pub fn worth(created_at: Timestamp, used: Option<&Use>, half_life_s: u64, now: Timestamp) -> f32 {
    let last = used.map_or(created_at, |used| used.last.max(created_at));
    let idle_s = now.micros().saturating_sub(last.micros()).max(0) as f64 / SECOND as f64;
    let often = 1.0 + used.map_or(0.0, |used| f64::from(used.count).ln_1p() / std::f64::consts::LN_2);
    (often * (-idle_s / half_life_s.max(1) as f64).exp2()) as f32
}

/// A memory that somebody pinned or froze, that lives on in another one, or that has ended, is no business of a policy.
fn may_end(memory: &Memory) -> bool {
    !memory.governance.pinned
        && memory.expired_at.is_none()
        && matches!(memory.lifecycle, Lifecycle::Generated | Lifecycle::Activated | Lifecycle::Archived)
}

fn step(memory: &Memory, now: Timestamp, policy: &Policy, used: Option<&Use>) -> Option<Move> {
    let reason = ended(memory, now, policy, used)?;
    let archived = memory.lifecycle == Lifecycle::Archived;
    let step = match policy.ending {
        Ending::Expire => Step::Expire,
        Ending::Archive | Ending::ArchiveThenExpire { .. } if !archived => Step::Archive,
        Ending::Archive => return None,
        // Counted from its last change, so that whoever touches it in that time is heard.
        Ending::ArchiveThenExpire { grace_s } if now > later(memory.changed_at, grace_s) => Step::Expire,
        Ending::ArchiveThenExpire { .. } => return None,
    };
    Some(Move { memory: memory.id, step, reason })
}

fn ended(memory: &Memory, now: Timestamp, policy: &Policy, used: Option<&Use>) -> Option<Reason> {
    let decayed = |half_life_s| {
        let worth = worth(memory.created_at, used, half_life_s, now);
        (worth < policy.floor).then_some(Reason::Decayed { worth, floor: policy.floor })
    };
    match memory.governance.lifespan {
        Lifespan::Until(end) => (end <= now).then_some(Reason::Ended),
        Lifespan::Decay { half_life_s } => decayed(half_life_s),
        Lifespan::Keep => match policy.rules.iter().find(|rule| rule.fits(memory))?.lives {
            Lives::On => None,
            Lives::For { ttl_s } => (later(memory.created_at, ttl_s) <= now).then_some(Reason::LivedOut { ttl_s }),
            Lives::WhileUsed { half_life_s } => decayed(half_life_s),
        },
    }
}

impl Rule {
    fn fits(&self, memory: &Memory) -> bool {
        let labels = &memory.descriptive;
        let below = |path: &Path| labels.path.as_ref().is_some_and(|labelled| labelled.segments().starts_with(path.segments()));
        (self.semantic.is_empty() || self.semantic.contains(&labels.semantic))
            && self.path.as_ref().is_none_or(below)
            && self.tags.is_subset(&labels.tags)
    }
}

fn later(time: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND);
    Timestamp(time.micros().saturating_add(micros))
}
