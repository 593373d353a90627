//! Reads: search, get, history, state and difference, within the caller's rights, each remembered as an access.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use cubelog_memory::limits::{HITS_MAX, QUERY_BYTES_MAX};
use cubelog_memory::ranking::{Ask, Method};
use cubelog_memory::{CubeKey, MemoryId, Purpose, Right, TenantId, VersionRef};
use cubelog_views::{CubeRow, Found, SearchQuery, Shown, StateQuery, VersionRow};

use crate::access::Reading;
use crate::caller::Caller;
use crate::cubelog::{Cubelog, Role};
use crate::error::RunError;
use crate::types::{Difference, Hit, Moment, SearchAnswer, SearchRequest};
use crate::understand::understand;

/// How many candidates each side of a search brings for every hit that is asked for, and at least.
const CANDIDATES_PER_HIT: usize = 5;
const CANDIDATES_MIN: usize = 200;

impl Cubelog {
    /// The best memories for a query, best first.
    pub async fn search(&self, caller: &Caller, request: SearchRequest) -> Result<SearchAnswer, RunError> {
        self.search_for(caller, request, Purpose::Search).await
    }

    pub(crate) async fn search_for(
        &self,
        caller: &Caller,
        request: SearchRequest,
        purpose: Purpose,
    ) -> Result<SearchAnswer, RunError> {
        if let Some(token) = &request.token {
            self.wait(token).await?;
        }
        self.wait_for_own_writes().await?;
        let cubes = self.readable(caller, &request.cubes).await?;
        let (query, query_cut) = cut_query(&request.query);
        let k = request.k.min(HITS_MAX);
        let reflected = self.shared().reflected.borrow().clone();
        self.inner.searches.fetch_add(1, Ordering::Relaxed);
        if cubes.is_empty() || k == 0 || query.is_empty() {
            return Ok(SearchAnswer { hits: Vec::new(), reflected, query_cut });
        }
        let keys: Vec<CubeKey> = cubes.iter().map(|row| row.state.key.clone()).collect();
        let asked_at = request.asked_at.unwrap_or_else(|| self.inner.clock.now());
        let understood = understand(query, &request.context, &self.views().scene(&keys).await?, asked_at);
        let diversity = if request.diversity.is_finite() { request.diversity.clamp(0.0, 1.0) } else { 0.0 };
        let ask = Ask {
            method: request.method,
            k,
            times: understood.times,
            past: understood.past,
            expand: request.expand,
            without: request.without,
            diversity,
        };
        // Baselines take the query as it is: what understanding it is worth is part of what they are compared with.
        let (meaning, text) = match request.method {
            Method::Hybrid => (vec![understood.meaning], understood.words),
            _ => (Vec::new(), query.to_owned()),
        };
        let query_of = SearchQuery {
            cubes: keys,
            vector: self.embed_query(meaning.into_iter().chain(understood.in_context).collect(), query).await?,
            text: Some(text),
            filter: request.filter,
            candidates: (k * CANDIDATES_PER_HIT).max(CANDIDATES_MIN),
            named: understood.named,
            asker: understood.asker,
            own: understood.own,
            ask,
        };
        let found = self.views().search(query_of).await?;
        let hits: Vec<Hit> = found
            .into_iter()
            .enumerate()
            .map(|(index, Found { ranked, mut row })| {
                self.mask(&row.memory.subject, &mut row.content);
                Hit { rank: index + 1, score: ranked.score, terms: ranked.terms, row }
            })
            .collect();
        for cube in &cubes {
            let key = &cube.state.key;
            let shown: Vec<VersionRef> = hits
                .iter()
                .filter(|hit| hit.row.cube == *key)
                .map(|hit| VersionRef { memory: hit.row.memory.id, version: hit.row.memory.current })
                .collect();
            // A search over many cubes is a read of those that it showed, and of every auditable one that it looked through.
            if shown.is_empty() && cubes.len() > 1 && !cube.state.auditable {
                continue;
            }
            let fingerprint = self.shared().sealer.query_fingerprint(key, query);
            self.remember(caller, cube, purpose, Some(fingerprint), shown).await?;
        }
        Ok(SearchAnswer { hits, reflected, query_cut })
    }

    /// The direction between what several readings of a query mean; of the query itself if there is none.
    async fn embed_query(&self, mut readings: Vec<String>, query: &str) -> Result<Option<Vec<f32>>, RunError> {
        let embedder = self.shared().embedder.clone();
        if embedder.dim() == 0 {
            return Ok(None);
        }
        if readings.is_empty() {
            readings.push(query.to_owned());
        }
        let vectors =
            tokio::task::spawn_blocking(move || embedder.embed(&readings.iter().map(String::as_str).collect::<Vec<_>>()))
                .await
                .map_err(|panic| RunError::Stopped(format!("the encoder panicked: {panic}")))??;
        Ok(between(&vectors).filter(|vector| vector.iter().all(|x| x.is_finite())))
    }

