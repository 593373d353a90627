//! Single behaviours of `current`, `compare` and `duplicate` that the suite's one-line answers do not show.

use cubelog_beliefs::duplicate::Statement;
use cubelog_beliefs::{
    Attribute, Beliefs, Claim, Features, Likeness, Settled, Verdict, believed, claims, compare, current, duplicate,
};
use cubelog_memory::Timestamp;

const DAY: i64 = 86_400_000_000;
/// 2023-01-01, noon.
const T0: i64 = 1_672_574_400_000_000;

fn day(day: i64) -> Timestamp {
    Timestamp(T0 + day * DAY)
}

fn said(statements: &[(i64, &str, &str)]) -> Vec<Claim> {
    statements.iter().flat_map(|(at, speaker, text)| claims(text, speaker, day(*at))).collect()
}

fn answers(beliefs: &Beliefs, subject: &str, key: &str) -> String {
    beliefs.answers(subject, &Attribute::from_key(key)).join(", ")
}

#[test]
fn a_history_has_no_gap_and_no_overlap() {
    let claims = said(&[
        (0, "Ann", "I live in Lisbon."),
        (100, "Ann", "I live in Porto now."),
        (300, "Ann", "I moved to Faro yesterday."),
    ]);
    let beliefs = current(&claims, day(400));
    let line = beliefs.line("ann", &Attribute::from_key("home")).expect("a line");
    let values: Vec<_> = line.history.iter().map(|belief| belief.claim.answer().expect("a value")).collect();
    assert_eq!(values, ["lisbon", "porto", "faro"]);
    assert!(line.history.windows(2).all(|pair| pair[0].to == Some(pair[1].from)));
    assert!(line.history.last().expect("one").from < day(300), "moved yesterday, not when it was said");
}

#[test]
fn a_correction_withdraws_what_it_corrects_for_all_time() {
    let claims = said(&[(0, "Ann", "I live in Oxford."), (5, "Ann", "Sorry, I meant I live in Cambridge.")]);
    assert_eq!(answers(&current(&claims, day(2)), "ann", "home"), "cambridge");
    assert_eq!(current(&claims, day(6)).reviews().count(), 0);
}

#[test]
fn nobody_is_contradicted_about_themselves_by_others() {
    let claims = said(&[(0, "Carla", "I live in Rome."), (1, "Ann", "Carla lives in Milan.")]);
    let beliefs = current(&claims, day(2));
    assert_eq!(answers(&beliefs, "carla", "home"), "rome");
    assert_eq!(beliefs.reviews().count(), 1);
}

#[test]
fn saying_it_again_settles_a_contradiction() {
    let mut claims = said(&[(0, "Ann", "I like olives."), (1, "Ann", "I hate olives.")]);
    assert_eq!(current(&claims, day(9)).reviews().count(), 1);
    claims.extend(said(&[(5, "Ann", "I really can't stand olives.")]));
    assert_eq!(answers(&current(&claims, day(9)), "ann", "likes/olives"), "no");
    assert_eq!(current(&claims, day(9)).reviews().count(), 0);
}

#[test]
fn what_was_settled_stands_and_leaves_the_review_list() {
    let claims = said(&[(0, "Ann", "I live in Lisbon."), (1, "Ann", "I live in Porto.")]);
    let claims: Vec<&Claim> = claims.iter().collect();
    let home = |settled: &Settled| {
        let beliefs = believed(&claims, settled, day(9));
        let line = beliefs.line("ann", &Attribute::from_key("home")).expect("a line").clone();
        (answers(&beliefs, "ann", "home"), line.reviews.len(), line.history.len())
    };
    assert_eq!(home(&Settled::default()), ("porto".to_owned(), 1, 2), "the later one is told until somebody settles it");
    let first = Settled { replaced: [(1, (day(0), Some(0)))].into(), ..Settled::default() };
    assert_eq!(home(&first), ("lisbon".to_owned(), 0, 2));
    let second = Settled { replaced: [(0, (day(1), Some(1)))].into(), ..Settled::default() };
    assert_eq!(home(&second), ("porto".to_owned(), 0, 2));
    assert_eq!(believed(&claims, &second, day(0)).answers("ann", &Attribute::from_key("home")), ["lisbon"], "true before");
    let chain = said(&[(0, "Ann", "I live in Lisbon."), (90, "Ann", "I live in Porto now."), (91, "Ann", "I live in Faro.")]);
    let last = Settled { replaced: [(1, (day(91), Some(2)))].into(), ..Settled::default() };
    let beliefs = believed(&chain.iter().collect::<Vec<_>>(), &last, day(99));
    assert_eq!((answers(&beliefs, "ann", "home").as_str(), beliefs.reviews().count()), ("faro", 0), "what it ended stays ended");
    let both = Settled { agreed: [(0, 1)].into(), ..Settled::default() };
    assert_eq!(home(&both), ("lisbon, porto".to_owned(), 0, 2));
}

