//! What the memories of a part are about: where each belongs (task / concept / fact) and which entities it mentions.
//!
//! Read without a model from texts, on first use, and held beside the part. Nothing of it is stored or logged: it tells what a text
//! says, so it must go with the text when that is erased; a rule that gets better must not have to rewrite a log; a directory of an
//! earlier version has it at once; and whatever equals in texts equals in this, so a replay cannot differ from what is live. It is no
//! part of reading a part for a search, because it takes about as long as all the rest of that.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use cubelog_language::{Entity, EntityKind, Participants, entities};
use xxhash_rust::xxh3::Xxh3Default;

use crate::names::Names;
use crate::part::NONE;
use crate::place::{Spoken, place_among, shown};

/// An entity in one memory, by number: what it is, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    pub entity: u32,
    pub surface: u32,
}

/// What one memory is read for.
#[derive(Debug, Clone, Copy)]
pub struct TopicEntry<'a> {
    /// `None` for erased content.
    pub spoken: Option<Spoken<'a>>,
    /// Where somebody said that it belongs; else that is derived.
    pub path: Option<&'a str>,
}

/// What was read of one memory. Reading takes the time, and needs nothing but the entry: many may be read at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTopic {
    path: Option<String>,
    given: bool,
    mentions: Vec<(String, String)>,
}

impl TopicEntry<'_> {
    pub fn read(&self) -> ReadTopic {
        let found = self.spoken.map(|spoken| entities::find(spoken.text, &Participants::default())).unwrap_or_default();
        let derived = || self.spoken.map(|spoken| place_among(&spoken, &found).join("/"));
        ReadTopic {
            path: self.path.map(str::to_owned).or_else(derived),
            given: self.path.is_some(),
            mentions: self.spoken.map(|spoken| mentioned(&spoken, &found)).unwrap_or_default(),
        }
    }
}

/// Where memories belong and what they mention, in the order of their part.
#[derive(Debug, Default)]
pub struct Topics {
    /// The numbers of a path, and whether it was given.
    paths: Vec<(u32, bool)>,
    /// Where the mentions of each memory begin.
    starts: Vec<u32>,
    mentions: Vec<Mention>,
    by_entity: HashMap<u32, Vec<u32>, BuildHasherDefault<Xxh3Default>>,
}

impl Topics {
    /// Adds one more memory.
    pub fn push(&mut self, read: ReadTopic, names: &mut Names) {
        let at = self.paths.len() as u32;
        self.paths.push((read.path.map_or(NONE, |path| names.number(&path)), read.given));
        self.starts.push(self.mentions.len() as u32);
        let number =
            |(entity, surface): (String, String)| Mention { entity: names.number(&entity), surface: names.number(&surface) };
        let mut found: Vec<Mention> = read.mentions.into_iter().map(number).collect();
        found.sort_unstable();
        found.dedup_by_key(|mention| mention.entity);
        for mention in found {
            self.by_entity.entry(mention.entity).or_default().push(at);
            self.mentions.push(mention);
        }
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The number of a memory's path, and whether it was given; `None` without text.
    pub fn path(&self, at: u32) -> Option<(u32, bool)> {
        self.paths.get(at as usize).copied().filter(|(path, _)| *path != NONE)
    }

    /// What a memory mentions, each entity once.
    pub fn mentions(&self, at: u32) -> &[Mention] {
        let Some(start) = self.starts.get(at as usize) else { return &[] };
        let end = self.starts.get(at as usize + 1).map_or(self.mentions.len(), |end| *end as usize);
        &self.mentions[*start as usize..end]
    }

    /// The memories that mention an entity, in the order of the part.
    pub fn mentioning(&self, entity: u32) -> &[u32] {
        self.by_entity.get(&entity).map_or(&[], Vec::as_slice)
    }
}

/// The entities of a text and of what came with it, as `kind:key`, and how each was written.
fn mentioned(spoken: &Spoken<'_>, found: &[Entity]) -> Vec<(String, String)> {
    let shown = spoken.caption.map(shown).unwrap_or_default();
    found.iter().chain(&shown).map(|entity| (entity_name(entity.kind, &entity.key), entity.surface.clone())).collect()
}

/// What an entity is held by. A name is a name, whether or not somebody of that name takes part.
pub fn entity_name(kind: EntityKind, key: &str) -> String {
    format!("{}:{key}", kind_word(kind))
}

/// The word for a kind of entities.
pub fn kind_word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Participant | EntityKind::Name => "name",
        EntityKind::Title => "title",
        EntityKind::Hashtag => "hashtag",
        EntityKind::Host => "host",
        EntityKind::Phrase => "thing",
    }
}