    /// The named cubes if the caller may read all of them; every readable cube if none is named.
    pub(crate) async fn readable(&self, caller: &Caller, named: &[CubeKey]) -> Result<Vec<CubeRow>, RunError> {
        if named.is_empty() {
            return self.cubes(caller).await;
        }
        named.iter().map(|cube| self.authorize(caller, cube, Right::Read)).collect()
    }

    /// The memory as it was known at the moment. Without a cube, the one that the memory belongs to now.
    pub async fn get(
        &self,
        caller: &Caller,
        cube: Option<&CubeKey>,
        memory: MemoryId,
        moment: &Moment,
    ) -> Result<VersionRow, RunError> {
        self.wait_for_own_writes().await?;
        let cube = self.cube_of(caller, cube, memory).await?;
        let query = StateQuery {
            cube: cube.state.key.clone(),
            memories: vec![memory],
            known: moment.known.clone(),
            valid_at: moment.valid_at,
            include_hidden: true,
        };
        let row = self.views().state(query).await?.into_iter().next();
        let mut row = row.ok_or(RunError::UnknownMemory(memory))?;
        self.mask(&row.subject, &mut row.content);
        let shown = vec![VersionRef { memory, version: row.version }];
        self.remember(caller, &cube, Purpose::Get, None, shown).await?;
        Ok(row)
    }

    /// Every change of a memory, oldest first.
    pub async fn history(&self, caller: &Caller, memory: MemoryId) -> Result<Vec<VersionRow>, RunError> {
        self.wait_for_own_writes().await?;
        let cube = self.cube_of(caller, None, memory).await?;
        let mut rows = self.views().history(memory).await?;
        for row in &mut rows {
            self.mask(&row.subject, &mut row.content);
        }
        let shown = rows.iter().map(|row| VersionRef { memory, version: row.version }).collect();
        self.remember(caller, &cube, Purpose::History, None, shown).await?;
        Ok(rows)
    }

    /// The state of a whole cube at a moment, in stream order.
    pub async fn state(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        moment: &Moment,
        include_hidden: bool,
    ) -> Result<Vec<VersionRow>, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let rows = self.state_unseen(cube, moment, include_hidden).await?;
        let shown = rows.iter().map(|row| VersionRef { memory: row.memory.id, version: row.version }).collect();
        self.remember(caller, &row, Purpose::State, None, shown).await?;
        Ok(rows)
    }

    pub(crate) async fn state_unseen(
        &self,
        cube: &CubeKey,
        moment: &Moment,
        include_hidden: bool,
    ) -> Result<Vec<VersionRow>, RunError> {
        let query = StateQuery {
            cube: cube.clone(),
            memories: Vec::new(),
            known: moment.known.clone(),
            valid_at: moment.valid_at,
            include_hidden,
        };
        let mut rows = self.views().state(query).await?;
        for row in &mut rows {
            self.mask(&row.subject, &mut row.content);
        }
        Ok(rows)
    }

    /// What changed in a cube between two moments.
    pub async fn diff(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        before: &Moment,
        after: &Moment,
    ) -> Result<Vec<Difference>, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let before = self.state_unseen(cube, before, false).await?;
        let after = self.state_unseen(cube, after, false).await?;
        let differences = differences(before, after);
        self.remember_differences(caller, &row, &differences).await?;
        Ok(differences)
    }

    /// What a cube has in the live views and not in replayed ones (`Removed`), and the other way round (`Added`).
    pub async fn diff_views(&self, caller: &Caller, cube: &CubeKey, other_views_dir: &Path) -> Result<Vec<Difference>, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let other = self.open_replayed(other_views_dir).await?;
        let live = self.state_unseen(cube, &Moment::default(), false).await?;
        let query = StateQuery {
            cube: cube.clone(),
            memories: Vec::new(),
            known: cubelog_views::Known::Now,
            valid_at: None,
            include_hidden: false,
        };
        let mut replayed = other.state(query).await?;
        for row in &mut replayed {
            self.mask(&row.subject, &mut row.content);
        }
        let differences = differences(live, replayed);
        self.remember_differences(caller, &row, &differences).await?;
        Ok(differences)
    }

    async fn remember_differences(&self, caller: &Caller, cube: &CubeRow, differences: &[Difference]) -> Result<(), RunError> {
        let shown = differences
            .iter()
            .flat_map(|difference| match difference {
                Difference::Added(row) | Difference::Removed(row) => vec![(row.memory.id, row.version)],
                Difference::Changed { before, after, .. } => {
                    vec![(before.memory.id, before.version), (after.memory.id, after.version)]
                }
            })
            .map(|(memory, version)| VersionRef { memory, version })
            .collect();
        self.remember(caller, cube, Purpose::State, None, shown).await
    }

    pub(crate) async fn cube_of(&self, caller: &Caller, cube: Option<&CubeKey>, memory: MemoryId) -> Result<CubeRow, RunError> {
        let key = match cube {
            Some(cube) => cube.clone(),
            None => {
                let row = self.views().memories(&[memory]).await?.into_iter().next();
                row.ok_or(RunError::UnknownMemory(memory))?.cube
            }
        };
        self.authorize(caller, &key, Right::Read).map_err(|error| match error {
            // Whether a memory of a foreign tenant exists is nobody's business.
            RunError::UnknownCube(_) if cube.is_none() => RunError::UnknownMemory(memory),
            other => other,
        })
    }

    /// Logs a read; for an auditable cube before the answer leaves.
    pub(crate) async fn remember(
        &self,
        caller: &Caller,
        cube: &CubeRow,
        purpose: Purpose,
        query: Option<[u8; 16]>,
        shown: Vec<VersionRef>,
    ) -> Result<(), RunError> {
        let key = cube.state.key.clone();
        // One access event holds a bounded list; a large state is several of them.
        let mut parts = shown.chunks(SHOWN_MAX).map(<[VersionRef]>::to_vec).collect::<Vec<_>>();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        for shown in parts {
            let reading = Reading { cube: key.clone(), principal: caller.principal.clone(), purpose, query, shown };
            self.inner.access.record(reading, cube.state.auditable).await?;
        }
        Ok(())
    }

    /// Hides content whose data key is gone, even if a view still has it.
    pub(crate) fn mask(&self, subject: &cubelog_memory::SubjectId, content: &mut Shown) {
        if !self.shared().sealer.readable(subject) {
            *content = Shown::Erased;
        }
    }

    /// What SQL may see for this caller: its tenant, and the cubes if it is no administrator.
    pub async fn sql_scope(&self, caller: &Caller) -> Result<(Option<TenantId>, Option<Vec<CubeKey>>), RunError> {
        self.wait_for_own_writes().await?;
        if caller.admin {
            return Ok((Some(caller.tenant.clone()), None));
        }
        let cubes = self.cubes(caller).await?.into_iter().map(|row| row.state.key).collect();
        Ok((Some(caller.tenant.clone()), Some(cubes)))
    }

    /// SQL reads content of whole cubes; the access log says so.
    pub async fn remember_sql(&self, caller: &Caller, query: &str) -> Result<(), RunError> {
        for cube in self.cubes(caller).await? {
            let fingerprint = self.shared().sealer.query_fingerprint(&cube.state.key, query);
            self.remember(caller, &cube, Purpose::Sql, Some(fingerprint), Vec::new()).await?;
        }
        Ok(())
    }

    pub fn role(&self) -> Role {
        self.inner.role
    }
}