#[test]
fn a_belief_knows_the_claims_behind_it_and_what_displaced_it() {
    let claims = said(&[
        (0, "Ann", "I live in Lisbon."),
        (5, "Ann", "I live in Lisbon."),
        (100, "Ann", "I live in Porto now."),
        (101, "Ann", "I live in Faro."),
        (102, "Ann", "I live in Porto."),
    ]);
    let beliefs = current(&claims, day(200));
    let line = beliefs.line("ann", &Attribute::from_key("home")).expect("a line");
    let behind: Vec<_> = line.history.iter().map(|belief| belief.behind.clone()).collect();
    assert_eq!(behind, [vec![0, 1], vec![2, 4], vec![3]]);
    let displaced = |index: usize| line.history[index].displaced.as_ref().map(|by| (by.by, by.verdict));
    assert_eq!(displaced(0), Some((Some(2), Verdict::Changes)));
    assert_eq!((displaced(1), displaced(2)), (None, Some((Some(4), Verdict::Contradicts))));
    assert_eq!(answers(&beliefs, "ann", "home"), "porto", "what was said last is told");
}

#[test]
fn what_was_imported_late_does_not_displace_what_was_said_later() {
    let claims = said(&[(500, "Ann", "I live in Porto now."), (0, "Ann", "I live in Lisbon.")]);
    assert_eq!(answers(&current(&claims, day(600)), "ann", "home"), "porto");
    assert_eq!(answers(&current(&claims, day(200)), "ann", "home"), "lisbon");
}

#[test]
fn a_hedge_goes_to_the_review_list() {
    let claims = said(&[(0, "Ann", "I think I'm allergic to kiwis.")]);
    let beliefs = current(&claims, day(1));
    assert_eq!(answers(&beliefs, "ann", "allergy/kiwis"), "yes");
    assert_eq!(beliefs.reviews().count(), 1);
}

#[test]
fn a_verdict_says_why() {
    let pair = said(&[(0, "Ann", "I live in Lisbon."), (100, "Ann", "I moved to Porto.")]);
    let judgement = compare(&pair[0], &pair[1]);
    assert_eq!((judgement.verdict, judgement.reason.as_str()), (Verdict::Changes, "home was lisbon and is porto"));
}

#[test]
fn a_decisive_difference_outweighs_any_cosine() {
    let pairs = [
        ("The flight leaves at 10:30 from gate 4", "The flight leaves at 10:30 from gate 5"),
        ("We signed the contract with Berger", "We signed the contract with Bergman"),
        ("The door was locked", "The door was not locked"),
        ("My brother painted the fence", "My cousin painted the fence"),
        ("I live in Lisbon", "Do I live in Lisbon?"),
    ];
    for (a, b) in pairs {
        let statement = |text| Statement { text, speaker: "Ann", said_at: day(0) };
        let features = Features::of(statement(a), statement(b), Some(0.99));
        assert_eq!(duplicate(&features), Likeness::Different, "{a} / {b}");
    }
}

#[test]
fn case_marks_and_spelling_make_no_difference() {
    let statement = |text| Statement { text, speaker: "Ann", said_at: day(0) };
    let features = Features::of(statement("My favorite color is GREEN!"), statement("my favourite colour is green"), None);
    assert_eq!(duplicate(&features), Likeness::Same);
    let added = Features::of(
        statement("We planted tomatoes, beans and basil behind the old shed on Saturday morning"),
        statement("We planted tomatoes, beans and basil behind the old shed on Saturday morning, well"),
        None,
    );
    assert!(duplicate(&added) >= Likeness::Restated);
}
