//! Requests and answers of the runner, in domain terms.

use cubelog_memory::ranking::{Method, Term, Terms};
use cubelog_memory::{
    Body, CommandId, Content, CubeKey, Cut, Descriptive, EventId, Governance, Lifecycle, MemoryId, Position, PrincipalId,
    Relation, Right, Tag, Timestamp, Validity, VersionNo, VersionRef, Visibility,
};
use cubelog_views::{Filter, Known, MemoryRow, VersionRow};

/// What a caller wants changed. Content is in clear here; it is sealed before it goes anywhere.
#[derive(Debug, Clone)]
pub enum Change {
    CreateCube {
        visibility: Visibility,
        auditable: bool,
    },
    Grant {
        principal: PrincipalId,
        right: Right,
    },
    Revoke {
        principal: PrincipalId,
    },
    SetPolicy {
        name: Tag,
        document: String,
    },
    /// A new memory. `subject` names whom it is about (default: the speaker, else the cube itself).
    Record {
        memory: Option<MemoryId>,
        subject: Option<String>,
        content: Content,
        descriptive: Descriptive,
        governance: Governance,
        valid: Option<Validity>,
        sources: Vec<VersionRef>,
    },
    Revise {
        memory: MemoryId,
        expected: VersionNo,
        content: Content,
        valid: Option<Validity>,
    },
    Merge {
        into: MemoryId,
        expected: VersionNo,
        sources: Vec<VersionRef>,
        content: Content,
    },
    Relate {
        from: MemoryId,
        to: MemoryId,
        relation: Relation,
        weight: f32,
        withdrawn: bool,
    },
    Move {
        memory: MemoryId,
        to: Lifecycle,
        reason: Option<String>,
    },
    Tag {
        memory: MemoryId,
        add: Vec<Tag>,
        remove: Vec<Tag>,
    },
    Expire {
        memory: MemoryId,
        reason: Option<String>,
    },
    Resolve {
        memory: MemoryId,
        expected: VersionNo,
        winner: VersionNo,
        reason: Option<String>,
    },
    /// Anything that brings no content of its own, as it will stand on the log: governance, beliefs, tiers, blocks, modules, holds,
    /// job runs. A job or a trainer speaks like this.
    Plain(Box<Body>),
}

/// A change to one cube.
#[derive(Debug, Clone)]
pub struct Request {
    pub cube: CubeKey,
    /// The same id gives the same answer, however often it is sent.
    pub command: Option<CommandId>,
    /// When it happened in the world; default now.
    pub occurred_at: Option<Timestamp>,
    pub change: Change,
}

/// What the log order made of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Applied,
    /// It was done before; this is the first answer again.
    Repeated,
    /// Somebody else was first: the content stands as this sibling version and waits for a resolution.
    Conflict,
    Refused(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub event: EventId,
    pub position: Position,
    pub recorded_at: Timestamp,
    pub effect: Effect,
    pub memory: Option<MemoryId>,
    /// The version that the request made, if it made one.
    pub version: Option<VersionNo>,
    /// Hand it to a read that must see this write.
    pub token: Cut,
}

/// Progress and result of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Turns read from the source.
    pub turns: u64,
    /// Turns that are new on the log.
    pub received: u64,
    /// Turns that were there already, word for word.
    pub duplicates: u64,
    /// Turns and lines that were refused, with the reasons of the first ones.
    pub refused: u64,
    pub reasons: Vec<String>,
    /// Questions and other items that are no turns.
    pub skipped: u64,
    pub cubes: Vec<CubeKey>,
    pub token: Cut,
}

#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Empty searches every cube that the caller may read.
    pub cubes: Vec<CubeKey>,
    pub query: String,
    pub k: usize,
    pub filter: Filter,
    /// The read must see everything below this cut.
    pub token: Option<Cut>,
    pub method: Method,
    /// When the query is asked, for what it says of time; `None` is now.
    pub asked_at: Option<Timestamp>,
    /// What was said just before, one turn a line, with `Name:` in front or without.
    pub context: Vec<String>,
    /// Also look at what names whom or what the best candidates name, two steps through the graph of entities.
    pub expand: bool,
    /// Terms of the ranking to leave out.
    pub without: Terms,
    /// 0 for an order by worth alone, up to 1 for an answer in which nothing is said twice.
    pub diversity: f32,
}

impl SearchRequest {
    /// The `k` best for a query that is asked now, of everything in these cubes.
    pub fn new(cubes: Vec<CubeKey>, query: impl Into<String>, k: usize) -> Self {
        Self {
            cubes,
            query: query.into(),
            k,
            filter: Filter::default(),
            token: None,
            method: Method::Hybrid,
            asked_at: None,
            context: Vec::new(),
            expand: false,
            without: Terms::default(),
            diversity: 0.0,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Hit {
    pub rank: usize,
    pub score: f32,
    /// What the score is the sum of.
    pub terms: Vec<(Term, f32)>,
    pub row: MemoryRow,
}

#[derive(Debug, Clone)]
pub struct SearchAnswer {
    pub hits: Vec<Hit>,
    /// The cut that the answer reflects.
    pub reflected: Cut,
    /// The query was cut to the limit.
    pub query_cut: bool,
}

/// Two times: what was known, and what was true in the world going by that.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    pub known: Known,
    pub valid_at: Option<Timestamp>,
}

/// One memory between two moments.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    Added(Box<VersionRow>),
    Removed(Box<VersionRow>),
    /// Same memory, other content or metadata; `fields` names what differs.
    Changed {
        before: Box<VersionRow>,
        after: Box<VersionRow>,
        fields: Vec<&'static str>,
    },
}

/// One entry of an access audit.
#[derive(Debug, Clone)]
pub struct AccessEntry {
    pub access: cubelog_memory::Access,
    pub position: Position,
    pub recorded_at: Timestamp,
}

/// Restricts a replay: records that match are left out, as if they had never been written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Without {
    pub events: Vec<EventId>,
    /// Origins (`ingest`, `mcp` ...).
    pub origins: Vec<cubelog_memory::Origin>,
    pub principals: Vec<PrincipalId>,
    /// Everything received from these sources: `tenant/cube` or the cube's name, with `/session` for one session of it.
    pub sources: Vec<String>,
}

/// What a replay, a rebuild or a verification did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplayReport {
    pub records: u64,
    pub left_out: u64,
    pub refused: u64,
    pub dead: u64,
    pub memories: u64,
    pub until: Cut,
    pub elapsed_micros: u64,
}

/// Called now and then during long work: records done and, where known, records in all.
pub type Progress = std::sync::Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// Health and size of a running store.
#[derive(Debug, Clone, Default)]
pub struct Status {
    pub log: String,
    pub end: Cut,
    pub folded: Cut,
    pub reflected: Cut,
    pub embedder: String,
    pub parked: usize,
    pub events_appended: u64,
    pub events_folded: u64,
    pub rows_committed: u64,
    pub searches: u64,
    pub access_pending: u64,
    pub access_dropped: u64,
    /// Why the projector stopped, if it did.
    pub stopped: Option<String>,
}
