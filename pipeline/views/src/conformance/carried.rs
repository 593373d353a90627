//! Governance, beliefs, tiers, blocks and modules: a story with every kind of event about them, and that a cube that went through it
//! loads as it was folded.

use cubelog_memory::*;

use super::script::{Script, cube, memory, subject, tag};
use super::{Store, commit_all};

fn versions(numbers: &[u64]) -> Vec<VersionRef> {
    numbers.iter().map(|number| VersionRef { memory: memory(*number), version: 1 }).collect()
}

fn built(name: &str, sources: &[u64]) -> Body {
    Body::BlockBuilt(BlockBuilt {
        block: BlockId::new(Script::id(name)),
        sources: versions(sources),
        subjects: [subject("eve")].into(),
        model: "tiny".to_owned(),
        setting: Digest([1; 32]),
        tokens: 512,
        bytes: u64::MAX,
        checksum: Digest([2; 32]),
        grounds: Grounds::default(),
        reason: None,
    })
}

fn tier(number: u64, from: Kind, to: Kind, carrier: &str) -> Body {
    Body::TierChanged(TierChanged {
        memory: memory(number),
        version: 1,
        from,
        to,
        carrier: Some(MemoryId::new(Script::id(carrier))),
        grounds: Grounds::default(),
        reason: Some("hot".to_owned()),
    })
}

fn trained(name: &str, sources: &[u64], parents: &[&str]) -> Body {
    Body::ModuleTrained(ModuleTrained {
        module: ModuleId::new(Script::id(name)),
        name: tag("line"),
        parents: parents.iter().map(|parent| ModuleId::new(Script::id(parent))).collect(),
        sources: versions(sources),
        subjects: Default::default(),
        base: "tiny".to_owned(),
        base_digest: Digest([3; 32]),
        tokenizer_digest: Digest([4; 32]),
        data_digest: Digest([5; 32]),
        artefact: Digest([6; 32]),
        seed: 1,
        code: "0".to_owned(),
        settings: "{}".to_owned(),
        report: "{}".to_owned(),
        reason: None,
    })
}

fn into_service(name: &str) -> [Body; 3] {
    let (module, grounds) = (ModuleId::new(Script::id(name)), Grounds::default);
    [
        Body::ModuleEvaluated(ModuleEvaluated {
            module,
            passed: true,
            gates: Vec::new(),
            report: "{}".to_owned(),
            grounds: grounds(),
            reason: None,
        }),
        Body::ModulePublished(ModulePublished { module, artefact: Digest([0xfe; 32]), bytes: 10, reason: None }),
        Body::ModuleActivated(ModuleActivated { module, replaces: None, grounds: grounds(), reason: None }),
    ]
}

