//! Changes to memories, and the one way in which every change of a single event is submitted.

use cubelog_api::memories::{
    ExpireRequest, MergeRequest, MoveRequest, RecordRequest, RelateRequest, ResolveRequest, ReviseRequest, TagRequest,
    WriteResponse,
};
use cubelog_api::{Code, Problem};
use cubelog_memory::{
    Body, Content, CubeKey, Descriptive, Governance, Lifecycle, Lifespan, MemoryId, Relation, SemanticType, Sensitivity,
    Timestamp, Trust, VersionNo,
};
use cubelog_runner::{Caller, Change, Effect, Outcome, Request};

use super::problems::problem;
use super::{Service, convert, parse};

impl Service {
    /// Writes a new memory.
    pub async fn record(&self, caller: &Caller, request: RecordRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let occurred_at = parse::optional_time("occurred_at", request.occurred_at.as_deref())?;
        let change = Change::Record {
            memory: request.memory.as_deref().map(|text| parse::memory("memory", text)).transpose()?,
            descriptive: descriptive(&request)?,
            governance: governance(&request)?,
            valid: parse::validity(request.valid_from.as_deref(), request.valid_to.as_deref(), || {
                occurred_at.unwrap_or_else(|| self.now())
            })?,
            sources: parse::version_refs("sources", &request.sources)?,
            subject: request.subject,
            content: content(request.content),
        };
        self.change(caller, cube, occurred_at, change, key).await
    }

    /// Gives a memory new content.
    pub async fn revise(&self, caller: &Caller, request: ReviseRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let occurred_at = parse::optional_time("occurred_at", request.occurred_at.as_deref())?;
        let change = Change::Revise {
            memory: parse::memory("memory", &request.memory)?,
            expected: expected(request.expected_version)?,
            valid: parse::validity(request.valid_from.as_deref(), request.valid_to.as_deref(), || {
                occurred_at.unwrap_or_else(|| self.now())
            })?,
            content: content(request.content),
        };
        self.change(caller, cube, occurred_at, change, key).await
    }

    /// Makes several memories one.
    pub async fn merge(&self, caller: &Caller, request: MergeRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        if request.sources.is_empty() {
            return Err(Problem::invalid("sources", "name at least one memory to merge"));
        }
        let occurred_at = parse::optional_time("occurred_at", request.occurred_at.as_deref())?;
        let change = Change::Merge {
            into: parse::memory("memory", &request.memory)?,
            expected: expected(request.expected_version)?,
            sources: parse::version_refs("sources", &request.sources)?,
            content: content(request.content),
        };
        self.change(caller, cube, occurred_at, change, key).await
    }

    /// States or withdraws a relation.
    pub async fn relate(&self, caller: &Caller, request: RelateRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let change = Change::Relate {
            from: parse::memory("memory", &request.memory)?,
            to: parse::memory("to", &request.to)?,
            relation: parse::word("relation", &request.relation, Relation::from_word, Relation::ALL)?,
            weight: request.weight.unwrap_or(1.0),
            withdrawn: request.withdrawn,
        };
        self.change(caller, cube, None, change, key).await
    }

    /// Moves a memory through its lifecycle.
    pub async fn move_memory(&self, caller: &Caller, request: MoveRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let memory = parse::memory("memory", &request.memory)?;
        let to = parse::word("to", &request.to, Lifecycle::from_word, Lifecycle::ALL)?;
        self.change(caller, cube, None, Change::Move { memory, to, reason: request.reason }, key).await
    }

    /// Puts labels on and takes labels off.
    pub async fn tag(&self, caller: &Caller, request: TagRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let memory = parse::memory("memory", &request.memory)?;
        if request.add.is_empty() && request.remove.is_empty() {
            return Err(Problem::invalid("add", "name at least one tag to add or to remove"));
        }
        let (add, remove) = (parse::tags("add", &request.add)?, parse::tags("remove", &request.remove)?);
        self.change(caller, cube, None, Change::Tag { memory, add, remove }, key).await
    }

    /// Ends a memory's lifespan.
    pub async fn expire(&self, caller: &Caller, request: ExpireRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let memory = parse::memory("memory", &request.memory)?;
        self.change(caller, cube, None, Change::Expire { memory, reason: request.reason }, key).await
    }

    /// Settles sibling versions.
    pub async fn resolve(&self, caller: &Caller, request: ResolveRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let change = Change::Resolve {
            memory: parse::memory("memory", &request.memory)?,
            expected: expected(request.expected_version)?,
            winner: request.winner,
            reason: request.reason,
        };
        self.change(caller, cube, None, change, key).await
    }

