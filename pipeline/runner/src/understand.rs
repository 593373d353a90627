//! What a query says without a model: whom it names, which times it speaks of, whether it is about whoever asks.

use cubelog_language::dates::{self, Grounding, Leaning};
use cubelog_language::{Participants, names, voice};
use cubelog_memory::Timestamp;
use cubelog_views::Scene;

/// A query as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// What the encoder reads: without names, on which it would fixate.
    pub meaning: String,
    /// What is looked for in words.
    pub words: String,
    /// Participants that it names, if it does not name them all: then names tell nothing.
    pub named: Vec<String>,
    /// Whether it is about whoever asks.
    pub own: bool,
    /// From inclusive, to exclusive.
    pub times: Vec<(Timestamp, Timestamp)>,
}

/// Reads a query that was asked at an instant about what happened in a scene.
pub fn understand(query: &str, scene: &Scene, asked_at: Timestamp) -> Understood {
    let participants = Participants::new(&scene.speakers);
    let mentions = participants.find(query);
    let cut = names::cut(query, &mentions);
    let mut named: Vec<String> =
        mentions.iter().flat_map(|mention| &mention.participants).map(|number| scene.speakers[*number].clone()).collect();
    named.sort();
    named.dedup();
    if named.len() == scene.speakers.len() {
        named.clear();
    }
    let own = named.is_empty() && voice::is_own(query);
    Understood { meaning: cut.clone(), words: cut, named, own, times: times(query, scene, asked_at) }
}

/// The times that a query speaks of. "In July" means the last July of which anything is known; "two weeks ago" goes by when the
/// query is asked. What lies ahead is no time of a memory.
fn times(query: &str, scene: &Scene, asked_at: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let told = scene.newest.map_or(asked_at, |newest| newest.min(asked_at));
    let said_on = |at: Timestamp| dates::day_of(at.micros());
    let written =
        dates::find(query, said_on(told), Leaning::Past).into_iter().filter(|date| date.grounding != Grounding::Relative);
    let relative = dates::find(query, said_on(asked_at), Leaning::Past)
        .into_iter()
        .filter(|date| date.grounding == Grounding::Relative && date.until.is_some_and(|until| until <= said_on(asked_at)));
    written.chain(relative).map(|date| date.micros()).map(|range| (Timestamp(range.start), Timestamp(range.end))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-15, a Wednesday.
    const ASKED: Timestamp = Timestamp(1_715_731_200_000_000);

    fn scene() -> Scene {
        Scene { speakers: vec!["Ana".to_owned(), "Ben".to_owned()], newest: Some(Timestamp(1_690_000_000_000_000)) }
    }

    #[test]
    fn names_are_fields_and_not_words() {
        let understood = understand("What did Ana cook?", &scene(), ASKED);
        assert_eq!((understood.meaning.as_str(), understood.named.as_slice()), ("What did cook?", ["Ana".to_owned()].as_slice()));
        assert!(!understood.own && understood.times.is_empty());
        assert!(understand("What did Ana and Ben cook?", &scene(), ASKED).named.is_empty(), "both say nothing");
        assert!(understand("What did I say?", &scene(), ASKED).own);
    }

    #[test]
    fn times_are_those_that_memories_can_have() {
        let days = |query: &str| -> Vec<(String, String)> {
            let day = |at: Timestamp| dates::day_of(at.micros()).to_string();
            understand(query, &scene(), ASKED).times.into_iter().map(|(from, to)| (day(from), day(to))).collect()
        };
        let range = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
        assert_eq!(days("Where was she on 7 May 2023?"), range("2023-05-07", "2023-05-08"));
        assert_eq!(days("What happened in June?"), range("2023-06-01", "2023-07-01"), "the last June that was told of");
        assert_eq!(days("What did we do yesterday?"), range("2024-05-14", "2024-05-15"));
        assert!(days("What shall we do tomorrow?").is_empty());
    }
}
