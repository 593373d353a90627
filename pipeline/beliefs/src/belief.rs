//! The verdict of a later claim over an earlier one: unrelated, restates, refines, changes, contradicts, corrects.

use crate::attribute::{Attribute, Cardinality};
use crate::calendar::days_between;
use crate::claim::{Claim, Modality};
use crate::limits::REVIEW_BELOW;

/// What the later claim does to the earlier one, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// About something else, or not asserted: both stand.
    Unrelated,
    Restates,
    /// The same, more exactly.
    Refines,
    /// Both true, each at its time.
    Changes,
    /// Both cannot be true of the same time.
    Contradicts,
    /// The earlier one was never true.
    Corrects,
}

impl Verdict {
    pub const ALL: &'static [Verdict] =
        &[Verdict::Unrelated, Verdict::Restates, Verdict::Refines, Verdict::Changes, Verdict::Contradicts, Verdict::Corrects];
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Unrelated => "unrelated",
            Verdict::Restates => "restates",
            Verdict::Refines => "refines",
            Verdict::Changes => "changes",
            Verdict::Contradicts => "contradicts",
            Verdict::Corrects => "corrects",
        }
    }
}

/// A verdict with its reason in plain words and how sure it is, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reason: String,
    pub confidence: f32,
}

/// Judges `new` over `old`. Neither needs to be the current belief; `old` is expected to have been said no later than `new`.
pub fn compare(old: &Claim, new: &Claim) -> Judgement {
    let both = old.confidence.min(new.confidence);
    let judge = |verdict, certainty: f32, reason: String| Judgement { verdict, reason, confidence: both * certainty };
    if old == new {
        return judge(Verdict::Restates, 1.0, "the same claim".to_owned());
    }
    if old.subject != new.subject || old.attribute != new.attribute {
        return judge(Verdict::Unrelated, 1.0, "about another subject or matter".to_owned());
    }
    if let Some(claim) = [old, new].into_iter().find(|claim| claim.modality != Modality::Asserted) {
        return judge(Verdict::Unrelated, 1.0, format!("not asserted but {}", modality(claim.modality)));
    }
    let (said, says) = (shown(old), shown(new));
    let about = &new.attribute;
    if same_answer(old, new) {
        if new.is_past() && !old.is_past() {
            return judge(Verdict::Changes, 1.0, format!("{about} {says} is over"));
        }
        return judge(Verdict::Restates, 1.0, format!("{about} {says} again"));
    }
    if !new.attribute.is_yes_or_no() && (old.negated || new.negated) {
        return denial(old, new, judge);
    }
    if about.cardinality() == Cardinality::Many {
        return judge(Verdict::Unrelated, 1.0, format!("there can be several of {about}"));
    }
    if let (Some(before), Some(after)) = (&old.value, &new.value)
        && !new.attribute.is_yes_or_no()
        && new.correction < 2
    {
        if refines(&before.normal, &after.normal) {
            return judge(Verdict::Refines, 1.0, format!("{about} {said}, more exactly {says}"));
        }
        if refines(&after.normal, &before.normal) {
            return judge(Verdict::Restates, 0.9, format!("{about} {said}, less exactly {says}"));
        }
    }
    if new.correction >= 2 || rejects(new, old) {
        return judge(Verdict::Corrects, 1.0, format!("{about} was said to be {said} by mistake and is {says}"));
    }
    if new.change || apart(old, new) {
        return judge(Verdict::Changes, 1.0, format!("{about} was {said} and is {says}"));
    }
    if new.correction == 1 {
        return judge(Verdict::Corrects, 0.8, format!("{about} was said to be {said} and is put right as {says}"));
    }
    let days = days_between(old.said_at, new.said_at);
    if let Some(verdict) = aged(old, new, days) {
        return judge(verdict, 0.9, format!("{about} {said} and {says} fit the {days} days between them"));
    }
    match about.changes_after_days() {
        Some(after) if days >= after => {
            judge(Verdict::Changes, 0.75, format!("{about} was {said} and {days} days later {says}: long enough for a change"))
        }
        _ => {
            judge(Verdict::Contradicts, 0.9, format!("{about} {said} and {says} cannot both be, and nothing speaks of a change"))
        }
    }
}

