//! The grammar of dates: intervals and open ends here, what they are made of in `absolute` and `relative`.

use std::ops::Range;

use jiff::civil::Date;

use super::calendar::{self, Days, Unit};
use super::lex::{Piece, Token, month_named, ordinal_named, weekday_named};
use super::{DateMention, Grounding, Leaning};

/// A place in the tokens from which to read, with what the reading depends on. `Copy`, so that a part of a text can be read
/// as if said on another day.
#[derive(Clone, Copy)]
pub(super) struct Parser<'t> {
    pub tokens: &'t [Token],
    pub said_on: Date,
    pub leaning: Leaning,
    /// How many dates may still stand on one another ("the day after the week before ...").
    pub depth: u8,
}

/// A date that ends before the token `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dated {
    pub days: Days,
    pub grounding: Grounding,
    pub end: usize,
}

/// The same with ends that may be missing.
struct Bounds {
    from: Option<Date>,
    until: Option<Date>,
    grounding: Grounding,
    end: usize,
}

impl From<Dated> for Bounds {
    fn from(dated: Dated) -> Self {
        Self { from: Some(dated.days.from), until: Some(dated.days.until), grounding: dated.grounding, end: dated.end }
    }
}

impl<'t> Parser<'t> {
    pub fn mentions(self) -> impl Iterator<Item = DateMention> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.tokens.len() {
                let start = at;
                let Some(bounds) = self.bounds(start).filter(|bounds| bounds.end > start) else {
                    at += 1;
                    continue;
                };
                at = bounds.end;
                let span = self.span(start, bounds.end);
                return Some(DateMention { span, from: bounds.from, until: bounds.until, grounding: bounds.grounding });
            }
            None
        })
    }

    fn span(self, from: usize, end: usize) -> Range<usize> {
        self.tokens[from].start..self.tokens[end - 1].end
    }

    fn bounds(self, at: usize) -> Option<Bounds> {
        self.interval(at).map(Bounds::from).or_else(|| self.open_ended(at)).or_else(|| self.dated(at).map(Bounds::from))
    }

    /// "between A and B", "from A to B", "A - B".
    fn interval(self, at: usize) -> Option<Dated> {
        let introduced = self.is(at, &["between", "from"]);
        let start = if introduced { at + 1 } else { at };
        let first = self.dated(start)?;
        let joined = self.is(first.end, &["to", "until", "till", "through"])
            || self.sign(first.end, &['-', '\u{2013}', '\u{2014}'])
            || (introduced && self.is(first.end, &["and"]));
        if !joined {
            return None;
        }
        let last = self.dated_after_lead(first.end + 1)?;
        // "between 11 August and 15 August 2023": the year of the end is that of the start.
        let (first, grounding) = match (first.grounding, last.grounding) {
            (Grounding::YearAssumed, Grounding::Written) => {
                let at_end = Self { said_on: last.days.from, leaning: Leaning::Past, ..self };
                (at_end.dated(start)?, Grounding::Written)
            }
            (first_told, last_told) => (first, first_told.max(last_told)),
        };
        let days = Days { from: first.days.from, until: last.days.until };
        (first.days.from <= last.days.from).then_some(Dated { days, grounding, end: last.end })
    }

    /// "before A", "after A", "since A", "until A", "by A".
    fn open_ended(self, at: usize) -> Option<Bounds> {
        let word = self.word(at);
        if !["before", "after", "since", "until", "till", "by"].contains(&word) {
            return None;
        }
        let date = if word == "by" { self.absolute(at + 1, true) } else { self.dated_after_lead(at + 1) }?;
        // "after last week's game" says when the game was.
        if self.sign(date.end, &['\'', '\u{2019}']) && self.tokens[date.end].glued {
            return None;
        }
        let (from, until) = match word {
            "before" => (None, Some(date.days.from)),
            "after" => (Some(date.days.until), None),
            "since" => (Some(date.days.from), None),
            _ => (None, Some(date.days.until)),
        };
        Some(Bounds { from, until, grounding: date.grounding, end: date.end })
    }

    /// Any date with both ends.
    pub fn dated(self, at: usize) -> Option<Dated> {
        self.dated_with(at, self.follows_lead(at))
    }

    /// The same where the words before have already promised a date.
    pub fn dated_after_lead(self, at: usize) -> Option<Dated> {
        self.dated_with(at, true)
    }

    fn dated_with(self, at: usize, lead: bool) -> Option<Dated> {
        let parser = Self { depth: self.depth.checked_sub(1)?, ..self };
        (parser.part(at))
            .or_else(|| parser.offset(at))
            .or_else(|| parser.relative_or_restated(at))
            .or_else(|| parser.absolute(at, lead))
    }

    /// A share of a longer time: "early May", "the end of 2022", "the second week of November", "the last Sunday in June".
    fn part(self, at: usize) -> Option<Dated> {
        let at = self.skip(at, "the");
        let third = |word: &str| match word {
            "early" | "beginning" | "start" => Some(0),
            "mid" | "middle" => Some(1),
            "late" | "end" => Some(2),
            _ => None,
        };
        if let Some(index) = third(self.word(at)) {
            let whole = if self.is(at, &["early", "mid", "late"]) {
                let next = if self.sign(at + 1, &['-']) { at + 2 } else { at + 1 };
                self.absolute(next, true)?
            } else {
                self.period(self.of(at + 1)?)?
            };
            return Some(Dated { days: whole.days.share(index, 3).filter(|_| whole.days.count() > 6)?, ..whole });
        }
        let (nth, next) = self.ordinal(at)?;
        let of = self.of(next + 1)?;
        let (name, of) = (self.word(next), self.period(of)?);
        let whole = of.days;
        let days = match name {
            "half" if nth.abs() <= 2 => whole.share(if nth == 1 { 0 } else { 1 }, 2),
            "quarter" if nth.abs() <= 4 => whole.share(if nth < 0 { 3 } else { i64::from(nth) - 1 }, 4),
            "day" if nth < 0 => calendar::day(whole.until.yesterday().ok()?),
            "day" => calendar::day(calendar::add(whole.from, i64::from(nth) - 1, Unit::Day)?),
            "week" if nth < 0 => Some(Days { from: calendar::add(whole.until, -1, Unit::Week)?, ..whole }),
            "week" => calendar::span_of(calendar::add(whole.from, i64::from(nth) - 1, Unit::Week)?, 1, Unit::Week),
            "weekend" => {
                self.nth_weekday(whole, jiff::civil::Weekday::Saturday, nth).and_then(|day| calendar::weekend(day.from, 0))
            }
            name => self.nth_weekday(whole, weekday_named(name)?.0, nth),
        }?;
        whole.contains(days.from).then_some(Dated { days, ..of })
    }

    fn nth_weekday(self, whole: Days, weekday: jiff::civil::Weekday, nth: i32) -> Option<Days> {
        let start = if nth < 0 { whole.until } else { whole.from.yesterday().ok()? };
        calendar::weekday(start, weekday, nth)
    }

    /// The whole of a part: a date, or "the year", "the month" meaning the present one.
    fn period(self, at: usize) -> Option<Dated> {
        let date = || self.relative_or_restated(at).or_else(|| self.absolute(at, true));
        date().or_else(|| {
            // "the start of week 2" counts weeks of a plan.
            let unit = match self.word(at) {
                _ if self.number(at + 1).is_some() => return None,
                "week" => Unit::Week,
                "month" => Unit::Month,
                "year" => Unit::Year,
                _ => return None,
            };
            Some(Dated { days: calendar::calendar(self.said_on, 0, unit)?, grounding: Grounding::Relative, end: at + 1 })
        })
    }

    /// "first", "last", "2nd": its value and the token after it.
    fn ordinal(self, at: usize) -> Option<(i32, usize)> {
        if let Some(nth) = ordinal_named(self.word(at)) {
            return Some((nth, at + 1));
        }
        let (value, _) = self.number(at).filter(|(value, _)| (1..=5).contains(value))?;
        self.has_ordinal_ending(at + 1).then_some((value as i32, at + 2))
    }

    /// After "of" or "in" and perhaps "the".
    fn of(self, at: usize) -> Option<usize> {
        self.is(at, &["of", "in"]).then(|| self.skip(at + 1, "the"))
    }

    /// Whether the word before leads one to expect a date, so that a bare month or year is one.
    fn follows_lead(self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let leads = [
            "in",
            "since",
            "during",
            "until",
            "till",
            "before",
            "after",
            "from",
            "of",
            "through",
            "throughout",
            "around",
            "between",
            "circa",
            "for",
            "year",
        ];
        self.is(before, &leads) || (self.is(before, &["by", "on"]) && month_named(self.word(at)).is_some_and(|(_, full)| full))
    }

    pub fn token(self, at: usize) -> Option<&'t Token> {
        self.tokens.get(at)
    }

    /// The word at a token in lower case; empty where there is none.
    pub fn word(self, at: usize) -> &'t str {
        match self.token(at).map(|token| &token.piece) {
            Some(Piece::Word(word)) => word,
            _ => "",
        }
    }

    pub fn is(self, at: usize, words: &[&str]) -> bool {
        words.contains(&self.word(at))
    }

    pub fn sign(self, at: usize, signs: &[char]) -> bool {
        matches!(self.token(at), Some(Token { piece: Piece::Sign(sign), .. }) if signs.contains(sign))
    }

    /// A number's value and how many digits it is written with.
    pub fn number(self, at: usize) -> Option<(u32, usize)> {
        match self.token(at)?.piece {
            Piece::Number { value, digits } => Some((value, digits)),
            _ => None,
        }
    }

    pub fn skip(self, at: usize, word: &str) -> usize {
        if self.word(at) == word { at + 1 } else { at }
    }

    pub fn is_glued(self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.glued)
    }

    pub fn is_capital(self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.capital)
    }

    /// "st", "nd", "rd", "th" right after a number.
    pub fn has_ordinal_ending(self, at: usize) -> bool {
        self.is_glued(at) && self.is(at, &["st", "nd", "rd", "th"])
    }
}
