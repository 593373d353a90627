//! Dates in a query or a turn: written out, or told relative to the day it was said.

mod absolute;
mod calendar;
mod lex;
mod parser;
mod relative;

use std::ops::Range;

use jiff::civil::Date;

use crate::limits::DATES_MAX;
use parser::Parser;

/// How many dates may stand on one another ("the day after the week before 9 June").
const DEPTH_MAX: u8 = 4;

/// Which year a date without one belongs to, and which way a bare weekday points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaning {
    /// The latest one that has begun: right for questions about what was.
    Past,
    /// The one nearest to the day of speaking: right for turns and requests, which speak of plans too.
    Nearest,
}

/// What a date rests on; less of it is written the further one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grounding {
    /// Written with its year, or told relative to such a date.
    Written,
    /// Written without a year, which was assumed by [`Leaning`].
    YearAssumed,
    /// Told relative to the day of speaking.
    Relative,
}

/// How exact a date is, by the length of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    Day,
    /// Up to ten days: a week, a weekend, a third of a month.
    Week,
    /// Up to 31 days.
    Month,
    /// Up to 124 days: a season, a few months.
    Season,
    /// Anything longer with both ends.
    Year,
    /// "Before", "after", "since", "until": one end is missing.
    Open,
}

/// One date expression: where it stands and the days that it means, half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateMention {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// First day; `None` reaches back without end.
    pub from: Option<Date>,
    /// Day after the last; `None` reaches on without end.
    pub until: Option<Date>,
    pub grounding: Grounding,
}

impl DateMention {
    pub fn precision(&self) -> Precision {
        let (Some(from), Some(until)) = (self.from, self.until) else { return Precision::Open };
        match (calendar::Days { from, until }).count() {
            ..=1 => Precision::Day,
            2..=10 => Precision::Week,
            11..=31 => Precision::Month,
            32..=124 => Precision::Season,
            125.. => Precision::Year,
        }
    }

    /// The range as instants in microseconds since 1970-01-01T00:00:00Z, its days taken in UTC, half-open; a missing end is
    /// the least or the greatest instant.
    pub fn micros(&self) -> Range<i64> {
        self.from.map_or(i64::MIN, calendar::micros)..self.until.map_or(i64::MAX, calendar::micros)
    }
}

/// The day in UTC of an instant in microseconds since 1970-01-01T00:00:00Z; instants beyond the calendar give its first or
/// last day.
pub fn day_of(micros: i64) -> Date {
    calendar::day_of(micros)
}

/// The dates of an English text in order, at most [`DATES_MAX`], none overlapping.
///
/// `said_on` is the day on which the text was said or asked. What is as likely no date ("may I", "in 2000 pieces", "a second")
/// is passed over. Three conventions: weeks begin on Monday, seasons are those of the northern half of the world, and of
/// `5/7/2023` the first number is the month unless only the other order is a date.
pub fn find(text: &str, said_on: Date, leaning: Leaning) -> Vec<DateMention> {
    let tokens = lex::tokens(text);
    Parser { tokens: &tokens, said_on, leaning, depth: DEPTH_MAX }.mentions().take(DATES_MAX).collect()
}
