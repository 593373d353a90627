//! A store to work with: a data directory opened in this process, or a server. The verbs do not see which.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cubelog_api::audit::{AuditReadsResponse, AuditRequest, AuditWritesResponse};
use cubelog_api::beliefs::{BeliefsRequest, BeliefsResponse, ResolveBeliefRequest};
use cubelog_api::context::{ContextRequest, ContextResponse};
use cubelog_api::cubes::{CreateCubeRequest, CubesResponse, GrantRequest, RevokeRequest};
use cubelog_api::dead::{DeadDiscardRequest, DeadHandledResponse, DeadListResponse, DeadRetryRequest};
use cubelog_api::ingest::{EndIngestRequest, EndIngestResponse, IngestRequest, IngestResponse};
use cubelog_api::learn::{ExtractRequest, ExtractResponse, SettleRequest, SettleResponse};
use cubelog_api::memories::{RecordRequest, ResolveRequest, ReviseRequest, WriteResponse};
use cubelog_api::memory::MemoryVersion;
use cubelog_api::paths::{self, fill};
use cubelog_api::read::{DiffRequest, DiffResponse, GetRequest, HistoryRequest, HistoryResponse, StateRequest, StateResponse};
use cubelog_api::replay::{ReplayRequest, ReplayResponse, VerifyRequest, VerifyResponse};
use cubelog_api::search::{SearchRequest, SearchResponse};
use cubelog_api::sql::{SqlRequest, SqlResponse};
use cubelog_api::status::StatusResponse;
use cubelog_api::upkeep::{
    DedupeRequest, DedupeResponse, ForgetRequest, ForgetResponse, GovernRequest, HoldRequest, HoldResponse, LiftRequest,
    PolicyRequest, UndoMergeRequest, UndoMergeResponse,
};
use cubelog_extract::OpenAi;
use cubelog_http::Service;
use cubelog_memory::{Cut, MemoryId};
use cubelog_runner::Caller;
use reqwest::Method;

use crate::directory::Directory;
use crate::failure::{Exit, Failure, Result};
use crate::progress::{Interrupt, Progress};
use crate::remote::{NO_BODY, Remote};

pub enum Store {
    Local(Box<Local>),
    Remote(Remote),
}

/// A directory that this process holds.
pub struct Local {
    pub service: Service,
    pub caller: Caller,
}

impl Store {
    /// Ends the work in this process; what was acknowledged is durable already.
    pub async fn close(self) -> Result<()> {
        match self {
            Store::Local(local) => Ok(local.service.close().await?),
            Store::Remote(_) => Ok(()),
        }
    }

    /// The store in this process, for what no server offers.
    pub fn local(&self) -> Option<&Local> {
        match self {
            Store::Local(local) => Some(local),
            Store::Remote(_) => None,
        }
    }

    pub async fn status(&self) -> Result<StatusResponse> {
        match self {
            Store::Local(local) => Ok(local.service.status(&local.caller).await?),
            Store::Remote(remote) => remote.fetch(paths::STATUS).await,
        }
    }

    pub async fn cubes(&self) -> Result<CubesResponse> {
        match self {
            Store::Local(local) => Ok(local.service.cubes(&local.caller).await?),
            Store::Remote(remote) => remote.fetch(paths::CUBES).await,
        }
    }

