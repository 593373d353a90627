//! One form for what can be written in several: numbers, spellings, kinship, plurals, articles.

use crate::lexicon::listed;
use crate::words::{Word, words};

const UNITS: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// The same thing under another spelling or name.
const SAME: &[(&str, &str)] = &[
    ("color", "colour"),
    ("favorite", "favourite"),
    ("mum", "mother"),
    ("mom", "mother"),
    ("mama", "mother"),
    ("dad", "father"),
    ("papa", "father"),
    ("kiddo", "kid"),
    ("child", "kid"),
    ("children", "kid"),
    ("grandchild", "grandkid"),
    ("grandchildren", "grandkid"),
    ("movie", "film"),
    ("movies", "films"),
    ("math", "maths"),
    ("television", "tv"),
    ("theater", "theatre"),
    ("hubby", "husband"),
    ("puppy", "dog"),
    ("kitty", "cat"),
    ("flavor", "flavour"),
    ("bicycle", "bike"),
    ("automobile", "car"),
];

const IRREGULAR: &[(&str, &str)] = &[
    ("wives", "wife"),
    ("knives", "knife"),
    ("mice", "mouse"),
    ("geese", "goose"),
    ("feet", "foot"),
    ("teeth", "tooth"),
    ("women", "woman"),
    ("men", "man"),
    ("wolves", "wolf"),
    ("leaves", "leaf"),
    ("potatoes", "potato"),
    ("tomatoes", "tomato"),
    ("heroes", "hero"),
];

/// Leading words that a value does not need.
const DETERMINERS: &str = "\
    a, an, the, my, our, some, any, his, her, their, your, this, that, these, those, all, every, both";

/// The number that a word or numeral stands for.
pub fn number(word: &str) -> Option<u64> {
    if word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty() && word.len() <= 15 {
        return word.parse().ok();
    }
    let unit = |word: &str| UNITS.iter().position(|unit| *unit == word).map(|n| n as u64);
    let ten = |word: &str| TENS.iter().position(|ten| *ten == word).map(|n| (n as u64 + 2) * 10);
    match word {
        "no" => Some(0),
        "hundred" => Some(100),
        "thousand" => Some(1000),
        _ => unit(word).or_else(|| ten(word)).or_else(|| {
            let (tens, units) = word.split_once('-')?;
            Some(ten(tens)? + unit(units).filter(|unit| (1..10).contains(unit))?)
        }),
    }
}

/// One spelling for a word.
pub fn spelling(word: &str) -> &str {
    SAME.iter().find(|(other, _)| *other == word).map_or(word, |(_, same)| same)
}

/// The singular, as far as plain rules go; a word they do not know stays.
pub fn singular(word: &str) -> String {
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    let stem = |cut: usize, end: &str| format!("{}{end}", &word[..word.len() - cut]);
    let long = word.len() > 3 && word.is_ascii();
    let one = match word {
        _ if !long => word.to_owned(),
        _ if word.ends_with("ies") && word.len() > 4 => match word {
            "movies" | "cookies" | "brownies" | "zombies" | "selfies" => stem(1, ""),
            _ => stem(3, "y"),
        },
        _ if ["sses", "xes", "ches", "shes", "zzes"].iter().any(|end| word.ends_with(end)) => stem(2, ""),
        _ if ["ss", "us", "is", "ews", "ics", "maths", "tennis", "as"].iter().any(|end| word.ends_with(end)) => word.to_owned(),
        _ if word.ends_with('s') => stem(1, ""),
        _ => word.to_owned(),
    };
    spelling(&one).to_owned()
}

/// A phrase in one form: spelling, numerals, no leading articles, no marks.
pub fn phrase(words: &[Word]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for word in words.iter().filter(|word| !word.is_mark()) {
        if word.text == "'s" {
            if let Some(last) = parts.last_mut() {
                last.push_str("'s");
            }
            continue;
        }
        let text = word.text.as_str();
        if parts.is_empty() && listed(DETERMINERS, text) {
            continue;
        }
        parts.push(match number(text) {
            Some(n) if text != "no" => n.to_string(),
            _ => spelling(text).to_owned(),
        });
    }
    parts.join(" ")
}

/// A phrase as a topic or thing: its last word in the singular.
pub fn topic(words: &[Word]) -> String {
    let phrase = phrase(words);
    match phrase.rsplit_once(' ') {
        Some((head, last)) => format!("{head} {}", singular(last)),
        None => singular(&phrase),
    }
}

pub fn phrase_of(text: &str) -> String {
    phrase(&words(text))
}

pub fn topic_of(text: &str) -> String {
    topic(&words(text))
}

/// Digits of a telephone number, with its plus sign.
pub fn phone(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
}
