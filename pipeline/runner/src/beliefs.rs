//! What a cube's memories amount to: per subject and attribute what is believed at a moment, what was believed before, and what a
//! person should look at; and the settling of that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubelog_beliefs::{Belief, Claim, Settled, believed, normal};
use cubelog_memory::limits::BELIEFS_MAX;
use cubelog_memory::{
    BeliefOutcome, BeliefResolved, Body, CubeKey, Cut, MemoryId, Position, Purpose, Right, SubjectId, Superseded, Tag, Timestamp,
    VersionNo, VersionRef,
};
use cubelog_views::{Known, VersionRow};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::types::{Change, Moment};

/// Who stands as the decider of what a caller settled; the event's actor says which caller.
const DECIDER: &str = "caller";

/// A statement that a belief rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Cited {
    pub memory: MemoryId,
    pub version: VersionNo,
    /// Lower case.
    pub speaker: String,
    pub said_at: Timestamp,
    /// What it says, as it says it; `yes` or `no` where that is the question, `None` for the end of whatever there was.
    pub value: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
}

/// One value over its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What is believed: the value, `yes` or `no`; `None` for the end of whatever there was.
    pub value: Option<String>,
    /// Inclusive, in the world.
    pub since: Timestamp,
    /// Exclusive; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// 0 to 1.
    pub confidence: f32,
    /// It was taken back and never held.
    pub withdrawn: bool,
    /// The statements behind it, in the order in which they were said; never empty.
    pub cited: Vec<Cited>,
    /// What speaks against it since: what the later statement does to it, in a word and in words.
    pub displaced: Option<(&'static str, String)>,
}

/// Everything about one attribute of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct BeliefLine {
    /// Lower case.
    pub subject: String,
    /// For example `home` or `likes/coffee`.
    pub attribute: String,
    /// Believed at the moment; several only where values stand side by side.
    pub current: Vec<Held>,
    /// All of it in the order in which it was said, the current ones included.
    pub history: Vec<Held>,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    /// `None` where a program that is no rule of ours noticed it between whole memories.
    pub subject: Option<String>,
    pub attribute: Option<String>,
    /// `None` where the later one is weak by itself.
    pub earlier: Option<Cited>,
    pub later: Cited,
    pub reason: String,
}

/// What is believed in a cube.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CubeBeliefs {
    /// In the order of subjects and attributes.
    pub lines: Vec<BeliefLine>,
    pub doubts: Vec<Doubt>,
    pub reflected: Cut,
}

/// What somebody decided about statements that seem to contradict each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The memory that is believed.
    pub memory: VersionRef,
    /// The others.
    pub over: Vec<VersionRef>,
    pub outcome: BeliefOutcome,
    /// From when on it is believed in their place; `None`: from where its own validity begins.
    pub since: Option<Timestamp>,
    /// In clear on the log: why, never what the memories say.
    pub reason: Option<String>,
}

impl Settlement {
    /// The change that carries it out.
    pub fn change(self) -> Result<Change, RunError> {
        if self.over.is_empty() || self.over.len() > BELIEFS_MAX {
            return Err(RunError::BadRequest(format!("name 1 to {BELIEFS_MAX} memories that it is decided over")));
        }
        Ok(Change::Plain(Box::new(Body::BeliefResolved(BeliefResolved {
            memory: self.memory.memory,
            version: self.memory.version,
            over: self.over,
            outcome: self.outcome,
            since: self.since,
            confidence: 1.0,
            decider: Tag::new(DECIDER)?,
            verdict: None,
            reason: self.reason,
        }))))
    }
}

/// What is known of a memory beside what it claims.
struct Remembered {
    version: VersionNo,
    subject: SubjectId,
    superseded: Option<Superseded>,
    stream_index: Option<u64>,
    created_at: Timestamp,
}

/// Claims with where they come from, in log order.
#[derive(Default)]
struct Statements {
    claims: Vec<(MemoryId, Claim)>,
    memories: HashMap<MemoryId, Remembered>,
}