    pub async fn create_cube(&self, request: CreateCubeRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.create_cube(&local.caller, request, None).await?),
            Store::Remote(remote) => remote.post(paths::CUBES, &request).await,
        };
        self.seen(written?).await
    }

    pub async fn grant(&self, mut request: GrantRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.grant(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::GRANTS, &[&cube]), &request).await
            }
        };
        self.seen(written?).await
    }

    pub async fn beliefs(&self, mut request: BeliefsRequest) -> Result<BeliefsResponse> {
        match self {
            Store::Local(local) => Ok(local.service.beliefs(&local.caller, request).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.get(&fill(paths::BELIEFS, &[&cube]), &request).await
            }
        }
    }

    pub async fn resolve_belief(&self, mut request: ResolveBeliefRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.resolve_belief(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::RESOLVE_BELIEF, &[&cube]), &request).await
            }
        };
        self.seen(written?).await
    }

    /// On a server; a directory is read by the verb itself, which can be stopped between two windows.
    pub async fn extract(&self, mut request: ExtractRequest, progress: &Progress) -> Result<ExtractResponse> {
        match self {
            Store::Local(local) => Ok(local.service.extract(&local.caller, request).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                self.watched(progress, remote.post(&fill(paths::EXTRACT, &[&cube]), &request)).await
            }
        }
    }

    /// `judge` is for a directory; a server has its own.
    pub async fn settle_doubts(&self, mut request: SettleRequest, judge: Option<Arc<OpenAi>>) -> Result<SettleResponse> {
        let answer: Result<SettleResponse> = match self {
            Store::Local(local) => Ok(local.service.settle_by(&local.caller, request, judge).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::SETTLE, &[&cube]), &request).await
            }
        };
        let answer = answer?;
        self.settle(&answer.token, &Progress::hidden(), &Interrupt::default()).await?;
        Ok(answer)
    }

    pub async fn revoke(&self, request: RevokeRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.revoke(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let path = fill(paths::GRANT, &[&request.cube, &request.principal]);
                remote.send(Method::DELETE, &path, NO_BODY, NO_BODY, None).await
            }
        };
        self.seen(written?).await
    }

    pub async fn ingest(&self, request: IngestRequest) -> Result<IngestResponse> {
        match self {
            Store::Local(local) => Ok(local.service.ingest(&local.caller, request).await?),
            Store::Remote(remote) => remote.post(paths::INGEST, &request).await,
        }
    }

    pub async fn end_ingest(&self, request: EndIngestRequest) -> Result<EndIngestResponse> {
        match self {
            Store::Local(local) => Ok(local.service.end_ingest(&local.caller, request).await?),
            Store::Remote(remote) => remote.post(paths::INGEST_END, &request).await,
        }
    }

    pub async fn record(&self, request: RecordRequest, key: Option<&str>) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.record(&local.caller, request, key).await?),
            Store::Remote(remote) => remote.change(paths::MEMORIES, &request, key).await,
        };
        self.seen(written?).await
    }

    pub async fn revise(&self, mut request: ReviseRequest, key: Option<&str>) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.revise(&local.caller, request, key).await?),
            Store::Remote(remote) => {
                let memory = std::mem::take(&mut request.memory);
                remote.change(&fill(paths::REVISE, &[&memory]), &request, key).await
            }
        };
        self.seen(written?).await
    }

    pub async fn resolve(&self, mut request: ResolveRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.resolve(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let memory = std::mem::take(&mut request.memory);
                remote.post(&fill(paths::RESOLVE, &[&memory]), &request).await
            }
        };
        self.seen(written?).await
    }

    pub async fn set_policy(&self, mut request: PolicyRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.set_policy(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::POLICIES, &[&cube]), &request).await
            }
        };
        self.seen(written?).await
    }

    pub async fn place_hold(&self, mut request: HoldRequest) -> Result<HoldResponse> {
        match self {
            Store::Local(local) => Ok(local.service.place_hold(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::HOLDS, &[&cube]), &request).await
            }
        }
    }

    pub async fn lift_hold(&self, mut request: LiftRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.lift_hold(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let (cube, hold) = (std::mem::take(&mut request.cube), std::mem::take(&mut request.hold));
                remote.post(&fill(paths::LIFT, &[&cube, &hold]), &request).await
            }
        };
        self.seen(written?).await
    }

    pub async fn govern(&self, mut request: GovernRequest) -> Result<WriteResponse> {
        let written: Result<WriteResponse> = match self {
            Store::Local(local) => Ok(local.service.govern(&local.caller, request, None).await?),
            Store::Remote(remote) => {
                let memory = std::mem::take(&mut request.memory);
                remote.post(&fill(paths::GOVERN, &[&memory]), &request).await
            }
        };
        self.seen(written?).await
    }

    pub async fn forget(&self, mut request: ForgetRequest) -> Result<ForgetResponse> {
        let answer: Result<ForgetResponse> = match self {
            Store::Local(local) => Ok(local.service.forget(&local.caller, request).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::FORGET, &[&cube]), &request).await
            }
        };
        let answer = answer?;
        self.settle(&answer.token, &Progress::hidden(), &Interrupt::default()).await?;
        Ok(answer)
    }

    pub async fn dedupe(&self, mut request: DedupeRequest) -> Result<DedupeResponse> {
        let answer: Result<DedupeResponse> = match self {
            Store::Local(local) => Ok(local.service.dedupe(&local.caller, request).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::DEDUPE, &[&cube]), &request).await
            }
        };
        let answer = answer?;
        self.settle(&answer.token, &Progress::hidden(), &Interrupt::default()).await?;
        Ok(answer)
    }

    pub async fn undo_merge(&self, mut request: UndoMergeRequest) -> Result<UndoMergeResponse> {
        let answer: Result<UndoMergeResponse> = match self {
            Store::Local(local) => Ok(local.service.undo_merge(&local.caller, request).await?),
            Store::Remote(remote) => {
                let cube = std::mem::take(&mut request.cube);
                remote.post(&fill(paths::UNDO_MERGE, &[&cube]), &request).await
            }
        };
        let answer = answer?;
        self.settle(&answer.token, &Progress::hidden(), &Interrupt::default()).await?;
        Ok(answer)
    }

    pub async fn context(&self, request: ContextRequest) -> Result<ContextResponse> {
        match self {
            Store::Local(local) => Ok(local.service.context(&local.caller, request).await?),
            Store::Remote(remote) => remote.post(paths::CONTEXT, &request).await,
        }
    }

    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse> {
        match self {
            Store::Local(local) => Ok(local.service.search(&local.caller, request).await?),
            Store::Remote(remote) => remote.post(paths::SEARCH, &request).await,
        }
    }

    pub async fn get(&self, mut request: GetRequest) -> Result<MemoryVersion> {
        match self {
            Store::Local(local) => Ok(local.service.get(&local.caller, request).await?),
            Store::Remote(remote) => {
                let memory = std::mem::take(&mut request.memory);
                remote.get(&fill(paths::MEMORY, &[&memory]), &request).await
            }
        }
    }

    /// All pages.
    pub async fn history(&self, memory: &str) -> Result<HistoryResponse> {
        let mut whole = HistoryResponse { memory: memory.to_owned(), ..HistoryResponse::default() };
        let mut cursor = None;
        loop {
            let mut request =
                HistoryRequest { memory: memory.to_owned(), limit: self.page(), cursor, ..HistoryRequest::default() };
            let page = match self {
                Store::Local(local) => local.service.history(&local.caller, request).await?,
                Store::Remote(remote) => {
                    request.memory.clear();
                    remote.get::<_, HistoryResponse>(&fill(paths::HISTORY, &[memory]), &request).await?
                }
            };
            whole.versions.extend(page.versions);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(whole);
            }
        }
    }

    /// All pages, or as many as `limit` memories take.
    pub async fn state(&self, request: StateRequest, limit: Option<usize>) -> Result<StateResponse> {
        let mut whole = StateResponse::default();
        let mut cursor = None;
        loop {
            let left = limit.map(|limit| u32::try_from(limit.saturating_sub(whole.memories.len())).unwrap_or(u32::MAX));
            let size = match (left, self.page()) {
                (Some(left), Some(page)) => Some(left.min(page)),
                (left, page) => left.or(page),
            };
            let request = StateRequest { limit: size, cursor, ..request.clone() };
            let page = match self {
                Store::Local(local) => local.service.state(&local.caller, request).await?,
                Store::Remote(remote) => remote.get::<_, StateResponse>(paths::STATE, &request).await?,
            };
            let StateResponse { tenant, cube, memories, total, next_cursor } = page;
            whole.memories.extend(memories);
            (whole.tenant, whole.cube, whole.total, cursor) = (tenant, cube, total, next_cursor);
            if cursor.is_none() || limit.is_some_and(|limit| whole.memories.len() >= limit) {
                whole.next_cursor = cursor;
                return Ok(whole);
            }
        }
    }

    /// All pages.
    pub async fn diff(&self, request: DiffRequest) -> Result<DiffResponse> {
        let mut whole = DiffResponse::default();
        let mut cursor = None;
        loop {
            let request = DiffRequest { limit: self.page(), cursor, ..request.clone() };
            let page = match self {
                Store::Local(local) => match &request.against {
                    Some(directory) => {
                        let directory = views_in(directory);
                        local.service.diff_against(&local.caller, request, &directory).await?
                    }
                    None => local.service.diff(&local.caller, request).await?,
                },
                Store::Remote(remote) => remote.get::<_, DiffResponse>(paths::DIFF, &request).await?,
            };
            let DiffResponse { tenant, cube, differences, total, next_cursor } = page;
            whole.differences.extend(differences);
            (whole.tenant, whole.cube, whole.total, cursor) = (tenant, cube, total, next_cursor);
            if cursor.is_none() {
                return Ok(whole);
            }
        }
    }

    pub async fn sql(&self, request: SqlRequest) -> Result<SqlResponse> {
        match self {
            Store::Local(local) => Ok(local.service.sql(&local.caller, request).await?),
            Store::Remote(remote) => remote.post(paths::SQL, &request).await,
        }
    }

    /// All pages.
    pub async fn audit_writes(&self, memory: &str) -> Result<AuditWritesResponse> {
        let mut whole = AuditWritesResponse { memory: memory.to_owned(), ..AuditWritesResponse::default() };
        let mut cursor = None;
        loop {
            let mut request = AuditRequest { memory: memory.to_owned(), limit: self.page(), cursor, ..AuditRequest::default() };
            let page = match self {
                Store::Local(local) => local.service.audit_writes(&local.caller, request).await?,
                Store::Remote(remote) => {
                    request.memory.clear();
                    remote.get::<_, AuditWritesResponse>(&fill(paths::AUDIT_WRITES, &[memory]), &request).await?
                }
            };
            whole.writes.extend(page.writes);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(whole);
            }
        }
    }

    /// All pages.
    pub async fn audit_reads(&self, memory: &str) -> Result<AuditReadsResponse> {
        let mut whole = AuditReadsResponse { memory: memory.to_owned(), ..AuditReadsResponse::default() };
        let mut cursor = None;
        loop {
            let mut request = AuditRequest { memory: memory.to_owned(), limit: self.page(), cursor, ..AuditRequest::default() };
            let page = match self {
                Store::Local(local) => local.service.audit_reads(&local.caller, request).await?,
                Store::Remote(remote) => {
                    request.memory.clear();
                    remote.get::<_, AuditReadsResponse>(&fill(paths::AUDIT_READS, &[memory]), &request).await?
                }
            };
            whole.reads.extend(page.reads);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(whole);
            }
        }
    }

    /// `into` is a directory here, and a name on a server.
    pub async fn replay(&self, request: ReplayRequest, progress: &Progress) -> Result<ReplayResponse> {
        match self {
            Store::Local(local) => {
                let directory = PathBuf::from(&request.into);
                Ok(local.service.replay_into(&local.caller, request, &directory, Some(progress.callback())).await?)
            }
            Store::Remote(remote) => self.watched(progress, remote.post(paths::REPLAY, &request)).await,
        }
    }

    /// `against` is a directory of views here, and the name of a replay on a server.
    pub async fn verify(&self, request: VerifyRequest, progress: &Progress) -> Result<VerifyResponse> {
        match self {
            Store::Local(local) => match &request.against {
                Some(directory) => Ok(local.service.compare(&local.caller, &views_in(directory)).await?),
                None => Ok(local.service.verify(&local.caller, request, Some(progress.callback())).await?),
            },
            Store::Remote(remote) => self.watched(progress, remote.post(paths::VERIFY, &request)).await,
        }
    }

    pub async fn rebuild(&self, progress: &Progress) -> Result<ReplayResponse> {
        match self {
            Store::Local(local) => Ok(local.service.rebuild(&local.caller, Some(progress.callback())).await?),
            Store::Remote(remote) => {
                self.watched(progress, remote.send(Method::POST, paths::REBUILD, NO_BODY, NO_BODY, None)).await
            }
        }
    }

    /// Long work of a server, whose progress its status tells.
    async fn watched<T>(&self, progress: &Progress, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(Duration::from_millis(500)) => {
                    // Progress is a courtesy: the work's own answer says whether something is wrong.
                    if let Ok(StatusResponse { work: Some(work), .. }) = self.status().await {
                        progress.set(work.done, work.total);
                    }
                }
            }
        }
    }

    pub async fn dead(&self) -> Result<DeadListResponse> {
        match self {
            Store::Local(local) => Ok(local.service.dead(&local.caller).await?),
            Store::Remote(remote) => remote.fetch(paths::DEAD).await,
        }
    }

    pub async fn dead_retry(&self, position: &str) -> Result<DeadHandledResponse> {
        match self {
            Store::Local(local) => {
                Ok(local.service.dead_retry(&local.caller, DeadRetryRequest { position: position.to_owned() }).await?)
            }
            Store::Remote(remote) => {
                remote.post(&fill(paths::DEAD_RETRY, &[position]), &DeadRetryRequest { position: String::new() }).await
            }
        }
    }

    pub async fn dead_discard(&self, position: &str, reason: Option<String>) -> Result<DeadHandledResponse> {
        match self {
            Store::Local(local) => {
                let request = DeadDiscardRequest { position: position.to_owned(), reason };
                Ok(local.service.dead_discard(&local.caller, request).await?)
            }
            Store::Remote(remote) => {
                let request = DeadDiscardRequest { position: String::new(), reason };
                remote.post(&fill(paths::DEAD_DISCARD, &[position]), &request).await
            }
        }
    }

    /// Waits until the next read sees what was written: people look at once. The write stands in any case.
    async fn seen(&self, written: WriteResponse) -> Result<WriteResponse> {
        if let Err(failure) = self.settle(&written.token, &Progress::hidden(), &Interrupt::default()).await {
            eprintln!("event {} is on the log, but the views do not show it yet: {failure}", written.position);
        }
        Ok(written)
    }

    /// Waits until the views reflect `token`; false if somebody asked to stop before. What is on the log stays there either way.
    pub async fn settle(&self, token: &str, progress: &Progress, interrupt: &Interrupt) -> Result<bool> {
        let wanted = token.parse::<Cut>().unwrap_or_default();
        let start = self.status().await?.reflected.parse::<Cut>().unwrap_or_default().span();
        let flush = async {
            match self.local() {
                Some(local) => local.service.cubelog().flush().await.map(|_| ()).map_err(Failure::from),
                // A server takes up what is on its log by itself.
                None => std::future::pending().await,
            }
        };
        tokio::pin!(flush);
        loop {
            let status = self.status().await?;
            let reflected = status.reflected.parse::<Cut>().unwrap_or_default();
            if reflected.includes(&wanted) {
                return Ok(true);
            }
            if let Some(reason) = status.stopped {
                return Err(Failure::new(Exit::Failure, "the views do not follow the log")
                    .because(reason)
                    .next("`cubelog doctor` looks for the cause"));
            }
            if interrupt.asked() {
                return Ok(false);
            }
            progress.set(reflected.span() - start, Some(wanted.span().saturating_sub(start)));
            tokio::select! {
                flushed = &mut flush => return flushed.map(|()| true),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// Rows of one page: a server limits them.
    fn page(&self) -> Option<u32> {
        match self {
            Store::Local(_) => None,
            Store::Remote(_) => Some(10_000),
        }
    }

    /// The memory that a person means: by its whole id, or by a unique part at the id's beginning or end.
    pub async fn memory_id(&self, text: &str) -> Result<String> {
        if let Ok(id) = text.parse::<MemoryId>() {
            return Ok(id.to_string());
        }
        let part = text.to_ascii_lowercase();
        if part.len() < 4 || part.len() > 36 || !part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return Err(Failure::usage(format!("{text:?} is no id of a memory")).next(
                "write the whole id, or at least 4 hexadecimal digits of its beginning or end, as `cubelog search` shows them",
            ));
        }
        let query = format!(
            "SELECT memory, cube FROM memories WHERE memory LIKE '{part}%' OR memory LIKE '%{part}' ORDER BY memory LIMIT 4"
        );
        let found = self.sql(SqlRequest { query, ..SqlRequest::default() }).await?.rows;
        let text_of =
            |row: &serde_json::Value, name: &str| row.get(name).and_then(|id| id.as_str()).unwrap_or_default().to_owned();
        match found.as_slice() {
            [] => Err(Failure::new(Exit::NotFound, format!("no memory's id begins or ends with {part}"))
                .next("find it with `cubelog search`")),
            [row] => Ok(text_of(row, "memory")),
            rows => {
                let ids: Vec<String> = rows
                    .iter()
                    .take(3)
                    .map(|row| format!("{} (cube {})", text_of(row, "memory"), text_of(row, "cube")))
                    .collect();
                Err(Failure::usage(format!("{part} may mean several memories"))
                    .because(ids.join(", "))
                    .next("write more of the id"))
            }
        }
    }
}

/// The views that a directory stands for: a replay is views, a data directory has some.
fn views_in(directory: &str) -> PathBuf {
    let data = Directory::new(directory);
    if data.exists() { data.views() } else { PathBuf::from(directory) }
}
