//! A small projector over made-up events, so that tests speak in events and compare with the fold.

use std::collections::BTreeMap;
use std::sync::Arc;

use cubelog_memory::*;
use uuid::Uuid;

use crate::port::Batch;
use crate::rows::{CubeRow, EdgeRow, MemoryRow, Shown, TurnRow, VersionRow};

/// Length of the vectors of made-up memories.
pub const DIM: usize = 8;

/// Folds events as they come and keeps the rows that they made until they are taken as a batch.
#[derive(Debug, Clone)]
pub struct Script {
    pub states: BTreeMap<CubeKey, CubeState>,
    contents: BTreeMap<(MemoryId, VersionNo), Content>,
    memories: BTreeMap<MemoryId, MemoryRow>,
    rows: Batch,
    /// Memories changed since the last batch, and whether their first version is among the changes.
    dirty: BTreeMap<MemoryId, bool>,
    partition: u32,
    next: u64,
    /// Microseconds; every event is recorded one second after the one before.
    clock: i64,
    with_vectors: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self::new(0)
    }
}

pub fn cube(tenant: &str, name: &str) -> CubeKey {
    CubeKey::new(TenantId::new(tenant).expect("a name"), CubeName::new(name).expect("a name"))
}

/// The same number gives the same id.
pub fn memory(number: u64) -> MemoryId {
    MemoryId::new(derive_uuid("memory", &[&number.to_string()]))
}

pub fn principal(name: &str) -> PrincipalId {
    PrincipalId::new(name).expect("a name")
}

pub fn subject(name: &str) -> SubjectId {
    SubjectId::new(name).expect("a name")
}

