//! How often the rules are right, on turns that were labelled by hand before the rules had read them.

use cubelog_extract::{Extracted, Extractor, Rules, Turn, Window, read_output};
use cubelog_memory::Timestamp;

const LABELLED: &str = include_str!("turns.txt");

struct Case {
    line: usize,
    speaker: String,
    text: String,
    /// Kind, and the words that a statement of it must hold.
    wanted: Vec<(String, Vec<String>)>,
}

fn cases() -> Vec<Case> {
    LABELLED
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            let (said, wanted) = line.split_once(" => ").unwrap_or_else(|| panic!("line {}: no =>", index + 1));
            let (speaker, text) = said.split_once(" | ").unwrap_or_else(|| panic!("line {}: no speaker", index + 1));
            let wanted = wanted.split(';').map(str::trim).filter(|wanted| *wanted != "-").map(|wanted| {
                let (kind, words) = wanted.split_once(':').unwrap_or_else(|| panic!("line {}: no kind", index + 1));
                (kind.trim().to_owned(), words.split('+').map(|word| word.trim().to_lowercase()).collect())
            });
            Case { line: index + 1, speaker: speaker.to_owned(), text: text.to_owned(), wanted: wanted.collect() }
        })
        .collect()
}

fn is_right(statement: &Extracted, (kind, words): &(String, Vec<String>)) -> bool {
    let text = statement.text.to_lowercase();
    statement.kind.word() == kind && words.iter().all(|word| text.contains(word.as_str()))
}

#[tokio::test]
async fn the_rules_are_precise_on_labelled_turns() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} turns are too few to tell", cases.len());
    let (mut found, mut right, mut wanted, mut met) = (0, 0, 0, 0);
    for case in &cases {
        let turn = Turn {
            speaker: case.speaker.clone(),
            // 2024-05-15T10:00:00Z
            said_at: Timestamp(1_715_767_200_000_000),
            text: case.text.clone(),
            own: true,
        };
        let window = Window { about: case.speaker.clone(), turns: vec![turn] };
        let output = Rules.extract(&window).await.unwrap();
        assert_eq!((output.tokens_in, output.tokens_out), (0, 0));
        let statements = read_output(&output.raw).unwrap();
        found += statements.len();
        wanted += case.wanted.len();
        met += case.wanted.iter().filter(|wanted| statements.iter().any(|statement| is_right(statement, wanted))).count();
        for statement in &statements {
            if case.wanted.iter().any(|wanted| is_right(statement, wanted)) {
                right += 1;
            } else {
                println!("line {}: wrong: {} {:?} from {:?}", case.line, statement.kind, statement.text, case.text);
            }
        }
        for missed in case.wanted.iter().filter(|wanted| !statements.iter().any(|statement| is_right(statement, wanted))) {
            println!("line {}: missed {missed:?} in {:?}", case.line, case.text);
        }
    }
    let (precision, recall) = (right as f64 / found as f64, met as f64 / wanted as f64);
    println!(
        "rules on {} turns: precision {:.1} % ({right} of {found}), recall {:.1} % ({met} of {wanted})",
        cases.len(),
        100.0 * precision,
        100.0 * recall
    );
    assert!(precision >= 0.85, "precision fell to {precision:.3}");
    assert!(recall >= 0.4, "recall fell to {recall:.3}");
}

#[tokio::test]
async fn an_assistant_says_nothing_about_a_user() {
    let turn = Turn {
        speaker: "assistant".to_owned(),
        said_at: Timestamp(0),
        text: "I live in Graz and I love tea.".to_owned(),
        own: true,
    };
    let output = Rules.extract(&Window { about: "assistant".to_owned(), turns: vec![turn] }).await.unwrap();
    assert_eq!(read_output(&output.raw).unwrap(), []);
}