/// Versions in one access event, so that it stays far below the size limit of an event.
const SHOWN_MAX: usize = 10_000;

/// The unit vector in the middle of unit vectors.
fn between(vectors: &[Vec<f32>]) -> Option<Vec<f32>> {
    let mut sum = vectors.first()?.clone();
    for vector in &vectors[1..] {
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.iter_mut().for_each(|x| *x /= length);
    Some(sum)
}

pub(crate) fn cut_query(query: &str) -> (&str, bool) {
    let query = query.trim();
    if query.len() <= QUERY_BYTES_MAX {
        return (query, false);
    }
    let mut end = QUERY_BYTES_MAX;
    while !query.is_char_boundary(end) {
        end -= 1;
    }
    (&query[..end], true)
}

/// The difference of two states of one cube, by memory, in the order of the state that has the memory.
pub fn differences(before: Vec<VersionRow>, after: Vec<VersionRow>) -> Vec<Difference> {
    let mut earlier: BTreeMap<MemoryId, VersionRow> = before.iter().map(|row| (row.memory.id, row.clone())).collect();
    let mut found = Vec::new();
    for row in after {
        match earlier.remove(&row.memory.id) {
            None => found.push(Difference::Added(Box::new(row))),
            Some(old) => {
                let fields = changed_fields(&old, &row);
                if !fields.is_empty() {
                    found.push(Difference::Changed { before: Box::new(old), after: Box::new(row), fields });
                }
            }
        }
    }
    found.extend(
        before.into_iter().filter(|row| earlier.contains_key(&row.memory.id)).map(|row| Difference::Removed(Box::new(row))),
    );
    found
}

fn changed_fields(before: &VersionRow, after: &VersionRow) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut note = |differs: bool, field| {
        if differs {
            fields.push(field);
        }
    };
    note(before.content != after.content, "content");
    note(before.version != after.version, "version");
    note(before.valid != after.valid, "valid");
    note(before.memory.lifecycle != after.memory.lifecycle, "lifecycle");
    note(before.memory.descriptive != after.memory.descriptive, "labels");
    note(before.memory.governance != after.memory.governance, "governance");
    note(before.memory.siblings != after.memory.siblings, "conflicts");
    note(before.memory.merged_into != after.memory.merged_into, "merged_into");
    note(before.memory.expired_at.is_some() != after.memory.expired_at.is_some(), "expired");
    fields
}
