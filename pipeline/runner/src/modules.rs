//! Modules of a cube: which memories may be distilled, what training made of them as events, which of them are worn.

use std::collections::{BTreeMap, BTreeSet};

use cubelog_memory::content::Digest;
use cubelog_memory::{
    Body, Content, CubeKey, CubeState, Cut, Descriptive, EventId, Fingerprint, Gate, Governance, Grounds, Kind, Memory, MemoryId,
    MemoryRecorded, Module, ModuleActivated, ModuleEvaluated, ModuleId, ModuleProposed, ModulePublished, ModuleRetired,
    ModuleRolledBack, ModuleTrained, Origin, Purpose, Right, SemanticType, Sensitivity, Stage, SubjectId, Tag, Timestamp, Trust,
    Validity, VersionRef,
};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::types::Moment;

/// What a memory has to teach, with everything that may keep it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    pub version: VersionRef,
    pub subject: SubjectId,
    /// Keyed: it tells equal contents apart and betrays none.
    pub fingerprint: Fingerprint,
    pub semantic: SemanticType,
    pub text: String,
    pub speaker: Option<String>,
    pub said_at: Timestamp,
    pub trust: Trust,
    pub sensitivity: Sensitivity,
    /// Somebody whom it is about is to be erased.
    pub erasing: bool,
    /// It, or its whole cube, is under a hold.
    pub held: bool,
    /// Another version or memory is believed in its place, or its versions are in conflict.
    pub outdated: bool,
}

/// A module that came out of training, with what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModule {
    pub name: Tag,
    /// Modules that it succeeds.
    pub parents: Vec<ModuleId>,
    pub sources: Vec<VersionRef>,
    /// The base model: its name for people, and digests of weights and tokenizer.
    pub base: String,
    pub base_digest: Digest,
    pub tokenizer_digest: Digest,
    /// SHA-256 of the data set in hexadecimal; only a keyed digest of it comes onto the log.
    pub data: String,
    /// SHA-256 of the file with the factors.
    pub artefact: Digest,
    /// Size of what was published.
    pub bytes: u64,
    pub seed: u64,
    /// Version of the program.
    pub code: String,
    /// JSON objects: hyper-parameters, what the run measured, what the evaluation measured.
    pub settings: String,
    pub run: String,
    pub evaluation: String,
    pub gates: Vec<Gate>,
    pub passed: bool,
    pub origin: ModuleOrigin,
}

/// How a module came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleOrigin {
    /// Distilled here: whether it passed was measured here.
    Distilled,
    /// Brought from elsewhere, or composed of others; it serves once somebody publishes it by hand.
    Brought,
}

/// What became of a new module.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedModule {
    pub module: ModuleId,
    pub stage: Stage,
    /// Hand it to a read that must see the result.
    pub token: Cut,
}

/// A source of a module, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceNow {
    pub version: VersionRef,
    /// What is believed of it now: the current version, or why there is none any more.
    pub now: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The module holds what is believed.
    Same,
    Revised {
        current: u32,
    },
    Superseded {
        by: MemoryId,
    },
    /// Archived, merged or expired.
    Gone,
}

impl Standing {
    fn of(state: &CubeState, version: VersionRef) -> Self {
        match state.memories.get(&version.memory) {
            None => Standing::Gone,
            Some(memory) if !memory.is_visible() => Standing::Gone,
            Some(memory) => match memory.superseded {
                Some(superseded) => Standing::Superseded { by: superseded.by },
                None if memory.current != version.version => Standing::Revised { current: memory.current },
                None => Standing::Same,
            },
        }
    }
}

fn held(state: &CubeState, memory: &Memory) -> bool {
    state.holds.values().any(|scope| scope.is_none_or(|held| held == memory.id))
}

