//! Extractions that stand on the log: which turns were read, and which outputs still wait to become memories.

use std::collections::{HashMap, HashSet};

use cubelog_log::{ReadFrom, Topic};
use cubelog_memory::{Body, CubeKey, EventId, VersionRef, derive_uuid};
use futures::StreamExt;

use super::Extraction;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::fold::read_record;

/// The job that settles outputs, by its name on the log.
pub const JOB: &str = "extract";

/// The event that says that an extraction was settled.
pub fn settled(extraction: EventId) -> EventId {
    EventId::new(derive_uuid("extraction-settled", &[&extraction.to_string()]))
}

/// Everything that the log says about extractions in one cube.
#[derive(Default)]
pub struct Logged {
    /// Extractor, sources and output (`None`: erased) of each extraction.
    extractions: HashMap<EventId, (String, Vec<VersionRef>, Option<String>)>,
    order: Vec<EventId>,
    settled: HashSet<EventId>,
}

impl Logged {
    /// Turns that an extractor of the same sort has read, whatever its model and its prompt were.
    pub fn read_by(&self, identity: &str) -> HashSet<VersionRef> {
        let sort = |identity: &str| identity.split('.').next().unwrap_or_default().to_owned();
        let same = self.extractions.values().filter(|(extractor, _, _)| sort(extractor) == sort(identity));
        same.flat_map(|(_, sources, _)| sources.iter().copied()).collect()
    }

    /// Outputs that can be read and were not settled, in log order.
    pub fn unsettled(mut self) -> Vec<Extraction> {
        self.order.retain(|event| !self.settled.contains(&settled(*event)));
        let taken = self.order.iter().filter_map(|event| {
            let (_, sources, raw) = self.extractions.remove(event)?;
            Some(Extraction { event: *event, sources, raw: raw? })
        });
        taken.collect()
    }
}

impl Cubelog {
    /// Reads the cube's partition from its beginning; only records of the cube are decoded.
    pub(super) async fn logged_extractions(&self, cube: &CubeKey) -> Result<Logged, RunError> {
        let log = &self.shared().log;
        let key = cube.to_string();
        let partition = log.partition_of(&key);
        let begin = log.begin(Topic::Events).await?.next(partition);
        let end = log.end(Topic::Events).await?.next(partition);
        let from = [(partition, begin)].into_iter().collect();
        let until = [(partition, end)].into_iter().collect();
        let mut stream = log.read(Topic::Events, ReadFrom { from, until: Some(until) }).await?;
        let mut logged = Logged::default();
        while let Some(records) = stream.next().await {
            for record in records? {
                if &record.key[..] != key.as_bytes() {
                    continue;
                }
                // What cannot be read is a dead letter, and none of ours.
                let Ok(event) = cubelog_schemas::decode_event(&record.payload) else { continue };
                let id = event.envelope.id;
                match event.body {
                    Body::ExtractionRecorded(body) if !logged.extractions.contains_key(&id) => {
                        let Ok(read) = read_record(&self.shared().sealer, &record) else { continue };
                        let raw = read.content.as_ref().and_then(|content| content.clear()).map(|content| content.text.clone());
                        logged.extractions.insert(id, (body.extractor.to_string(), body.sources, raw));
                        logged.order.push(id);
                    }
                    Body::JobRun(body) if body.job.as_str() == JOB => {
                        logged.settled.insert(id);
                    }
                    _ => {}
                }
            }
        }
        Ok(logged)
    }
}
