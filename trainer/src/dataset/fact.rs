//! From memories to facts: who or what, which attribute, which value, and the sentence that says so.

use cubelog_beliefs::{Attribute, Claim, Modality, Place, claims};
use cubelog_memory::event::VersionRef;

use super::source::{Admission, Exclusion, Reason, Source};
use super::templates::{self, FORMS, Template};

/// Longest sentence that a fact is read from: a question that quotes it must fit beside a note and an answer.
const SENTENCE_BYTES_MAX: usize = 240;

/// One thing to be known without a context.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Whom or what it is about, as written.
    pub entity: String,
    /// What kind of fact it is; see [`templates`].
    pub kind: String,
    /// What the kind is about: the dog of "name of", the colour of "favourite"; for other facts the words between entity and
    /// value.
    pub topic: String,
    /// The value as written. An answer must contain it.
    pub value: String,
    /// The fact as a sentence.
    pub sentence: String,
    /// The versions that say so, ascending.
    pub sources: Vec<VersionRef>,
}

impl Fact {
    /// Its template.
    pub fn template(&self) -> &'static Template {
        templates::of(&self.kind)
    }

    /// A template's text with this fact's words, about `entity`.
    pub fn fill(&self, text: &str, entity: &str) -> String {
        let stem = format!("{entity} {}", self.topic);
        text.replace("{stem}", &stem).replace("{e}", entity).replace("{t}", &self.topic).replace("{v}", &self.value)
    }
}

/// The facts of the memories that may be distilled, in the order of the memories, at most `most`; and what was left out.
///
/// Claims are read by the written rules of `cubelog-beliefs`; of other sentences those that say something of somebody or
/// something with a name.
pub fn read(sources: &[Source], admission: &Admission, most: usize) -> (Vec<Fact>, Vec<Exclusion>) {
    let mut facts: Vec<Fact> = Vec::new();
    let mut left_out = Vec::new();
    for source in sources {
        let version = source.version;
        let mut exclude = |reason| left_out.push(Exclusion { version, reason });
        if let Some(reason) = admission.refuses(source) {
            exclude(reason);
            continue;
        }
        let found: Vec<Fact> = sentences(&source.text).into_iter().filter_map(|sentence| fact(sentence, source)).collect();
        let (mut added, mut beyond) = (false, false);
        let none = found.is_empty();
        for fact in found {
            match facts.iter().position(|known| known.sentence == fact.sentence) {
                Some(known) => {
                    let known = &mut facts[known];
                    known.sources.push(version);
                    known.sources.sort_unstable();
                    known.sources.dedup();
                }
                None if facts.len() >= most => beyond = true,
                None => {
                    added = true;
                    facts.push(fact);
                }
            }
        }
        match (added, none, beyond) {
            (true, ..) => {}
            (_, true, _) => exclude(Reason::NothingRead),
            (.., true) => exclude(Reason::BeyondMost),
            // It is a source of what it repeats, and named as one.
            _ => exclude(Reason::SaidAlready),
        }
    }
    (facts, left_out)
}

/// The sentences of a text, without what ends them. A stop ends a sentence where a space and a capital follow.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let after = &text[at + c.len_utf8()..];
        let ends = match c {
            '!' | '?' | '\n' => true,
            '.' => {
                after.trim_start().is_empty()
                    || after.starts_with(char::is_whitespace) && begins_high(after) && !short(&text[from..at])
            }
            _ => false,
        };
        if ends {
            // What asks says nothing.
            if c != '?' {
                found.push(text[from..at].trim());
            }
            from = at + c.len_utf8();
        }
    }
    found.push(text[from..].trim().trim_end_matches('.'));
    found.retain(|sentence| !sentence.is_empty());
    found
}

fn begins_high(after: &str) -> bool {
    after.trim_start().chars().next().is_some_and(|c| c.is_uppercase() || c.is_numeric())
}

/// Whether a text ends in something like "Dr" or "J", whose stop ends no sentence.
fn short(before: &str) -> bool {
    let last = before.rsplit(char::is_whitespace).next().unwrap_or("");
    last.chars().count() <= 2 && last.starts_with(char::is_uppercase)
}

fn fact(sentence: &str, source: &Source) -> Option<Fact> {
    if sentence.len() > SENTENCE_BYTES_MAX {
        return None;
    }
    let speaker = source.speaker.as_deref().unwrap_or("");
    let read = claims(&format!("{sentence}."), speaker, source.said_at);
    read.iter().find_map(|claim| of_claim(claim, sentence, speaker, source)).or_else(|| of_form(sentence, source))
}

/// A fact out of a claim that is asserted, has a value and is about somebody with a name.
fn of_claim(claim: &Claim, sentence: &str, speaker: &str, source: &Source) -> Option<Fact> {
    let value = claim.value.as_ref()?;
    if claim.modality != Modality::Asserted || claim.negated || claim.is_past() {
        return None;
    }
    let about_speaker = !speaker.is_empty() && claim.subject == speaker.to_lowercase();
    let entity = if about_speaker { speaker.to_owned() } else { written(sentence, &claim.subject)? };
    let (kind, topic) = match &claim.attribute {
        Attribute::Place(Place::Home) => ("home", String::new()),
        Attribute::Place(Place::Hometown) => ("hometown", String::new()),
        Attribute::Place(Place::Birthplace) => ("birthplace", String::new()),
        Attribute::Favourite(topic) => ("favourite", topic.clone()),
        Attribute::NameOf(topic) => ("name of", topic.clone()),
        Attribute::Relation(who) if who == "partner" => ("partner", String::new()),
        Attribute::Relation(who) => ("relation", who.clone()),
        Attribute::Count(what) => ("count", plural(what, &value.surface)),
        Attribute::Detail(name) => {
            (templates::TEMPLATES.iter().map(|template| template.kind).find(|kind| kind == name)?, String::new())
        }
        _ => return None,
    };
    // What stands before a job in its sentence belongs to it: "a glassblower".
    let surface = match kind {
        "job" => with_article(sentence, &value.surface),
        _ => value.surface.clone(),
    };
    Some(made(entity, kind, topic, surface, source))
}

