//! Logs and projection: events per second in, through and back.

use std::path::Path;
use std::sync::Arc;

use cubelog_log::kafka::bare::{BareConsumer, BareProducer};
use cubelog_log::{Append, EventLog, KafkaLog, ReadFrom, Topic};
use cubelog_runner::NoEmbedder;
use futures::StreamExt;

use crate::events::Maker;
use crate::kit::{Kit, Options};
use crate::result::{Better, Measured, median};

/// Records in one append.
const BATCH: usize = 1_000;

pub struct Sizes {
    pub append: usize,
    pub project: usize,
}

impl Sizes {
    fn of(options: &Options) -> Self {
        if options.quick { Self { append: 20_000, project: 5_000 } } else { Self { append: 200_000, project: 50_000 } }
    }
}

/// Appends all batches, keeping `in_flight` of them under way, and gives events per second until the last acknowledgement.
async fn append_all(kit: &dyn Kit, log: &Arc<dyn EventLog>, batches: Vec<Vec<Append>>, in_flight: usize) -> anyhow::Result<f64> {
    let count: usize = batches.iter().map(Vec::len).sum();
    let begin = kit.seconds();
    let mut appends =
        futures::stream::iter(batches.into_iter().map(|batch| log.append(Topic::Events, batch))).buffered(in_flight);
    while let Some(appended) = appends.next().await {
        appended?;
    }
    Ok(count as f64 / (kit.seconds() - begin))
}

/// Reads everything and folds it into cube states (decode and apply; no content is opened, nothing is written).
async fn fold_all(kit: &dyn Kit, log: &Arc<dyn EventLog>) -> anyhow::Result<(u64, f64)> {
    let until = log.end(Topic::Events).await?;
    let begin = kit.seconds();
    let folded = cubelog_runner::fold_log(log, until).await?;
    Ok((folded.records, folded.records as f64 / (kit.seconds() - begin)))
}

/// Reads everything and decodes nothing.
async fn read_all(kit: &dyn Kit, log: &Arc<dyn EventLog>) -> anyhow::Result<f64> {
    let until = log.end(Topic::Events).await?;
    let begin = kit.seconds();
    let mut stream = log.read(Topic::Events, ReadFrom { from: Default::default(), until: Some(until) }).await?;
    let mut records = 0usize;
    while let Some(batch) = stream.next().await {
        records += batch?.len();
    }
    Ok(records as f64 / (kit.seconds() - begin))
}

/// Opens a store on a filled log and waits until its views have everything: events per second from log to LanceDB.
async fn project(kit: &dyn Kit, directory: &Path, log: Arc<dyn EventLog>, count: usize) -> anyhow::Result<f64> {
    let begin = kit.seconds();
    let store = kit.open(directory, log, Arc::new(NoEmbedder)).await?;
    store.flush().await?;
    let rate = count as f64 / (kit.seconds() - begin);
    store.close().await?;
    Ok(rate)
}

pub async fn local(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let sizes = Sizes::of(options);
    let (mut appended, mut read, mut folded, mut projected) = (vec![], vec![], vec![], vec![]);
    for run in 0..options.runs {
        let directory = options.scratch.join(format!("log-{run}"));
        let keyring = kit.keyring(&directory)?;
        let maker = Maker { keyring: &keyring };
        let batches = maker.turns("local", sizes.append, 8, BATCH)?;
        let log = kit.local_log(&directory)?;
        appended.push(append_all(kit, &log, batches, 8).await?);
        read.push(read_all(kit, &log).await?);
        folded.push(fold_all(kit, &log).await?.1);
        drop(log);
        let directory = options.scratch.join(format!("project-{run}"));
        let keyring = kit.keyring(&directory)?;
        let maker = Maker { keyring: &keyring };
        let log = kit.local_log(&directory)?;
        append_all(kit, &log, maker.turns("local", sizes.project, 8, BATCH)?, 8).await?;
        projected.push(project(kit, &directory, log, sizes.project).await?);
        std::fs::remove_dir_all(options.scratch.join(format!("log-{run}")))?;
        std::fs::remove_dir_all(&directory)?;
    }
    let count = sizes.append;
    Ok(vec![
        Measured::new("local log: events appended and fsynced", median(&appended), "events/s")
            .runs(options.runs)
            .note(format!("{count} sealed turns in batches of {BATCH}, 8 under way"))
            .target(100_000.0, Better::More),
        Measured::new("local log: records read back", median(&read), "events/s").runs(options.runs),
        Measured::new("local log: events replayed into folded state", median(&folded), "events/s")
            .runs(options.runs)
            .target(500_000.0, Better::More),
        Measured::new("local log: events projected into LanceDB", median(&projected), "events/s")
            .runs(options.runs)
            .note("opened, folded, written to memories, versions and turns; without an encoder"),
    ])
}