impl Cubelog {
    /// Every visible memory of a cube with what it says and what may keep it out of a module, in the order in which they came. Needs
    /// the right to write, and stands in the access log as an export: what is in a module travels with it.
    pub async fn lessons(&self, caller: &Caller, cube: &CubeKey) -> Result<Vec<Lesson>, RunError> {
        self.flush().await?;
        let row = self.authorize(caller, cube, Right::Write)?;
        let rows = self.state_unseen(cube, &Moment::default(), false).await?;
        let mut lessons: Vec<(Timestamp, Option<u64>, Lesson)> = self
            .with_state(cube, |state| {
                let lesson = |row: &cubelog_views::VersionRow| {
                    let (memory, content) = (&row.memory, row.content.clear()?);
                    let text = match &content.caption {
                        Some(caption) => format!("{} [{caption}]", content.text),
                        None => content.text.clone(),
                    };
                    let lesson = Lesson {
                        version: VersionRef { memory: memory.id, version: row.version },
                        subject: row.subject.clone(),
                        fingerprint: row.fingerprint,
                        semantic: memory.descriptive.semantic,
                        text,
                        speaker: content.speaker.clone(),
                        said_at: row.valid.from,
                        trust: memory.governance.trust,
                        sensitivity: memory.governance.sensitivity,
                        erasing: state.is_erased(&memory.subject),
                        held: held(state, memory),
                        outdated: memory.superseded.is_some() || memory.current != row.version || !memory.siblings.is_empty(),
                    };
                    Some((memory.created_at, memory.stream_index, lesson))
                };
                rows.iter().filter_map(lesson).collect()
            })
            .await?;
        lessons.sort_by_key(|(created_at, index, lesson)| (*created_at, *index, lesson.version));
        let lessons: Vec<Lesson> = lessons.into_iter().map(|(_, _, lesson)| lesson).collect();
        self.remember(caller, &row, Purpose::Export, None, lessons.iter().map(|lesson| lesson.version).collect()).await?;
        Ok(lessons)
    }

    /// The modules of a cube that the caller may read, as they are now.
    pub async fn modules(&self, caller: &Caller, cube: &CubeKey) -> Result<BTreeMap<ModuleId, Module>, RunError> {
        self.wait_for_own_writes().await?;
        Ok(self.authorize(caller, cube, Right::Read)?.state.modules.clone())
    }

    /// What became of the memories that a module was made from.
    pub async fn module_sources(&self, caller: &Caller, cube: &CubeKey, module: ModuleId) -> Result<Vec<SourceNow>, RunError> {
        self.authorize(caller, cube, Right::Read)?;
        self.with_state(cube, |state| {
            let sources = state.modules.get(&module).map(|module| module.sources.clone())?;
            let now = |version: &VersionRef| SourceNow { version: *version, now: Standing::of(state, *version) };
            Some(sources.versions().iter().map(now).collect())
        })
        .await?
        .ok_or_else(|| unknown(module))
    }

    /// Puts a module on the log, step by step: proposed, trained, evaluated and, if it passed, published.
    pub async fn record_module(&self, caller: &Caller, cube: &CubeKey, new: NewModule) -> Result<RecordedModule, RunError> {
        self.must_write(caller, cube)?;
        self.authorize(caller, cube, Right::Write)?;
        let run = self.begin("distill", cube, Origin::Job, None);
        let module = ModuleId::new(self.inner.ids.next());
        let subjects = self.subjects_of(cube, &new.sources).await?;
        let data_digest = self.keyed(cube, &new.data);
        let distilled = new.origin == ModuleOrigin::Distilled;
        let mut steps = Vec::new();
        if distilled {
            let (name, sources) = (new.name.clone(), new.sources.clone());
            steps.push(Body::ModuleProposed(ModuleProposed { module, name, sources, grounds: Grounds::default(), reason: None }));
        }
        steps.push(Body::ModuleTrained(ModuleTrained {
            module,
            name: new.name,
            parents: new.parents,
            sources: new.sources,
            subjects,
            base: new.base,
            base_digest: new.base_digest,
            tokenizer_digest: new.tokenizer_digest,
            data_digest,
            artefact: new.artefact,
            seed: new.seed,
            code: new.code,
            settings: new.settings,
            report: new.run,
            reason: None,
        }));
        steps.push(Body::ModuleEvaluated(ModuleEvaluated {
            module,
            passed: new.passed,
            gates: new.gates,
            report: new.evaluation,
            grounds: Grounds::default(),
            reason: None,
        }));
        if new.passed && distilled {
            steps.push(Body::ModulePublished(ModulePublished { module, artefact: new.artefact, bytes: new.bytes, reason: None }));
        }
        for step in steps {
            self.step(caller, &run, step).await?;
        }
        let stage = self.stage(cube, module).await?;
        let counts = serde_json::json!({ "module": module.memory().to_string(), "stage": stage.word() });
        let token = self.end(caller, run, &counts).await?;
        Ok(RecordedModule { module, stage, token })
    }

