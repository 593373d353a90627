//! Listings, which are complete where a search is the best few: what is about something in the order of time, and what memories are about.

use std::collections::HashSet;
use std::sync::Arc;

use cubelog_memory::MemoryId;

use crate::admit::Admit;
use crate::memories::{Memories, Spot};
use crate::names::Names;
use crate::part::{NONE, Part};
use crate::words::{all_stems, stems};

/// What a listing is about: what has all of the words and, where people are named, was said by one of them or names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// A text of which every word with content must occur, in any form of it.
    pub words: String,
    /// Speakers by their full names; nobody means everybody.
    pub named: Vec<String>,
}

impl About {
    /// Whether a memory is about it, going by its text: the same for texts that are not held.
    pub fn is_met_by(&self, text: Option<&str>, caption: Option<&str>, speaker: Option<&str>) -> bool {
        let there: HashSet<u64> = text.into_iter().chain(caption).flat_map(all_stems).collect();
        let named = || self.named.iter().flat_map(|name| stems(name)).any(|stem| there.contains(&stem));
        let said = speaker.is_some_and(|speaker| self.named.iter().any(|name| name == speaker));
        stems(&self.words).iter().all(|stem| there.contains(stem)) && (self.named.is_empty() || said || named())
    }
}

/// What one memory is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub memory: MemoryId,
    /// Task/concept/fact; `None` for erased content without a given path.
    pub path: Option<Arc<str>>,
    /// Whether somebody gave the path; else it is derived.
    pub given: bool,
    pub speaker: Option<Arc<str>>,
    pub session: Option<Arc<str>>,
    pub stream_index: Option<u64>,
    /// Microseconds since 1970.
    pub valid_from: i64,
    /// Entities (`kind:key`), each once, with how it is written there.
    pub mentions: Vec<(Arc<str>, Arc<str>)>,
}

/// What of a listing is asked for, in words that are held.
struct Wanted {
    words: Vec<u64>,
    speakers: Vec<u32>,
    named: Vec<u64>,
}

impl Wanted {
    fn of(about: &About, names: &Names) -> Self {
        let speakers = about.named.iter().filter_map(|name| names.known(name)).collect();
        Self { words: stems(&about.words), speakers, named: about.named.iter().flat_map(|name| stems(name)).collect() }
    }

    fn is_met(&self, part: &Part, at: u32) -> bool {
        self.words.iter().all(|stem| part.has_stem(*stem, at))
            && (self.named.is_empty()
                || self.speakers.contains(&part.place(at).speaker)
                || self.named.iter().any(|stem| part.has_stem(*stem, at)))
    }
}

impl Memories {
    /// All admitted memories that are about something, the oldest first by when they are valid from, and then in stream order.
    pub fn timeline(&self, names: &Names, admit: &Admit, about: &About) -> Vec<Spot> {
        let wanted = Wanted::of(about, names);
        let mut found: Vec<Spot> = self.admitted(admit).filter(|spot| wanted.is_met(self.part(*spot), spot.at)).collect();
        found.sort_by_key(|spot| {
            let place = self.place(*spot);
            (place.valid_from, place.stream_index.is_none(), place.stream_index, place.memory)
        });
        found
    }

    /// What the admitted memories are about, as far as it was read, in no particular order.
    pub fn topics(&self, names: &Names, admit: &Admit) -> Vec<Topic> {
        let name = |number: u32| if number == NONE { None } else { names.name(number).cloned() };
        let topic = |spot: Spot| {
            let (part, place) = (self.part(spot), self.place(spot));
            let topics = part.topics()?;
            let path = topics.path(spot.at);
            Some(Topic {
                memory: place.memory,
                path: path.and_then(|(number, _)| name(number)),
                given: path.is_some_and(|(_, given)| given),
                speaker: name(place.speaker),
                session: name(place.session),
                stream_index: place.stream_index,
                valid_from: place.valid_from,
                mentions: topics
                    .mentions(spot.at)
                    .iter()
                    .filter_map(|mention| Some((name(mention.entity)?, name(mention.surface)?)))
                    .collect(),
            })
        };
        self.admitted(admit).filter_map(topic).collect()
    }

    /// Rows of all memories that belong at a path or below it, whether that was given or derived, as far as it was read.
    pub fn rows_at_path(&self, names: &Names, path: &str) -> HashSet<u64> {
        let is_below = |number: u32| {
            let rest = names.name(number).and_then(|there| there.strip_prefix(path));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut rows = HashSet::new();
        for part in &self.parts {
            let Some(topics) = part.topics() else { continue };
            let there = (0..part.len() as u32).filter(|at| topics.path(*at).is_some_and(|(number, _)| is_below(number)));
            rows.extend(there.map(|at| part.place(at).row));
        }
        rows
    }

    fn admitted<'a>(&'a self, admit: &'a Admit) -> impl Iterator<Item = Spot> + 'a {
        self.parts.iter().enumerate().flat_map(move |(number, part)| {
            let mask = admit.mask(part);
            (0..part.len() as u32).filter(move |at| mask.has(*at)).map(move |at| Spot { part: number as u32, at })
        })
    }
}
