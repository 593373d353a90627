//! Dates that are written out: numeric ones, a day of a month, a month, a season, a year, a weekday.

use jiff::civil::Date;

use super::calendar::{self, Days, Unit};
use super::lex::{is_counted, month_named, season_named, weekday_named};
use super::parser::{Dated, Parser};
use super::{Grounding, Leaning};

impl Parser<'_> {
    /// A written date at `at`. Where `lead` is false nothing before it promises a date, and what may be another word is none.
    pub fn absolute(self, at: usize, lead: bool) -> Option<Dated> {
        if self.number(at).is_some() && self.continues_a_number(at) {
            return None;
        }
        (self.numeric(at, lead))
            .or_else(|| self.day_first(at, lead))
            .or_else(|| self.month_first(at, lead))
            .or_else(|| self.seasonal(at))
            .or_else(|| self.year_alone(at, lead))
            .or_else(|| self.weekday(at))
    }

    /// "2023-05-07", "2023/5/7", "5/7/2023", "7.5.2023"; "2023-05" after a word that promises a date.
    fn numeric(self, at: usize, lead: bool) -> Option<Dated> {
        let (first, digits) = self.number(at)?;
        let separator = ['-', '/', '.'].into_iter().find(|sign| self.is_glued(at + 1) && self.sign(at + 1, &[*sign]))?;
        let (second, second_digits) = self.number(at + 2).filter(|_| self.is_glued(at + 2))?;
        let third = || {
            let joined = self.is_glued(at + 3) && self.sign(at + 3, &[separator]) && self.is_glued(at + 4);
            self.number(at + 4).filter(|_| joined)
        };
        let written = |days: Days, end: usize| Some(Dated { days, grounding: Grounding::Written, end });
        let Some((third, third_digits)) = third() else {
            let month = digits == 4 && second_digits == 2 && separator == '-' && lead && is_year(first);
            let end = at + 3;
            let ends = !(self.is_glued(end) && (self.sign(end, &['-', '.', '/', '%']) || !self.word(end).is_empty()));
            return if month && ends { written(calendar::month(first as i16, second as i8)?, end) } else { None };
        };
        let day = |year: u32, month: u32, day: u32| {
            let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
            is_year(year).then_some(date)
        };
        let date = match (digits, third_digits, separator) {
            (4, 1..=2, '-' | '/') => day(first, second, third),
            (1..=2, 4, '/') => day(third, first, second).or_else(|| day(third, second, first)),
            (1..=2, 4, '.' | '-') => day(third, second, first),
            _ => None,
        }?;
        written(calendar::day(date)?, at + 5)
    }

    /// "7 May 2023", "7th of May", "5-7 May".
    fn day_first(self, at: usize, lead: bool) -> Option<Dated> {
        let (first, next, ordinal) = self.day_number(at)?;
        let to = self.sign(next, &['-', '\u{2013}']) || self.is(next, &["to", "and"]);
        let (last, next, ordinal) = match self.day_number(next + 1).filter(|_| to) {
            Some((last, next, also)) => (last, next, ordinal || also),
            None => (first, next, ordinal),
        };
        let of = self.skip(next, "of");
        let (month, _) = month_named(self.word(of))?;
        let end = self.abbreviated(of);
        let year = self.year_after(end);
        let sure = year.is_some() || ordinal || of > next || lead || self.follows(at, &["on"]);
        (sure || self.is_clear_month(of)).then_some(())?;
        self.days_of_month(first, last, month, year, end)
    }

    /// "May 7, 2023", "May 5-7", "May 2023", "May".
    fn month_first(self, at: usize, lead: bool) -> Option<Dated> {
        let (month, full) = month_named(self.word(at))?;
        let end = self.abbreviated(at);
        let the = self.skip(end, "the");
        if let Some((first, next, ordinal)) = self.day_number(the) {
            let to = self.sign(next, &['-', '\u{2013}']);
            let (last, end) = match self.day_number(next + 1).filter(|_| to) {
                Some((last, end, _)) => (last, end),
                None => (first, next),
            };
            let year = self.year_after(end);
            let sure = year.is_some() || ordinal || self.follows(at, &["on", "since", "by", "until", "of"]);
            if sure || self.is_clear_month(at) {
                return self.days_of_month(first, last, month, year, end);
            }
            return None;
        }
        if let Some((year, end)) = self.year_after(self.skip(end, "of")) {
            return Some(Dated { days: calendar::month(year, month)?, grounding: Grounding::Written, end });
        }
        (full && self.is_bare_month(at, lead)).then_some(())?;
        let days = self.place(|year| calendar::month(year, month))?;
        Some(Dated { days, grounding: Grounding::YearAssumed, end })
    }

    fn days_of_month(self, first: i8, last: i8, month: i8, year: Option<(i16, usize)>, end: usize) -> Option<Dated> {
        let range = |year: i16| {
            let until = calendar::add(Date::new(year, month, last).ok()?, 1, Unit::Day)?;
            Some(Days { from: Date::new(year, month, first).ok()?, until }).filter(|_| first <= last)
        };
        match year {
            Some((year, end)) => Some(Dated { days: range(year)?, grounding: Grounding::Written, end }),
            None => Some(Dated { days: self.place(range)?, grounding: Grounding::YearAssumed, end }),
        }
    }

    /// "summer 2021", "the winter of 2021".
    fn seasonal(self, at: usize) -> Option<Dated> {
        let at = self.skip(at, "the");
        let season = season_named(self.word(at))?;
        let (year, end) = self.year_after(self.skip(at + 1, "of"))?;
        Some(Dated { days: calendar::season(year, season)?, grounding: Grounding::Written, end })
    }

    /// "in 2022", "the year 2022".
    fn year_alone(self, at: usize, lead: bool) -> Option<Dated> {
        let at = self.skip(self.skip(at, "the"), "year");
        let year = self.year_at(at)?;
        (lead || self.follows(at, &["year"])).then_some(())?;
        Some(Dated { days: calendar::year(year)?, grounding: Grounding::Written, end: at + 1 })
    }

    /// "on Friday", "Friday"; with a date after it the date tells: "Sunday, 7 May 2023".
    fn weekday(self, at: usize) -> Option<Dated> {
        let (weekday, full) = weekday_named(self.word(at))?;
        let comma = if self.sign(at + 1, &[',']) { at + 2 } else { at + 1 };
        let comma = self.skip(self.skip(comma, "on"), "the");
        let date = self.day_first(comma, true).or_else(|| self.month_first(comma, false)).or_else(|| self.numeric(comma, true));
        if let Some(date) = date {
            return Some(date);
        }
        // "a Sunday drive", "every Friday", "Black Friday": no one day.
        let named =
            at > 0 && self.is_capital(at - 1) && !self.is(at - 1, &["on", "this", "last", "next", "and", "until", "since"]);
        let any = self.follows(at, &["a", "every", "each", "any", "most", "some", "one"]);
        let told = self.follows(at, &["on", "until", "since", "by", "before", "after"]);
        let titled = self.is_capital(at + 1) && !self.is(at + 1, &["i", "morning", "afternoon", "evening", "night"]) && !told;
        ((told || full) && self.is_capital(at) && !named && !any && !titled).then_some(())?;
        let today = calendar::day(self.said_on)?;
        let days = if self.said_on.weekday() == weekday {
            today
        } else {
            let before = calendar::weekday(self.said_on, weekday, -1)?;
            let after = calendar::weekday(self.said_on, weekday, 1)?;
            let back = self.leaning == Leaning::Past || before.distance(self.said_on) <= after.distance(self.said_on);
            if back { before } else { after }
        };
        Some(Dated { days, grounding: Grounding::Relative, end: at + 1 })
    }

    /// The year of a date that is written without one.
    fn place(self, of_year: impl Fn(i16) -> Option<Days>) -> Option<Days> {
        let this = self.said_on.year();
        // Four years each way reach a 29 February on all sides but those of 1900 and 2100.
        let candidates = (this.saturating_sub(4)..=this.saturating_add(4)).rev().filter_map(of_year);
        match self.leaning {
            Leaning::Past => candidates.into_iter().find(|days| days.from <= self.said_on),
            Leaning::Nearest => candidates.min_by_key(|days| days.distance(self.said_on)),
        }
    }

    /// A day of the month, the token after it, and whether it is written as an ordinal.
    fn day_number(self, at: usize) -> Option<(i8, usize, bool)> {
        let (day, _) = self.number(at).filter(|(day, digits)| (1..=31).contains(day) && *digits <= 2)?;
        let ordinal = self.has_ordinal_ending(at + 1);
        let next = if ordinal { at + 2 } else { at + 1 };
        let more = self.is_glued(next) && self.sign(next, &['.', ':', '/', '%', '$', '\u{20ac}']);
        let continues = more && (self.sign(next, &['%']) || self.number(next + 1).is_some_and(|_| self.is_glued(next + 1)));
        let spelt_on = self.is_glued(next) && !self.word(next).is_empty();
        (!continues && !spelt_on).then_some((day as i8, next, ordinal))
    }

    /// A year after a date, perhaps behind a comma, and the token after it: "2023", "last year", "of this year".
    fn year_after(self, at: usize) -> Option<(i16, usize)> {
        let at = if self.sign(at, &[',']) { at + 1 } else { at };
        if let Some(year) = self.year_at(at) {
            return Some((year, at + 1));
        }
        let at = self.skip(at, "of");
        let away = match self.word(at) {
            "last" => -1,
            "this" => 0,
            "next" => 1,
            _ => return None,
        };
        Some((self.said_on.year().checked_add(away)?, self.is(at + 1, &["year"]).then_some(at + 2)?))
    }

    fn year_at(self, at: usize) -> Option<i16> {
        let (year, _) = self.number(at).filter(|(year, digits)| *digits == 4 && is_year(*year))?;
        let next = at + 1;
        let glued_word = self.is_glued(next) && !self.word(next).is_empty();
        let decimal = self.sign(next, &['.', ',', ':', '/', '-']) && self.is_glued(next) && self.is_glued(next + 1);
        let goes_on = decimal && self.number(next + 1).is_some();
        let counts = is_counted(self.word(next)) && !self.is_glued(next);
        (!glued_word && !goes_on && !counts && !self.sign(next, &['%', '$', '\u{20ac}', '\u{b0}'])).then_some(year as i16)
    }

    /// Past the full stop of "Aug."
    fn abbreviated(self, at: usize) -> usize {
        let short = month_named(self.word(at)).is_some_and(|(_, full)| !full);
        if short && self.is_glued(at + 1) && self.sign(at + 1, &['.']) { at + 2 } else { at + 1 }
    }

    /// A month beside a day: "7 May", but not "5 may be", "march 5 miles".
    fn is_clear_month(self, at: usize) -> bool {
        !self.is(at, &["may", "march", "mar", "sun", "dec", "jan"]) || self.is_capital(at)
    }

    /// A month without day or year; several are also words or first names.
    fn is_bare_month(self, at: usize, lead: bool) -> bool {
        let capital = self.is_capital(at);
        let firmly = self.follows(at, &["in", "since", "during", "until", "early", "late", "mid", "of"]);
        // "in August Wilson's play"
        let named = self.is_capital(at + 1) && !self.is(at + 1, &["i"]) && !self.is_glued(at + 1);
        match self.word(at) {
            "may" | "march" => lead && !named && (capital || firmly) && !self.follows(at, &["of", "for"]) | capital,
            "april" | "june" | "august" => lead && capital && !named || firmly && !named,
            _ => capital || lead,
        }
    }

    fn follows(self, at: usize, words: &[&str]) -> bool {
        let direct = at.checked_sub(1).is_some_and(|before| self.is(before, words));
        let beyond_the = at.checked_sub(2).is_some_and(|before| self.is(before + 1, &["the"]) && self.is(before, words));
        direct || beyond_the
    }

    /// A number that is only the tail of another: "1,2023" is none, but "December 1,2023" is told by its month.
    fn continues_a_number(self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).filter(|_| self.is_glued(at)) else { return false };
        let after_word =
            !self.word(before).is_empty() || self.sign(before, &['$', '\u{20ac}', '\u{a3}', '#', '@', '_', '=', '+', '-', '/']);
        let tail = self.sign(before, &['.', ',', ':']) && self.is_glued(before);
        let of_number = before.checked_sub(1).is_some_and(|number| self.number(number).is_some());
        after_word || (tail && of_number)
    }
}

fn is_year(year: u32) -> bool {
    (1800..2200).contains(&year)
}
