//! The tree: nodes, scopes, indices and budgets. Deterministic; whoever calls it holds the lock and brings the clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use cubelog_memory::{BlockId, MemoryId, SubjectId, Timestamp};

use super::block::{Held, Payload, Registered, Shared, Slot, Standing};
use super::invalidate::{StaleBy, Target};
use super::key::{Scope, Token};
use super::options::CacheOptions;
use super::score::{Heat, Score, score};
use super::stats::Stats;

pub(crate) type Children = BTreeMap<Arc<[Token]>, u64>;

/// One block. It has numbers in memory, on disk, or both; one that lost both is removed.
pub(crate) struct Node<P> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parent: Option<u64>,
    pub(crate) children: Children,
    pub(crate) held: Option<Arc<Held<P>>>,
    pub(crate) slot: Option<Slot>,
    pub(crate) standing: Standing,
    pub(crate) heat: Heat,
    /// `L` when it was last used.
    pub(crate) base: f64,
    /// Where it stands in `ram_order`, if it does.
    pub(crate) score: Score,
}

impl<P> Node<P> {
    /// Somebody beside the tree holds it. Holders are made under the lock or from holders, so zero stays zero under the lock.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// Whether it could leave memory if nobody held it: it is on disk too, or nothing else hangs on its numbers.
    pub(crate) fn is_evictable(&self) -> bool {
        match (self.standing, self.slot) {
            (Standing::Pinned, _) => false,
            (_, Some(_)) => true,
            (Standing::Frozen, None) => false,
            (Standing::Evictable, None) => self.children.is_empty(),
        }
    }
}

/// One file.
pub(crate) struct RunEntry {
    /// From the first token to the last; shorter than the file where another run has some of the blocks too.
    pub(crate) nodes: Vec<u64>,
    pub(crate) bytes: u64,
    pub(crate) cost: u64,
    pub(crate) priority: f32,
    pub(crate) heat: Heat,
    pub(crate) score: Score,
}

pub(crate) struct Core<P> {
    pub(crate) options: CacheOptions,
    pub(crate) nodes: HashMap<u64, Node<P>>,
    pub(crate) scopes: HashMap<Arc<Scope>, Children>,
    pub(crate) runs: BTreeMap<BlockId, RunEntry>,
    next: u64,
    /// Nodes with payloads in memory that could leave it, those worth least first.
    pub(crate) ram_order: BTreeSet<(Score, u64)>,
    pub(crate) run_order: BTreeSet<(Score, BlockId)>,
    pub(crate) ram_bytes: u64,
    pub(crate) disk_bytes: u64,
    /// `L` of each tier.
    pub(crate) ram_inflation: f64,
    pub(crate) disk_inflation: f64,
    pub(crate) by_memory: HashMap<MemoryId, BTreeSet<u64>>,
    pub(crate) by_subject: HashMap<SubjectId, BTreeSet<u64>>,
    /// The latest invalidations, with their generations.
    pub(crate) fences: VecDeque<(u64, Target)>,
    pub(crate) generation: u64,
    pub(crate) stats: Stats,
    pub(crate) alive: Arc<AtomicU64>,
    /// Payloads to be dropped when the lock is released: freeing gigabytes takes time.
    pub(crate) trash: Vec<Arc<Held<P>>>,
    /// Files that nothing refers to any more; their owner removes them.
    pub(crate) dropped_runs: Vec<BlockId>,
}

impl<P: Payload> Core<P> {
    pub(crate) fn new(options: CacheOptions) -> Self {
        Self {
            options,
            nodes: HashMap::new(),
            scopes: HashMap::new(),
            runs: BTreeMap::new(),
            next: 0,
            ram_order: BTreeSet::new(),
            run_order: BTreeSet::new(),
            ram_bytes: 0,
            disk_bytes: 0,
            ram_inflation: 0.0,
            disk_inflation: 0.0,
            by_memory: HashMap::new(),
            by_subject: HashMap::new(),
            fences: VecDeque::new(),
            generation: 0,
            stats: Stats::default(),
            alive: Arc::default(),
            trash: Vec::new(),
            dropped_runs: Vec::new(),
        }
    }