impl Cubelog {
    /// What is believed in a cube at a moment, of everybody or of one subject and whoever is theirs. Only readable memories tell.
    pub async fn beliefs(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        about: Option<&str>,
        moment: &Moment,
    ) -> Result<CubeBeliefs, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let reflected = self.shared().reflected.borrow().clone();
        let held = match moment.known {
            Known::Now => self.views().claims(cube).await?,
            Known::At(_) | Known::Below(_) => None,
        };
        let (statements, noted) = match held {
            Some(claims) => self.held_statements(cube, claims).await?,
            None => (self.read_statements(cube, moment).await?, Vec::new()),
        };
        let agreed = self.agreed(cube, &moment.known).await?;
        let at = match (moment.valid_at, &moment.known) {
            (Some(at), _) => at,
            (None, Known::At(at)) => *at,
            (None, Known::Now | Known::Below(_)) => self.inner.clock.now(),
        };
        let mut answer = statements.believed(about, &agreed, at);
        if about.is_none() {
            answer.doubts.extend(noted.into_iter().filter(|doubt| !answer_has(&answer.doubts, doubt)).collect::<Vec<_>>());
        }
        answer.reflected = reflected;
        let shown: BTreeSet<VersionRef> = answer.cited().map(|cited| cited.reference()).collect();
        self.remember(caller, &row, Purpose::Beliefs, None, shown.into_iter().collect()).await?;
        Ok(answer)
    }

    /// Claims that the views hold, and what others noted for review.
    async fn held_statements(
        &self,
        cube: &CubeKey,
        claims: Vec<(MemoryId, Claim)>,
    ) -> Result<(Statements, Vec<Doubt>), RunError> {
        let mut statements = Statements { claims, ..Statements::default() };
        let mut noted = Vec::new();
        {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), cube).await?;
            for (id, _) in &statements.claims {
                if let Some(memory) = state.memories.get(id) {
                    statements.memories.entry(*id).or_insert_with(|| Remembered::of(memory, memory.current));
                }
            }
            let cited = |id: &MemoryId, confidence: f32| {
                let memory = state.memories.get(id)?;
                let subject = &memory.subject;
                self.shared().sealer.readable(subject).then(|| Cited {
                    memory: *id,
                    version: memory.current,
                    speaker: String::new(),
                    said_at: memory.valid.from,
                    value: None,
                    confidence,
                })
            };
            for ((newer, older), review) in &state.reviews {
                if let (Some(later), Some(earlier)) = (cited(newer, review.confidence), cited(older, review.confidence)) {
                    let reason = format!("noted by {}", review.detector);
                    noted.push(Doubt { subject: None, attribute: None, earlier: Some(earlier), later, reason });
                }
            }
        }
        self.settle_order(&mut statements);
        Ok((statements, noted))
    }

    /// Claims of a cube as it was known at a moment, read from its texts.
    async fn read_statements(&self, cube: &CubeKey, moment: &Moment) -> Result<Statements, RunError> {
        let known = Moment { known: moment.known.clone(), valid_at: None };
        let rows = self.state_unseen(cube, &known, false).await?;
        let read = |rows: Vec<VersionRow>| {
            let mut statements = Statements::default();
            for row in rows {
                let Some(content) = row.content.clear() else { continue };
                let found = cubelog_recall::asserted(&content.text, content.speaker.as_deref(), row.valid.from.micros());
                statements.claims.extend(found.into_iter().map(|claim| (row.memory.id, claim)));
                statements.memories.insert(row.memory.id, Remembered::of(&row.memory, row.version));
            }
            statements
        };
        // Reading many texts is work for a processor, and must not keep other tasks waiting.
        let mut statements = tokio::task::spawn_blocking(move || read(rows))
            .await
            .map_err(|panic| RunError::Stopped(format!("the reading of statements panicked: {panic}")))?;
        self.settle_order(&mut statements);
        Ok(statements)
    }

    /// Leaves out what nobody may read any more, and puts the rest in log order, whatever the order in which views hold it.
    fn settle_order(&self, statements: &mut Statements) {
        let Statements { claims, memories } = statements;
        memories.retain(|_, memory| self.shared().sealer.readable(&memory.subject));
        claims.retain(|(id, _)| memories.contains_key(id));
        claims.sort_by_cached_key(|(id, claim)| {
            memories.get(id).map(|memory| (memory.created_at, memory.stream_index, *id, claim.span.start))
        });
    }

    /// Pairs of memories of which somebody said that they do not contradict each other, by what was known.
    async fn agreed(&self, cube: &CubeKey, known: &Known) -> Result<BTreeSet<(MemoryId, MemoryId)>, RunError> {
        let is_known = |recorded_at: Timestamp, position: Position| match known {
            Known::Now => true,
            Known::At(at) => recorded_at <= *at,
            Known::Below(cut) => cut.covers(position),
        };
        let mut newest: BTreeMap<(MemoryId, MemoryId), bool> = BTreeMap::new();
        for row in self.views().contradictions(cube).await? {
            if is_known(row.recorded_at, row.position) {
                newest.insert(pair(row.edge.from, row.edge.to), row.edge.withdrawn);
            }
        }
        Ok(newest.into_iter().filter(|(_, withdrawn)| *withdrawn).map(|(pair, _)| pair).collect())
    }
}

fn pair(a: MemoryId, b: MemoryId) -> (MemoryId, MemoryId) {
    (a.min(b), a.max(b))
}

/// Whether a doubt stands there already between the same memories.
fn answer_has(doubts: &[Doubt], doubt: &Doubt) -> bool {
    let between = |doubt: &Doubt| doubt.earlier.as_ref().map(|earlier| pair(earlier.memory, doubt.later.memory));
    doubts.iter().any(|other| between(other) == between(doubt))
}

