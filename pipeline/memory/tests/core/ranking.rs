//! Ranking: each term moves the order its way and no further, odd numbers do no harm, nothing but the candidates decides.

use cubelog_memory::ranking::weights::*;
use cubelog_memory::ranking::*;
use cubelog_memory::{MemoryId, Timestamp};
use proptest::prelude::*;

fn id(number: u128) -> MemoryId {
    MemoryId::from_bytes(number.to_be_bytes())
}

fn candidate(number: u128) -> Candidate {
    Candidate {
        memory: id(number),
        dense: Some(0.5),
        lexical: Some(0.2),
        bm25: Some(2.0),
        session: None,
        neighbours: Vec::new(),
        named: false,
        of_asker: false,
        outdated: false,
        linked: 0.0,
        voice: Voice::default(),
        turns_ago: None,
        stream_index: Some(number as u64),
        valid_from: Timestamp(0),
        priority: 0,
    }
}

fn order(pool: &[Candidate], ask: &Ask) -> Vec<u64> {
    rank(pool, ask).iter().map(|ranked| pool[ranked.candidate].stream_index.unwrap()).collect()
}

/// The first of two that differ in one thing only, of which the better stands second in the pool.
fn better(change: impl Fn(&mut Candidate), ask: &Ask) -> bool {
    let mut pool = vec![candidate(1), candidate(2)];
    change(&mut pool[1]);
    order(&pool, ask) == [2, 1]
}

#[test]
fn each_term_moves_the_order_its_way_and_is_gone_when_left_out() {
    const DAY: i64 = 86_400_000_000;
    let mut ask = Ask::new(10);
    ask.times = vec![(Timestamp(10 * DAY), Timestamp(20 * DAY))];
    type Case = (Term, fn(&mut Candidate));
    let cases: [Case; 9] = [
        (Term::Meaning, |one| one.dense = Some(0.6)),
        (Term::Words, |one| one.lexical = Some(0.3)),
        (Term::Named, |one| one.named = true),
        (Term::Time, |one| one.valid_from = Timestamp(15 * DAY)),
        (Term::Time, |one| one.valid_from = Timestamp(22 * DAY)),
        (Term::Asker, |one| one.of_asker = true),
        (Term::Recent, |one| one.turns_ago = Some(0)),
        (Term::Linked, |one| one.linked = 1.0),
        (Term::Priority, |one| one.priority = 50),
    ];
    for (term, change) in cases {
        assert!(better(change, &ask), "{term}");
        let rest: Terms = [term, Term::Beside, Term::Session].into_iter().collect();
        let without = Ask { without: rest, ..ask.clone() };
        assert!(!better(change, &without), "{term} still counts when it is left out");
    }
    for (term, change) in [
        (Term::Question, (|one| one.voice.questions = 1.0) as fn(&mut Candidate)),
        (Term::Assistant, |one| one.voice.assistant = true),
        (Term::Outdated, |one| one.outdated = true),
    ] {
        let mut pool = vec![candidate(1), candidate(2)];
        change(&mut pool[0]);
        assert_eq!(order(&pool, &ask), [2, 1], "{term}");
    }
}

#[test]
fn what_is_outdated_stands_behind_unless_the_past_is_asked_for() {
    let mut pool = vec![candidate(1), candidate(2)];
    pool[0].outdated = true;
    let ask = Ask::new(10);
    assert_eq!(order(&pool, &ask), [2, 1]);
    assert_eq!(order(&pool, &Ask { past: true, ..ask.clone() }), [1, 2], "a question about the past is about what is over");
    assert_eq!(order(&pool, &Ask { without: [Term::Outdated].into_iter().collect(), ..ask.clone() }), [1, 2]);
    // Bounded: a better match stays in front.
    pool[0].dense = Some(0.5 + OUTDATED + 0.05);
    assert_eq!(order(&pool, &ask), [1, 2]);
}

#[test]
fn an_answer_is_lifted_by_what_stands_beside_it() {
    // 2 stands beside a strong match, 1 beside nothing; both are equal by themselves.
    let mut pool = vec![candidate(1), candidate(2), candidate(3)];
    pool[2].dense = Some(0.9);
    (pool[1].session, pool[2].session) = (Some(7), Some(7));
    pool[1].neighbours = vec![(2, 1)];
    pool[2].neighbours = vec![(1, -1)];
    assert_eq!(order(&pool, &Ask::new(10)), [3, 2, 1]);
}

