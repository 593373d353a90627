//! Made-up conversations of any size, the same for the same seed: varied enough for a text index, and clearly nobody's.

use cubelog_memory::*;
use cubelog_runner::import::TurnInput;

const WHO: [&str; 8] = ["Mira", "Jonas", "Aiko", "Tomas", "Leila", "Piet", "Sade", "Oren"];
const DOES: [&str; 16] = [
    "bought",
    "repaired",
    "lost",
    "painted",
    "ordered",
    "cancelled",
    "booked",
    "found",
    "sold",
    "promised",
    "forgot",
    "tried",
    "measured",
    "cooked",
    "planted",
    "recorded",
];
const WHAT: [&str; 32] = [
    "a canoe",
    "the old bicycle",
    "a train ticket",
    "two lamps",
    "the garden fence",
    "a violin",
    "running shoes",
    "a sourdough",
    "the tent",
    "a telescope",
    "fresh basil",
    "a keyboard",
    "the kitchen shelf",
    "a rain jacket",
    "the museum pass",
    "a kite",
    "an espresso machine",
    "the winter tyres",
    "a pottery course",
    "the spare key",
    "a chess clock",
    "the balcony door",
    "a birthday cake",
    "the tax form",
    "an umbrella",
    "a hiking map",
    "the cat carrier",
    "a record player",
    "the ladder",
    "a swimming lesson",
    "the boiler",
    "an atlas",
];
const WHERE: [&str; 16] = [
    "in Lisbon",
    "at the harbour",
    "near the old mill",
    "online",
    "in Ghent",
    "at the market",
    "behind the station",
    "in Oslo",
    "at her aunt's",
    "on the roof",
    "in Turin",
    "by the lake",
    "at the library",
    "in Porto",
    "next door",
    "in Graz",
];
const WHEN: [&str; 8] =
    ["on Monday", "last week", "before the holidays", "in March", "yesterday", "twice this year", "at noon", "by accident"];

/// SplitMix64: a small generator whose only state is the seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// One sentence of some twenty words.
pub fn sentence(random: &mut Random) -> String {
    let number = random.below(9_000) + 1_000;
    format!(
        "{} {} {} {} {}, paid {number} for it, and {} {} {} because {} {} {}.",
        random.pick(&WHO),
        random.pick(&DOES),
        random.pick(&WHAT),
        random.pick(&WHERE),
        random.pick(&WHEN),
        random.pick(&WHO),
        random.pick(&DOES),
        random.pick(&WHAT),
        random.pick(&WHO),
        random.pick(&DOES),
        random.pick(&WHAT),
    )
}

/// A search that has answers.
pub fn question(random: &mut Random) -> String {
    format!("who {} {} {}", random.pick(&DOES), random.pick(&WHAT), random.pick(&WHERE))
}

/// `count` turns of one conversation from `start` on.
pub fn turns(conversation: &str, start: usize, count: usize) -> Vec<TurnInput> {
    (start..start + count)
        .map(|index| {
            let mut random = Random::new(index as u64 ^ 0xC0BE);
            TurnInput {
                conversation: conversation.to_owned(),
                session: Some(format!("S{}", index / 20)),
                turn_id: format!("t{index}"),
                speaker: Some(WHO[index % 2].to_owned()),
                at: Some(Timestamp(1_700_000_000_000_000 + index as i64 * 60_000_000)),
                text: sentence(&mut random),
                caption: None,
                index: index as u64,
                line: index as u64 + 1,
            }
        })
        .collect()
}

pub fn tenant() -> TenantId {
    TenantId::new("bench").expect("a valid name")
}

pub fn cube(name: &str) -> CubeKey {
    CubeKey::new(tenant(), CubeName::new(name).expect("a valid name"))
}

pub fn caller() -> cubelog_runner::Caller {
    cubelog_runner::Caller {
        tenant: tenant(),
        principal: PrincipalId::new("bench").expect("a valid name"),
        admin: true,
        origin: Origin::Cli,
    }
}