impl Remembered {
    fn of(memory: &cubelog_memory::Memory, version: VersionNo) -> Self {
        Self {
            version,
            subject: memory.subject.clone(),
            superseded: memory.superseded,
            stream_index: memory.stream_index,
            created_at: memory.created_at,
        }
    }
}

impl Cited {
    fn reference(&self) -> VersionRef {
        VersionRef { memory: self.memory, version: self.version }
    }
}

impl CubeBeliefs {
    /// Every statement that the answer rests on.
    fn cited(&self) -> impl Iterator<Item = &Cited> {
        let lines = self.lines.iter().flat_map(|line| line.current.iter().chain(&line.history)).flat_map(|held| &held.cited);
        lines.chain(self.doubts.iter().flat_map(|doubt| doubt.earlier.iter().chain([&doubt.later])))
    }
}

impl Statements {
    fn believed(&self, about: Option<&str>, agreed: &BTreeSet<(MemoryId, MemoryId)>, at: Timestamp) -> CubeBeliefs {
        let claims: Vec<&Claim> = self.claims.iter().map(|(_, claim)| claim).collect();
        let settled = self.settled(agreed);
        let about = about.map(normal::phrase_of);
        let asked = |subject: &str| {
            about
                .as_deref()
                .is_none_or(|about| subject.strip_prefix(about).is_some_and(|rest| rest.is_empty() || rest.starts_with("'s ")))
        };
        let mut answer = CubeBeliefs::default();
        for ((subject, attribute), line) in believed(&claims, &settled, at).lines {
            if !asked(&subject) {
                continue;
            }
            let held = |beliefs: &[Belief]| beliefs.iter().map(|belief| self.held(belief)).collect();
            for review in &line.reviews {
                answer.doubts.push(Doubt {
                    subject: Some(subject.clone()),
                    attribute: Some(attribute.to_string()),
                    earlier: review.earlier_at.map(|place| self.cited(place)),
                    later: self.cited(review.later_at),
                    reason: review.reason.clone(),
                });
            }
            answer.lines.push(BeliefLine {
                attribute: attribute.to_string(),
                current: held(&line.current),
                history: held(&line.history),
                subject,
            });
        }
        answer
    }

    /// What was settled between memories, in terms of their claims: those about the same thing, all where none is.
    fn settled(&self, agreed: &BTreeSet<(MemoryId, MemoryId)>) -> Settled {
        let mut settled = Settled::default();
        let mut places: HashMap<MemoryId, Vec<usize>> = HashMap::new();
        for (place, (memory, _)) in self.claims.iter().enumerate() {
            places.entry(*memory).or_default().push(place);
        }
        let none = Vec::new();
        let of = |memory: &MemoryId| places.get(memory).unwrap_or(&none);
        let same = |a: usize, b: usize| {
            let (a, b) = (&self.claims[a].1, &self.claims[b].1);
            a.subject == b.subject && a.attribute == b.attribute
        };
        for (memory, known) in &self.memories {
            let Some(superseded) = known.superseded else { continue };
            let by = of(&superseded.by);
            let instead: Vec<(usize, Option<usize>)> =
                of(memory).iter().map(|place| (*place, by.iter().copied().find(|by| same(*place, *by)))).collect();
            let meets = instead.iter().any(|(_, by)| by.is_some());
            for (place, by) in instead.into_iter().filter(|(_, by)| by.is_some() || !meets) {
                settled.replaced.insert(place, (superseded.since, by));
            }
        }
        for (a, b) in agreed {
            for a in of(a) {
                settled.agreed.extend(of(b).iter().filter(|b| same(*a, **b)).map(|b| (*a.min(b), *a.max(b))));
            }
        }
        settled
    }

    fn held(&self, belief: &Belief) -> Held {
        Held {
            value: shown(&belief.claim),
            since: belief.from,
            until: belief.to,
            confidence: belief.claim.confidence,
            withdrawn: belief.withdrawn,
            cited: belief.behind.iter().map(|place| self.cited(*place)).collect(),
            displaced: belief.displaced.as_ref().map(|displaced| (displaced.verdict.word(), displaced.reason.clone())),
        }
    }

    fn cited(&self, place: usize) -> Cited {
        let (memory, claim) = &self.claims[place];
        Cited {
            memory: *memory,
            version: self.memories.get(memory).map_or(0, |known| known.version),
            speaker: claim.speaker.clone(),
            said_at: claim.said_at,
            value: shown(claim),
            confidence: claim.confidence,
        }
    }
}

/// The value as it was said; `yes` or `no` where that is the question.
fn shown(claim: &Claim) -> Option<String> {
    match (&claim.value, claim.answer()) {
        (Some(value), Some(answer)) if answer == value.normal => Some(value.surface.clone()),
        (_, answer) => answer.map(str::to_owned),
    }
}
