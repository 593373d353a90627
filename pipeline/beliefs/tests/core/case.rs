//! Reads the suite's files; their form is explained at the top of `tests/suite/tuned.txt`.

use cubelog_beliefs::calendar::Date;
use cubelog_memory::Timestamp;

#[derive(Debug)]
pub struct Said {
    pub at: Timestamp,
    pub speaker: String,
    pub text: String,
}

#[derive(Debug)]
pub struct Question {
    pub text: String,
    pub subject: String,
    pub key: String,
    pub at: Timestamp,
    pub answer: String,
    pub review: bool,
}

#[derive(Debug)]
pub struct Case {
    pub line: usize,
    pub kind: String,
    pub verdict: String,
    /// Of the last two statements.
    pub cosine: Option<f32>,
    pub said: Vec<Said>,
    pub questions: Vec<Question>,
}

pub fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty()) {
        let bad = format!("suite line {}: {line}", index + 1);
        if let Some(head) = line.strip_prefix('[') {
            let (kind, rest) = head.split_once("] ").expect(&bad);
            let (verdict, cosine) = rest.split_once(' ').map_or((rest, None), |(verdict, cosine)| (verdict, Some(cosine)));
            let cosine = cosine.map(|cosine| cosine.parse().expect(&bad));
            cases.push(Case {
                line: index + 1,
                kind: kind.into(),
                verdict: verdict.into(),
                cosine,
                said: vec![],
                questions: vec![],
            });
            continue;
        }
        let case = cases.last_mut().expect(&bad);
        if let Some(question) = line.strip_prefix("? ") {
            let parts: Vec<&str> = question.split(" | ").collect();
            let [text, about, at, answer] = parts[..] else { panic!("{bad}") };
            let (review, answer) = answer.strip_suffix(" review").map_or((false, answer), |answer| (true, answer));
            // The key begins at the last word that begins one: subjects may have spaces ("lucy's sister job").
            const KINDS: &[&str] =
                &["name of/", "likes/", "does/", "has/", "count/", "favourite/", "allergy/", "relation/", "date/", "status/"];
            let split = KINDS.iter().find_map(|kind| about.find(kind)).or_else(|| about.rfind(' ').map(|at| at + 1)).expect(&bad);
            case.questions.push(Question {
                text: text.into(),
                subject: about[..split].trim().into(),
                key: about[split..].into(),
                at: noon(at),
                answer: answer.into(),
                review,
            });
        } else {
            let (head, text) = line.split_once(": ").expect(&bad);
            let (at, speaker) = head.split_once(' ').expect(&bad);
            case.said.push(Said { at: noon(at), speaker: speaker.into(), text: text.into() });
        }
    }
    cases
}

fn noon(day: &str) -> Timestamp {
    let mut parts = day.split('-').map(|part| part.parse::<u32>().expect("a number"));
    let (year, month, day) = (parts.next().expect("a year"), parts.next().expect("a month"), parts.next().expect("a day"));
    Timestamp(Date::new(year as i32, month, day).expect("a day of the calendar").start().0 + 12 * 3_600_000_000)
}
