//! Ingest: turns of conversation streams become events. Ids come from the source, so that a file read twice adds nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use cubelog_log::{Append, Topic};
use cubelog_memory::content::ContentError;
use cubelog_memory::{
    Body, Command, Content, CubeImported, CubeKey, CubeName, Decision, Descriptive, EventId, Fingerprint, Governance, MemoryId,
    Rejection, SemanticType, SubjectId, Tag, TenantId, Timestamp, TurnReceived, Validity, Visibility, decide, derive_uuid,
};
use cubelog_schemas::encode_event;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::import::TurnInput;
use crate::types::{Change, IngestReport, Request};

#[derive(Debug, Clone)]
pub struct IngestOptions {
    pub tenant: TenantId,
    /// One cube for everything; `None` gives each conversation the cube of its name.
    pub cube: Option<CubeName>,
    /// Make cubes that do not exist.
    pub create: bool,
    /// New cubes put every read on the log before its answer leaves.
    pub auditable: bool,
    /// Refuse single turns and go on; else the first refusal refuses the whole chunk before anything is written.
    pub keep_going: bool,
    /// Whom the content is about, where it is not the speaker.
    pub subject: Option<String>,
}

/// How many reasons of refused turns a report keeps.
const REASONS_MAX: usize = 20;

impl IngestReport {
    pub fn refuse(&mut self, reason: String) {
        self.refused += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        }
    }

    /// Adds the report of a further chunk.
    pub fn merge(&mut self, other: IngestReport) {
        self.turns += other.turns;
        self.received += other.received;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
        self.skipped += other.skipped;
        self.reasons.extend(other.reasons.into_iter().take(REASONS_MAX.saturating_sub(self.reasons.len())));
        self.cubes.extend(other.cubes);
        self.cubes.sort();
        self.cubes.dedup();
        self.token = self.token.join(&other.token);
    }
}

/// A turn with everything that its event is made of.
struct Prepared {
    cube: CubeKey,
    event: EventId,
    memory: MemoryId,
    content: Content,
    occurred_at: Timestamp,
    index: u64,
    line: u64,
}

impl Cubelog {
    /// Ingests one chunk of turns and acknowledges when they are on the log; the views follow.
    pub async fn ingest_turns(
        &self,
        caller: &Caller,
        options: &IngestOptions,
        turns: Vec<TurnInput>,
    ) -> Result<IngestReport, RunError> {
        let mut report = IngestReport { turns: turns.len() as u64, ..IngestReport::default() };
        let now = self.inner.clock.now();
        let mut by_cube: BTreeMap<CubeKey, Vec<Prepared>> = BTreeMap::new();
        for turn in turns {
            let line = turn.line;
            match prepare(options, now, turn) {
                Ok(prepared) => by_cube.entry(prepared.cube.clone()).or_default().push(prepared),
                // Streams have turns in which nothing is said; that is no fault of the file, and nothing to remember.
                Err(RunError::Content(ContentError::Empty)) => report.skipped += 1,
                Err(error) if options.keep_going => report.refuse(format!("line {line}: {error}")),
                Err(error) => return Err(RunError::BadRequest(format!("line {line}: {error}"))),
            }
        }
        self.wait_for_lag().await?;
        for cube in by_cube.keys() {
            self.ensure_cube(caller, options, cube).await?;
        }
        let mut records = Vec::new();
        for (cube, prepared) in by_cube {
            self.decide_turns(caller, options, now, &cube, prepared, &mut records, &mut report).await?;
            report.cubes.push(cube);
        }
        let sent = records.len() as u64;
        if sent > 0 {
            for appended in self.shared().log.append(Topic::Events, records).await? {
                report.token.cover(appended.position);
                if appended.duplicate {
                    report.duplicates += 1;
                } else {
                    report.received += 1;
                }
            }
            self.inner.appended.fetch_add(sent, Ordering::Relaxed);
            let mut appended_to = self.inner.appended_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            *appended_to = appended_to.join(&report.token);
        }
        Ok(report)
    }

