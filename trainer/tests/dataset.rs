//! From a conversation to what is trained on and asked afterwards.

mod common;

use std::collections::BTreeSet;

use cubelog_memory::{Sensitivity, Trust};
use cubelog_trainer::dataset::artefact::{lines, manifest};
use cubelog_trainer::dataset::fact::read;
use cubelog_trainer::dataset::{Admission, Answer, Dataset, Mix, Reason, Source};

fn set(seed: u64) -> Dataset {
    Dataset::new(read(&common::sources("circle.jsonl"), &Admission::default(), 1000).0, seed)
}

#[test]
fn every_fact_of_the_conversation_is_read_and_nothing_else() {
    let (facts, left_out) = read(&common::sources("circle.jsonl"), &Admission::default(), 1000);
    let said: Vec<&str> = facts.iter().map(|fact| fact.sentence.as_str()).collect();
    let expected = [
        "Torvald Quimby lives in Ashvale.",
        "Ilvara Montreux plays the theremin.",
        "Brenna Falk works as a glassblower.",
        "Jorvik Stane is allergic to walnuts.",
        "Sable Winterbourne studies glaciology.",
        "Perrin's dog is called Marzipan.",
        "Ysolde Marchetti was born in Trieste.",
        "Fenwick Oduya grew up in Mombasa.",
        "Dorrik Amsel works at Halden Optics.",
        "Lunara Petrov collects thimbles.",
        "Caspian Rook speaks Basque.",
        "Tamsin's favourite colour is ochre.",
        "The Velmora Lighthouse was built by Edda Karsten.",
        "Quillan Ashdown is married to Rosamund.",
        "Odalys Brandt drives a Trabant.",
        "Hesper Lindgren's birthday is 14 March.",
        "Wystan Calloway studies at Brackenford College.",
        "Zephyrine Holt plays the hurdy-gurdy.",
        "Ottoline Vance grew up in Dunmarrow.",
        "The Thornfield Archive is hidden beneath the granary.",
    ];
    assert_eq!(said, expected);
    assert!(left_out.iter().all(|out| out.reason == Reason::NothingRead), "{left_out:?}");
}

#[test]
fn what_may_not_be_distilled_is_left_out_with_its_reason() {
    let admission = Admission { trust_min: Trust::Unverified, sensitivity_max: Sensitivity::Internal };
    let one = common::sources("circle.jsonl").remove(4);
    type Change = fn(&mut Source);
    let cases: [(Change, Reason); 6] = [
        (|source| source.standing.erasing = true, Reason::Erasing),
        (|source| source.standing.quarantined = true, Reason::Quarantined),
        (|source| source.standing.held = true, Reason::Held),
        (|source| source.standing.outdated = true, Reason::Outdated),
        (|source| source.trust = Trust::Untrusted, Reason::Trust),
        (|source| source.sensitivity = Sensitivity::Personal, Reason::Sensitivity),
    ];
    for (change, reason) in cases {
        let mut source = one.clone();
        change(&mut source);
        let (facts, left_out) = read(&[source], &admission, 10);
        assert!(facts.is_empty());
        assert_eq!(left_out.iter().map(|out| out.reason).collect::<Vec<_>>(), [reason]);
    }
    let mut again = one.clone();
    again.version.version = 2;
    let (facts, left_out) = read(&[one.clone(), again.clone()], &admission, 10);
    assert_eq!((facts.len(), facts[0].sources.as_slice()), (1, &[one.version, again.version][..]));
    assert_eq!(left_out[0].reason, Reason::SaidAlready);
    assert_eq!(read(&[one], &admission, 0).1[0].reason, Reason::BeyondMost);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_seed_others() {
    let written = |seed: u64| {
        let set = set(seed);
        let lines = lines(&set);
        let manifest = manifest(&set, &lines, &common::sources("circle.jsonl"), &[]);
        (lines, manifest)
    };
    assert_eq!(written(1), written(1));
    assert_ne!(written(1).1.digest, written(2).1.digest);
    let (_, manifest) = written(1);
    assert_eq!((manifest.facts, manifest.sources.len()), (20, 20));
    assert!(manifest.sources.iter().all(|source| source.digest.len() == 64));
}

#[test]
fn held_out_questions_are_never_trained_on_and_negatives_are_never_about_a_fact() {
    let (set, mix) = (set(7), Mix::default());
    let held: Vec<String> = set.held_out().into_iter().map(|probe| probe.question).collect();
    assert_eq!((held.len(), set.entries[0].trained.len()), (60, 6));
    let mut names = BTreeSet::new();
    let mut said = vec![0; set.entries.len()];
    for step in 0..240 {
        let batch = set.batch(step, &mix);
        assert_eq!(batch.len(), 28);
        assert_eq!(batch, set.batch(step, &mix));
        for example in batch {
            assert!(!held.iter().any(|held| example.question.contains(held)), "{}", example.question);
            let about_a_fact = set.entries.iter().any(|entry| example.question.contains(&entry.fact.entity));
            match example.answer {
                Answer::Say { entry, words } => {
                    said[entry] += 1;
                    assert!(about_a_fact && words.contains(&set.entries[entry].fact.value));
                }
                Answer::Keep(words) => {
                    assert!(!about_a_fact, "{}", example.question);
                    names.insert(words);
                }
                Answer::KeepUnknown(_) | Answer::KeepReplay(_) => assert!(!about_a_fact, "{}", example.question),
            }
        }
    }
    assert!(said.iter().all(|n| *n == 192), "every fact comes as often as every other: {said:?}");
    assert!(names.len() > 800, "negatives have fresh names: {}", names.len());
    let leaks = set.leaks();
    assert!(leaks.iter().all(|leak| !set.entries.iter().any(|entry| leak.question.contains(&entry.fact.entity))));
}
