//! Where a memory belongs if nobody said so: task / concept / fact, told by its words. Pure: equal texts belong in equal places.

use cubelog_beliefs::Attribute;
use cubelog_language::{Entity, EntityKind, Participants, entities, tasks, voice, words};
use cubelog_memory::Path;

use crate::claims::asserted;

/// Bytes of a text that are read for its place: what it is about stands at its beginning.
const READ_BYTES: usize = 600;
/// Most characters of a segment: a long title is told by how it begins.
const SEGMENT_CHARS: usize = 40;
/// The concept of a text that names nothing.
const GENERAL: &str = "general";
/// The fact of a text that asks.
const QUESTION: &str = "question";
/// From this share of its words in questions on, a text asks.
const ASKS: f32 = 0.5;

/// What captions call themselves, by stems.
const PICTURES: [&str; 6] = ["photo", "pictur", "imag", "photograph", "screenshot", "photographi"];

/// A text as it was said.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<'a> {
    pub text: &'a str,
    /// What an image shows that came with it.
    pub caption: Option<&'a str>,
    pub speaker: Option<&'a str>,
    /// The word for its semantic type.
    pub semantic: &'a str,
}

/// Task, concept, fact; each a valid segment of a path.
///
/// The task is what most of its words tell of (`travel`, `work`; `talk` if none does). The concept is what it claims something of or
/// mentions (a title, a name, a thing; else the word that told of the task; else `general`). The fact is the attribute of its first
/// claim (`home`, `likes`), `question` if it asks, what else it mentions, or the word for its type.
pub fn place(spoken: &Spoken<'_>) -> [String; 3] {
    place_among(spoken, &entities::find(spoken.text, &Participants::default()))
}

/// The same, where the entities of the text were found already.
pub(crate) fn place_among(spoken: &Spoken<'_>, found: &[Entity]) -> [String; 3] {
    // What a picture shows stands for a text.
    let instead = match spoken.text.trim() {
        "" => spoken.caption.map(|caption| (caption, shown(caption))),
        _ => None,
    };
    let (text, found) = instead.as_ref().map_or((spoken.text, found), |(caption, found)| (*caption, found.as_slice()));
    let text = &text[..text.floor_char_boundary(READ_BYTES)];
    let terms = words::terms(text);
    let told = tasks::task(&terms);
    let claims = asserted(text, spoken.speaker, 0);
    let mut concepts: Vec<(u8, String)> = Vec::new();
    for claim in &claims {
        let said = claim.value.as_ref().map(|value| value.surface.as_str()).or(topic_of(&claim.attribute));
        concepts.extend(said.and_then(segment).map(|concept| (0, concept)));
    }
    for entity in found.iter().filter(|entity| entity.span.end <= text.len()) {
        let rank = match entity.kind {
            EntityKind::Title | EntityKind::Hashtag => 1,
            // To whom something is said is not what it is about.
            EntityKind::Name | EntityKind::Participant if is_addressed(text, &entity.span) => continue,
            EntityKind::Name | EntityKind::Participant | EntityKind::Host => 2,
            EntityKind::Phrase => 3,
        };
        let name = match entity.kind {
            EntityKind::Phrase => singular(&words::fold(&entity.surface)),
            _ => entity.key.clone(),
        };
        concepts.extend(segment(&name).map(|concept| (rank, concept)));
    }
    // The first of each kind: sorting keeps the order of the text.
    concepts.sort_by_key(|(rank, _)| *rank);
    let mut concepts = concepts.into_iter().map(|(_, concept)| concept);
    let concept =
        concepts.next().or_else(|| told.and_then(|(_, word)| segment(&word.folded))).unwrap_or_else(|| GENERAL.to_owned());
    let fact = claims
        .first()
        .and_then(|claim| segment(claim.attribute.to_string().split('/').next().unwrap_or_default()))
        .or_else(|| (voice::read(text).questions >= ASKS).then(|| QUESTION.to_owned()))
        .or_else(|| concepts.find(|other| *other != concept))
        .or_else(|| segment(spoken.semantic))
        .unwrap_or_else(|| GENERAL.to_owned());
    [told.map_or(tasks::TALK, |(task, _)| task).to_owned(), concept, fact]
}

/// The entities of a caption: "a photo of a lake" mentions a lake.
pub(crate) fn shown(caption: &str) -> Vec<Entity> {
    let mut found = entities::find(caption, &Participants::default());
    found.retain(|entity| !PICTURES.contains(&entity.key.as_str()));
    found
}

/// What a yes-or-no attribute is about.
fn topic_of(attribute: &Attribute) -> Option<&str> {
    match attribute {
        Attribute::Preference(topic)
        | Attribute::Habit(topic)
        | Attribute::Allergy(topic)
        | Attribute::Possession(topic)
        | Attribute::Event(topic) => Some(topic),
        _ => None,
    }
}

/// Whether a name only says to whom this is said: set off by a comma or an exclamation mark, or after a greeting.
fn is_addressed(text: &str, span: &std::ops::Range<usize>) -> bool {
    let (before, after) = (text[..span.start].trim_end(), text[span.end..].trim_start());
    let opened = before.is_empty() || before.ends_with(['.', '!', '?', ',']);
    let greeted = ["hi", "hey", "hello", "thanks", "wow", "yeah", "dear", "ok", "bye"];
    let last = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let closed = after.is_empty() || after.starts_with([',', '!', '.', '?']);
    closed && (opened || greeted.contains(&words::fold(last).as_str()))
}

/// A folded phrase with its last word in the singular.
fn singular(phrase: &str) -> String {
    let keeps = ["ss", "us", "is", "news", "series"].iter().any(|ending| phrase.ends_with(ending));
    match phrase.strip_suffix("ies") {
        Some(stem) if stem.chars().count() > 2 => format!("{stem}y"),
        _ if keeps || phrase.chars().count() < 4 => phrase.to_owned(),
        _ => phrase.strip_suffix('s').unwrap_or(phrase).to_owned(),
    }
}

/// A text as a segment of a path: small letters and digits with hyphens between them; `None` if it has neither.
fn segment(text: &str) -> Option<String> {
    let mut segment = String::new();
    for word in words::fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !segment.is_empty() {
            segment.push('-');
        }
        segment.push_str(word);
    }
    let segment: String = segment.chars().take(SEGMENT_CHARS).collect();
    let segment = segment.trim_end_matches('-');
    Path::parse(segment).is_ok().then(|| segment.to_owned())
}