pub fn tag(name: &str) -> Tag {
    Tag::new(name).expect("a name")
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

/// A unit vector that depends on the words of a text alone: texts that share words point in similar directions.
pub fn vector_of(text: &str, dim: usize) -> Vec<f32> {
    let mut vector = vec![0.01f32; dim];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = word.bytes().fold(7usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        vector[hash % dim] += 1.0;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

pub fn sealed(subject: &SubjectId) -> Sealed {
    Sealed { subject: subject.clone(), key: 1, nonce: [0; 12], ciphertext: vec![1, 2, 3] }
}

pub fn fingerprint(content: &Content) -> Fingerprint {
    Fingerprint(*derive_uuid("fingerprint", &[&content.text]).as_bytes())
}

impl Script {
    pub fn new(partition: u32) -> Self {
        Self {
            states: BTreeMap::new(),
            contents: BTreeMap::new(),
            memories: BTreeMap::new(),
            rows: Batch::default(),
            dirty: BTreeMap::new(),
            partition,
            next: 0,
            clock: 1_700_000_000_000_000,
            with_vectors: true,
        }
    }

    pub fn without_vectors(mut self) -> Self {
        self.with_vectors = false;
        self
    }

    /// The instant at which the last event was recorded.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock)
    }

    /// Below the next event.
    pub fn cut(&self) -> Cut {
        [(self.partition, self.next)].into_iter().collect()
    }

    /// A turn with default metadata.
    pub fn turn(&mut self, cube: &CubeKey, number: u64, speaker: &str, text: &str) -> Verdict {
        let content = Content { speaker: Some(speaker.to_owned()), session: Some("s1".to_owned()), ..Content::text(text) };
        self.turn_of(cube, number, content, &subject(speaker), Validity::since(Timestamp(1_600_000_000_000_000 + number as i64)))
    }

    pub fn turn_of(&mut self, cube: &CubeKey, number: u64, content: Content, whose: &SubjectId, valid: Validity) -> Verdict {
        let body = Body::TurnReceived(TurnReceived {
            memory: memory(number),
            stream_index: number,
            fingerprint: fingerprint(&content),
            descriptive: Descriptive::of(SemanticType::Turn),
            governance: Governance::default(),
            valid,
            content: sealed(whose),
        });
        self.event(cube, body, Some(content))
    }

    pub fn record(&mut self, cube: &CubeKey, number: u64, descriptive: Descriptive, text: &str) -> Verdict {
        let content = Content::text(text);
        let body = Body::MemoryRecorded(MemoryRecorded {
            memory: memory(number),
            kind: Kind::Plaintext,
            fingerprint: fingerprint(&content),
            descriptive,
            governance: Governance { priority: -3, lifespan: Lifespan::Until(at(2_000_000_000)), ..Governance::default() },
            valid: Validity::since(at(1_600_000_000)),
            sources: Vec::new(),
            content: sealed(&subject("ana")),
        });
        self.event(cube, body, Some(content))
    }

    /// A memory taken from turns of the session that [`Script::turn`] speaks in.
    pub fn take(&mut self, cube: &CubeKey, number: u64, from: &[u64], text: &str) -> Verdict {
        let content = Content { speaker: Some("ana".to_owned()), session: Some("s1".to_owned()), ..Content::text(text) };
        let body = Body::MemoryRecorded(MemoryRecorded {
            memory: memory(number),
            kind: Kind::Plaintext,
            fingerprint: fingerprint(&content),
            descriptive: Descriptive::of(SemanticType::Fact),
            governance: Governance::default(),
            valid: Validity::since(at(1_600_000_000)),
            sources: from.iter().map(|source| VersionRef { memory: memory(*source), version: 1 }).collect(),
            content: sealed(&subject("ana")),
        });
        self.event(cube, body, Some(content))
    }

    pub fn revise(&mut self, cube: &CubeKey, number: u64, expected: VersionNo, text: &str, valid: Validity) -> Verdict {
        let content = Content::text(text);
        let body = Body::MemoryRevised(MemoryRevised {
            memory: memory(number),
            expected,
            fingerprint: fingerprint(&content),
            valid,
            content: sealed(&subject("ana")),
        });
        self.event(cube, body, Some(content))
    }

    pub fn relate(&mut self, cube: &CubeKey, from: u64, to: u64, relation: Relation, withdrawn: bool) -> Verdict {
        let body = MemoryRelated { from: memory(from), to: memory(to), relation, weight: 0.25, withdrawn };
        self.event(cube, Body::MemoryRelated(body), None)
    }

    pub fn move_to(&mut self, cube: &CubeKey, number: u64, to: Lifecycle) -> Verdict {
        let reason = Some("it's \"old\"".to_owned());
        self.event(cube, Body::MemoryMoved(MemoryMoved { memory: memory(number), to, reason }), None)
    }

    pub fn create(&mut self, cube: &CubeKey, owner: &str) -> Verdict {
        let body = CubeCreated { owner: principal(owner), visibility: Visibility::Private, auditable: true };
        self.event(cube, Body::CubeCreated(body), None)
    }

    /// Folds one event, which takes the next offset.
    pub fn event(&mut self, cube: &CubeKey, body: Body, content: Option<Content>) -> Verdict {
        let position = Position { partition: self.partition, offset: self.next };
        self.next += 1;
        self.clock += 1_000_000;
        let here = At { position, recorded_at: Timestamp(self.clock) };
        let id = EventId::new(derive_uuid("event", &[&self.partition.to_string(), &position.offset.to_string()]));
        let envelope = Envelope {
            id,
            cube: cube.clone(),
            actor: principal("tester"),
            origin: Origin::Api,
            occurred_at: Timestamp(self.clock - 500_000),
            command: None,
            causation: None,
            correlation: None,
            schema_version: SCHEMA_VERSION,
        };
        let reason = body.reason().map(str::to_owned);
        let event = Event { envelope, body };
        let state = self.states.entry(cube.clone()).or_insert_with(|| CubeState::new(cube.clone()));
        let applied = apply(state, here, &event);
        for change in applied.changes {
            self.project(cube, &event, here, change, content.as_ref(), reason.as_deref());
        }
        applied.verdict
    }

    fn project(
        &mut self,
        cube: &CubeKey,
        event: &Event,
        here: At,
        change: Change,
        content: Option<&Content>,
        reason: Option<&str>,
    ) {
        match change {
            Change::Version(change) => self.version(cube, event, here, *change, content, reason),
            Change::Turn { memory, stream_index, occurred_at } => {
                let content = content.cloned().unwrap_or_default();
                self.rows.turns.push(TurnRow {
                    cube: cube.clone(),
                    memory,
                    event: event.envelope.id,
                    stream_index,
                    session: content.session,
                    speaker: content.speaker,
                    source: content.source,
                    occurred_at,
                    recorded_at: here.recorded_at,
                    position: here.position,
                });
            }
            Change::Edge(edge) => self.rows.edges.push(EdgeRow {
                cube: cube.clone(),
                edge,
                event: event.envelope.id,
                recorded_at: here.recorded_at,
                position: here.position,
            }),
            Change::Cube => {
                let mut state = self.states[cube].clone();
                state.memories.clear();
                state.seen.clear();
                self.rows.cubes.retain(|row| row.state.key != *cube);
                self.rows.cubes.push(CubeRow { state, changed_at: here.recorded_at, changed: here.position });
            }
        }
    }

    fn version(
        &mut self,
        cube: &CubeKey,
        event: &Event,
        here: At,
        change: VersionChange,
        content: Option<&Content>,
        reason: Option<&str>,
    ) {
        let id = change.memory.id;
        let content = match change.content {
            ContentFrom::Event => content.cloned().unwrap_or_default(),
            ContentFrom::Version(version) => self.contents[&(id, version)].clone(),
        };
        self.contents.entry((id, change.version)).or_insert_with(|| content.clone());
        self.rows.versions.push(VersionRow {
            cube: cube.clone(),
            event: event.envelope.id,
            change: event.body.kind().to_owned(),
            actor: event.envelope.actor.clone(),
            occurred_at: event.envelope.occurred_at,
            recorded_at: here.recorded_at,
            position: here.position,
            memory: change.memory.clone(),
            version: change.version,
            parents: change.parents,
            conflict: change.conflict,
            subject: change.subject,
            fingerprint: change.fingerprint,
            valid: change.valid,
            content: Shown::Clear(content.clone()),
            reason: reason.map(str::to_owned),
        });
        *self.dirty.entry(id).or_default() |= change.is_new;
        let row = if change.conflict {
            let mut row = self.memories[&id].clone();
            row.memory = change.memory;
            row
        } else {
            let vector = self.with_vectors.then(|| Arc::from(vector_of(&crate::parts::search_text(&content), DIM)));
            MemoryRow {
                cube: cube.clone(),
                memory: change.memory,
                content: Shown::Clear(content),
                actor: event.envelope.actor.clone(),
                occurred_at: event.envelope.occurred_at,
                vector,
            }
        };
        self.memories.insert(id, row);
    }

    /// The rows since the last call, as a batch up to the last event.
    pub fn batch(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.rows);
        let dirty = std::mem::take(&mut self.dirty);
        batch.memories_are_new = dirty.values().all(|is_new| *is_new);
        batch.memories = dirty.keys().map(|id| self.memories[id].clone()).collect();
        batch.upto = self.cut();
        batch
    }

    /// The rows of `memories` as they ought to be.
    pub fn memory_rows(&self) -> Vec<MemoryRow> {
        self.memories.values().cloned().collect()
    }

    /// An id for things that are neither memory nor event.
    pub fn id(name: &str) -> Uuid {
        derive_uuid("other", &[name])
    }
}
