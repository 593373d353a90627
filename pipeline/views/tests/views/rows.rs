//! Every row survives the way into Arrow and back, whatever is in it.

use std::sync::Arc;

use cubelog_memory::*;
use cubelog_views::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

const DIM: usize = 3;

fn word<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(move |index| all[index])
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_äß][a-z0-9._@+-]{0,10}"
}

fn tag() -> impl Strategy<Value = Tag> {
    name().prop_map(|name| Tag::new(name).unwrap())
}

fn subject() -> impl Strategy<Value = SubjectId> {
    name().prop_map(|name| SubjectId::new(name).unwrap())
}

fn principal() -> impl Strategy<Value = PrincipalId> {
    name().prop_map(|name| PrincipalId::new(name).unwrap())
}

fn bytes() -> impl Strategy<Value = [u8; 16]> {
    any::<[u8; 16]>()
}

fn memory_id() -> impl Strategy<Value = MemoryId> {
    bytes().prop_map(MemoryId::from_bytes)
}

fn event_id() -> impl Strategy<Value = EventId> {
    bytes().prop_map(EventId::from_bytes)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-4_000_000_000_000_000i64..4_000_000_000_000_000).prop_map(Timestamp)
}

fn position() -> impl Strategy<Value = Position> {
    (any::<u32>(), any::<u64>()).prop_map(|(partition, offset)| Position { partition, offset })
}

fn validity() -> impl Strategy<Value = Validity> {
    (time(), of(time())).prop_map(|(from, to)| Validity { from, to })
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    bytes().prop_map(Fingerprint)
}

fn cube_key() -> impl Strategy<Value = CubeKey> {
    (name(), name()).prop_map(|(tenant, cube)| CubeKey::new(TenantId::new(tenant).unwrap(), CubeName::new(cube).unwrap()))
}

fn shown() -> impl Strategy<Value = Shown> {
    let content = (any::<String>(), of(any::<String>()), of(any::<String>()), of(any::<String>()), of(any::<String>()));
    of(content).prop_map(|content| match content {
        None => Shown::Erased,
        Some((text, speaker, caption, session, source)) => Shown::Clear(Content { text, speaker, caption, session, source }),
    })
}

prop_compose! {
    fn sibling()(version in any::<u32>(), subject in subject(), fingerprint in fingerprint(), valid in validity()) -> Sibling {
        Sibling { version, subject, fingerprint, valid }
    }
}

prop_compose! {
    fn descriptive()(
        semantic in word(SemanticType::ALL),
        path in of(vec(tag(), 1..=3)),
        tags in btree_set(tag(), 0..4),
    ) -> Descriptive {
        let path = path.map(|segments| segments.iter().map(Tag::as_str).collect::<Vec<_>>().join("/"));
        Descriptive { semantic, path: path.map(|path| Path::parse(&path).unwrap()), tags }
    }
}

prop_compose! {
    fn governance()(
        sensitivity in word(Sensitivity::ALL),
        trust in word(Trust::ALL),
        priority in any::<i32>(),
        lifespan in prop_oneof![
            Just(Lifespan::Keep),
            time().prop_map(Lifespan::Until),
            any::<u64>().prop_map(|half_life_s| Lifespan::Decay { half_life_s }),
        ],
        (pinned, watermark) in (any::<bool>(), of(tag())),
    ) -> Governance {
        Governance { sensitivity, trust, priority, lifespan, pinned, watermark }
    }
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![
        bytes().prop_map(|id| Carrier::Block(BlockId::from_bytes(id))),
        bytes().prop_map(|id| Carrier::Module(ModuleId::from_bytes(id))),
    ]
}

