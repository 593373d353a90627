//! The claim: one thing that one statement says about one subject.

use std::ops::Range;

use cubelog_memory::Timestamp;

use crate::attribute::{Attribute, Cardinality};
use crate::calendar::Date;

/// What was claimed: as compared, and as said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    pub normal: String,
    pub surface: String,
}

/// How a claim was made. Only asserted claims are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modality {
    Asserted,
    /// Wanted or intended, without a settled date.
    Planned,
    Hypothetical,
    Question,
    Quoted,
    /// Said by the speaker to be somebody else's word.
    Reported,
}

/// When a claim holds in the world: `from` inclusive, `to` exclusive; `None` where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// One thing that a statement says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Whom it is about, lower case: the speaker, a named person, or `maria's sister`.
    pub subject: String,
    /// Who said it, lower case.
    pub speaker: String,
    pub attribute: Attribute,
    /// `None` for the end of whatever value there was ("I lost my job"), and for yes-or-no attributes.
    pub value: Option<Value>,
    /// "I don't", "no longer".
    pub negated: bool,
    pub validity: Validity,
    pub modality: Modality,
    /// The statement speaks of a change: "now", "moved", "anymore".
    pub change: bool,
    /// The statement takes something back: 1 for "actually", 2 for "I meant", "typo".
    pub correction: u8,
    /// What the statement rejects by name: "chemistry, not physics".
    pub rejects: Vec<String>,
    /// 0 to 1.
    pub confidence: f32,
    pub said_at: Timestamp,
    /// Bytes of the text that carry the claim.
    pub span: Range<usize>,
}

impl Claim {
    pub fn cardinality(&self) -> Cardinality {
        self.attribute.cardinality()
    }

    /// When it starts to hold: as said, else when said.
    pub fn holds_from(&self) -> Timestamp {
        self.validity.from.unwrap_or(self.said_at)
    }

    /// The same as a memory carries it: from when it was said, where nothing else was said.
    pub fn valid(&self) -> cubelog_memory::Validity {
        let from = self.validity.to.map_or(self.holds_from(), |to| self.holds_from().min(to));
        cubelog_memory::Validity { from, to: self.validity.to }
    }

    /// Said to be over already when it was said.
    pub fn is_past(&self) -> bool {
        self.validity.to.is_some_and(|to| to <= self.said_at)
    }

    /// What a reader is told: the value, `yes` or `no`, `None` for the mere end of a value.
    pub fn answer(&self) -> Option<&str> {
        match &self.value {
            _ if self.attribute.is_yes_or_no() => Some(if self.negated { "no" } else { "yes" }),
            Some(value) if !self.negated => Some(&value.normal),
            _ => None,
        }
    }

    /// The day of an event.
    pub(crate) fn is_event(&self) -> bool {
        matches!(self.attribute, Attribute::Event(_))
    }
}

/// Dates as values are written year-month-day, or month-day where they come again every year.
pub(crate) fn yearly(date: Date) -> String {
    format!("{:02}-{:02}", date.month, date.day)
}