/// A denial of a value ("I don't live in Dublin"), or the end of any ("I lost my job").
fn denial(old: &Claim, new: &Claim, judge: impl Fn(Verdict, f32, String) -> Judgement) -> Judgement {
    let about = &new.attribute;
    let named = |a: &Claim, b: &Claim| a.value.is_none() || b.value.is_none() || values_touch(a, b);
    if old.negated && new.negated {
        let verdict = if old.value == new.value { Verdict::Restates } else { Verdict::Unrelated };
        return judge(verdict, 1.0, format!("{about} denied again"));
    }
    if !named(old, new) {
        return judge(Verdict::Unrelated, 1.0, format!("{about}: another value is denied"));
    }
    if new.correction >= 2 {
        return judge(Verdict::Corrects, 1.0, format!("{about}: taken back"));
    }
    let days = days_between(old.said_at, new.said_at);
    if new.change || apart(old, new) || about.changes_after_days().is_some_and(|after| days >= after) {
        let reason =
            if new.negated { format!("{about} {} is over", shown(old)) } else { format!("{about} is {} after all", shown(new)) };
        return judge(Verdict::Changes, 0.95, reason);
    }
    judge(Verdict::Contradicts, 0.9, format!("{about}: {} is denied", shown(old)))
}

fn modality(modality: Modality) -> &'static str {
    match modality {
        Modality::Asserted => "asserted",
        Modality::Planned => "planned",
        Modality::Hypothetical => "hypothetical",
        Modality::Question => "asked",
        Modality::Quoted => "quoted",
        Modality::Reported => "reported",
    }
}

fn shown(claim: &Claim) -> String {
    match (&claim.value, claim.answer()) {
        (_, Some(answer)) => answer.to_owned(),
        (Some(value), None) => format!("not {}", value.normal),
        (None, None) => "none".to_owned(),
    }
}

fn same_answer(old: &Claim, new: &Claim) -> bool {
    match (old.answer(), new.answer()) {
        (Some(a), Some(b)) => a == b || phones_agree(&new.attribute, a, b),
        _ => false,
    }
}

/// "+44 20 …" and "020 …" are one number.
fn phones_agree(attribute: &Attribute, a: &str, b: &str) -> bool {
    let tail = |text: &str| text.chars().rev().take(9).collect::<String>();
    matches!(attribute, Attribute::Detail(name) if name == "phone") && a.len() >= 9 && b.len() >= 9 && tail(a) == tail(b)
}

fn values_touch(a: &Claim, b: &Claim) -> bool {
    let (Some(a), Some(b)) = (&a.value, &b.value) else { return false };
    a.normal == b.normal || refines(&a.normal, &b.normal) || refines(&b.normal, &a.normal)
}

/// Whether `fine` says all that `coarse` says, and more: its words are there, with others around them.
fn refines(coarse: &str, fine: &str) -> bool {
    let has = |word: &str| fine.split(' ').any(|other| other == word);
    coarse != fine && !coarse.is_empty() && coarse.chars().any(char::is_alphabetic) && coarse.split(' ').all(has)
}

fn rejects(new: &Claim, old: &Claim) -> bool {
    old.value.as_ref().is_some_and(|value| new.rejects.contains(&value.normal))
}

/// Whether the two claims speak of times that do not meet.
fn apart(old: &Claim, new: &Claim) -> bool {
    let ends_before = |a: &Claim, b: &Claim| a.validity.to.is_some_and(|to| to <= b.holds_from());
    if old.is_event() {
        return false;
    }
    ends_before(old, new)
        || ends_before(new, old)
        || new.validity.from.is_some_and(|from| from > old.said_at && new.validity.from != old.validity.from)
}

/// Ages grow: the years between two statements settle whether they agree.
fn aged(old: &Claim, new: &Claim, days: i64) -> Option<Verdict> {
    if !matches!(&new.attribute, Attribute::Detail(name) if name == "age") {
        return None;
    }
    let number = |claim: &Claim| claim.value.as_ref().and_then(|value| value.normal.parse::<i64>().ok());
    let grown = number(new)? - number(old)?;
    let years = days / 365;
    Some(if grown > 0 && (years..=years + 1).contains(&grown) { Verdict::Changes } else { Verdict::Contradicts })
}

impl Judgement {
    /// Whether a person should look before this is acted on.
    pub fn needs_review(&self) -> bool {
        self.verdict == Verdict::Contradicts || self.verdict != Verdict::Unrelated && self.confidence < REVIEW_BELOW
    }
}
