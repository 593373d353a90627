//! The words of a statement that rules found: a plain sentence where it is read back as the same claim, else the speaker's own.

use cubelog_beliefs::{Attribute, Claim, Modality, Place, claims};
use cubelog_language::names::is_role;

use crate::limits::STATEMENT_BYTES_MAX;
use crate::port::Turn;

/// A sentence longer than this is cut to what carries the claim, in bytes.
const SENTENCE_BYTES_MAX: usize = 240;

/// What to remember of a claim.
pub fn text_of(claim: &Claim, turn: &Turn) -> Option<String> {
    let plain = plain(claim, turn).filter(|text| says_the_same(text, claim, turn));
    let text = plain.or_else(|| sentence(claim, turn))?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty() && text.len() <= STATEMENT_BYTES_MAX).then_some(text)
}

/// "Ana lives in Graz." Only for claims whose value stands in the text as it is to be written.
fn plain(claim: &Claim, turn: &Turn) -> Option<String> {
    let name = turn.speaker.trim();
    if claim.negated || claim.subject != claim.speaker || name.is_empty() || is_role(name) {
        return None;
    }
    let value = claim.value.as_ref()?.surface.trim();
    Some(match &claim.attribute {
        Attribute::Place(Place::Home) => format!("{name} lives in {value}."),
        Attribute::Place(Place::Hometown) => format!("{name} comes from {value}."),
        Attribute::Place(Place::Birthplace) => format!("{name} was born in {value}."),
        Attribute::Favourite(of) => format!("{name}'s favourite {of} is {value}."),
        Attribute::Detail(detail) => match detail.as_str() {
            "job" => format!("{name} works as {} {value}.", article(value)),
            "employer" => format!("{name} works at {value}."),
            "school" => format!("{name} attends {value}."),
            "field" => format!("{name} studies {value}."),
            "age" => format!("{name} is {value} years old."),
            "birthday" => format!("{name}'s birthday is {value}."),
            "email" => format!("{name}'s email is {value}."),
            _ => return None,
        },
        _ => return None,
    })
}

fn article(value: &str) -> &'static str {
    if value.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) { "an" } else { "a" }
}

fn says_the_same(text: &str, claim: &Claim, turn: &Turn) -> bool {
    claims(text, &turn.speaker, turn.said_at).iter().any(|read| {
        read.subject == claim.subject
            && read.attribute == claim.attribute
            && read.answer() == claim.answer()
            && read.modality == Modality::Asserted
    })
}

/// The sentence that the claim stands in, as it was said.
fn sentence(claim: &Claim, turn: &Turn) -> Option<String> {
    let text = &turn.text;
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '\n' | '。' | '！' | '？');
    let carried = text.get(claim.span.clone())?;
    // A stop within a word ("3.5", "U.S.") ends nothing.
    let is_end = |at: usize, c: char| ends(c) && text[at + c.len_utf8()..].chars().next().is_none_or(char::is_whitespace);
    let start =
        text[..claim.span.start].char_indices().rev().find(|(at, c)| is_end(*at, *c)).map_or(0, |(at, c)| at + c.len_utf8());
    let end = text[claim.span.end..]
        .char_indices()
        .map(|(at, c)| (claim.span.end + at, c))
        .find(|(at, c)| is_end(*at, *c))
        .map_or(text.len(), |(at, c)| at + c.len_utf8());
    let whole = text.get(start..end)?.trim();
    Some(if whole.len() <= SENTENCE_BYTES_MAX { whole } else { carried.trim() }.to_owned())
}
