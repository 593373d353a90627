//! Contradictions come onto the log: noted for review by rules, settled by a judge that is sure, and a replay needs neither.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cubelog_extract::{Dispute, ExtractError, Judge, Judgement, Relates};
use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

/// Says the same of every dispute, and keeps what it was asked.
struct Scripted {
    says: Judgement,
    asked: Mutex<Vec<Dispute>>,
    failing: AtomicBool,
}

fn scripted(relates: Relates, confidence: f32) -> Scripted {
    Scripted { says: Judgement { relates, confidence }, asked: Mutex::default(), failing: AtomicBool::new(false) }
}

#[async_trait]
impl Judge for Scripted {
    fn identity(&self) -> &str {
        "scripted.j1"
    }
    async fn judge(&self, dispute: &Dispute) -> Result<Judgement, ExtractError> {
        self.asked.lock().unwrap().push(dispute.clone());
        match self.failing.load(Ordering::SeqCst) {
            true => Err(ExtractError::TimedOut { seconds: 1 }),
            false => Ok(self.says),
        }
    }
}

/// Two counts of cats, of which nobody knows whether the first was wrong or cats came.
async fn cats() -> (World, Caller, CubeKey) {
    let world = World::new().await;
    let ana = caller("ana");
    let mut stream = turns("pets", &["I have two cats.", "I have three cats."]);
    for (day, turn) in stream.iter_mut().enumerate() {
        turn.speaker = Some("Ana".to_owned());
        turn.at = Some(Timestamp(1_700_000_000_000_000 + day as i64 * 86_400_000_000));
    }
    world.store.ingest_turns(&ana, &options(), stream).await.unwrap();
    world.store.flush().await.unwrap();
    (world, ana, cube("pets"))
}

async fn settle(world: &World, caller: &Caller, judge: Option<&Scripted>, dry_run: bool) -> SettleReport {
    let judge = judge.map(|judge| judge as &dyn Judge);
    world.store.settle_doubts(caller, &cube("pets"), judge, dry_run).await.unwrap()
}

async fn waiting(world: &World, caller: &Caller) -> usize {
    world.store.beliefs(caller, &cube("pets"), None, &Moment::default()).await.unwrap().doubts.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_doubt_is_noted_once() {
    let (world, ana, _) = cats().await;
    let tried = settle(&world, &ana, Some(&scripted(Relates::Changes, 1.0)), true).await;
    assert_eq!((tried.noted, tried.settled, tried.disputes[0].judged), (1, 0, None), "{tried:?}");
    let noted = settle(&world, &ana, None, false).await;
    assert_eq!((noted.noted, noted.settled, noted.refused), (1, 0, 0), "a dry run wrote nothing: {noted:?}");
    let again = settle(&world, &ana, None, false).await;
    assert_eq!((again.noted, again.disputes.len(), again.disputes[0].fate), (0, 1, Fate::Known), "{again:?}");
    assert_eq!(waiting(&world, &ana).await, 1, "noted, it is not told twice");
    let stranger = world.store.settle_doubts(&caller("eve"), &cube("pets"), None, false).await;
    assert!(
        matches!(stranger, Err(RunError::Rejected(_) | RunError::Forbidden { .. } | RunError::UnknownCube(_))),
        "{stranger:?}"
    );
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_that_is_sure_settles_and_a_replay_believes_it_without_one() {
    let (world, ana, pets) = cats().await;
    settle(&world, &ana, None, false).await;
    let unsure = scripted(Relates::Changes, 0.5);
    let left = settle(&world, &ana, Some(&unsure), false).await;
    assert_eq!((left.noted, left.settled, left.disputes[0].fate), (0, 0, Fate::Known), "{left:?}");
    let asked = unsure.asked.lock().unwrap().clone();
    assert_eq!((asked[0].earlier.text.as_str(), asked[0].later.text.as_str()), ("I have two cats.", "I have three cats."));
    assert!(asked[0].about.as_deref().is_some_and(|about| about.starts_with("ana: ")), "{asked:?}");

    let failing = scripted(Relates::Changes, 1.0);
    failing.failing.store(true, Ordering::SeqCst);
    let failed = settle(&world, &ana, Some(&failing), false).await;
    assert_eq!((failed.failed, failed.settled, failed.reason.is_some()), (1, 0, true), "{failed:?}");

    let sure = settle(&world, &ana, Some(&scripted(Relates::Changes, 0.9)), false).await;
    assert_eq!((sure.settled, sure.disputes[0].fate), (1, Fate::Settled(BeliefOutcome::Replaces)), "{sure:?}");
    assert_eq!(waiting(&world, &ana).await, 0);
    let beliefs = world.store.beliefs(&ana, &pets, None, &Moment::default()).await.unwrap();
    let current: Vec<_> = beliefs.lines.iter().flat_map(|line| &line.current).map(|held| held.value.as_deref()).collect();
    assert_eq!(current, [Some("three")], "{beliefs:?}");
    assert_eq!(settle(&world, &ana, Some(&scripted(Relates::Coexists, 1.0)), false).await.disputes, [], "settled is settled");
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_secret_no_judge_sees() {
    let (world, ana, pets) = cats().await;
    let first = world.store.state(&ana, &pets, &Moment::default(), false).await.unwrap()[0].memory.id;
    let secret = MemoryGoverned {
        memory: first,
        sensitivity: Some(Sensitivity::Secret),
        trust: None,
        priority: None,
        lifespan: None,
        pinned: None,
        reason: None,
    };
    one(&world.store, &ana, &pets, Change::Plain(Box::new(Body::MemoryGoverned(secret)))).await.unwrap();
    let judge = scripted(Relates::Changes, 1.0);
    let report = settle(&world, &ana, Some(&judge), false).await;
    assert_eq!((report.withheld, report.settled, report.noted), (1, 0, 1), "{report:?}");
    assert!(judge.asked.lock().unwrap().is_empty());
}
