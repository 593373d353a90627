//! What a text is about, found without a model: names, titles, noun phrases, hashtags, hosts.

mod phrases;
mod proper;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::limits::{ENTITIES_MAX, readable};
use crate::names::Participants;
use crate::sentence::openings;
use crate::words::{Word, fold, is_stop_word, stem, without_possessive, words};

/// How an entity was recognised; where several kinds fit one place, the earlier one has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// The host of a web address, keyed without `www.`.
    Host,
    /// `#word`, keyed without the sign.
    Hashtag,
    /// A title in quotation marks.
    Title,
    /// One of the participants handed in; keyed by the full name as given.
    Participant,
    /// A capitalised name: a person, place, organisation, product.
    Name,
    /// A noun phrase in small letters, keyed by its stems.
    Phrase,
}

/// One mention of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub kind: EntityKind,
    /// The same for all mentions of one entity: folded words joined by single spaces.
    pub key: String,
    /// As written, without a possessive ending.
    pub surface: String,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

/// A text taken apart once for all that look for entities in it.
struct Reading<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
    folded: Vec<String>,
    /// Whether each word opens a sentence.
    opens: Vec<bool>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str) -> Self {
        let words: Vec<Word<'a>> = words(text).collect();
        let opens = openings(text, &words);
        let folded = words.iter().map(|word| fold(word.text)).collect();
        Self { text, words, folded, opens }
    }

    /// What stands between a word and the next one.
    fn gap(&self, at: usize) -> &'a str {
        let end = self.words[at].span().end;
        self.text.get(end..self.words.get(at + 1).map_or(self.text.len(), |next| next.start)).unwrap_or_default()
    }

    /// The words from `from` to before `end` as an entity.
    fn entity(&self, kind: EntityKind, from: usize, end: usize) -> Entity {
        let span = without_ending(self.text, self.words[from].start..self.words[end - 1].span().end);
        let surface = &self.text[span.clone()];
        Entity { kind, key: key(kind, surface), surface: surface.to_owned(), span }
    }
}

/// A span without a possessive ending.
fn without_ending(text: &str, span: Range<usize>) -> Range<usize> {
    let written = &text[span.clone()];
    let bare = ["'s", "\u{2019}s", "'", "\u{2019}"].iter().find_map(|ending| written.strip_suffix(ending)).unwrap_or(written);
    span.start..span.start + bare.len()
}

/// The key under which every mention of an entity of this kind and wording is found; phrases are keyed by stems, so that
/// "support group" and "support groups" meet.
pub fn key(kind: EntityKind, surface: &str) -> String {
    let folded = words(surface).map(|word| fold(word.text));
    let words: Vec<String> = match kind {
        EntityKind::Phrase => folded.map(|word| stem(without_possessive(&word))).collect(),
        _ => folded.map(|word| without_possessive(&word).to_owned()).collect(),
    };
    words.join(" ")
}

/// The entities that an English text mentions, in order, at most [`ENTITIES_MAX`], none overlapping. Titles in CJK brackets, hashtags and hosts are found in any language.
///
/// Meant to be right rather than complete: a word with a capital only because it opens a sentence is no name unless the text
/// has it elsewhere too or it belongs to a participant.
pub fn find(text: &str, participants: &Participants) -> Vec<Entity> {
    let text = readable(text);
    let reading = Reading::new(text);
    let mut found = Vec::new();
    for mention in participants.find(text) {
        let Ok([index]) = <[usize; 1]>::try_from(mention.participants.as_slice()) else { continue };
        let name = &participants.names()[index];
        let surface = text[mention.span.clone()].to_owned();
        found.push(Entity {
            kind: EntityKind::Participant,
            key: key(EntityKind::Participant, name),
            surface,
            span: mention.span,
        });
    }
    found.extend(titles(text));
    found.extend(tags_and_hosts(text));
    found.extend(proper::names(&reading));
    found.extend(phrases::phrases(&reading));
    found.retain(|entity| !entity.key.is_empty());
    without_overlaps(found)
}

