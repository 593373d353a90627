//! Any event, access and content, for property tests.

use cubelog_memory::*;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

const NAME: &str = "[a-zA-Z0-9_éß][a-zA-Z0-9._@+é-]{0,24}";

pub fn any_event() -> impl Strategy<Value = Event> {
    (envelope(), body()).prop_map(|(envelope, body)| Event { envelope, body })
}

pub fn any_access() -> impl Strategy<Value = Access> {
    (id(), cube(), name(PrincipalId::new), word(Purpose::ALL), time(), option::of(any::<[u8; 16]>()), versions()).prop_map(
        |(id, cube, principal, purpose, at, query, shown)| Access {
            id: EventId::from_bytes(id),
            cube,
            principal,
            purpose,
            at,
            query,
            shown,
        },
    )
}

pub fn any_content() -> impl Strategy<Value = Content> {
    (any::<String>(), reason(), reason(), reason(), reason()).prop_map(|(text, speaker, caption, session, source)| Content {
        text,
        speaker,
        caption,
        session,
        source,
    })
}

fn name<T: std::fmt::Debug>(new: fn(String) -> Result<T, NameError>) -> impl Strategy<Value = T> {
    NAME.prop_map(move |text| new(text).unwrap())
}

fn word<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn id() -> impl Strategy<Value = [u8; 16]> {
    any::<[u8; 16]>()
}

