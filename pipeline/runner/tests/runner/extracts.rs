//! Extraction: what turns say becomes memories once, whatever stops it in between, and no replay needs the extractor.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::routing::post;
use cubelog_extract::{ExtractError, Extractor, OpenAi, OpenAiOptions, Output, Rules, Window};
use cubelog_log::{Append, Appended, EventLog, LogError, ReadFrom, Records, Topic};
use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::import::TurnInput;
use cubelog_runner::*;
use cubelog_views::VersionRow;

use crate::given::*;

/// Answers every window alike, and keeps what it was asked.
struct Scripted {
    raw: String,
    outside: bool,
    asked: Mutex<Vec<Window>>,
    failing: AtomicBool,
}

impl Scripted {
    fn new(raw: &str) -> Self {
        Self { raw: raw.to_owned(), outside: false, asked: Mutex::default(), failing: AtomicBool::new(false) }
    }
    fn asked(&self) -> Vec<Window> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Extractor for Scripted {
    fn identity(&self) -> &str {
        "scripted.1"
    }
    async fn extract(&self, window: &Window) -> Result<Output, ExtractError> {
        self.asked.lock().unwrap().push(window.clone());
        if self.failing.load(Ordering::SeqCst) {
            return Err(ExtractError::TimedOut { seconds: 1 });
        }
        Ok(Output { raw: self.raw.clone(), tokens_in: 50, tokens_out: 5 })
    }
    fn leaves_process(&self) -> bool {
        self.outside
    }
}

/// A conversation of these turns in one session, a minute apart.
fn said(turns: &[(&str, &str)]) -> Vec<TurnInput> {
    let turn = |(index, (speaker, text)): (usize, &(&str, &str))| TurnInput {
        conversation: "talk".to_owned(),
        session: Some("S1".to_owned()),
        turn_id: format!("t{index}-{speaker}"),
        speaker: Some((*speaker).to_owned()),
        at: Some(Timestamp(1_700_000_000_000_000 + index as i64 * 60_000_000)),
        text: (*text).to_owned(),
        caption: None,
        index: index as u64,
        line: index as u64 + 1,
    };
    turns.iter().enumerate().map(turn).collect()
}

async fn talk(turns: &[(&str, &str)]) -> (World, Caller) {
    let world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), said(turns)).await.unwrap();
    (world, ana)
}

async fn extract(world: &World, caller: &Caller, extractor: &dyn Extractor) -> ExtractReport {
    world.store.extract(caller, &cube("talk"), extractor, &ExtractOptions::default()).await.unwrap()
}

/// What the cube has beside its turns.
async fn learnt(world: &World, caller: &Caller) -> Vec<VersionRow> {
    let rows = world.store.state(caller, &cube("talk"), &Moment::default(), false).await.unwrap();
    rows.into_iter().filter(|row| row.memory.descriptive.semantic != SemanticType::Turn).collect()
}

fn texts(rows: &[VersionRow]) -> Vec<&str> {
    let mut texts: Vec<&str> = rows.iter().map(text).collect();
    texts.sort_unstable();
    texts
}

const TALK: &[(&str, &str)] = &[
    ("Ana", "I live in Graz and I work as a nurse."),
    ("assistant", "You live in Vienna and you love jazz."),
    ("Ana", "My favourite band is Radiohead. How are you?"),
    ("Ben", "I am allergic to peanuts."),
];