/// Keeps what overlaps nothing of an earlier kind, and of one kind the longer mention.
fn without_overlaps(mut found: Vec<Entity>) -> Vec<Entity> {
    found.sort_by_key(|entity| (entity.kind, entity.span.start, Reverse(entity.span.end)));
    let mut kept: BTreeMap<usize, Entity> = BTreeMap::new();
    for entity in found {
        let before = kept.range(..entity.span.end).next_back();
        if before.is_none_or(|(_, before)| before.span.end <= entity.span.start) {
            kept.insert(entity.span.start, entity);
        }
    }
    kept.into_values().take(ENTITIES_MAX).collect()
}

/// Titles in quotation marks: few words, capitalised, no sentence of speech. Book-title brackets need no capitals.
fn titles(text: &str) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    for (at, c) in text.char_indices() {
        match open {
            Some((start, close)) if c == close => {
                open = None;
                let inner = &text[start..at];
                let sure = matches!(close, '》' | '』');
                if is_title(inner, sure) {
                    let span = start..at;
                    found.push(Entity {
                        kind: EntityKind::Title,
                        key: key(EntityKind::Title, inner),
                        surface: inner.to_owned(),
                        span,
                    });
                }
            }
            Some((start, _)) if at - start <= TITLE_BYTES_MAX && c != '\n' => {}
            _ => {
                open = match c {
                    '"' => Some('"'),
                    '\u{201c}' => Some('\u{201d}'),
                    '«' => Some('»'),
                    '《' => Some('》'),
                    '『' => Some('』'),
                    _ => None,
                }
                .map(|close| (at + c.len_utf8(), close));
            }
        }
    }
    found
}

const TITLE_BYTES_MAX: usize = 80;
const TITLE_WORDS_MAX: usize = 8;

fn is_title(inner: &str, sure: bool) -> bool {
    if sure {
        return !inner.trim().is_empty();
    }
    let speech = inner.ends_with(['.', ',', '?', '!', ':']) || inner.starts_with(char::is_whitespace) || inner.contains(". ");
    let words: Vec<Word<'_>> = words(inner).collect();
    let content = || words.iter().filter(|word| !is_stop_word(&fold(word.text)));
    let capitals = content().filter(|word| word.is_capitalised() || word.text.starts_with(|c: char| c.is_numeric())).count();
    let first = words.first().is_some_and(|first| first.is_capitalised() || first.text.starts_with(|c: char| c.is_numeric()));
    !speech && first && words.len() <= TITLE_WORDS_MAX && capitals > 0 && capitals == content().count()
}

fn tags_and_hosts(text: &str) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let at = start;
        start += piece.len();
        let piece = piece.trim_end();
        let lead = piece.len() - piece.trim_start_matches(['(', '[', '<', '"', '\'']).len();
        let (at, piece) = (at + lead, &piece[lead..]);
        if let Some(span) = host(piece) {
            let surface = piece[span.clone()].to_owned();
            let key = surface.to_ascii_lowercase();
            let key = key.strip_prefix("www.").unwrap_or(&key).to_owned();
            found.push(Entity { kind: EntityKind::Host, key, surface, span: at + span.start..at + span.end });
        } else if let Some(tag) = piece.strip_prefix('#') {
            let end = tag.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tag.len());
            let tag = &tag[..end];
            // "#1" is a rank and "#fff" hardly a topic.
            if tag.chars().next().is_some_and(char::is_alphabetic) && tag.chars().count() > 2 {
                let span = at..at + 1 + end;
                found.push(Entity { kind: EntityKind::Hashtag, key: fold(tag), surface: text[span.clone()].to_owned(), span });
            }
        }
    }
    found
}

/// Where the host of a web address stands in it.
fn host(piece: &str) -> Option<Range<usize>> {
    let prefixed =
        ["https://", "http://"].iter().find(|scheme| piece.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
    let from = prefixed.map_or(0, |scheme| scheme.len());
    if prefixed.is_none() && !piece.starts_with("www.") {
        return None;
    }
    let rest = &piece[from..];
    let authority = &rest[..rest.find(['/', '?', '#', ')', '>', ']', '"', ',', ';']).unwrap_or(rest.len())];
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    let host = authority[user..].split(':').next()?.trim_end_matches(['.', '!', '\'', '*']);
    let valid = host.contains('.') && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    valid.then(|| from + user..from + user + host.len())
}