    /// Submits one change; the same idempotency key gives the same answer.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        cube: CubeKey,
        occurred_at: Option<Timestamp>,
        change: Change,
        key: Option<&str>,
    ) -> Result<WriteResponse, Problem> {
        let command = parse::command(caller, key)?;
        let asked = command.is_some().then(|| Asked::of(&change));
        let request = Request { cube, command, occurred_at, change };
        let outcome = self.cubelog().submit(caller, vec![request]).await.pop();
        let outcome = outcome.ok_or_else(|| Problem::new(Code::Internal, "the runner gave no answer"))?.map_err(problem)?;
        match &outcome.effect {
            Effect::Applied => Ok(convert::outcome(&outcome)),
            Effect::Repeated => {
                if let Some(asked) = asked {
                    self.same_request(caller, &asked, &outcome).await?;
                }
                Ok(convert::outcome(&outcome))
            }
            Effect::Conflict => {
                let version = outcome.version.map_or_else(String::new, |version| format!(" {version}"));
                let detail = format!("another version became current first; the content stands as sibling version{version}");
                let problem = Problem::new(Code::Conflict, detail).with_outcome(convert::outcome(&outcome));
                Err(self.with_current(caller, problem, &outcome).await)
            }
            Effect::Refused(reason) => {
                let detail = format!("the change is on the log without effect: {reason}");
                Err(Problem::new(Code::Refused, detail).with_outcome(convert::outcome(&outcome)))
            }
        }
    }

    /// Adds the version that won, where it can be read.
    async fn with_current(&self, caller: &Caller, problem: Problem, outcome: &Outcome) -> Problem {
        let Some(memory) = outcome.memory else { return problem };
        if self.cubelog().wait(&outcome.token).await.is_err() {
            return problem;
        }
        match self.cubelog().get(caller, None, memory, &Default::default()).await {
            Ok(row) => problem.with_current_version(row.memory.current),
            Err(_) => problem,
        }
    }

    /// Whether a repeated command asks for what it asked the first time: an idempotency key that is used for something else
    /// must not be answered as if that had been done.
    async fn same_request(&self, caller: &Caller, asked: &Asked, outcome: &Outcome) -> Result<(), Problem> {
        let mismatch = || {
            let detail = "the idempotency key was used before for another change, and this one was not carried out";
            Problem::new(Code::IdempotencyMismatch, detail)
        };
        let Some(memory) = outcome.memory else {
            return if asked.is_of_a_version { Err(mismatch()) } else { Ok(()) };
        };
        if asked.memory.is_some_and(|asked| asked != memory) {
            return Err(mismatch());
        }
        let rows = self.cubelog().history(caller, memory).await.map_err(problem)?;
        let Some(row) = rows.iter().find(|row| row.event == outcome.event) else {
            // The first one made no version, so it was a change of another sort if this one would make one.
            return if asked.is_of_a_version { Err(mismatch()) } else { Ok(()) };
        };
        let other_text =
            asked.text.as_deref().is_some_and(|text| row.content.clear().is_some_and(|content| content.text != text));
        if row.change != asked.kind || other_text { Err(mismatch()) } else { Ok(()) }
    }
}

/// What is compared of a repeated request.
struct Asked {
    kind: &'static str,
    memory: Option<MemoryId>,
    text: Option<String>,
    is_of_a_version: bool,
}

impl Asked {
    fn of(change: &Change) -> Self {
        let (kind, memory, text, is_of_a_version) = match change {
            Change::CreateCube { .. } => ("cube_created", None, None, false),
            Change::Grant { .. } => ("cube_granted", None, None, false),
            Change::Revoke { .. } => ("cube_revoked", None, None, false),
            Change::SetPolicy { .. } => ("policy_set", None, None, false),
            Change::Record { memory, content, .. } => ("memory_recorded", *memory, Some(content.text.clone()), true),
            Change::Revise { memory, content, .. } => ("memory_revised", Some(*memory), Some(content.text.clone()), true),
            Change::Merge { into, content, .. } => ("memory_merged", Some(*into), Some(content.text.clone()), true),
            Change::Relate { .. } => ("memory_related", None, None, false),
            Change::Move { memory, .. } => ("memory_moved", Some(*memory), None, true),
            Change::Tag { memory, .. } => ("memory_tagged", Some(*memory), None, true),
            Change::Expire { memory, .. } => ("memory_expired", Some(*memory), None, true),
            Change::Resolve { memory, .. } => ("conflict_resolved", Some(*memory), None, true),
            Change::Plain(body) => {
                let touches = matches!(**body, Body::MemoryGoverned(_) | Body::TierChanged(_));
                (body.kind(), body.memory(), None, touches)
            }
        };
        Self { kind, memory, text, is_of_a_version }
    }
}

fn expected(version: Option<u32>) -> Result<VersionNo, Problem> {
    version.ok_or_else(|| Problem::invalid("expected_version", "is missing; name the version that the change was made over"))
}

fn content(content: cubelog_api::memories::Content) -> Content {
    let cubelog_api::memories::Content { text, speaker, caption, session, source } = content;
    Content { text, speaker, caption, session, source }
}

fn descriptive(request: &RecordRequest) -> Result<Descriptive, Problem> {
    Ok(Descriptive {
        semantic: match request.semantic.as_deref() {
            None => SemanticType::Note,
            Some(word) => parse::word("semantic", word, SemanticType::from_word, SemanticType::ALL)?,
        },
        path: request.path.as_deref().map(parse::path).transpose()?,
        tags: parse::tags("tags", &request.tags)?.into_iter().collect(),
    })
}

fn governance(request: &RecordRequest) -> Result<Governance, Problem> {
    let ordinary = Governance::default();
    Ok(Governance {
        pinned: ordinary.pinned,
        sensitivity: match request.sensitivity.as_deref() {
            None => ordinary.sensitivity,
            Some(word) => parse::word("sensitivity", word, Sensitivity::from_word, Sensitivity::ALL)?,
        },
        trust: match request.trust.as_deref() {
            None => ordinary.trust,
            Some(word) => parse::word("trust", word, Trust::from_word, Trust::ALL)?,
        },
        priority: request.priority,
        lifespan: match parse::optional_time("expires", request.expires.as_deref())? {
            None => Lifespan::Keep,
            Some(until) => Lifespan::Until(until),
        },
        watermark: request.watermark.as_deref().map(|text| parse::tag("watermark", text)).transpose()?,
    })
}