/// Appends under way at once on Kafka: every produce request waits for the broker's fsync, so throughput needs company.
const KAFKA_IN_FLIGHT: usize = 32;

/// The bare producer's rate over the same records, on topics of its own.
async fn bare_produce(kit: &dyn Kit, log: Arc<KafkaLog>, payloads: Vec<(String, bytes::Bytes)>) -> anyhow::Result<f64> {
    let count = payloads.len();
    let begin = kit.seconds();
    let sent = tokio::task::spawn_blocking(move || {
        let producer = BareProducer::connect(&log, Topic::Events)?;
        producer.send(payloads.iter().map(|(key, payload)| (key.as_str(), &payload[..])))
    });
    anyhow::ensure!(sent.await?? == count, "the bare producer lost records");
    Ok(count as f64 / (kit.seconds() - begin))
}

async fn bare_consume(kit: &dyn Kit, log: Arc<KafkaLog>, count: usize) -> anyhow::Result<f64> {
    let begin = kit.seconds();
    let counted = tokio::task::spawn_blocking(move || BareConsumer::connect(&log, Topic::Events)?.count(count));
    anyhow::ensure!(counted.await??.0 == count, "the bare consumer missed records");
    Ok(count as f64 / (kit.seconds() - begin))
}

pub async fn kafka(kit: &dyn Kit, options: &Options, bootstrap: &str) -> anyhow::Result<Vec<Measured>> {
    let sizes = Sizes::of(options);
    let (mut appended, mut folded, mut projected, mut bare_in, mut bare_out) = (vec![], vec![], vec![], vec![], vec![]);
    for run in 0..options.runs {
        let directory = options.scratch.join(format!("kafka-{run}"));
        let keyring = kit.keyring(&directory)?;
        let maker = Maker { keyring: &keyring };
        let batches = maker.turns("kafka", sizes.append, 24, BATCH)?;
        let payloads: Vec<(String, bytes::Bytes)> =
            batches.iter().flatten().map(|record| (record.key.clone(), record.payload.clone())).collect();
        let count = payloads.len();
        let prefix = format!("bench-{}-{run}", std::process::id());
        let bare = kit.kafka_log(bootstrap, &format!("{prefix}-bare")).await?;
        let log: Arc<dyn EventLog> = kit.kafka_log(bootstrap, &prefix).await?;
        // In turn, so that a slow minute of the machine hits both.
        bare_in.push(bare_produce(kit, bare.clone(), payloads).await?);
        appended.push(append_all(kit, &log, batches, KAFKA_IN_FLIGHT).await?);
        bare_out.push(bare_consume(kit, bare, count).await?);
        let (records, rate) = fold_all(kit, &log).await?;
        anyhow::ensure!(records as usize == count, "the replay read {records} of {count} records");
        folded.push(rate);
        let directory = options.scratch.join(format!("kafka-project-{run}"));
        let keyring = kit.keyring(&directory)?;
        let log: Arc<dyn EventLog> = kit.kafka_log(bootstrap, &format!("{prefix}-project")).await?;
        append_all(kit, &log, Maker { keyring: &keyring }.turns("kafka", sizes.project, 24, BATCH)?, KAFKA_IN_FLIGHT).await?;
        projected.push(project(kit, &directory, log, sizes.project).await?);
        std::fs::remove_dir_all(&directory)?;
    }
    Ok(vec![
        Measured::new("kafka: events appended and acknowledged", median(&appended), "events/s")
            .runs(options.runs)
            .beside("bare rdkafka producer", median(&bare_in))
            .ratio_target(0.5, Better::More),
        Measured::new("kafka: events replayed into folded state", median(&folded), "events/s")
            .runs(options.runs)
            .beside("bare rdkafka consumer", median(&bare_out))
            .ratio_target(0.6, Better::More),
        Measured::new("kafka: events projected into LanceDB", median(&projected), "events/s")
            .runs(options.runs)
            .beside("bare rdkafka producer", median(&bare_in))
            .ratio_target(0.5, Better::More)
            .note("from the log into memories, versions and turns; without an encoder"),
    ])
}