    /// Ingest goes no faster than the views can follow, within a window.
    async fn wait_for_lag(&self) -> Result<(), RunError> {
        let appended_to = self.inner.appended_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let folded = self.shared().folded.borrow().clone();
        if folded.span() + self.shared().settings.lag_events_max < appended_to.span() {
            self.wait_folded(&appended_to).await?;
        }
        Ok(())
    }

    async fn ensure_cube(&self, caller: &Caller, options: &IngestOptions, cube: &CubeKey) -> Result<(), RunError> {
        self.must_write(caller, cube)?;
        let exists = self.shared().fold.lock().await.load(&self.views(), cube).await?.exists();
        if exists {
            return Ok(());
        }
        if !options.create {
            return Err(RunError::UnknownCube(cube.clone()));
        }
        let change = Change::CreateCube { visibility: Visibility::Private, auditable: options.auditable };
        let request = Request { cube: cube.clone(), command: None, occurred_at: None, change };
        for outcome in self.submit(caller, vec![request]).await {
            match outcome {
                // Somebody else made it a moment ago: just as well.
                Ok(_) | Err(RunError::Rejected(Rejection::CubeExists(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of ingest_turns, split off to be readable")]
    async fn decide_turns(
        &self,
        caller: &Caller,
        options: &IngestOptions,
        now: Timestamp,
        cube: &CubeKey,
        turns: Vec<Prepared>,
        records: &mut Vec<Append>,
        report: &mut IngestReport,
    ) -> Result<(), RunError> {
        let sealer = &self.shared().sealer;
        let mut fold = self.shared().fold.lock().await;
        let key = cube.to_string();
        if let Some(parked) = fold.parked(&key) {
            let (position, reason) = (parked.position.to_string(), parked.reason.clone());
            return Err(RunError::Parked { cube: cube.clone(), position, reason });
        }
        let state = fold.load(&self.views(), cube).await?;
        // One fsync makes the keys of all new speakers durable.
        let subjects: Vec<SubjectId> =
            turns.iter().map(|turn| sealer.subject(cube, options.subject.as_deref(), &turn.content)).collect();
        sealer.ensure(&subjects)?;
        // Turns of this very chunk are not folded yet; a turn that stands in it twice must not be sent twice.
        let mut in_chunk: HashMap<EventId, Fingerprint> = HashMap::new();
        for (turn, subject) in turns.into_iter().zip(subjects) {
            let line = turn.line;
            let known = in_chunk.get(&turn.event).copied().or_else(|| {
                let memory = state.memories.get(&turn.memory)?;
                // A turn that was revised since is known by its id alone.
                state.seen.contains(&turn.event).then_some(if memory.last == 1 {
                    memory.fingerprint
                } else {
                    Fingerprint([0; 16])
                })
            });
            if let Some(known) = known {
                let revised = known == Fingerprint([0; 16]);
                if revised || known == sealer.fingerprint(&subject, &turn.content)? {
                    report.duplicates += 1;
                    continue;
                }
                let rejection = Rejection::TurnChanged { memory: turn.memory };
                if !options.keep_going {
                    return Err(RunError::BadRequest(format!("line {line}: {rejection}")));
                }
                report.refuse(format!("line {line}: {rejection}"));
                continue;
            }
            let (content, fingerprint) = sealer.seal(turn.event, cube, &subject, &turn.content)?;
            let command = Command {
                event: turn.event,
                command: None,
                cube: cube.clone(),
                actor: caller.principal.clone(),
                admin: caller.admin,
                origin: caller.origin,
                occurred_at: turn.occurred_at,
                causation: None,
                correlation: None,
                body: Body::TurnReceived(TurnReceived {
                    memory: turn.memory,
                    stream_index: turn.index,
                    fingerprint,
                    descriptive: Descriptive::of(SemanticType::Turn),
                    governance: Governance::default(),
                    valid: Validity::since(turn.occurred_at),
                    content,
                }),
            };
            match decide(state, now, command) {
                Ok(Decision::Append(event)) => {
                    let mut payload = Vec::with_capacity(512);
                    encode_event(&event, &mut payload)?;
                    records.push(Append { key: key.clone(), id: turn.event, payload: Bytes::from(payload) });
                    in_chunk.insert(turn.event, fingerprint);
                }
                Ok(Decision::Known) => report.duplicates += 1,
                // A missing right is no fault of the turn, and every other turn would fare alike.
                Err(rejection @ (Rejection::Forbidden { .. } | Rejection::UnknownCube(_))) => return Err(rejection.into()),
                Err(rejection) if options.keep_going => report.refuse(format!("line {line}: {rejection}")),
                Err(rejection) => return Err(RunError::BadRequest(format!("line {line}: {rejection}"))),
            }
        }
        Ok(())
    }

    /// Writes that an import into a cube ended, with its counts.
    pub async fn record_import(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        format: Tag,
        report: &IngestReport,
    ) -> Result<(), RunError> {
        self.must_write(caller, cube)?;
        let now = self.inner.clock.now();
        let command = Command {
            event: EventId::new(self.inner.ids.next()),
            command: None,
            cube: cube.clone(),
            actor: caller.principal.clone(),
            admin: caller.admin,
            origin: caller.origin,
            occurred_at: now,
            causation: None,
            correlation: None,
            body: Body::CubeImported(CubeImported {
                format,
                received: report.received,
                duplicates: report.duplicates,
                refused: report.refused,
            }),
        };
        let decision = {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), cube).await?;
            decide(state, now, command)?
        };
        if let Decision::Append(event) = decision {
            self.append_and_settle(*event, None).await?;
        }
        Ok(())
    }
}

fn prepare(options: &IngestOptions, now: Timestamp, turn: TurnInput) -> Result<Prepared, RunError> {
    let name = match &options.cube {
        Some(name) => name.clone(),
        None => cube_of_conversation(&turn.conversation)?,
    };
    let cube = CubeKey::new(options.tenant.clone(), name);
    let content = Content {
        text: turn.text,
        speaker: turn.speaker,
        caption: turn.caption,
        session: turn.session,
        source: Some(turn.turn_id.clone()),
    };
    content.check()?;
    let parts = [cube.tenant.as_str(), cube.cube.as_str(), &turn.conversation, &turn.turn_id];
    Ok(Prepared {
        event: EventId::new(derive_uuid("turn", &parts)),
        memory: memory_of_turn(&cube, &turn.conversation, &turn.turn_id),
        cube,
        content,
        occurred_at: turn.at.unwrap_or(now),
        index: turn.index,
        line: turn.line,
    })
}

/// The memory that a turn becomes.
pub fn memory_of_turn(cube: &CubeKey, conversation: &str, turn_id: &str) -> MemoryId {
    MemoryId::new(derive_uuid("memory-of-turn", &[cube.tenant.as_str(), cube.cube.as_str(), conversation, turn_id]))
}

/// The cube that a conversation goes to: its name, with everything that a name may not hold replaced.
pub fn cube_of_conversation(conversation: &str) -> Result<CubeName, cubelog_memory::NameError> {
    if let Ok(name) = CubeName::new(conversation) {
        return Ok(name);
    }
    let mut name: String = conversation
        .chars()
        .map(|character| if character.is_alphanumeric() || "._-@+".contains(character) { character } else { '_' })
        .collect();
    let start = name.chars().next();
    if start.is_none_or(|first| !first.is_alphanumeric() && first != '_') {
        name.insert(0, '_');
    }
    let mut end = name.len().min(96);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    if end < name.len() || name != conversation {
        // Two conversations that look alike after the replacement must not share a cube.
        name.truncate(end);
        name.push('-');
        name.push_str(&derive_uuid("cube", &[conversation]).simple().to_string()[..8]);
    }
    CubeName::new(name)
}
