//! Civil dates in UTC, as little arithmetic as the rules need: no clock, no time zones.

use cubelog_memory::Timestamp;

const DAY: i64 = 86_400_000_000;

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Date {
    /// `None` if there is no such day.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let real = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month) && (-9999..=9999).contains(&year);
        real.then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01 (Howard Hinnant's algorithm).
    pub fn days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = i64::from((self.month + 9) % 12);
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    pub fn from_days(days: i64) -> Self {
        // Held to what a `Date` may be, so that arithmetic on absurd timestamps stays total.
        let shifted = days.clamp(-4_000_000, 2_900_000) + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Self { year: year as i32, month: month as u32, day: day as u32 }
    }

    pub fn of(time: Timestamp) -> Self {
        Self::from_days(time.0.div_euclid(DAY))
    }

    /// Midnight at its start.
    pub fn start(self) -> Timestamp {
        Timestamp(self.days().saturating_mul(DAY))
    }

    /// Midnight at its end.
    pub fn end(self) -> Timestamp {
        self.plus_days(1).start()
    }

    pub fn plus_days(self, days: i64) -> Self {
        Self::from_days(self.days().saturating_add(days))
    }

    /// The same day so many months on, or the last of that month.
    pub fn plus_months(self, months: i64) -> Self {
        let total = (i64::from(self.year) * 12 + i64::from(self.month) - 1).saturating_add(months).clamp(-119_000, 119_000);
        let (year, month) = (total.div_euclid(12) as i32, total.rem_euclid(12) as u32 + 1);
        Self { year, month, day: self.day.min(days_in(year, month)) }
    }

    /// 0 is Monday.
    pub fn weekday(self) -> u32 {
        (self.days() + 3).rem_euclid(7) as u32
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

pub fn days_in(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Easter Sunday (the anonymous Gregorian algorithm).
pub fn easter(year: i32) -> Option<Date> {
    let a = year.rem_euclid(19);
    let (b, c) = (year.div_euclid(100), year.rem_euclid(100));
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15).rem_euclid(30);
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4).rem_euclid(7);
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    Date::new(year, (sum / 31).try_into().ok()?, (sum % 31 + 1).try_into().ok()?)
}

/// Whole days from `a` to `b`; negative if `b` is earlier.
pub fn days_between(a: Timestamp, b: Timestamp) -> i64 {
    b.0.saturating_sub(a.0) / DAY
}