prop_compose! {
    fn superseded()(by in memory_id(), since in time(), valid_to in of(time())) -> Superseded {
        Superseded { by, since, valid_to }
    }
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn sources() -> impl Strategy<Value = Sources> {
    let version = (memory_id(), any::<u32>()).prop_map(|(memory, version)| VersionRef { memory, version });
    (vec(version, 0..4), btree_set(subject(), 0..3)).prop_map(|(versions, subjects)| Sources::new(&versions, subjects))
}

fn stale() -> impl Strategy<Value = Option<Stale>> {
    of((word(StaleCause::ALL), of(memory_id())).prop_map(|(cause, source)| Stale { cause, source }))
}

prop_compose! {
    fn module()(
        (name, stage, parents) in (tag(), word(Stage::ALL), vec(bytes().prop_map(ModuleId::from_bytes), 0..3)),
        (sources, base, artefact, stale) in (sources(), of(digest()), of(digest()), stale()),
    ) -> Module {
        Module { name, stage, parents, sources, base, artefact, stale }
    }
}

prop_compose! {
    fn block()(
        (sources, setting, stale) in (sources(), digest(), stale()),
        (tokens, bytes) in any::<(u64, u64)>(),
    ) -> Block {
        Block { sources, setting, tokens, bytes, stale }
    }
}

prop_compose! {
    fn review()(
        (version, against_version) in any::<(u32, u32)>(),
        confidence in 0.0f32..=1.0,
        detector in tag(),
    ) -> Review {
        Review { version, against_version, confidence, detector }
    }
}

prop_compose! {
    fn memory()(
        (id, kind, lifecycle) in (memory_id(), word(Kind::ALL), word(Lifecycle::ALL)),
        (current, last) in any::<(u32, u32)>(),
        siblings in vec(sibling(), 0..3),
        (subject, fingerprint, valid) in (subject(), fingerprint(), validity()),
        (descriptive, governance, origin) in (descriptive(), governance(), word(Origin::ALL)),
        stream_index in of(any::<u64>()),
        (merged_into, expired_at) in (of(memory_id()), of(time())),
        (superseded, carrier) in (of(superseded()), of(carrier())),
        (created_at, changed_at, changed) in (time(), time(), position()),
    ) -> Memory {
        Memory {
            id, kind, lifecycle, current, last, siblings, subject, fingerprint, valid, descriptive, governance, origin,
            stream_index, merged_into, expired_at, superseded, carrier, created_at, changed_at, changed,
        }
    }
}

prop_compose! {
    fn memory_row()(
        cube in cube_key(),
        memory in memory(),
        content in shown(),
        actor in principal(),
        occurred_at in time(),
        vector in of(vec(-1.0f32..1.0, DIM)),
    ) -> MemoryRow {
        let vector = vector.filter(|_| content != Shown::Erased).map(Arc::from);
        MemoryRow { cube, memory, content, actor, occurred_at, vector }
    }
}

prop_compose! {
    fn version_row()(
        (cube, event, change) in (cube_key(), event_id(), "[a-z_]{1,20}"),
        (actor, occurred_at, memory) in (principal(), time(), memory()),
        version in any::<u32>(),
        parents in vec((memory_id(), any::<u32>()).prop_map(|(memory, version)| VersionRef { memory, version }), 0..3),
        (conflict, subject, fingerprint, valid) in (any::<bool>(), subject(), fingerprint(), validity()),
        (content, reason) in (shown(), of(any::<String>())),
    ) -> VersionRow {
        let (recorded_at, position) = (memory.changed_at, memory.changed);
        VersionRow {
            cube, event, change, actor, occurred_at, recorded_at, position, memory, version, parents, conflict, subject,
            fingerprint, valid, content, reason,
        }
    }
}

prop_compose! {
    fn cube_row()(
        key in cube_key(),
        owner in of(principal()),
        (visibility, auditable, created_at) in (word(Visibility::ALL), any::<bool>(), of(time())),
        grants in btree_map(principal(), word(Right::ALL), 0..4),
        policies in btree_map(tag(), any::<String>(), 0..4),
        holds in btree_map(bytes().prop_map(HoldId::from_bytes), of(memory_id()), 0..4),
        erasures in btree_map(bytes().prop_map(ErasureId::from_bytes), (subject(), any::<bool>()), 0..4),
        cube_events in vec(event_id(), 0..4),
        modules in btree_map(bytes().prop_map(ModuleId::from_bytes), module(), 0..3),
        blocks in btree_map(bytes().prop_map(BlockId::from_bytes), block(), 0..3),
        reviews in btree_map((memory_id(), memory_id()), review(), 0..3),
        (changed_at, changed) in (time(), position()),
    ) -> CubeRow {
        let mut state = CubeState::new(key);
        state.owner = owner;
        state.visibility = visibility;
        state.auditable = auditable;
        state.created_at = created_at;
        state.grants = grants;
        state.policies = policies;
        state.holds = holds;
        state.erasures = erasures
            .into_iter()
            .map(|(id, (subject, done))| (id, (subject, if done { Erasure::Completed } else { Erasure::Requested })))
            .collect();
        state.cube_events = cube_events;
        state.modules = modules;
        state.blocks = blocks;
        state.reviews = reviews;
        CubeRow { state, changed_at, changed }
    }
}

prop_compose! {
    fn turn_row()(
        (cube, memory, event, stream_index) in (cube_key(), memory_id(), event_id(), any::<u64>()),
        (session, speaker, source) in (of(any::<String>()), of(any::<String>()), of(any::<String>())),
        (occurred_at, recorded_at, position) in (time(), time(), position()),
    ) -> TurnRow {
        TurnRow { cube, memory, event, stream_index, session, speaker, source, occurred_at, recorded_at, position }
    }
}

prop_compose! {
    fn edge_row()(
        (cube, from, to) in (cube_key(), memory_id(), memory_id()),
        (relation, weight, withdrawn) in (word(Relation::ALL), 0.0f32..1.0, any::<bool>()),
        (event, recorded_at, position) in (event_id(), time(), position()),
    ) -> EdgeRow {
        EdgeRow { cube, edge: Edge { from, to, relation, weight, withdrawn }, event, recorded_at, position }
    }
}

prop_compose! {
    fn dead_row()(
        (position, recorded_at, key, reason) in (position(), time(), any::<String>(), any::<String>()),
        status in word(&[DeadStatus::Parked, DeadStatus::Retried, DeadStatus::Discarded]),
        handled_at in of(time()),
    ) -> DeadRow {
        DeadRow { position, recorded_at, key, reason, status, handled_at }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn memories(rows in vec(memory_row(), 0..6)) {
        let batch = memories::row::to_batch(&rows, Some(DIM)).unwrap();
        prop_assert_eq!(&memories::row::from_batch(&batch).unwrap(), &rows);
        let states: Vec<Memory> = rows.iter().map(|row| row.memory.clone()).collect();
        prop_assert_eq!(memories::row::states_from_batch(&batch).unwrap(), states);
        let without = memories::row::to_batch(&rows, None).unwrap();
        prop_assert!(memories::row::from_batch(&without).unwrap().iter().all(|row| row.vector.is_none()));
    }

    #[test]
    fn versions(rows in vec(version_row(), 0..6)) {
        let batch = versions::row::to_batch(&rows).unwrap();
        prop_assert_eq!(versions::row::from_batch(&batch).unwrap(), rows);
    }

    #[test]
    fn cubes(rows in vec(cube_row(), 0..6)) {
        let batch = cubes::row::to_batch(&rows).unwrap();
        prop_assert_eq!(cubes::row::from_batch(&batch).unwrap(), rows);
    }

    #[test]
    fn turns(rows in vec(turn_row(), 0..6)) {
        let batch = turns::row::to_batch(&rows).unwrap();
        prop_assert_eq!(turns::row::from_batch(&batch).unwrap(), rows);
    }

    #[test]
    fn edges(rows in vec(edge_row(), 0..6)) {
        let batch = edges::row::to_batch(&rows).unwrap();
        prop_assert_eq!(edges::row::from_batch(&batch).unwrap(), rows);
    }

    #[test]
    fn dead(rows in vec(dead_row(), 0..6)) {
        let batch = dead::row::to_batch(&rows).unwrap();
        prop_assert_eq!(dead::row::from_batch(&batch).unwrap(), rows);
    }
}

#[test]
fn odd_vectors_are_refused() {
    let mut script = conformance::script::Script::default();
    script.turn(&conformance::script::cube("a", "b"), 1, "ana", "x");
    let mut row = script.memory_rows().remove(0);
    for vector in [vec![1.0], vec![f32::NAN; DIM], vec![]] {
        row.vector = Some(Arc::from(vector));
        assert!(matches!(memories::row::to_batch(std::slice::from_ref(&row), Some(DIM)), Err(ViewError::Query(_))));
    }
}