    /// Forgets everything without trusting that anything fits together. Names of nodes are not given again.
    pub(crate) fn reset(&mut self) {
        self.nodes.values().for_each(|node| node.shared.condemn(StaleBy::Clearing));
        let fresh = Self::new(self.options);
        let old = std::mem::replace(self, fresh);
        self.next = old.next;
        self.generation = old.generation + 1;
        self.fences.push_back((self.generation, Target::Everything));
        self.dropped_runs = old.dropped_runs;
        self.dropped_runs.extend(old.runs.into_keys());
        (self.alive, self.stats) = (old.alive, old.stats);
    }

    pub(crate) fn children(&self, scope: &Scope, parent: Option<u64>) -> Option<&Children> {
        match parent {
            None => self.scopes.get(scope),
            Some(parent) => self.nodes.get(&parent).map(|node| &node.children),
        }
    }

    fn children_mut(&mut self, scope: &Arc<Scope>, parent: Option<u64>) -> Option<&mut Children> {
        match parent {
            None => Some(self.scopes.entry(Arc::clone(scope)).or_default()),
            Some(parent) => self.nodes.get_mut(&parent).map(|node| &mut node.children),
        }
    }

    pub(crate) fn guard(&self, id: u64) -> Option<Registered<P>> {
        let node = self.nodes.get(&id)?;
        Some(Registered { node: id, shared: Arc::clone(&node.shared), held: node.held.clone(), slot: node.slot })
    }

    /// Hangs a node without numbers under its parent, which is there. The caller gives it numbers at once.
    pub(crate) fn add(&mut self, shared: Shared, parent: Option<u64>, standing: Standing, now: Timestamp) -> u64 {
        let id = self.next;
        self.next += 1;
        let shared = Arc::new(shared);
        for source in &shared.origin.sources {
            self.by_memory.entry(source.memory).or_default().insert(id);
        }
        for subject in &shared.origin.subjects {
            self.by_subject.entry(subject.clone()).or_default().insert(id);
        }
        if let Some(children) = self.children_mut(&shared.scope, parent) {
            children.insert(Arc::clone(&shared.tokens), id);
        }
        let heat = Heat::new(now);
        let (base, score) = (self.ram_inflation, Score::new(0.0));
        let node = Node { shared, parent, children: Children::new(), held: None, slot: None, standing, heat, base, score };
        self.nodes.insert(id, node);
        self.list_parent(parent);
        id
    }

    /// Puts a payload into memory; the caller has made room.
    pub(crate) fn hold(&mut self, id: u64, held: Arc<Held<P>>) {
        if let Some(node) = self.nodes.get_mut(&id)
            && node.held.is_none()
        {
            self.ram_bytes += held.bytes;
            node.held = Some(held);
            node.base = self.ram_inflation;
            self.rank(id);
        }
    }

    /// Takes the payload out of memory.
    pub(crate) fn release(&mut self, id: u64) -> u64 {
        let Some(node) = self.nodes.get_mut(&id) else { return 0 };
        let Some(held) = node.held.take() else { return 0 };
        let bytes = held.bytes;
        self.ram_order.remove(&(node.score, id));
        self.ram_bytes -= bytes;
        self.trash.push(held);
        bytes
    }

    /// Reckons anew what a node's place in memory is worth.
    pub(crate) fn rank(&mut self, id: u64) {
        let options = self.options;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(held) = &node.held else { return };
        // What lies on disk too costs its reading, not its computing.
        let reload = held.bytes.saturating_mul(1_000) / options.disk_bytes_per_ms.max(1);
        let cost = if node.slot.is_some() { node.shared.cost.min(reload) } else { node.shared.cost };
        let score = score(node.base, node.heat.uses(), node.shared.priority, cost, held.bytes);
        self.ram_order.remove(&(node.score, id));
        node.score = score;
        self.list(id);
    }

    /// Puts a node among those that could leave memory, or takes it out, as it is now. Its worth stays.
    pub(crate) fn list(&mut self, id: u64) {
        let Some(node) = self.nodes.get(&id) else { return };
        if node.held.is_some() && node.is_evictable() {
            self.ram_order.insert((node.score, id));
        } else {
            self.ram_order.remove(&(node.score, id));
        }
    }