#[tokio::test(flavor = "multi_thread")]
async fn rules_learn_from_people_once_with_their_sources() {
    let (world, ana) = talk(TALK).await;
    let tried = ExtractOptions { dry_run: true, ..ExtractOptions::default() };
    let tried = world.store.extract(&ana, &cube("talk"), &Rules, &tried).await.unwrap();
    assert_eq!((tried.turns, tried.windows, tried.statements.len()), (3, 2, 4), "{tried:?}");
    assert!(learnt(&world, &ana).await.is_empty(), "a dry run writes nothing");

    let report = extract(&world, &ana, &Rules).await;
    assert_eq!((report.turns, report.done, report.recorded, report.known), (3, 2, 4, 0), "{report:?}");
    let rows = learnt(&world, &ana).await;
    let expected =
        ["Ana lives in Graz.", "Ana works as a nurse.", "Ana's favourite band is Radiohead.", "I am allergic to peanuts."];
    assert_eq!(texts(&rows), expected);
    let turns = world.store.state(&ana, &cube("talk"), &Moment::default(), false).await.unwrap();
    for row in &rows {
        assert_eq!((row.memory.origin, row.parents.len()), (Origin::Extraction, 1));
        let source = turns.iter().find(|turn| turn.memory.id == row.parents[0].memory).unwrap();
        assert_eq!(row.valid.from, source.valid.from, "a statement holds since it was said");
        assert_eq!(row.subject, source.subject, "erasing a person reaches what was learnt from them");
    }
    let band = rows.iter().find(|row| text(row).contains("band")).unwrap();
    assert_eq!(band.memory.descriptive.semantic, SemanticType::Preference);

    let again = extract(&world, &ana, &Rules).await;
    assert_eq!((again.turns, again.recorded, again.resumed), (0, 0, 0), "{again:?}");
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_not_learnt_again_and_what_changed_is() {
    let (world, ana) = talk(TALK).await;
    extract(&world, &ana, &Rules).await;
    let more =
        [TALK, &[("Ana", "As I said, I live in Graz."), ("Ana", "Ana lives in Graz."), ("Ana", "I moved to Vienna last week.")]]
            .concat();
    world.store.ingest_turns(&ana, &options(), said(&more)).await.unwrap();
    let report = extract(&world, &ana, &Rules).await;
    assert_eq!((report.turns, report.recorded, report.known), (3, 1, 1), "one window says Graz once: {report:?}");
    let rows = learnt(&world, &ana).await;
    assert_eq!(texts(&rows).iter().filter(|text| text.contains("Graz")).count(), 1);
    assert!(texts(&rows).iter().any(|text| text.contains("Vienna")));
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_read_apart_and_assistants_are_only_context() {
    let (world, ana) = talk(TALK).await;
    let scripted =
        Scripted::new(r#"{"statements":[{"text":"Somebody is here.","sources":["T1","T9"]},{"text":"x","sources":["T9"]}]}"#);
    let report = extract(&world, &ana, &scripted).await;
    assert_eq!((report.recorded, report.dropped), (2, 2), "a source that the window does not have is none: {report:?}");
    let asked = scripted.asked();
    let seen: Vec<(&str, Vec<(&str, bool)>)> = asked
        .iter()
        .map(|window| (window.about.as_str(), window.turns.iter().map(|turn| (turn.speaker.as_str(), turn.own)).collect()))
        .collect();
    assert_eq!(
        seen,
        [
            ("Ana", vec![("Ana", true), ("assistant", false), ("Ana", true)]),
            ("Ben", vec![("assistant", false), ("Ana", false), ("Ben", true)])
        ]
    );
    // Another sort of extractor reads the same turns for itself.
    assert_eq!(extract(&world, &ana, &Rules).await.turns, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_extractor_leaves_its_turns_for_another_time() {
    let (world, ana) = talk(TALK).await;
    let scripted = Scripted::new("[]");
    scripted.failing.store(true, Ordering::SeqCst);
    let report = extract(&world, &ana, &scripted).await;
    assert_eq!((report.failed, report.done, report.stopped), (2, 0, false), "{report:?}");
    assert!(report.reasons[0].contains("no answer within"));
    scripted.failing.store(false, Ordering::SeqCst);
    let stop: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(|| true);
    let stopped = ExtractOptions { stop: Some(stop), ..ExtractOptions::default() };
    let stopped = world.store.extract(&ana, &cube("talk"), &scripted, &stopped).await.unwrap();
    assert!(stopped.stopped && stopped.done == 0, "{stopped:?}");
    let report = extract(&world, &ana, &scripted).await;
    assert_eq!((report.turns, report.done, report.recorded), (3, 2, 0), "nothing to say is an answer: {report:?}");
    assert_eq!(extract(&world, &ana, &scripted).await.turns, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_inside_and_strangers_may_not_extract() {
    let (world, ana) = talk(TALK).await;
    let stranger = world.store.extract(&caller("eve"), &cube("talk"), &Rules, &ExtractOptions::default()).await;
    assert!(matches!(stranger, Err(RunError::Forbidden { .. })), "{stranger:?}");
    let rows = world.store.state(&ana, &cube("talk"), &Moment::default(), false).await.unwrap();
    let secret = rows.iter().find(|row| text(row).contains("Graz")).unwrap().memory.id;
    let governed = Body::MemoryGoverned(MemoryGoverned {
        memory: secret,
        sensitivity: Some(Sensitivity::Secret),
        trust: Some(Trust::Untrusted),
        priority: None,
        lifespan: None,
        pinned: None,
        reason: None,
    });
    one(&world.store, &ana, &cube("talk"), Change::Plain(Box::new(governed))).await.unwrap();
    let outside = Scripted { outside: true, ..Scripted::new("[]") };
    let report = extract(&world, &ana, &outside).await;
    assert_eq!((report.withheld, report.turns), (1, 2), "{report:?}");
    assert!(outside.asked().iter().flat_map(|window| &window.turns).all(|turn| !turn.text.contains("Graz")));
    // Whoever was shown turns stands in the access log.
    let band = rows.iter().find(|row| text(row).contains("band")).unwrap().memory.id;
    let reads = world.store.audit_reads(&ana, band).await.unwrap();
    assert!(reads.iter().any(|entry| entry.access.purpose == Purpose::Export));
    // Inside it is read, and what is learnt from it is as secret and as little believed.
    extract(&world, &ana, &Rules).await;
    let home = learnt(&world, &ana).await.into_iter().find(|row| text(row).contains("lives in Graz")).unwrap();
    let governance = home.memory.governance;
    assert_eq!((governance.sensitivity, governance.trust), (Sensitivity::Secret, Trust::Untrusted));
}

/// A log that takes so many more appends of events and then none: what a crash leaves behind.
struct Dying {
    log: Arc<dyn EventLog>,
    left: AtomicU64,
}

#[async_trait]
impl EventLog for Dying {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }
    async fn append(&self, topic: Topic, records: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        if topic == Topic::Events && self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.left.store(0, Ordering::SeqCst);
            return Err(LogError::Closed);
        }
        self.log.append(topic, records).await
    }
    async fn read(&self, topic: Topic, range: ReadFrom) -> Result<Records, LogError> {
        self.log.read(topic, range).await
    }
    async fn begin(&self, topic: Topic) -> Result<Cut, LogError> {
        self.log.begin(topic).await
    }
    async fn end(&self, topic: Topic) -> Result<Cut, LogError> {
        self.log.end(topic).await
    }
    async fn cut_at(&self, topic: Topic, time: Timestamp) -> Result<Cut, LogError> {
        self.log.cut_at(topic, time).await
    }
    async fn wait(&self, topic: Topic, cut: &Cut, timeout: Duration) -> Result<bool, LogError> {
        self.log.wait(topic, cut, timeout).await
    }
    fn describe(&self) -> String {
        self.log.describe()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_output_and_memories_is_made_good_without_asking_again() {
    let raw = r#"{"statements":[
        {"kind":"profile","text":"Ana lives in Graz.","sources":["T1"],"from":"2020-05-01"},
        {"kind":"fact","text":"Ana has two cats.","sources":["T1"]}]}"#;
    let (mut world, ana) = talk(&TALK[..1]).await;
    let whole = world.log.clone();
    // The first append of an extraction is the output, the second its memories.
    world.log = Arc::new(Dying { log: whole.clone(), left: AtomicU64::new(1) });
    world.reopen().await;
    let scripted = Scripted::new(raw);
    let died = world.store.extract(&ana, &cube("talk"), &scripted, &ExtractOptions::default()).await;
    assert!(matches!(died, Err(RunError::Log(LogError::Closed))), "{died:?}");
    world.log = whole;
    world.reopen().await;
    assert!(learnt(&world, &ana).await.is_empty());

    // Any sort of extractor makes it good; the model is not asked for that.
    let report = extract(&world, &ana, &scripted).await;
    assert_eq!((report.resumed, report.recorded, report.turns), (1, 2, 0), "{report:?}");
    assert_eq!(scripted.asked().len(), 1);
    let rows = learnt(&world, &ana).await;
    assert_eq!(texts(&rows), ["Ana has two cats.", "Ana lives in Graz."]);
    let home = rows.iter().find(|row| text(row).contains("Graz")).unwrap();
    assert_eq!(home.valid.from, Timestamp(1_588_291_200_000_000));
    let again = extract(&world, &ana, &scripted).await;
    assert_eq!((again.resumed, again.recorded), (0, 0), "{again:?}");
    assert_eq!(learnt(&world, &ana).await, rows);
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_needs_no_endpoint() {
    let content = r#"Sure: {"statements":[{"kind":"event","text":"Ana meets Ben on 2 June 2024.","sources":["T1"],"from":"2024-06-02"},
        {"kind":"event","text":"Ana meets Ben on 2 June 2024","sources":[1]}]} Anything else?"#;
    let answer = serde_json::json!({ "choices": [{ "message": { "content": content } }], "usage": { "prompt_tokens": 70, "completion_tokens": 7 } });
    let app = axum::Router::new().route("/v1/chat/completions", post(move || async move { axum::Json(answer) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (mut world, ana) = talk(&TALK[..3]).await;
    let mut options = OpenAiOptions::new(url, "tiny");
    options.retries = 0;
    let model = OpenAi::new(options).unwrap();
    let report = extract(&world, &ana, &model).await;
    assert_eq!((report.recorded, report.counts.calls, report.counts.tokens_in), (1, 1, 70), "{report:?}");
    let before = learnt(&world, &ana).await;
    assert_eq!(texts(&before), ["Ana meets Ben on 2 June 2024."]);

    server.abort();
    let _ = server.await;
    world.equal_after_replay().await;
    world.store.rebuild(None).await.unwrap();
    assert_eq!(learnt(&world, &ana).await, before);
    world.reopen().await;
    assert_eq!(learnt(&world, &ana).await, before);
    // What is new fails now, says so, and harms nothing.
    let more = [&TALK[..3], &[("Ana", "I bought a boat.")]].concat();
    world.store.ingest_turns(&ana, &crate::given::options(), said(&more)).await.unwrap();
    let report = extract(&world, &ana, &model).await;
    assert_eq!((report.failed, report.stopped, report.recorded), (1, true, 0), "{report:?}");
    assert_eq!(learnt(&world, &ana).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cube_and_an_unknown_one() {
    let world = World::new().await;
    let ana = caller("ana");
    created(&world.store, &ana, &cube("talk"), true).await;
    let report = extract(&world, &ana, &Rules).await;
    assert_eq!((report.turns, report.windows, report.stopped), (0, 0, false));
    let unknown = world.store.extract(&ana, &cube("nowhere"), &Rules, &ExtractOptions::default()).await;
    assert!(matches!(unknown, Err(RunError::UnknownCube(_))), "{unknown:?}");
}
