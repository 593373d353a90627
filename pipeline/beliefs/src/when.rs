//! Times in statements: "until the end of May", "since 2020", "last month", "on March 4th", read relative to when they were said.

use cubelog_memory::Timestamp;

use crate::calendar::{Date, days_in, easter};
use crate::normal::number;
use crate::words::Word;

/// A stretch of days; `last` is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub first: Date,
    pub last: Date,
    /// A day and month without a year or a weekday: it could come again.
    pub day_named: bool,
}

impl Days {
    fn one(date: Date) -> Self {
        Self { first: date, last: date, day_named: true }
    }
    fn span(first: Date, last: Date) -> Self {
        Self { first, last, day_named: false }
    }
    fn month(year: i32, month: u32) -> Option<Self> {
        Some(Self::span(Date::new(year, month, 1)?, Date::new(year, month, days_in(year, month))?))
    }
    fn year(year: i32) -> Option<Self> {
        Some(Self::span(Date::new(year, 1, 1)?, Date::new(year, 12, 31)?))
    }
}

/// What the times around a claim say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// A time named without "until" or "since".
    pub at: Option<Days>,
}

const MONTHS: &[&str] =
    &["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

pub fn month_of(word: &str) -> Option<u32> {
    let index = MONTHS.iter().position(|month| *month == word || (word.len() == 3 && month.starts_with(word)))?;
    Some(index as u32 + 1)
}

fn weekday_of(word: &str) -> Option<u32> {
    WEEKDAYS.iter().position(|day| *day == word).map(|index| index as u32)
}

/// "3", "3rd", "21st".
fn day_of(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let suffix = &word[digits.len()..];
    let day: u32 = matches!(suffix, "" | "st" | "nd" | "rd" | "th").then(|| digits.parse().ok())??;
    (1..=31).contains(&day).then_some(day)
}

fn year_of(word: &str) -> Option<i32> {
    (word.len() == 4).then(|| word.parse().ok())?.filter(|year| (1900..2200).contains(year))
}

/// A year for a day without one: the coming one for appointments, the past one otherwise.
fn near(month: u32, day: u32, said: Date, future: bool) -> Option<Date> {
    let this = Date::new(said.year, month, day)?;
    match (future, this < said) {
        (true, true) => Date::new(said.year + 1, month, day),
        (false, false) if this > said => Date::new(said.year - 1, month, day),
        _ => Some(this),
    }
}

/// Reads a date or stretch at `at`; `future` says which way an incomplete date points. Gives how many words it took.
pub fn read(words: &[Word], at: usize, said: Date, future: bool) -> Option<(Days, usize)> {
    let word = |n: usize| words.get(at + n).map_or("", |word| word.text.as_str());
    // "the" and prepositions in front of a date cost nothing.
    if matches!(word(0), "the" | "on" | "this" | "coming") && !matches!(word(1), "the") {
        if word(0) == "this" && unit(word(1)).is_some() {
            return relative(unit(word(1))?, 0, said).map(|days| (days, 2));
        }
        return read(words, at + 1, said, future).map(|(days, used)| (days, used + 1));
    }
    if word(0) == "end" && word(1) == "of" {
        let (days, used) = read_period(words, at + 2, said, future)?;
        return Some((Days::one(days.last), used + 2));
    }
    if let Some(month) = month_of(word(0)).filter(|_| word(0) != "may" || words[at].capital) {
        if let Some(day) = day_of(word(1)).filter(|_| year_of(word(1)).is_none()) {
            return match year_of(word(2)).or_else(|| (word(2) == ",").then(|| year_of(word(3))).flatten()) {
                Some(year) => Some((Days::one(Date::new(year, month, day)?), if word(2) == "," { 4 } else { 3 })),
                None => Some((Days::one(near(month, day, said, future)?), 2)),
            };
        }
        if let Some(year) = year_of(word(1)) {
            return Some((Days::month(year, month)?, 2));
        }
        let first = near(month, 1, Date { day: 1, ..said }, future)?;
        return Some((Days::month(first.year, month)?, 1));
    }
    if let Some(day) = day_of(word(0)) {
        let skip = usize::from(word(1) == "of");
        if let Some(month) = month_of(word(1 + skip)) {
            return match year_of(word(2 + skip)) {
                Some(year) => Some((Days::one(Date::new(year, month, day)?), 3 + skip)),
                None => Some((Days::one(near(month, day, said, future)?), 2 + skip)),
            };
        }
    }
    if let Some(year) = year_of(word(0)) {
        return Some((Days::year(year)?, 1));
    }
    if let Some(weekday) = weekday_of(word(0)) {
        return Some((Days::one(coming(weekday, said, future)), 1));
    }
    let step = match word(0) {
        "next" => 1,
        "last" => -1,
        _ => 0,
    };
    if step != 0 {
        if let Some(weekday) = weekday_of(word(1)) {
            return Some((Days::one(coming(weekday, said, step > 0)), 2));
        }
        if let Some(month) = month_of(word(1)) {
            let first = near(month, 1, Date { day: 1, ..said }, step > 0)?;
            return Some((Days::month(first.year, month)?, 2));
        }
        if let Some(unit) = unit(word(1)) {
            return relative(unit, step, said).map(|days| (days, 2));
        }
    }
    let count = if matches!(word(0), "a" | "an") { Some(1) } else { number(word(0)).filter(|_| word(0) != "no") };
    if let (Some(count), Some(unit), "ago") = (count, unit(word(1)), word(2)) {
        return Some((around(said, unit, -i64::try_from(count).ok()?), 3));
    }
    let date = match word(0) {
        "today" | "tonight" => said,
        "tomorrow" => said.plus_days(1),
        "yesterday" => said.plus_days(-1),
        "easter" => feast(said, future, easter)?,
        "christmas" => feast(said, future, |year| Date::new(year, 12, 25))?,
        "halloween" => feast(said, future, |year| Date::new(year, 10, 31))?,
        "spring" => return season(said, 3, future, 1),
        "summer" => return season(said, 6, future, 1),
        "autumn" | "fall" => return season(said, 9, future, 1),
        "winter" => return season(said, 12, future, 1),
        _ => return None,
    };
    Some((Days::one(date), 1))
}

/// What "the end of" may be followed by: a period rather than a day.
fn read_period(words: &[Word], at: usize, said: Date, future: bool) -> Option<(Days, usize)> {
    let word = |n: usize| words.get(at + n).map_or("", |word| word.text.as_str());
    match (word(0), unit(word(1))) {
        ("the" | "this", Some(unit)) => Some((relative(unit, 0, said)?, 2)),
        _ => read(words, at, said, future),
    }
}

fn season(said: Date, month: u32, future: bool, used: usize) -> Option<(Days, usize)> {
    let first = near(month, 1, said, future)?;
    Some((Days::span(first, first.plus_months(3).plus_days(-1)), used))
}

fn feast(said: Date, future: bool, day: impl Fn(i32) -> Option<Date>) -> Option<Date> {
    let this = day(said.year)?;
    match (future, this < said) {
        (true, true) => day(said.year + 1),
        (false, false) => day(said.year - 1),
        _ => Some(this),
    }
}

fn coming(weekday: u32, said: Date, future: bool) -> Date {
    let ahead = i64::from((weekday + 7 - said.weekday()) % 7);
    match (future, ahead) {
        (true, 0) => said.plus_days(7),
        (true, _) => said.plus_days(ahead),
        (false, _) => said.plus_days(ahead - 7),
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Day,
    Weekend,
    Week,
    Month,
    Year,
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "day" => Unit::Day,
        "weekend" => Unit::Weekend,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => return None,
    })
}

