//! Dates told relative to another day: to that of speaking, or to one that is written beside them.

use jiff::civil::Date;

use super::calendar::{self, Days, Unit};
use super::lex::{month_named, number_named, season_named, unit_named, weekday_named};
use super::parser::{Dated, Parser};
use super::{Grounding, Leaning};

/// Which one of several that follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Last,
    /// "the past year": the time that ends with today, where `Last` is the calendar year before.
    Past,
    This,
    Next,
}

impl Parser<'_> {
    /// A relative date; one restated by a written one ("last Friday, as of 23 January 2022") is relative to that.
    pub fn relative_or_restated(self, at: usize) -> Option<Dated> {
        let (days, end) = self.relative(at)?;
        let told = Dated { days, grounding: Grounding::Relative, end };
        let Some(restated) = self.restatement(end) else { return Some(told) };
        let other = Self { said_on: restated.days.from, leaning: Leaning::Past, ..self };
        Some(other.relative(at).map_or(told, |(days, _)| Dated { days, grounding: Grounding::Written, end: restated.end }))
    }

    /// The written day after "on", "before", "as of", "as mentioned on".
    fn restatement(self, at: usize) -> Option<Dated> {
        let at = if self.sign(at, &[',']) { at + 1 } else { at };
        let at = match self.word(at) {
            "as" if self.is(at + 1, &["mentioned", "said", "told", "of", "stated"]) => self.skip(at + 2, "on"),
            "on" | "before" => at + 1,
            _ => return None,
        };
        let date = self.absolute(at, true)?;
        (date.grounding == Grounding::Written && date.days.count() == 1).then_some(date)
    }

    fn relative(self, at: usize) -> Option<(Days, usize)> {
        self.near_day(at).or_else(|| self.turn_of(at)).or_else(|| self.ago(at))
    }

    /// "yesterday", "tonight", "the day after tomorrow".
    fn near_day(self, at: usize) -> Option<(Days, usize)> {
        let day = |count, end| Some((calendar::day(calendar::add(self.said_on, count, Unit::Day)?)?, end));
        let start = self.skip(at, "the");
        if self.is(start, &["day"]) {
            return match (self.word(start + 1), self.word(start + 2)) {
                ("before", "yesterday") => day(-2, start + 3),
                ("after", "tomorrow") => day(2, start + 3),
                _ => None,
            };
        }
        match (self.word(at), self.word(at + 1)) {
            ("today" | "tonight", _) => day(0, at + 1),
            ("yesterday", _) => day(-1, at + 1),
            ("tomorrow", _) => day(1, at + 1),
            ("last", "night") => day(-1, at + 2),
            ("this", "morning" | "afternoon" | "evening") => day(0, at + 2),
            _ => None,
        }
    }

    /// "last week", "this past Friday", "next May", "the past three months".
    fn turn_of(self, at: usize) -> Option<(Days, usize)> {
        let start = self.skip(at, "the");
        let (which, next) = match (self.word(start), self.word(start + 1)) {
            ("this", "past" | "last") => (Which::Last, start + 2),
            ("this", "coming") => (Which::Next, start + 2),
            ("last" | "previous", _) => (Which::Last, start + 1),
            ("past", _) => (Which::Past, start + 1),
            ("next" | "coming", _) => (Which::Next, start + 1),
            ("this", _) => (Which::This, start + 1),
            _ => return None,
        };
        // "the last week of ..." is a part of something else, "last week of" with a date was read as such before.
        if start > at && self.is(next + 1, &["of"]) {
            return None;
        }
        if let Some((_, most, unit_at)) = self.amount(next).filter(|_| !self.is(next, &["a", "an"])) {
            let unit = unit_named(self.word(unit_at)).filter(|_| which != Which::This)?;
            return Some((self.window(which, i64::from(most), unit)?, unit_at + 1));
        }
        Some((self.one_of(which, next)?, next + 1))
    }

    /// One week, month, weekday ... by its name at `at`.
    fn one_of(self, which: Which, at: usize) -> Option<Days> {
        let day = self.said_on;
        let count = match which {
            Which::Last | Which::Past => -1,
            Which::This => 0,
            Which::Next => 1,
        };
        let name = self.word(at);
        if let Some((weekday, _)) = weekday_named(name).filter(|_| !self.is(at, &["sun"]) || self.is_capital(at)) {
            return match which {
                Which::Last | Which::Past => calendar::weekday(day, weekday, -1),
                Which::Next => calendar::weekday(day, weekday, 1),
                Which::This => {
                    let monday = calendar::week(day, 0)?.from;
                    calendar::day(calendar::add(monday, i64::from(weekday.to_monday_zero_offset()), Unit::Day)?)
                }
            };
        }
        if let Some(season) = season_named(name) {
            return self.of_year(which, |year| calendar::season(year, season));
        }
        if let Some((month, true)) = month_named(name).filter(|_| self.is_capital(at) || which != Which::This) {
            return self.of_year(which, |year| calendar::month(year, month));
        }
        match name {
            "weekend" => calendar::weekend(day, count),
            "week" | "month" | "year" => {
                let unit = unit_named(name)?;
                if which == Which::Past { self.window(which, 1, unit) } else { calendar::calendar(day, count, unit) }
            }
            _ => None,
        }
    }

    /// The last one that is over, the one of this year, or the first that has not begun.
    fn of_year(self, which: Which, days: impl Fn(i16) -> Option<Days>) -> Option<Days> {
        let (day, this) = (self.said_on, self.said_on.year());
        let near = || (this.saturating_sub(2)..=this.saturating_add(2)).filter_map(&days);
        match which {
            Which::Last | Which::Past => near().rfind(|days| days.until <= day),
            Which::This => near().find(|days| days.contains(day)).or_else(|| days(this)),
            Which::Next => near().find(|days| days.from > day),
        }
    }

    /// So many units up to today, or from tomorrow on.
    fn window(self, which: Which, count: i64, unit: Unit) -> Option<Days> {
        let tomorrow = self.said_on.tomorrow().ok()?;
        match which {
            Which::Next => calendar::span_of(tomorrow, count, unit),
            _ => Some(Days { from: calendar::add(self.said_on, -count, unit)?, until: tomorrow }),
        }
    }

    /// "three months ago", "a few days from now", "two weeks before" at the end of a clause.
    fn ago(self, at: usize) -> Option<(Days, usize)> {
        let (least, most, unit_at) = self.amount(at)?;
        let unit = unit_named(self.word(unit_at))?;
        let (sign, end) = match (self.word(unit_at + 1), self.word(unit_at + 2)) {
            ("ago", _) => (-1, unit_at + 2),
            ("from", "now" | "today") => (1, unit_at + 3),
            ("before" | "earlier", _) if self.ends_clause(unit_at + 2) => (-1, unit_at + 2),
            _ => return None,
        };
        Some((shifted(self.said_on, sign, least, most, unit)?, end))
    }

    /// Relative to a date beside it: "two weeks before 9 June", "the Sunday after A", "the week of A".
    pub fn offset(self, at: usize) -> Option<Dated> {
        let start = self.skip(at, "the");
        if let Some((least, most, unit_at)) = self.amount(start).filter(|(.., unit_at)| unit_named(self.word(*unit_at)).is_some())
        {
            let unit = unit_named(self.word(unit_at))?;
            let (sign, next) = self.side(unit_at + 1)?;
            let from = self.written(next)?;
            let day = if sign < 0 { from.days.from } else { calendar::add(from.days.until, -1, Unit::Day)? };
            return Some(Dated { days: shifted(day, sign, least, most, unit)?, ..from });
        }
        let name_at = if self.is(start, &["last", "first", "next"]) { start + 1 } else { start };
        let name = self.word(name_at);
        let unit = unit_named(name).filter(|unit| *unit != Unit::Hour);
        let weekday = weekday_named(name).filter(|(_, full)| *full);
        if unit.is_none() && weekday.is_none() && name != "weekend" {
            return None;
        }
        if self.is(name_at + 1, &["of"]) {
            let of = self.written(name_at + 2).filter(|of| of.days.count() == 1)?;
            let days = match name {
                "week" => calendar::week(of.days.from, 0),
                "weekend" => calendar::weekend(of.days.from, 0),
                _ => None,
            }?;
            return Some(Dated { days, ..of });
        }
        let (sign, next) = self.side(name_at + 1)?;
        let other = self.written(next)?;
        let Days { from, until } = other.days;
        let days = match (unit, weekday) {
            (Some(unit), _) if sign < 0 => Days { from: calendar::add(from, -1, unit)?, until: from },
            (Some(unit), _) => Days { from: until, until: calendar::add(until, 1, unit)? },
            (None, Some((weekday, _))) if sign < 0 => calendar::weekday(from, weekday, -1)?,
            (None, Some((weekday, _))) => calendar::weekday(until.yesterday().ok()?, weekday, 1)?,
            (None, None) if sign < 0 => calendar::weekend(from, -1)?,
            (None, None) => {
                calendar::weekend(until, 0).filter(|days| days.from >= until).or_else(|| calendar::weekend(until, 1))?
            }
        };
        Some(Dated { days, ..other })
    }

    /// The date that another one is told by; "before" something else than a date is no offset.
    fn written(self, at: usize) -> Option<Dated> {
        self.dated_after_lead(self.skip(at, "the")).or_else(|| self.dated_after_lead(at))
    }

    /// "before" or "after" as a sign, and the token after it.
    fn side(self, at: usize) -> Option<(i64, usize)> {
        match (self.word(at), self.word(at + 1)) {
            ("before", _) => Some((-1, at + 1)),
            ("prior", "to") => Some((-1, at + 2)),
            ("after" | "following", _) => Some((1, at + 1)),
            _ => None,
        }
    }

    /// "3", "two", "a", "a couple of", "a few", "several": least and most of it, and the token after it.
    fn amount(self, at: usize) -> Option<(u32, u32, usize)> {
        if let Some((count, _)) = self.number(at).filter(|(_, digits)| *digits <= 3) {
            let tail = at > 0 && self.is_glued(at) && !self.sign(at - 1, &['~', '(', '\'', '"', '\u{201c}']);
            return (!tail).then_some((count, count, at + 1));
        }
        let article = self.skip(at, "a");
        match self.word(article) {
            "couple" => Some((2, 2, self.skip(article + 1, "of"))),
            "few" | "several" => Some((2, 5, article + 1)),
            _ => number_named(self.word(at)).map(|count| (count, count, at + 1)),
        }
    }

    fn ends_clause(self, at: usize) -> bool {
        self.token(at).is_none() || self.sign(at, &['.', ',', '?', '!', ';', ')'])
    }
}

fn shifted(day: Date, sign: i64, least: u32, most: u32, unit: Unit) -> Option<Days> {
    let (least, most) = (sign * i64::from(least), sign * i64::from(most));
    if least == most {
        return calendar::around(day, least, unit);
    }
    let (from, last) = (least.min(most), least.max(most));
    Some(Days { from: calendar::add(day, from, unit)?, until: calendar::add(day, last, unit)?.tomorrow().ok()? })
}
