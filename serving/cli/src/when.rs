//! Moments as people write them: instants in many forms, positions on the log, and cuts.

use cubelog_memory::{Cut, Position, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

use crate::failure::{Failure, Result};

/// The text behind `cubelog help times`.
pub const HELP: &str = "\
Where a command takes a time:
  2026-03-01T09:30:00Z       RFC 3339, with Z or an offset such as +01:00
  2026-03-01 09:30[:15]      in the local time zone (TZ)
  2026-03-01                 the beginning of that day, local
  09:30                      today, local
  now, today, yesterday      today and yesterday at 00:00, local
  \"2 hours ago\", \"3d ago\"    and minutes, weeks, months, years

Two questions about time are different, and both are answered:
  --at        what did we know then? A time when something was recorded, or a place on the log
  --valid-at  what was true then? A time in the world, going by what is known (or was, with --at)

Where a command takes --at it also takes a place on the log:
  0:1841       partition and offset, as every answer prints them: that event and all before it
  @0:1842,1:77 a cut: everything below these offsets, as tokens are printed; unnamed partitions are left out";

/// A point in recorded time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    Time(Timestamp),
    Cut(Cut),
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            When::Time(time) => f.write_str(&rfc3339(*time)),
            When::Cut(cut) => write!(f, "{cut}"),
        }
    }
}

/// Reads a time or a place on the log.
pub fn moment(text: &str, now: &Zoned) -> Result<When> {
    if let Some(cut) = text.strip_prefix('@') {
        return cut.parse().map(When::Cut).map_err(|error: cubelog_memory::PositionError| Failure::usage(error.to_string()));
    }
    // "09:30" is a time of day and "0:1841" a place; a place of two digits on both sides is written as a cut.
    if text.parse::<jiff::civil::Time>().is_err() || !text.contains(':') || text.len() != 5 {
        if let Ok(position) = text.parse::<Position>() {
            let mut cut = Cut::start();
            cut.cover(position);
            return Ok(When::Cut(cut));
        }
        if text.contains(',')
            && let Ok(cut) = text.parse::<Cut>()
        {
            return Ok(When::Cut(cut));
        }
    }
    time(text, now).map(When::Time)
}

/// Reads an instant.
pub fn time(text: &str, now: &Zoned) -> Result<Timestamp> {
    instant(text.trim(), now).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no time"))
            .next("write 2026-03-01T09:30:00Z, 2026-03-01, \"2 hours ago\" or yesterday; `cubelog help times` lists all forms")
    })
}

fn instant(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(exact.as_microsecond()));
    }
    let zone = now.time_zone();
    let word = text.to_ascii_lowercase();
    let zoned = match word.as_str() {
        "now" => Some(now.clone()),
        "today" => now.start_of_day().ok(),
        "yesterday" => now.checked_sub(1.day()).ok()?.start_of_day().ok(),
        _ => match word.strip_suffix(" ago") {
            Some(span) => now.checked_sub(friendly(span)?).ok(),
            None => civil(text, now).and_then(|civil| civil.to_zoned(zone.clone()).ok()),
        },
    }?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
}

fn friendly(text: &str) -> Option<Span> {
    let text = match text.trim() {
        "an hour" => "1 hour",
        "a day" => "1 day",
        "a week" => "1 week",
        "a month" => "1 month",
        "a year" => "1 year",
        "a minute" => "1 minute",
        other => other,
    };
    text.parse::<Span>().ok().filter(|span| span.is_positive())
}

fn civil(text: &str, now: &Zoned) -> Option<DateTime> {
    if let Ok(date) = text.parse::<Date>()
        && text.len() == 10
    {
        return Some(date.to_datetime(jiff::civil::Time::midnight()));
    }
    if text.len() <= 8
        && let Ok(time) = text.parse::<jiff::civil::Time>()
    {
        return Some(now.date().to_datetime(time));
    }
    text.parse::<DateTime>().ok()
}

/// An instant in RFC 3339 with microseconds where it has any, UTC.
pub fn rfc3339(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.micros()) {
        Ok(time) => time.to_string(),
        Err(_) => time.micros().to_string(),
    }
}

/// An instant for people: local time to the second, shorter than RFC 3339.
pub fn local(text: &str, zone: &TimeZone) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-03-15T12:00:00+01:00[Europe/Paris]".parse().expect("a valid time")
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = moment(text, &now()).map(|when| when.to_string()).unwrap_or_else(|failure| failure.what);
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn every_documented_form_is_read() {
        check("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z");
        check("2026-03-01T09:30:00.5+01:00", "2026-03-01T08:30:00.5Z");
        check("2026-03-01 09:30", "2026-03-01T08:30:00Z");
        check("2026-03-01 09:30:15", "2026-03-01T08:30:15Z");
        check("2026-03-01T09:30", "2026-03-01T08:30:00Z");
        check("2026-03-01", "2026-02-28T23:00:00Z");
        check("09:30", "2026-03-15T08:30:00Z");
        check("now", "2026-03-15T11:00:00Z");
        check("Today", "2026-03-14T23:00:00Z");
        check("yesterday", "2026-03-13T23:00:00Z");
        check("2 hours ago", "2026-03-15T09:00:00Z");
        check("3d ago", "2026-03-12T11:00:00Z");
        check("a week ago", "2026-03-08T11:00:00Z");
        check("0:1841", "0:1842");
        check("@0:1842,1:77", "0:1842,1:77");
        check("0:12,3:4", "0:12,3:4");
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        for text in ["", "soon", "2026-13-01", "-3 days ago", "ago", "@0", "@x:1"] {
            assert!(moment(text, &now()).is_err(), "{text}");
        }
    }
}