/// "this week", "last month", "next year".
fn relative(unit: Unit, step: i64, said: Date) -> Option<Days> {
    Some(match unit {
        Unit::Day => Days::one(said.plus_days(step)),
        Unit::Week | Unit::Weekend => {
            let monday = said.plus_days(step * 7 - i64::from(said.weekday()));
            let first = if matches!(unit, Unit::Weekend) { monday.plus_days(5) } else { monday };
            Days::span(first, monday.plus_days(6))
        }
        Unit::Month => {
            let then = Date { day: 1, ..said }.plus_months(step);
            Days::month(then.year, then.month)?
        }
        Unit::Year => Days::year(said.year + step as i32)?,
    })
}

fn around(said: Date, unit: Unit, steps: i64) -> Days {
    let steps = steps.clamp(-100_000, 100_000);
    Days::one(match unit {
        Unit::Day => said.plus_days(steps),
        Unit::Week | Unit::Weekend => said.plus_days(steps * 7),
        Unit::Month => said.plus_months(steps),
        Unit::Year => said.plus_months(steps * 12),
    })
}

/// Collects the times in a stretch of words. `past` says that its verb is in the past.
pub fn scan(words: &[Word], said_at: Timestamp, past: bool) -> Times {
    let said = Date::of(said_at);
    let mut times = Times::default();
    let mut at = 0;
    while at < words.len() {
        let used = match words[at].text.as_str() {
            "until" | "till" => read(words, at + 1, said, !past).map(|(days, used)| {
                // A day is meant to its end; "until March" and "until 2019" end when that begins.
                times.to = Some(if days.day_named { days.last.end() } else { days.first.start() });
                used + 1
            }),
            "since" | "from" | "starting" | "beginning" => {
                let future = words[at].text != "since" && !past;
                read(words, at + 1, said, future).map(|(days, used)| {
                    times.from = Some(days.first.start());
                    used + 1
                })
            }
            "for" => duration(words, at + 1, said).map(|(since, used)| {
                times.from = Some(since.start());
                used + 1
            }),
            "in" | "on" | "at" => read(words, at + 1, said, !past).map(|(days, used)| {
                times.at.get_or_insert(days);
                used + 1
            }),
            _ => read(words, at, said, !past).filter(|_| !words[at].text.bytes().all(|b| b.is_ascii_digit())).map(
                |(days, used)| {
                    times.at.get_or_insert(days);
                    used
                },
            ),
        };
        at += used.unwrap_or(1).max(1);
    }
    times
}

/// "for (about) six years (now)": since when. Only where it is said to last still.
fn duration(words: &[Word], at: usize, said: Date) -> Option<(Date, usize)> {
    let word = |n: usize| words.get(at + n).map_or("", |word| word.text.as_str());
    let skip = usize::from(matches!(word(0), "about" | "almost" | "nearly" | "over" | "roughly"));
    let count = if matches!(word(skip), "a" | "an") { 1 } else { i64::try_from(number(word(skip))?).ok()? };
    let unit = unit(word(skip + 1))?;
    matches!(word(skip + 2), "now" | "already").then(|| (around(said, unit, -count).first, skip + 3))
}