/// A fact out of a sentence that begins with a name.
fn of_form(sentence: &str, source: &Source) -> Option<Fact> {
    let (entity, rest) = name(sentence)?;
    for (form, kind, topic) in FORMS {
        if let Some(value) = rest.strip_prefix(form) {
            let value = value.split([',', ';']).next().unwrap_or(value).trim();
            if words(value) > 5 || value.is_empty() {
                continue;
            }
            let value = if *kind == "job" { with_article(rest, value) } else { value.to_owned() };
            return Some(made(entity.to_owned(), kind, (*topic).to_owned(), value, source));
        }
    }
    // Any other is asked for by its own beginning, so it has to be plain: a full name, what it is or was, and one value.
    if !entity.contains(' ')
        || rest.contains([',', ':', ';'])
        || !["is ", "was ", "are ", "were ", "has "].iter().any(|verb| rest.starts_with(verb))
    {
        return None;
    }
    let (stem, value) = split_value(rest)?;
    Some(made(entity.to_owned(), templates::OTHER.kind, stem.to_owned(), value.to_owned(), source))
}

fn made(entity: String, kind: &str, topic: String, value: String, source: &Source) -> Fact {
    let mut fact = Fact { entity, kind: kind.into(), topic, value, sentence: String::new(), sources: vec![source.version] };
    fact.sentence = fact.fill(fact.template().sentence, &fact.entity);
    fact
}

/// A name at the beginning: words with capitals, and particles between them. Not a pronoun, not a word that merely begins.
fn name(sentence: &str) -> Option<(&str, &str)> {
    const NO_NAMES: &[&str] = &[
        "I", "I'm", "I've", "I'd", "I'll", "We", "You", "He", "She", "It", "They", "My", "Our", "Your", "His", "Her", "Its",
        "Their", "This", "That", "These", "Those", "There", "Here", "A", "An", "And", "But", "So", "Or", "If", "When", "Where",
        "What", "Who", "Why", "How", "Yes", "No", "Oh", "Well", "Also", "Then", "Now", "Not", "Let", "Please", "Thanks", "Hi",
        "Hello", "Do", "Did", "Is", "Are", "Was", "In", "On", "At", "For", "To", "By", "Of", "As", "Some", "All", "Every",
        "Just", "Maybe", "Good", "Great", "Last", "Next",
    ];
    const PARTICLES: &[&str] = &["of", "de", "van", "von", "da", "di", "la", "le", "den", "der"];
    let mut end = 0;
    let mut names = 0;
    let mut at = 0;
    for word in sentence.split(' ') {
        let high = word.starts_with(char::is_uppercase);
        let article = at == 0 && word == "The";
        if names == 0 && !article && (!high || NO_NAMES.contains(&word)) {
            return None;
        }
        if high || article {
            names += usize::from(!article);
            end = at + word.len();
        } else if !PARTICLES.contains(&word) {
            break;
        }
        at += word.len() + 1;
    }
    let entity = sentence[..end].trim_end_matches(|c: char| !c.is_alphanumeric());
    let rest = sentence.get(entity.len()..)?.strip_prefix(' ')?;
    (names > 0 && names <= 4 && !rest.is_empty()).then_some((entity, rest))
}

/// Splits "is named after the river Onn" before the value: after the last little word, so long as one to five words follow and
/// something stands before.
fn split_value(rest: &str) -> Option<(&str, &str)> {
    const LITTLE: &[&str] = &[
        "is", "are", "was", "were", "a", "an", "the", "in", "on", "at", "of", "by", "to", "for", "with", "from", "called",
        "named", "has", "after",
    ];
    let starts: Vec<usize> = std::iter::once(0).chain(rest.match_indices(' ').map(|(at, _)| at + 1)).collect();
    let word_at = |n: usize| &rest[starts[n]..starts.get(n + 1).map_or(rest.len(), |next| next - 1)];
    let last = (0..starts.len()).rev().find(|&n| LITTLE.contains(&word_at(n)))?;
    let value_at = *starts.get(last + 1)?;
    let value = rest[value_at..].trim_end_matches([',', ';']);
    (words(value) <= 5).then_some((rest[..value_at].trim_end(), value))
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// A subject as the sentence writes it, if it writes it with a capital.
fn written(sentence: &str, subject: &str) -> Option<String> {
    let at = sentence.to_lowercase().find(subject)?;
    let found = sentence.get(at..at + subject.len())?;
    found.starts_with(char::is_uppercase).then(|| found.to_owned())
}

/// "glassblower" with the article that stands before it.
fn with_article(sentence: &str, value: &str) -> String {
    let before = sentence.find(value).map_or("", |at| &sentence[..at]);
    match before.split_whitespace().next_back() {
        Some(article @ ("a" | "an" | "the")) => format!("{article} {value}"),
        _ if value.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {value}"),
        _ => format!("a {value}"),
    }
}

/// "parrot" for one, "parrots" for more.
fn plural(noun: &str, count: &str) -> String {
    if matches!(count, "1" | "one") || noun.ends_with('s') { noun.to_owned() } else { format!("{noun}s") }
}