#[test]
fn a_score_is_the_sum_of_its_terms() {
    let mut pool = vec![candidate(1), candidate(2)];
    pool[0].named = true;
    for ranked in rank(&pool, &Ask::new(10)) {
        assert!((ranked.score - ranked.terms.iter().map(|(_, value)| value).sum::<f32>()).abs() < 1e-6);
    }
    let ranked = rank(&pool, &Ask::new(10));
    assert!(ranked[0].terms.contains(&(Term::Named, NAMED)));
}

#[test]
fn the_baselines_order_by_their_side_alone() {
    let scored = |number, dense, bm25| Candidate { dense, bm25, ..candidate(number) };
    let pool = [
        scored(1, Some(0.9), None),
        scored(2, Some(0.1), Some(0.9)),
        scored(3, None, Some(0.1)),
        scored(4, Some(0.8), Some(0.2)),
    ];
    let by = |method| order(&pool, &Ask { method, ..Ask::new(10) });
    assert_eq!(by(Method::Dense), [1, 4, 2]);
    assert_eq!(by(Method::Lexical), [2, 4, 3]);
    // By hand: 1/61 + 1/63 for the second, 1/62 twice for the fourth, 1/61, 1/63.
    assert_eq!(by(Method::ReciprocalRank), [2, 4, 1, 3]);
}

#[test]
fn what_says_the_same_gives_way_where_it_is_asked() {
    let mut pool = vec![candidate(1), candidate(2), candidate(3)];
    (pool[0].dense, pool[1].dense, pool[2].dense) = (Some(0.9), Some(0.88), Some(0.8));
    // The first two are alike.
    let alike = |a: usize, b: usize| Some(if a + b == 1 { 0.95 } else { 0.1 });
    let order = |weight| -> Vec<usize> {
        diversify(rank(&pool, &Ask::new(3)), 2, weight, alike).iter().map(|ranked| ranked.candidate).collect()
    };
    assert_eq!(order(0.0), [0, 1]);
    assert_eq!(order(0.5), [0, 2]);
    let unknown = diversify(rank(&pool, &Ask::new(3)), 5, 1.0, |_, _| Some(f32::NAN));
    assert_eq!(unknown.len(), 3, "what is not known changes nothing");
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let score = prop_oneof![Just(None), (-1.0f32..1.0).prop_map(Some), Just(Some(f32::NAN)), Just(Some(f32::INFINITY))];
    (
        any::<u128>(),
        score.clone(),
        score,
        any::<Option<u8>>(),
        prop::collection::vec((0usize..12, -2i64..3), 0..4),
        any::<(bool, bool)>(),
        any::<i32>(),
        any::<i64>(),
        any::<Option<u64>>(),
    )
        .prop_map(|(number, dense, lexical, session, neighbours, (named, assistant), priority, at, stream_index)| {
            Candidate {
                memory: id(number),
                dense,
                lexical,
                bm25: lexical,
                session: session.map(u32::from),
                neighbours,
                named,
                of_asker: named,
                outdated: assistant,
                linked: dense.unwrap_or(f32::NAN),
                voice: Voice { questions: 0.3, assistant },
                turns_ago: Some(3),
                stream_index,
                valid_from: Timestamp(at),
                priority,
            }
        })
}

proptest! {
    #[test]
    fn any_pool_is_ranked_once_each_by_finite_scores_and_whatever_its_order(
        pool in prop::collection::vec(any_candidate(), 0..12), k in 0usize..20, method in prop::sample::select(Method::ALL), times in any::<(i64, i64)>(),
    ) {
        let ask = Ask { method, times: vec![(Timestamp(times.0), Timestamp(times.1))], ..Ask::new(k) };
        let ranked = rank(&pool, &ask);
        prop_assert!(ranked.len() <= k.min(pool.len()));
        prop_assert!(ranked.iter().all(|ranked| ranked.score.is_finite()));
        prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
        // Without neighbours, whose places are those of the pool, the pool's order means nothing.
        let mut bare: Vec<Candidate> = pool.into_iter().map(|one| Candidate { neighbours: Vec::new(), ..one }).collect();
        bare.dedup_by_key(|one| (one.memory, one.stream_index));
        let scores = |pool: &[Candidate]| rank(pool, &Ask { method: Method::Hybrid, ..ask.clone() }).iter().map(|ranked| (ranked.memory, ranked.score)).collect::<Vec<_>>();
        let there = scores(&bare);
        bare.reverse();
        prop_assert_eq!(there, scores(&bare));
    }
}
