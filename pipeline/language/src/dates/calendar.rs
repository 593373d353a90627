//! Days, weeks, months, seasons and years as half-open ranges of civil days.

use jiff::civil::{Date, Weekday, date};
use jiff::{Span, ToSpan as _};

/// From the first day to the day after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub from: Date,
    pub until: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Of the northern half of the world, by whole months; a winter belongs to the year in which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Season {
    Spring,
    Summer,
    Autumn,
    Winter,
}

impl Days {
    pub fn contains(self, day: Date) -> bool {
        self.from <= day && day < self.until
    }

    pub fn count(self) -> i64 {
        days_between(self.from, self.until)
    }

    /// How many days lie between the range and a day outside it; 0 for a day inside.
    pub fn distance(self, day: Date) -> i64 {
        if self.contains(day) { 0 } else { days_between(self.from, day).abs().min(days_between(self.until, day).abs() + 1) }
    }

    /// One of `of` equal shares, counted from 0.
    pub fn share(self, index: i64, of: i64) -> Option<Self> {
        let count = self.count();
        let from = add(self.from, count * index / of, Unit::Day)?;
        let until = if index + 1 == of { self.until } else { add(self.from, count * (index + 1) / of, Unit::Day)? };
        Some(Self { from, until })
    }
}

fn days_between(from: Date, until: Date) -> i64 {
    until.duration_since(from).as_hours() / 24
}

/// A day moved by `count` units; `None` beyond the years that the calendar knows.
pub(super) fn add(day: Date, count: i64, unit: Unit) -> Option<Date> {
    let span = match unit {
        Unit::Hour => Span::new().try_days(count / 24),
        Unit::Day => Span::new().try_days(count),
        Unit::Week => Span::new().try_weeks(count),
        Unit::Month => Span::new().try_months(count),
        Unit::Year => Span::new().try_years(count),
    };
    day.checked_add(span.ok()?).ok()
}

pub(super) fn span_of(from: Date, count: i64, unit: Unit) -> Option<Days> {
    Some(Days { from, until: add(from, count, unit)? })
}

pub(super) fn day(day: Date) -> Option<Days> {
    span_of(day, 1, Unit::Day)
}

/// The week from Monday that holds `day`, moved by `weeks`.
pub(super) fn week(day: Date, weeks: i64) -> Option<Days> {
    let monday = add(day, -i64::from(day.weekday().to_monday_zero_offset()), Unit::Day)?;
    span_of(add(monday, weeks, Unit::Week)?, 1, Unit::Week)
}

/// Saturday and Sunday of that week.
pub(super) fn weekend(day: Date, weeks: i64) -> Option<Days> {
    let week = week(day, weeks)?;
    Some(Days { from: add(week.from, 5, Unit::Day)?, until: week.until })
}

/// A month of a year, 1 to 12.
pub(super) fn month(year: i16, month: i8) -> Option<Days> {
    span_of(Date::new(year, month, 1).ok()?, 1, Unit::Month)
}

pub(super) fn year(year: i16) -> Option<Days> {
    span_of(Date::new(year, 1, 1).ok()?, 1, Unit::Year)
}

pub(super) fn season(year: i16, season: Season) -> Option<Days> {
    let first = match season {
        Season::Spring => 3,
        Season::Summer => 6,
        Season::Autumn => 9,
        Season::Winter => 12,
    };
    span_of(Date::new(year, first, 1).ok()?, 3, Unit::Month)
}

/// The last such weekday before `day`, or the first after it.
pub(super) fn weekday(day: Date, weekday: Weekday, nth: i32) -> Option<Days> {
    self::day(day.nth_weekday(nth, weekday).ok()?)
}

/// The calendar unit that holds `day`, moved by `count` of them.
pub(super) fn calendar(day: Date, count: i64, unit: Unit) -> Option<Days> {
    match unit {
        Unit::Hour | Unit::Day => self::day(add(day, count, unit)?),
        Unit::Week => week(day, count),
        Unit::Month => {
            let first = add(day.first_of_month(), count, unit)?;
            month(first.year(), first.month())
        }
        Unit::Year => year(day.first_of_year().checked_add(count.years()).ok()?.year()),
    }
}

/// What "`count` units ago" may mean: counting in weeks or months is not exact to the day.
pub(super) fn around(day: Date, count: i64, unit: Unit) -> Option<Days> {
    let centre = add(day, count, unit)?;
    match unit {
        Unit::Hour | Unit::Day => self::day(centre),
        Unit::Week => Some(Days { from: add(centre, -3, Unit::Day)?, until: add(centre, 4, Unit::Day)? }),
        Unit::Month => Some(Days { from: add(centre, -15, Unit::Day)?, until: add(centre, 16, Unit::Day)? }),
        Unit::Year => year(centre.year()),
    }
}

/// Microseconds from 1970-01-01T00:00:00Z to the start of `day` in UTC.
pub(super) fn micros(day: Date) -> i64 {
    let micros = day.duration_since(date(1970, 1, 1)).as_micros();
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

/// The day in UTC of an instant in microseconds; instants beyond the calendar give its first or last day.
pub(super) fn day_of(micros: i64) -> Date {
    let days = micros.div_euclid(24 * 60 * 60 * 1_000_000);
    let end = if days < 0 { Date::MIN } else { Date::MAX };
    add(date(1970, 1, 1), days, Unit::Day).unwrap_or(end)
}
