//! What a claim is about: typed, with a written key, and what is known of each kind: how many values, how soon they change.

use std::fmt;

use crate::normal::{phrase_of, topic_of};

/// Which place of somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Home,
    /// Where somebody grew up or comes from.
    Hometown,
    Birthplace,
    /// Where somebody is for a while.
    Travel,
}

/// What a claim is about. Names inside are normalised; the written key (`Display`) parses back with [`Attribute::from_key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    Place(Place),
    /// A single fact by its name: job, employer, school, field, age, birthday, email, phone, name, car, diet.
    Detail(String),
    Favourite(String),
    /// What somebody or something of the subject's is called: name of dog.
    NameOf(String),
    /// Likes or dislikes; yes or no.
    Preference(String),
    /// What is done or taken regularly; yes or no.
    Habit(String),
    /// Yes or no.
    Allergy(String),
    Count(String),
    /// Yes or no.
    Possession(String),
    /// Who is the subject's boss, wife, friend.
    Relation(String),
    /// On which day something is.
    Event(String),
    /// A state with several values: relationship.
    Status(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    /// A second value displaces or contradicts the first.
    One,
    /// Values stand side by side.
    Many,
}

/// After how many days another value, without a word of change, is a change rather than a contradiction.
const CHANGES_AFTER_DAYS: &[(&str, i64)] = &[
    ("home", 30),
    ("travel", 2),
    ("job", 60),
    ("employer", 30),
    ("school", 90),
    ("field", 90),
    ("email", 30),
    ("phone", 30),
    ("car", 30),
    ("diet", 14),
    ("favourite", 60),
    ("likes", 60),
    ("does", 21),
    ("count", 30),
    ("has", 14),
    ("status", 14),
    ("relation", 60),
    ("allergy", 365),
];

/// Relations of which somebody may have several.
const SEVERAL: &[&str] = &[
    "sister",
    "brother",
    "sibling",
    "friend",
    "best friend",
    "cousin",
    "uncle",
    "aunt",
    "son",
    "daughter",
    "kid",
    "colleague",
    "neighbour",
    "nephew",
    "niece",
    "roommate",
    "flatmate",
    "coworker",
    "classmate",
    "grandmother",
    "grandfather",
];

impl Attribute {
    /// The kind's word in keys.
    pub const fn kind(&self) -> &'static str {
        match self {
            Attribute::Place(Place::Home) => "home",
            Attribute::Place(Place::Hometown) => "hometown",
            Attribute::Place(Place::Birthplace) => "birthplace",
            Attribute::Place(Place::Travel) => "travel",
            Attribute::Detail(_) => "detail",
            Attribute::Favourite(_) => "favourite",
            Attribute::NameOf(_) => "name of",
            Attribute::Preference(_) => "likes",
            Attribute::Habit(_) => "does",
            Attribute::Allergy(_) => "allergy",
            Attribute::Count(_) => "count",
            Attribute::Possession(_) => "has",
            Attribute::Relation(_) => "relation",
            Attribute::Event(_) => "date",
            Attribute::Status(_) => "status",
        }
    }

    /// Reads a written key such as `home`, `employer`, `likes/coffee`, normalising what it names.
    pub fn from_key(key: &str) -> Self {
        let Some((kind, name)) = key.split_once('/') else {
            return match key {
                "home" => Attribute::Place(Place::Home),
                "hometown" => Attribute::Place(Place::Hometown),
                "birthplace" => Attribute::Place(Place::Birthplace),
                "travel" => Attribute::Place(Place::Travel),
                _ => Attribute::Detail(phrase_of(key)),
            };
        };
        match kind {
            "favourite" => Attribute::Favourite(topic_of(name)),
            "name of" => Attribute::NameOf(topic_of(name)),
            "likes" => Attribute::Preference(topic_of(name)),
            "does" => Attribute::Habit(topic_of(name)),
            "allergy" => Attribute::Allergy(topic_of(name)),
            "count" => Attribute::Count(topic_of(name)),
            "has" => Attribute::Possession(topic_of(name)),
            "relation" => Attribute::Relation(topic_of(name)),
            "date" => Attribute::Event(topic_of(name)),
            "status" => Attribute::Status(phrase_of(name)),
            _ => Attribute::Detail(phrase_of(name)),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Attribute::Place(_) => None,
            Attribute::Detail(name)
            | Attribute::Favourite(name)
            | Attribute::NameOf(name)
            | Attribute::Preference(name)
            | Attribute::Habit(name)
            | Attribute::Allergy(name)
            | Attribute::Count(name)
            | Attribute::Possession(name)
            | Attribute::Relation(name)
            | Attribute::Event(name)
            | Attribute::Status(name) => Some(name),
        }
    }

    /// Whether the answer is yes or no, so that a denial is a value and not merely the end of one.
    pub const fn is_yes_or_no(&self) -> bool {
        matches!(self, Attribute::Preference(_) | Attribute::Habit(_) | Attribute::Allergy(_) | Attribute::Possession(_))
    }

    pub fn cardinality(&self) -> Cardinality {
        match self {
            Attribute::Relation(of) | Attribute::NameOf(of) if SEVERAL.contains(&of.as_str()) => Cardinality::Many,
            _ => Cardinality::One,
        }
    }

    /// Days after which another value counts as a change by itself; `None` for what does not change (a birthday, a birthplace).
    pub fn changes_after_days(&self) -> Option<i64> {
        let kind = match self {
            Attribute::Detail(name) => name.as_str(),
            other => other.kind(),
        };
        CHANGES_AFTER_DAYS.iter().find(|(name, _)| *name == kind).map(|(_, days)| *days)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (Attribute::Detail(name), _) => f.write_str(name),
            (_, Some(name)) => write!(f, "{}/{name}", self.kind()),
            (_, None) => f.write_str(self.kind()),
        }
    }
}