fn memory() -> impl Strategy<Value = MemoryId> {
    id().prop_map(MemoryId::from_bytes)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

/// A number that the written form can hold.
fn count() -> impl Strategy<Value = u64> {
    0..=i64::MAX as u64
}

fn reason() -> impl Strategy<Value = Option<String>> {
    option::of(any::<String>())
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    vec(name(Tag::new), 0..4)
}

fn cube() -> impl Strategy<Value = CubeKey> {
    (name(TenantId::new), name(CubeName::new)).prop_map(|(tenant, cube)| CubeKey::new(tenant, cube))
}

fn versions() -> impl Strategy<Value = Vec<VersionRef>> {
    vec((memory(), any::<u32>()).prop_map(|(memory, version)| VersionRef { memory, version }), 0..4)
}

fn validity() -> impl Strategy<Value = Validity> {
    (time(), option::of(time())).prop_map(|(from, to)| Validity { from, to })
}

fn sealed() -> impl Strategy<Value = Sealed> {
    (name(SubjectId::new), any::<u32>(), any::<[u8; 12]>(), vec(any::<u8>(), 0..300))
        .prop_map(|(subject, key, nonce, ciphertext)| Sealed { subject, key, nonce, ciphertext })
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    id().prop_map(Fingerprint)
}

fn descriptive() -> impl Strategy<Value = Descriptive> {
    (word(SemanticType::ALL), option::of(vec(NAME, 1..=3)), btree_set(name(Tag::new), 0..4)).prop_map(|(semantic, path, tags)| {
        Descriptive { semantic, path: path.map(|segments| Path::parse(&segments.join("/")).unwrap()), tags }
    })
}

fn governance() -> impl Strategy<Value = Governance> {
    (word(Sensitivity::ALL), word(Trust::ALL), any::<i32>(), lifespan(), any::<bool>(), option::of(name(Tag::new))).prop_map(
        |(sensitivity, trust, priority, lifespan, pinned, watermark)| Governance {
            sensitivity,
            trust,
            priority,
            lifespan,
            pinned,
            watermark,
        },
    )
}

fn lifespan() -> impl Strategy<Value = Lifespan> {
    prop_oneof![
        Just(Lifespan::Keep),
        time().prop_map(Lifespan::Until),
        count().prop_map(|half_life_s| Lifespan::Decay { half_life_s }),
    ]
}

fn finite() -> impl Strategy<Value = f32> {
    use proptest::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn subjects() -> impl Strategy<Value = std::collections::BTreeSet<SubjectId>> {
    btree_set(name(SubjectId::new), 0..4)
}

fn block() -> impl Strategy<Value = BlockId> {
    id().prop_map(BlockId::from_bytes)
}

fn module() -> impl Strategy<Value = ModuleId> {
    id().prop_map(ModuleId::from_bytes)
}

prop_compose! {
    fn statistics()(
        as_of in time(),
        (accesses, principals, sessions) in (count(), count(), count()),
        (heat, quantile) in (finite(), finite()),
        (stable_s, tokens_saved) in (count(), count()),
    ) -> Statistics {
        Statistics { as_of, accesses, principals, sessions, heat, quantile, stable_s, tokens_saved }
    }
}

fn grounds() -> impl Strategy<Value = Grounds> {
    (option::of(name(Tag::new)), option::of(id()), option::of(statistics())).prop_map(|(policy, event, statistics)| Grounds {
        policy,
        policy_event: event.map(EventId::from_bytes),
        statistics,
    })
}

fn gate() -> impl Strategy<Value = Gate> {
    (name(Tag::new), finite(), option::of(finite()), any::<bool>()).prop_map(|(name, value, threshold, passed)| Gate {
        name,
        value,
        threshold,
        passed,
    })
}

prop_compose! {
    fn module_trained()(
        (module, name, parents) in (module(), name(Tag::new), vec(module(), 0..3)),
        (sources, subjects) in (versions(), subjects()),
        base in any::<String>(),
        (base_digest, tokenizer_digest, data_digest, artefact) in (digest(), digest(), digest(), digest()),
        seed in count(),
        (code, settings, report, reason) in (any::<String>(), any::<String>(), any::<String>(), reason()),
    ) -> ModuleTrained {
        ModuleTrained {
            module, name, parents, sources, subjects, base, base_digest, tokenizer_digest, data_digest, artefact, seed, code,
            settings, report, reason,
        }
    }
}

prop_compose! {
    fn block_built()(
        (block, sources, subjects) in (block(), versions(), subjects()),
        (model, setting, checksum) in (any::<String>(), digest(), digest()),
        (tokens, bytes) in (count(), count()),
        (grounds, reason) in (grounds(), reason()),
    ) -> BlockBuilt {
        BlockBuilt { block, sources, subjects, model, setting, tokens, bytes, checksum, grounds, reason }
    }
}

/// Bodies about beliefs, governance, tiers, blocks and modules.
fn later_body() -> impl Strategy<Value = Body> {
    let tag = || name(Tag::new);
    let governed = (option::of(word(Sensitivity::ALL)), option::of(word(Trust::ALL)), option::of(any::<i32>()));
    Union::new([
        (memory(), governed, option::of(lifespan()), option::of(any::<bool>()), reason())
            .prop_map(|(memory, (sensitivity, trust, priority), lifespan, pinned, reason)| {
                Body::MemoryGoverned(MemoryGoverned { memory, sensitivity, trust, priority, lifespan, pinned, reason })
            })
            .boxed(),
        (memory(), any::<u32>(), memory(), any::<u32>(), finite(), (tag(), option::of(tag())), reason())
            .prop_map(|(memory, version, against, other, confidence, (detector, verdict), reason)| {
                let against = VersionRef { memory: against, version: other };
                Body::ConflictNoted(ConflictNoted { memory, version, against, confidence, detector, verdict, reason })
            })
            .boxed(),
        (
            memory(),
            any::<u32>(),
            versions(),
            word(BeliefOutcome::ALL),
            option::of(time()),
            finite(),
            (tag(), option::of(tag())),
            reason(),
        )
            .prop_map(|(memory, version, over, outcome, since, confidence, (decider, verdict), reason)| {
                Body::BeliefResolved(BeliefResolved {
                    memory,
                    version,
                    over,
                    outcome,
                    since,
                    confidence,
                    decider,
                    verdict,
                    reason,
                })
            })
            .boxed(),
        (memory(), any::<u32>(), word(Kind::ALL), word(Kind::ALL), option::of(memory()), grounds(), reason())
            .prop_map(|(memory, version, from, to, carrier, grounds, reason)| {
                Body::TierChanged(TierChanged { memory, version, from, to, carrier, grounds, reason })
            })
            .boxed(),
        block_built().prop_map(Body::BlockBuilt).boxed(),
        (block(), word(DropCause::ALL), grounds(), reason())
            .prop_map(|(block, cause, grounds, reason)| Body::BlockDropped(BlockDropped { block, cause, grounds, reason }))
            .boxed(),
        (module(), tag(), versions(), grounds(), reason())
            .prop_map(|(module, name, sources, grounds, reason)| {
                Body::ModuleProposed(ModuleProposed { module, name, sources, grounds, reason })
            })
            .boxed(),
        module_trained().prop_map(Body::ModuleTrained).boxed(),
        (module(), any::<bool>(), vec(gate(), 0..4), any::<String>(), grounds(), reason())
            .prop_map(|(module, passed, gates, report, grounds, reason)| {
                Body::ModuleEvaluated(ModuleEvaluated { module, passed, gates, report, grounds, reason })
            })
            .boxed(),
        (module(), digest(), count(), reason())
            .prop_map(|(module, artefact, bytes, reason)| {
                Body::ModulePublished(ModulePublished { module, artefact, bytes, reason })
            })
            .boxed(),
        (module(), option::of(module()), grounds(), reason())
            .prop_map(|(module, replaces, grounds, reason)| {
                Body::ModuleActivated(ModuleActivated { module, replaces, grounds, reason })
            })
            .boxed(),
        (module(), grounds(), reason())
            .prop_map(|(module, grounds, reason)| Body::ModuleRetired(ModuleRetired { module, grounds, reason }))
            .boxed(),
        (module(), option::of(module()), grounds(), reason())
            .prop_map(|(module, to, grounds, reason)| Body::ModuleRolledBack(ModuleRolledBack { module, to, grounds, reason }))
            .boxed(),
    ])
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let ids = (option::of(id()), option::of(id()), option::of(id()));
    (id(), cube(), name(PrincipalId::new), word(Origin::ALL), time(), ids, any::<u32>()).prop_map(
        |(id, cube, actor, origin, occurred_at, (command, causation, correlation), schema_version)| Envelope {
            id: EventId::from_bytes(id),
            cube,
            actor,
            origin,
            occurred_at,
            command: command.map(CommandId::from_bytes),
            causation: causation.map(EventId::from_bytes),
            correlation: correlation.map(EventId::from_bytes),
            schema_version,
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![21 => earlier_body(), 13 => later_body()]
}

fn earlier_body() -> impl Strategy<Value = Body> {
    let principal = || name(PrincipalId::new);
    let hold = || id().prop_map(HoldId::from_bytes);
    let erasure = || id().prop_map(ErasureId::from_bytes);
    Union::new([
        (memory(), count(), fingerprint(), descriptive(), governance(), validity(), sealed())
            .prop_map(|(memory, stream_index, fingerprint, descriptive, governance, valid, content)| {
                Body::TurnReceived(TurnReceived { memory, stream_index, fingerprint, descriptive, governance, valid, content })
            })
            .boxed(),
        (memory(), word(Kind::ALL), fingerprint(), descriptive(), governance(), validity(), versions(), sealed())
            .prop_map(|(memory, kind, fingerprint, descriptive, governance, valid, sources, content)| {
                Body::MemoryRecorded(MemoryRecorded {
                    memory,
                    kind,
                    fingerprint,
                    descriptive,
                    governance,
                    valid,
                    sources,
                    content,
                })
            })
            .boxed(),
        (memory(), any::<u32>(), fingerprint(), validity(), sealed())
            .prop_map(|(memory, expected, fingerprint, valid, content)| {
                Body::MemoryRevised(MemoryRevised { memory, expected, fingerprint, valid, content })
            })
            .boxed(),
        (memory(), any::<u32>(), versions(), fingerprint(), validity(), sealed())
            .prop_map(|(into, expected, sources, fingerprint, valid, content)| {
                Body::MemoryMerged(MemoryMerged { into, expected, sources, fingerprint, valid, content })
            })
            .boxed(),
        (memory(), memory(), word(Relation::ALL), 0.0f32..=1.0, any::<bool>())
            .prop_map(|(from, to, relation, weight, withdrawn)| {
                Body::MemoryRelated(MemoryRelated { from, to, relation, weight, withdrawn })
            })
            .boxed(),
        (memory(), word(Lifecycle::ALL), reason())
            .prop_map(|(memory, to, reason)| Body::MemoryMoved(MemoryMoved { memory, to, reason }))
            .boxed(),
        (memory(), tags(), tags())
            .prop_map(|(memory, add, remove)| Body::MemoryTagged(MemoryTagged { memory, add, remove }))
            .boxed(),
        (memory(), reason()).prop_map(|(memory, reason)| Body::MemoryExpired(MemoryExpired { memory, reason })).boxed(),
        (memory(), any::<u32>(), any::<u32>(), reason())
            .prop_map(|(memory, expected, winner, reason)| {
                Body::ConflictResolved(ConflictResolved { memory, expected, winner, reason })
            })
            .boxed(),
        (principal(), word(Visibility::ALL), any::<bool>())
            .prop_map(|(owner, visibility, auditable)| Body::CubeCreated(CubeCreated { owner, visibility, auditable }))
            .boxed(),
        (principal(), word(Right::ALL))
            .prop_map(|(principal, right)| Body::CubeGranted(CubeGranted { principal, right }))
            .boxed(),
        principal().prop_map(|principal| Body::CubeRevoked(CubeRevoked { principal })).boxed(),
        (name(Tag::new), any::<String>()).prop_map(|(name, document)| Body::PolicySet(PolicySet { name, document })).boxed(),
        (name(Tag::new), count(), count(), count())
            .prop_map(|(format, received, duplicates, refused)| {
                Body::CubeImported(CubeImported { format, received, duplicates, refused })
            })
            .boxed(),
        (name(Tag::new), versions(), count(), count(), sealed())
            .prop_map(|(extractor, sources, tokens_in, tokens_out, output)| {
                Body::ExtractionRecorded(ExtractionRecorded { extractor, sources, tokens_in, tokens_out, output })
            })
            .boxed(),
        (hold(), option::of(memory()), reason())
            .prop_map(|(hold, memory, reason)| Body::HoldPlaced(HoldPlaced { hold, memory, reason }))
            .boxed(),
        (hold(), reason()).prop_map(|(hold, reason)| Body::HoldLifted(HoldLifted { hold, reason })).boxed(),
        (erasure(), name(SubjectId::new), reason())
            .prop_map(|(erasure, subject, reason)| Body::ErasureRequested(ErasureRequested { erasure, subject, reason }))
            .boxed(),
        (erasure(), name(SubjectId::new), vec(any::<String>(), 0..3))
            .prop_map(|(erasure, subject, left)| Body::ErasureCompleted(ErasureCompleted { erasure, subject, left }))
            .boxed(),
        (any::<u32>(), count(), word(DeadLetterAction::ALL), reason())
            .prop_map(|(partition, offset, action, reason)| {
                Body::DeadLetterHandled(DeadLetterHandled { position: Position { partition, offset }, action, reason })
            })
            .boxed(),
        (name(Tag::new), time(), time(), word(JobOutcome::ALL), any::<String>())
            .prop_map(|(job, started_at, ended_at, outcome, report)| {
                Body::JobRun(JobRun { job, started_at, ended_at, outcome, report })
            })
            .boxed(),
    ])
}
