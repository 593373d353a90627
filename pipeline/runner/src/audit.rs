//! Audit: who changed a memory, and who was shown it.

use std::sync::Arc;

use async_trait::async_trait;
use cubelog_log::{EventLog, LogError, ReadFrom, Topic};
use cubelog_memory::{MemoryId, Purpose};
use cubelog_schemas::decode_access;
use cubelog_views::VersionRow;
use futures::StreamExt;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::types::AccessEntry;

impl Cubelog {
    /// Every change of the memory with who made it, oldest first. Content stays out: an audit asks who, not what.
    pub async fn audit_writes(&self, caller: &Caller, memory: MemoryId) -> Result<Vec<VersionRow>, RunError> {
        self.wait_for_own_writes().await?;
        let cube = self.cube_of(caller, None, memory).await?;
        let mut rows = self.views().history(memory).await?;
        for row in &mut rows {
            self.mask(&row.subject, &mut row.content);
        }
        self.remember(caller, &cube, Purpose::Audit, None, Vec::new()).await?;
        Ok(rows)
    }

    /// Every read that showed the memory, oldest first, from the access log itself.
    pub async fn audit_reads(&self, caller: &Caller, memory: MemoryId) -> Result<Vec<AccessEntry>, RunError> {
        self.wait_for_own_writes().await?;
        let cube = self.cube_of(caller, None, memory).await?;
        self.inner.access.flush().await?;
        let log = &self.shared().log;
        let partition = log.partition_of(&cube.state.key.to_string());
        // Only the cube's own partition holds its reads.
        let begin = log.begin(Topic::Access).await?.next(partition);
        let end = log.end(Topic::Access).await?.next(partition);
        let from = [(partition, begin)].into_iter().collect();
        let until = [(partition, end)].into_iter().collect();
        let mut stream = log.read(Topic::Access, ReadFrom { from, until: Some(until) }).await?;
        let mut entries = Vec::new();
        while let Some(records) = stream.next().await {
            for record in records? {
                match decode_access(&record.payload) {
                    Ok(access) if access.cube == cube.state.key => {
                        if access.shown.iter().any(|shown| shown.memory == memory) {
                            entries.push(AccessEntry { access, position: record.position, recorded_at: record.recorded_at });
                        }
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(position = %record.position, %error, "access event cannot be read"),
                }
            }
        }
        self.remember(caller, &cube, Purpose::Audit, None, Vec::new()).await?;
        Ok(entries)
    }

    /// The events topic, for SQL.
    pub fn events(&self) -> Arc<LogEvents> {
        Arc::new(LogEvents { log: self.shared().log.clone() })
    }
}

/// The events topic as a source of raw records up to its present end.
pub struct LogEvents {
    pub log: Arc<dyn EventLog>,
}

/// A stream of raw records.
#[async_trait]
pub trait RawEvents {
    async fn records(&self) -> Result<cubelog_log::Records, LogError>;
}

#[async_trait]
impl RawEvents for LogEvents {
    async fn records(&self) -> Result<cubelog_log::Records, LogError> {
        let from = self.log.begin(Topic::Events).await?;
        let until = self.log.end(Topic::Events).await?;
        self.log.read(Topic::Events, ReadFrom { from, until: Some(until) }).await
    }
}
