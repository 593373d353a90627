//! Modules through the runner: what may be distilled, what training made of it as events, who is worn, and what a replay believes.

use std::collections::BTreeSet;

use cubelog_memory::content::Digest;
use cubelog_memory::*;
use cubelog_runner::*;
use cubelog_runner::Change;

use crate::given::*;

async fn pets() -> (World, Caller, CubeKey) {
    let world = World::new().await;
    let ana = caller("ana");
    let texts = ["Rex Amsel lives in Graz.", "Nice.", "Ilva Stane plays the theremin."];
    world.store.ingest_turns(&ana, &options(), turns("pets", &texts)).await.unwrap();
    (world, ana, cube("pets"))
}

fn new(name: &str, lessons: &[Lesson], parents: Vec<ModuleId>, artefact: u8, passed: bool) -> NewModule {
    let gate = Gate { name: Tag::new("recall").unwrap(), value: 0.97, threshold: Some(0.95), passed };
    NewModule {
        name: Tag::new(name).unwrap(),
        parents,
        sources: lessons.iter().map(|lesson| lesson.version).collect(),
        base: "tiny".to_owned(),
        base_digest: Digest([1; 32]),
        tokenizer_digest: Digest([2; 32]),
        data: "ab".repeat(32),
        artefact: Digest([artefact; 32]),
        bytes: 5,
        seed: 7,
        code: "0".to_owned(),
        settings: "{}".to_owned(),
        run: "{}".to_owned(),
        evaluation: "{}".to_owned(),
        gates: vec![gate],
        passed,
        origin: ModuleOrigin::Distilled,
    }
}

async fn stage(world: &World, caller: &Caller, cube: &CubeKey, id: ModuleId) -> (Stage, Option<StaleCause>) {
    let modules = world.store.modules(caller, cube).await.unwrap();
    (modules[&id].stage, modules[&id].stale.map(|stale| stale.cause))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_published_worn_replaced_and_rolled_back() {
    let (world, ana, pets) = pets().await;
    let lessons = world.store.lessons(&ana, &pets).await.unwrap();
    let texts: Vec<&str> = lessons.iter().map(|lesson| lesson.text.as_str()).collect();
    assert_eq!(texts, ["Rex Amsel lives in Graz.", "Nice.", "Ilva Stane plays the theremin."], "in the order of the stream");
    let reads = world.store.audit_reads(&ana, lessons[0].version.memory).await.unwrap();
    assert!(reads.iter().any(|entry| entry.access.purpose == Purpose::Export), "what leaves into a module is on the access log");

    let failed = world.store.record_module(&ana, &pets, new("main", &lessons, Vec::new(), 1, false)).await.unwrap();
    assert_eq!(failed.stage, Stage::Rejected);
    assert!(world.store.activate_module(&ana, &pets, failed.module, None).await.is_err(), "what failed never serves");

    let first = world.store.record_module(&ana, &pets, new("main", &lessons, Vec::new(), 2, true)).await.unwrap();
    assert_eq!(first.stage, Stage::Published);
    assert_eq!(world.store.activate_module(&ana, &pets, first.module, None).await.unwrap().stage, Stage::Active);
    let second = world.store.record_module(&ana, &pets, new("main", &lessons, vec![first.module], 3, true)).await.unwrap();
    assert_eq!(world.store.activate_module(&ana, &pets, second.module, None).await.unwrap().stage, Stage::Active);
    assert_eq!(stage(&world, &ana, &pets, first.module).await.0, Stage::Published, "it made way");

    let main = Tag::new("main").unwrap();
    let (off, to) = world.store.roll_back_module(&ana, &pets, &main, Some("worse".to_owned())).await.unwrap();
    assert_eq!((off.module, to), (second.module, Some(first.module)));
    assert_eq!(stage(&world, &ana, &pets, first.module).await.0, Stage::Active, "the one before is worn again");
    let (_, to) = world.store.roll_back_module(&ana, &pets, &main, None).await.unwrap();
    assert_eq!(to, None, "behind the first there is the base alone");
    assert!(world.store.roll_back_module(&ana, &pets, &main, None).await.is_err(), "nothing is worn any more");
    assert!(world.store.record_module(&caller("eve"), &pets, new("main", &lessons, Vec::new(), 4, true)).await.is_err());
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_what_was_revised_is_stale_and_what_only_it_knows_is_written_back() {
    let (world, ana, pets) = pets().await;
    let lessons = world.store.lessons(&ana, &pets).await.unwrap();
    let module = world.store.record_module(&ana, &pets, new("main", &lessons, Vec::new(), 2, true)).await.unwrap().module;
    let [home, chat, plays] = [0, 1, 2].map(|at| lessons[at].version);

    let moved = revise(home.memory, 1, "Rex Amsel lives in Linz.");
    one(&world.store, &ana, &pets, moved).await.unwrap();
    assert_eq!(stage(&world, &ana, &pets, module).await, (Stage::Published, Some(StaleCause::Revised)));
    let refused = world.store.activate_module(&ana, &pets, module, None).await.unwrap_err().to_string();
    assert!(refused.contains("stale") && refused.contains("revised"), "{refused}");
    let sources = world.store.module_sources(&ana, &pets, module).await.unwrap();
    let now = |of: VersionRef| sources.iter().find(|source| source.version == of).unwrap().now;
    assert_eq!((now(home), now(chat)), (Standing::Revised { current: 2 }, Standing::Same));

    let expired = MemoryExpired { memory: plays.memory, reason: None };
    one(&world.store, &ana, &pets, Change::Plain(Box::new(Body::MemoryExpired(expired)))).await.unwrap();
    let knows = [("Rex Amsel lives in Graz.", home), ("Somebody said nice.", chat), ("Ilva Stane plays the theremin.", plays)];
    let knows = knows.map(|(text, source)| (text.to_owned(), BTreeSet::from([source]))).into();
    let (retired, written) = world.store.retire_module(&ana, &pets, module, knows, None).await.unwrap();
    assert_eq!(
        (retired.stage, written.len()),
        (Stage::Retired, 1),
        "not what was revised, nor what still stands in its own words"
    );
    let back = world.store.get(&ana, Some(&pets), written[0], &Moment::default()).await.unwrap();
    assert_eq!((text(&back), back.parents[0].memory), ("Ilva Stane plays the theremin.", module.memory()), "it cites the module");
    assert_eq!(back.subject, lessons[2].subject, "erasing the person reaches it");
    world.equal_after_replay().await;
}
