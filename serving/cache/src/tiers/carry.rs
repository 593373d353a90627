//! A cube's blocks leave with it, and come back with it.

use std::path::Path;

use cubelog_memory::{BlockId, CubeKey, TenantId, Timestamp};

use super::{Restored, TierError, Tiers};
use crate::logical::{Origin, Scope, Setting};
use crate::physical::CarryError;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CarryOut {
    pub runs: usize,
    /// Of the file.
    pub bytes: u64,
    /// Runs of the cube that stayed, because they hold memories of other cubes too.
    pub mixed: usize,
}

impl From<TierError> for CarryError {
    fn from(error: TierError) -> Self {
        match error {
            TierError::Store(error) => CarryError::Store(error),
            TierError::Refused(why) => {
                tracing::debug!(%why, "a run was refused while exporting");
                CarryError::Store(crate::physical::StoreError::Draft { what: "it was invalidated meanwhile; export again" })
            }
        }
    }
}

impl Tiers {
    /// Writes all runs of a cube in one setting to a file, sealed under `secret`: those that hold its memories and those of no cube before
    /// them, such as a system prompt. What lies in memory only is persisted first.
    pub fn export(
        &self,
        cube: &CubeKey,
        setting: &Setting,
        secret: &[u8; 32],
        path: &Path,
        ids: &mut dyn FnMut() -> BlockId,
        now: Timestamp,
    ) -> Result<CarryOut, CarryError> {
        loop {
            let runs = self.cache.coldest(0, usize::MAX);
            if self.write_all(runs, ids, now)? == 0 {
                break;
            }
        }
        let mut out = CarryOut::default();
        let mut runs = Vec::new();
        for id in self.store.list()? {
            let Ok(reader) = self.store.read(id) else { continue };
            let manifest = &reader.manifest;
            if manifest.scope.tenant != cube.tenant || manifest.scope.setting != *setting {
                continue;
            }
            let others = manifest.cubes.iter().any(|other| other != cube);
            match (manifest.cubes.contains(cube), others) {
                (true, true) => out.mixed += 1,
                (_, false) => runs.push((reader.start(), id)),
                (false, true) => {}
            }
        }
        runs.sort_unstable();
        let runs: Vec<BlockId> = runs.into_iter().map(|(_, id)| id).collect();
        out.runs = runs.len();
        out.bytes = self.store.export(&runs, secret, path)?;
        Ok(out)
    }

    /// Takes in the runs of a carried file: see [`crate::physical::Store::import`]. Refused as a whole where the setting differs.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing that only the caller knows")]
    pub fn import(
        &self,
        path: &Path,
        secret: &[u8; 32],
        tenant: &TenantId,
        setting: &Setting,
        adopt: &dyn Fn(&Origin) -> Option<Origin>,
        ids: &mut dyn FnMut() -> BlockId,
        current: &dyn Fn(&Scope, &Origin) -> bool,
        now: Timestamp,
    ) -> Result<Restored, CarryError> {
        let written = self.store.import(path, secret, tenant, setting, adopt, ids)?;
        Ok(self.take_in(written, now, current)?)
    }
}
