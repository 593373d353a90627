//! Blocks and modules through the whole runner: a module is trained and worn, a source changes, and the next decision knows.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

fn module() -> ModuleId {
    ModuleId::new(derive_uuid("module", &["one"]))
}

fn plain(body: Body) -> Change {
    Change::Plain(Box::new(body))
}

fn trained(sources: Vec<VersionRef>) -> Change {
    plain(Body::ModuleTrained(ModuleTrained {
        module: module(),
        name: Tag::new("home").unwrap(),
        parents: Vec::new(),
        sources,
        subjects: Default::default(),
        base: "tiny".to_owned(),
        base_digest: Digest([1; 32]),
        tokenizer_digest: Digest([2; 32]),
        data_digest: Digest([3; 32]),
        artefact: Digest([4; 32]),
        seed: 5,
        code: "0".to_owned(),
        settings: "{}".to_owned(),
        report: "{}".to_owned(),
        reason: None,
    }))
}

fn into_service() -> [Change; 3] {
    let (module, grounds, reason) = (module(), Grounds::default, None);
    let report = "{}".to_owned();
    let evaluated =
        ModuleEvaluated { module, passed: true, gates: Vec::new(), report, grounds: grounds(), reason: reason.clone() };
    let published = ModulePublished { module, artefact: Digest([4; 32]), bytes: 10, reason: reason.clone() };
    let activated = ModuleActivated { module, replaces: None, grounds: grounds(), reason };
    [Body::ModuleEvaluated(evaluated), Body::ModulePublished(published), Body::ModuleActivated(activated)].map(plain)
}

async fn kept(world: &World, ana: &Caller) -> Module {
    world.store.cubes(ana).await.unwrap()[0].state.modules[&module()].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revised_source_makes_a_worn_module_stale_over_restarts_and_replays() {
    let mut world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let memory = one(&world.store, &ana, &home, record("the key is under the mat")).await.unwrap().memory.unwrap();
    let source = VersionRef { memory, version: 1 };
    for change in [trained(vec![source])].into_iter().chain(into_service()) {
        assert_eq!(one(&world.store, &ana, &home, change).await.unwrap().effect, Effect::Applied);
    }
    let promoted = |from, to, carrier, version| {
        let grounds = Grounds::default();
        plain(Body::TierChanged(TierChanged { memory, version, from, to, carrier, grounds, reason: Some("hot".to_owned()) }))
    };
    let carrier = Some(module().memory());
    let outcome = one(&world.store, &ana, &home, promoted(Kind::Plaintext, Kind::Parametric, carrier, 1)).await.unwrap();
    assert_eq!((outcome.effect, outcome.memory, outcome.version), (Effect::Applied, Some(memory), Some(1)));
    world.store.wait(&outcome.token).await.unwrap();
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!((row.memory.tier(), text(&row)), (Kind::Parametric, "the key is under the mat"));

    world.store.flush().await.unwrap();
    world.reopen().await;
    assert_eq!((kept(&world, &ana).await.stage, kept(&world, &ana).await.stale), (Stage::Active, None));
    one(&world.store, &ana, &home, revise(memory, 1, "the key is with Ben")).await.unwrap();
    let stale = Some(Stale { cause: StaleCause::Revised, source: Some(memory) });
    assert_eq!(kept(&world, &ana).await.stale, stale);
    world.store.flush().await.unwrap();
    world.reopen().await;
    assert_eq!(kept(&world, &ana).await.stale, stale, "kept with the cube's row");
    let late = one(&world.store, &ana, &home, promoted(Kind::Plaintext, Kind::Parametric, carrier, 2)).await;
    assert!(
        matches!(late, Err(RunError::Rejected(Rejection::Memory { refusal: Refusal::NotCarried, .. }))),
        "what is stale carries nothing: {late:?}"
    );
    let history = world.store.history(&ana, memory).await.unwrap();
    assert_eq!(
        history.iter().map(|row| row.change.as_str()).collect::<Vec<_>>(),
        ["memory_recorded", "tier_changed", "memory_revised"]
    );
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_with_content_do_not_come_in_plain() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let sealed = Sealed { subject: SubjectId::new("s").unwrap(), key: 1, nonce: [0; 12], ciphertext: vec![0; 16] };
    let body = Body::MemoryRevised(MemoryRevised {
        memory: MemoryId::from_bytes([1; 16]),
        expected: 1,
        fingerprint: Fingerprint([0; 16]),
        valid: Validity::since(Timestamp(0)),
        content: sealed,
    });
    assert!(matches!(one(&world.store, &ana, &home, plain(body)).await, Err(RunError::BadRequest(_))));
}
