//! The live fold: states of the cubes in use, and which cubes are parked behind a record that cannot be decoded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cubelog_log::Record;
use cubelog_memory::{Applied, At, CubeKey, CubeName, CubeState, Cut, Event, Position, TenantId, apply};
use cubelog_schemas::decode_event;
use cubelog_views::{DeadStatus, Shown, ViewError, ViewStore};

use crate::seal::Sealer;

/// A record that stopped its cube.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub position: Position,
    pub reason: String,
}

/// States of all cubes that were touched since the start. A cube that is not here has no event above the reflected cut, so it
/// can be loaded from the views at any time.
#[derive(Default)]
pub struct Fold {
    cubes: HashMap<CubeKey, CubeState>,
    /// By record key; keys that name no cube are never parked.
    parked: BTreeMap<String, Parked>,
    pub folded: Cut,
}

/// A record made readable: its event, with content opened.
pub struct Read {
    pub event: Event,
    pub content: Option<Shown>,
}

impl Fold {
    /// A fold that goes on from what the views reflect.
    pub async fn resume(views: &Arc<dyn ViewStore>) -> Result<Self, ViewError> {
        let parked = views
            .dead()
            .await?
            .into_iter()
            .filter(|dead| dead.status == DeadStatus::Parked && parse_key(&dead.key).is_some())
            .map(|dead| (dead.key, Parked { position: dead.position, reason: dead.reason }))
            .collect();
        Ok(Self { cubes: HashMap::new(), parked, folded: views.reflected() })
    }

    pub fn parked(&self, key: &str) -> Option<&Parked> {
        self.parked.get(key)
    }
    pub fn parked_count(&self) -> usize {
        self.parked.len()
    }
    pub fn park(&mut self, key: String, parked: Parked) {
        self.parked.entry(key).or_insert(parked);
    }
    pub fn unpark(&mut self, key: &str) {
        self.parked.remove(key);
    }
    pub fn state(&self, cube: &CubeKey) -> Option<&CubeState> {
        self.cubes.get(cube)
    }

    /// The state of a cube, loaded from the views on first use.
    pub async fn load(&mut self, views: &Arc<dyn ViewStore>, cube: &CubeKey) -> Result<&mut CubeState, ViewError> {
        if !self.cubes.contains_key(cube) {
            let state = views.load_cube(cube).await?.unwrap_or_else(|| CubeState::new(cube.clone()));
            self.cubes.insert(cube.clone(), state);
        }
        Ok(self.cubes.entry(cube.clone()).or_insert_with(|| CubeState::new(cube.clone())))
    }

    /// Folds one readable event; its cube must be loaded.
    pub fn apply(&mut self, position: Position, recorded_at: cubelog_memory::Timestamp, event: &Event) -> Applied {
        let cube = &event.envelope.cube;
        let state = match self.cubes.get_mut(cube) {
            Some(state) => state,
            None => self.cubes.entry(cube.clone()).or_insert_with(|| CubeState::new(cube.clone())),
        };
        apply(state, At { position, recorded_at }, event)
    }

    /// Forgets cubes when more than `memories_max` memories are held. Call only while the views reflect the whole fold.
    pub fn shrink(&mut self, memories_max: usize) {
        let held: usize = self.cubes.values().map(|state| state.memories.len()).sum();
        if held > memories_max {
            self.cubes.clear();
        }
    }
}

/// Decodes a record and opens its content. The error text is what the dead letter says.
pub fn read_record(sealer: &Sealer, record: &Record) -> Result<Read, String> {
    let event = decode_event(&record.payload).map_err(|error| error.to_string())?;
    let key = event.envelope.cube.to_string();
    if key.as_bytes() != &record.key[..] {
        return Err(format!("the record's key is {:?} but its event belongs to {key}", String::from_utf8_lossy(&record.key)));
    }
    let content = match event.body.content() {
        None => None,
        Some(sealed) => Some(sealer.open(event.envelope.id, &event.envelope.cube, sealed).map_err(|error| error.to_string())?),
    };
    Ok(Read { event, content })
}

/// `tenant/cube` as a key.
pub fn parse_key(key: &str) -> Option<CubeKey> {
    let (tenant, cube) = key.split_once('/')?;
    Some(CubeKey::new(TenantId::new(tenant).ok()?, CubeName::new(cube).ok()?))
}
