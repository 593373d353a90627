//! Runs the written suite and prints precision and recall of every verdict, for the part that was tuned on and the part held out.

use std::collections::{BTreeMap, BTreeSet};

use cubelog_beliefs::duplicate::Statement;
use cubelog_beliefs::{Attribute, Claim, Features, Likeness, Modality, Verdict, claims, compare, current, duplicate};

use crate::case::{Case, Question, Said, cases};

const TUNED: &str = include_str!("../suite/tuned.txt");
const HELD_OUT: &str = include_str!("../suite/held_out.txt");

fn read(said: &Said) -> Vec<Claim> {
    claims(&said.text, &said.speaker, said.at)
}

fn verdict(case: &Case) -> &'static str {
    let by_statement: Vec<Vec<Claim>> = case.said.iter().map(read).collect();
    let [.., earlier, later] = &by_statement[..] else {
        let asserted = || by_statement.iter().flatten().filter(|claim| claim.modality == Modality::Asserted);
        let over = |claim: &Claim| claim.validity.to.is_some_and(|to| case.questions.iter().any(|question| to <= question.at));
        return if asserted().any(over) {
            "expires"
        } else if asserted().count() > 0 {
            "settles"
        } else {
            "nothing"
        };
    };
    let pairs = earlier.iter().flat_map(|old| later.iter().map(move |new| compare(old, new).verdict));
    pairs.max().unwrap_or(Verdict::Unrelated).word()
}

fn answer(case: &Case, question: &Question) -> (String, bool) {
    let all: Vec<Claim> = case.said.iter().flat_map(read).collect();
    let beliefs = current(&all, question.at);
    let attribute = Attribute::from_key(&question.key);
    let answers = beliefs.answers(&question.subject, &attribute);
    let review = beliefs.line(&question.subject, &attribute).is_some_and(|line| !line.reviews.is_empty());
    (if answers.is_empty() { "-".to_owned() } else { answers.join(", ") }, review)
}

/// Right, found and wanted, by what was found or wanted.
#[derive(Default)]
struct Scores(BTreeMap<String, [usize; 3]>);

impl Scores {
    fn count(&mut self, found: &str, wanted: &str) {
        self.0.entry(found.to_owned()).or_default()[1] += 1;
        let wanted_counts = self.0.entry(wanted.to_owned()).or_default();
        wanted_counts[2] += 1;
        wanted_counts[0] += usize::from(found == wanted);
    }
    /// Precision and recall over the classes that say something: silence ("unrelated", "nothing", "different") claims nothing.
    fn detection(&self) -> (f64, f64) {
        let silent = ["unrelated", "nothing", "different"];
        let sum = |index: usize| {
            self.0.iter().filter(|(word, _)| !silent.contains(&word.as_str())).map(|(_, n)| n[index]).sum::<usize>() as f64
        };
        (sum(0) / sum(1), sum(0) / sum(2))
    }
    fn print(&self, title: &str) {
        println!("{title}: {:<14}{:>10}{:>8}{:>7}{:>7}", "verdict", "precision", "recall", "found", "wanted");
        for (word, [right, found, wanted]) in &self.0 {
            let share = |of: usize| if of == 0 { "-".to_owned() } else { format!("{:.2}", *right as f64 / of as f64) };
            println!("{title}: {word:<14}{:>10}{:>8}{found:>7}{wanted:>7}", share(*found), share(*wanted));
        }
        let (precision, recall) = self.detection();
        println!("{title}: detection precision {precision:.3}, recall {recall:.3}");
    }
}

struct Measured {
    verdicts: Scores,
    duplicates: Scores,
    answers_right: usize,
    answers: usize,
}

impl Measured {
    fn answer_share(&self) -> f64 {
        self.answers_right as f64 / self.answers as f64
    }
}

/// `tell`: failures of the held-out part are counted, never shown, so that nobody tunes on them.
fn measure(title: &str, text: &str, tell: bool) -> Measured {
    let mut measured = Measured { verdicts: Scores::default(), duplicates: Scores::default(), answers_right: 0, answers: 0 };
    for case in cases(text) {
        let found = verdict(&case);
        measured.verdicts.count(found, &case.verdict);
        if tell && found != case.verdict {
            println!("{title}, line {}: {} rather than {}", case.line, found, case.verdict);
        }
        for question in &case.questions {
            let (got, review) = answer(&case, question);
            let wanted = Attribute::from_key(&question.key);
            let right = got == question.answer && review == question.review;
            measured.answers += 1;
            measured.answers_right += usize::from(right);
            if tell && !right {
                println!("{title}, line {}: {} ({wanted}) got {got:?} review {review}", case.line, question.text);
            }
        }
        if let [.., a, b] = &case.said[..] {
            let found = likeness(&case, a, b);
            let wanted = if case.kind == "restatement" { "duplicate" } else { "different" };
            if tell && found != wanted {
                println!("{title}, line {}: {found} rather than {wanted}", case.line);
            }
            measured.duplicates.count(found, wanted);
        }
    }
    measured.verdicts.print(title);
    measured.duplicates.print(&format!("{title} duplicates"));
    println!("{title}: current-belief answers {} of {}", measured.answers_right, measured.answers);
    measured
}

fn likeness(case: &Case, a: &Said, b: &Said) -> &'static str {
    let features = Features::of(statement(a), statement(b), case.cosine);
    if duplicate(&features) == Likeness::Different { "different" } else { "duplicate" }
}

fn statement(said: &Said) -> Statement<'_> {
    Statement { text: &said.text, speaker: &said.speaker, said_at: said.at }
}

#[test]
fn the_suite_has_at_least_150_cases_of_every_kind_and_a_third_is_held_out() {
    let (tuned, held_out) = (cases(TUNED), cases(HELD_OUT));
    assert!(tuned.len() + held_out.len() >= 150, "{} + {}", tuned.len(), held_out.len());
    assert!(held_out.len() * 3 >= tuned.len() + held_out.len());
    for part in [&tuned, &held_out] {
        let kinds: BTreeSet<&str> = part.iter().map(|case| case.kind.as_str()).collect();
        let wanted = [
            "change",
            "contradiction",
            "correction",
            "difference",
            "expiry",
            "hypothetical",
            "other",
            "refinement",
            "restatement",
            "unrelated",
        ];
        assert_eq!(kinds, BTreeSet::from(wanted));
        assert!(part.iter().all(|case| !case.questions.is_empty()), "every case asks what is believed");
    }
}

#[test]
fn the_tuned_part_meets_its_floors() {
    let measured = measure("tuned", TUNED, true);
    let (precision, recall) = measured.verdicts.detection();
    assert!(precision >= 0.97 && recall >= 0.97, "verdicts: precision {precision}, recall {recall}");
    let (precision, recall) = measured.duplicates.detection();
    assert!(precision >= 0.97 && recall >= 0.95, "duplicates: precision {precision}, recall {recall}");
    assert!(measured.answer_share() >= 0.97, "answers: {}", measured.answer_share());
}

#[test]
fn the_held_out_part_meets_its_floors() {
    let measured = measure("held out", HELD_OUT, false);
    let (precision, recall) = measured.verdicts.detection();
    assert!(precision >= 0.95 && recall >= 0.85, "verdicts: precision {precision}, recall {recall}");
    let (precision, recall) = measured.duplicates.detection();
    assert!(precision >= 0.95 && recall >= 0.88, "duplicates: precision {precision}, recall {recall}");
    assert!(measured.answer_share() >= 0.92, "answers: {}", measured.answer_share());
}