    fn list_parent(&mut self, parent: Option<u64>) {
        if let Some(parent) = parent {
            self.list(parent);
        }
    }

    pub(crate) fn rank_run(&mut self, run: BlockId) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        let score = score(self.disk_inflation, entry.heat.uses(), entry.priority, entry.cost, entry.bytes);
        self.run_order.remove(&(entry.score, run));
        entry.score = score;
        self.run_order.insert((score, run));
    }

    /// One use of a block, and of the file that it lies in.
    pub(crate) fn touch(&mut self, id: u64, now: Timestamp) {
        let half_life_ms = self.options.half_life_ms;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.heat.touch(now, half_life_ms);
        node.base = self.ram_inflation;
        let run = node.slot.map(|slot| slot.run);
        self.rank(id);
        if let Some(entry) = run.and_then(|run| self.runs.get_mut(&run)) {
            entry.heat.touch(now, half_life_ms);
        }
        if let Some(run) = run {
            self.rank_run(run);
        }
    }

    /// Removes a node and everything that was computed from it, and says how many blocks, tokens and bytes of memory that was.
    pub(crate) fn remove(&mut self, id: u64, by: Option<StaleBy>) -> (u64, u64, u64) {
        let Some(node) = self.nodes.get(&id) else { return (0, 0, 0) };
        let (scope, parent, tokens) = (Arc::clone(&node.shared.scope), node.parent, Arc::clone(&node.shared.tokens));
        if let Some(siblings) = self.children_mut(&scope, parent) {
            siblings.remove(&tokens);
        }
        self.list_parent(parent);
        if parent.is_none() && self.scopes.get(&scope).is_some_and(Children::is_empty) {
            self.scopes.remove(&scope);
        }
        let mut gone = (0, 0, 0);
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            gone.2 += self.release(id);
            let Some(node) = self.nodes.remove(&id) else { continue };
            gone.0 += 1;
            gone.1 += node.shared.tokens.len() as u64;
            open.extend(node.children.values());
            if let Some(by) = by {
                node.shared.condemn(by);
            }
            for source in &node.shared.origin.sources {
                unlist(&mut self.by_memory, &source.memory, id);
            }
            for subject in &node.shared.origin.subjects {
                unlist(&mut self.by_subject, subject, id);
            }
            if let Some(slot) = node.slot {
                self.leave_run(slot.run, id);
            }
        }
        gone
    }

    /// A node of a run is gone or has its numbers elsewhere; the file goes with the last one.
    fn leave_run(&mut self, run: BlockId, id: u64) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.nodes.retain(|node| *node != id);
        if entry.nodes.is_empty() {
            self.forget_run(run);
        }
    }

    /// Gives up a file. Nodes that have no numbers in memory go with it, and what hangs under them.
    pub(crate) fn drop_run(&mut self, run: BlockId, by: Option<StaleBy>) -> (u64, u64, u64) {
        let Some(nodes) = self.runs.get(&run).map(|entry| entry.nodes.clone()) else { return (0, 0, 0) };
        self.forget_run(run);
        for id in &nodes {
            if let Some(node) = self.nodes.get_mut(id) {
                node.slot = None;
            }
            self.rank(*id);
        }
        let mut gone = (0, 0, 0);
        for id in nodes {
            if self.nodes.get(&id).is_some_and(|node| node.held.is_none()) {
                let (blocks, tokens, bytes) = self.remove(id, by);
                gone = (gone.0 + blocks, gone.1 + tokens, gone.2 + bytes);
            }
        }
        gone
    }

    fn forget_run(&mut self, run: BlockId) {
        if let Some(entry) = self.runs.remove(&run) {
            self.run_order.remove(&(entry.score, run));
            self.disk_bytes -= entry.bytes;
            self.dropped_runs.push(run);
        }
    }
}

fn unlist<K: std::hash::Hash + Eq>(index: &mut HashMap<K, BTreeSet<u64>>, key: &K, id: u64) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