    /// Wears a published module from now on; another active one of its name makes way and stays published. One that is stale is
    /// refused: it says what is not believed any more.
    pub async fn activate_module(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        id: ModuleId,
        reason: Option<String>,
    ) -> Result<RecordedModule, RunError> {
        let modules = self.modules(caller, cube).await?;
        let module = modules.get(&id).ok_or_else(|| unknown(id))?;
        if let Some(stale) = module.stale {
            return Err(RunError::BadRequest(format!(
                "module {} is {}: a source of it was {}; distil it anew",
                id.memory(),
                if stale.is_revoked() { "revoked" } else { "stale" },
                stale.cause.word()
            )));
        }
        let worn =
            modules.iter().find(|(other, known)| **other != id && known.stage == Stage::Active && known.name == module.name);
        let replaces = worn.map(|(other, _)| *other);
        let activated = ModuleActivated { module: id, replaces, grounds: Grounds::default(), reason };
        self.one_step(caller, cube, id, "activate", Body::ModuleActivated(activated)).await
    }

    /// Takes the active module of a name off at once: the one before it is worn again where there is one, else the base alone.
    pub async fn roll_back_module(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        name: &Tag,
        reason: Option<String>,
    ) -> Result<(RecordedModule, Option<ModuleId>), RunError> {
        let modules = self.modules(caller, cube).await?;
        let active = modules.iter().find(|(_, module)| module.stage == Stage::Active && module.name == *name);
        let Some((id, module)) = active else {
            return Err(RunError::BadRequest(format!("no module named {name} is active in cube {cube}")));
        };
        let may_serve = |other: &ModuleId| {
            modules
                .get(other)
                .is_some_and(|other| other.stage == Stage::Published && other.stale.is_none() && other.name == *name)
        };
        let to = module.parents.iter().copied().find(may_serve);
        let body = ModuleRolledBack { module: *id, to, grounds: Grounds::default(), reason };
        let done = self.one_step(caller, cube, *id, "roll-back", Body::ModuleRolledBack(body)).await?;
        Ok((done, to))
    }