/// Every kind of event about carriers and beliefs over the memories 1 to 9, which must be there at their first version. Ends with a
/// module that carries a memory, others in every stage, blocks fresh and stale, a doubt and a superseded memory.
pub fn carried(script: &mut Script, cube: &CubeKey) {
    let module = |name: &str| ModuleId::new(Script::id(name));
    let (grounds, reason) = (Grounds::default, None);
    let governed = |number: u64, lifespan, pinned| {
        Body::MemoryGoverned(MemoryGoverned {
            memory: memory(number),
            sensitivity: Some(Sensitivity::Secret),
            trust: None,
            priority: None,
            lifespan,
            pinned,
            reason: Some("it's dear".to_owned()),
        })
    };
    let noted = ConflictNoted {
        memory: memory(5),
        version: 1,
        against: VersionRef { memory: memory(4), version: 1 },
        confidence: 0.3,
        detector: tag("rules"),
        verdict: None,
        reason: None,
    };
    let believed = BeliefResolved {
        memory: memory(7),
        version: 1,
        over: versions(&[6]),
        outcome: BeliefOutcome::Replaces,
        since: Some(Timestamp(1_690_000_000_000_000)),
        confidence: 1.0,
        decider: tag("ana"),
        verdict: None,
        reason: None,
    };
    let mut story = vec![
        governed(1, Some(Lifespan::Decay { half_life_s: 86_400 }), None),
        governed(2, None, Some(true)),
        Body::ConflictNoted(noted),
        Body::BeliefResolved(believed),
        built("kept", &[1, 2]),
        built("gone", &[3]),
        built("stale", &[8, 9]),
        tier(3, Kind::Plaintext, Kind::Activation, "gone"),
        tier(9, Kind::Plaintext, Kind::Activation, "stale"),
        tier(1, Kind::Plaintext, Kind::Activation, "kept"),
        Body::BlockDropped(BlockDropped {
            block: BlockId::new(Script::id("gone")),
            cause: DropCause::Evicted,
            grounds: grounds(),
            reason: reason.clone(),
        }),
        Body::ModuleProposed(ModuleProposed {
            module: module("proposed"),
            name: tag("line"),
            sources: versions(&[3]),
            grounds: grounds(),
            reason: reason.clone(),
        }),
        trained("first", &[2, 3], &[]),
    ];
    story.extend(into_service("first"));
    story.push(trained("second", &[2, 3], &["first"]));
    story.extend(into_service("second"));
    story.extend([
        tier(2, Kind::Plaintext, Kind::Parametric, "second"),
        Body::ModuleRolledBack(ModuleRolledBack {
            module: module("second"),
            to: None,
            grounds: grounds(),
            reason: reason.clone(),
        }),
        tier(2, Kind::Plaintext, Kind::Parametric, "first"),
        Body::ModuleRetired(ModuleRetired { module: module("proposed"), grounds: grounds(), reason }),
    ]);
    for body in story {
        let kind = body.kind();
        assert_eq!(script.event(cube, body, None), Verdict::Applied, "{kind}");
    }
    let valid = Validity::since(Timestamp(1_650_000_000_000_000));
    assert_eq!(script.revise(cube, 8, 1, "not what the block says", valid), Verdict::Applied);
}

pub async fn carriers_load_as_they_were_folded(store: Store) {
    let home = cube("acme", "home");
    let mut script = Script::default();
    script.create(&home, "ana");
    for number in 1..10 {
        script.turn(&home, number, "ana", &format!("turn {number}"));
    }
    // Once in one batch with the memories, and once, for a doubt that becomes moot and an erasure, in a batch of its own.
    carried(&mut script, &home);
    commit_all(&store, &[script.batch()]).await;
    assert_eq!(store.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home));
    let state = &script.states[&home];
    assert_eq!((state.blocks.len(), state.modules.len(), state.reviews.len(), state.active().count()), (2, 3, 1, 1));
    let tiers: Vec<Kind> = (1..10).map(|number| state.memories[&memory(number)].tier()).collect();
    assert_eq!(tiers.iter().filter(|tier| **tier == Kind::Activation).count(), 2);
    assert_eq!(tiers.iter().filter(|tier| **tier == Kind::Parametric).count(), 1);

    let history = store.history(memory(2)).await.unwrap();
    let changes: Vec<&str> = history.iter().map(|row| row.change.as_str()).collect();
    assert_eq!(changes, ["turn_received", "memory_governed", "tier_changed", "module_rolled_back", "tier_changed"]);
    assert_eq!(history[1].reason.as_deref(), Some("it's dear"));

    let requested = ErasureRequested { erasure: ErasureId::new(Script::id("erasure")), subject: subject("ana"), reason: None };
    script.event(&home, Body::ErasureRequested(requested), None);
    script.revise(&home, 5, 1, "nothing to doubt any more", Validity::since(Timestamp(1_650_000_000_000_000)));
    commit_all(&store, &[script.batch()]).await;
    assert_eq!(store.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home));
    let state = &script.states[&home];
    assert_eq!((state.active().count(), state.reviews.len()), (0, 0));
    assert!(state.modules.values().all(Module::is_revoked));
}