    /// Takes a module out of service, and writes down as memories that cite it what it knows and no other memory says any more.
    pub async fn retire_module(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        id: ModuleId,
        knows: Vec<(String, BTreeSet<VersionRef>)>,
        reason: Option<String>,
    ) -> Result<(RecordedModule, Vec<MemoryId>), RunError> {
        self.must_write(caller, cube)?;
        self.authorize(caller, cube, Right::Write)?;
        let run = self.begin("demote", cube, Origin::Job, None);
        let retired = ModuleRetired { module: id, grounds: Grounds::default(), reason };
        self.step(caller, &run, Body::ModuleRetired(retired)).await?;
        let mut written = Vec::new();
        for (text, sources) in knows {
            let lost = self
                .with_state(cube, |state| {
                    let mut subjects =
                        sources.iter().filter_map(|source| state.memories.get(&source.memory)).map(|of| &of.subject);
                    let said = sources.iter().any(|source| Standing::of(state, *source) == Standing::Same);
                    let denied = sources.iter().any(|source| {
                        matches!(Standing::of(state, *source), Standing::Revised { .. } | Standing::Superseded { .. })
                    });
                    let subject = subjects.next().filter(|first| !state.is_erased(first)).cloned();
                    // What was revised since is not knowledge any more, and what is erased must not come back.
                    subject.filter(|_| !said && !denied)
                })
                .await?;
            let Some(subject) = lost else { continue };
            let event = EventId::new(self.inner.ids.next());
            let memory = MemoryId::new(self.inner.ids.next());
            let content = Content::text(text);
            let (content, fingerprint) = self.shared().sealer.seal(event, cube, &subject, &content)?;
            let body = Body::MemoryRecorded(MemoryRecorded {
                memory,
                kind: Kind::Plaintext,
                fingerprint,
                descriptive: Descriptive::of(SemanticType::Fact),
                governance: Governance::default(),
                valid: Validity::since(run.started_at),
                sources: vec![VersionRef { memory: id.memory(), version: 1 }],
                content,
            });
            if self.carry_out(caller, &run, vec![(event, body)]).await?.refused == 0 {
                written.push(memory);
            }
        }
        let stage = self.stage(cube, id).await?;
        let counts = serde_json::json!({ "module": id.memory().to_string(), "written": written.len() });
        let token = self.end(caller, run, &counts).await?;
        Ok((RecordedModule { module: id, stage, token }, written))
    }

    /// Puts another evaluation of a module on the log.
    pub async fn evaluate_module(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        id: ModuleId,
        passed: bool,
        gates: Vec<Gate>,
        report: String,
    ) -> Result<RecordedModule, RunError> {
        let body = ModuleEvaluated { module: id, passed, gates, report, grounds: Grounds::default(), reason: None };
        self.one_step(caller, cube, id, "evaluate", Body::ModuleEvaluated(body)).await
    }

    async fn one_step(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        module: ModuleId,
        job: &'static str,
        body: Body,
    ) -> Result<RecordedModule, RunError> {
        self.must_write(caller, cube)?;
        self.authorize(caller, cube, Right::Write)?;
        let run = self.begin(job, cube, Origin::Job, None);
        self.step(caller, &run, body).await?;
        let stage = self.stage(cube, module).await?;
        let counts = serde_json::json!({ "module": module.memory().to_string(), "stage": stage.word() });
        let token = self.end(caller, run, &counts).await?;
        Ok(RecordedModule { module, stage, token })
    }

    async fn stage(&self, cube: &CubeKey, module: ModuleId) -> Result<Stage, RunError> {
        self.with_state(cube, |state| state.modules.get(&module).map(|module| module.stage)).await?.ok_or_else(|| unknown(module))
    }

    async fn subjects_of(&self, cube: &CubeKey, sources: &[VersionRef]) -> Result<BTreeSet<SubjectId>, RunError> {
        self.with_state(cube, |state| {
            let memories = sources.iter().filter_map(|source| state.memories.get(&source.memory));
            memories.map(|memory| memory.subject.clone()).collect()
        })
        .await
    }

    /// A digest under the cube's key, in two halves of 16 bytes.
    fn keyed(&self, cube: &CubeKey, text: &str) -> Digest {
        let half = |which: &str| self.shared().sealer.query_fingerprint(cube, &format!("data set, {which} half: {text}"));
        let mut digest = [0; 32];
        digest[..16].copy_from_slice(&half("first"));
        digest[16..].copy_from_slice(&half("second"));
        Digest(digest)
    }
}

fn unknown(module: ModuleId) -> RunError {
    RunError::BadRequest(format!(
        "module {} does not exist in this cube; `cubelog module list` shows those that do",
        module.memory()
    ))
}
