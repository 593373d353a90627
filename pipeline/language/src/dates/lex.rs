//! A text as the pieces that dates are written with: runs of letters, runs of digits, single signs.

use jiff::civil::Weekday;

use super::calendar::{Season, Unit};
use crate::limits::readable;

#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// In lower case.
    Word(String),
    /// Up to nine digits; longer runs are signs.
    Number {
        value: u32,
        digits: usize,
    },
    Sign(char),
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub piece: Piece,
    pub start: usize,
    pub end: usize,
    /// Begins with a capital.
    pub capital: bool,
    /// Follows the token before without white space.
    pub glued: bool,
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let text = readable(text);
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if first.is_whitespace() {
            continue;
        }
        let alike: Option<fn(char) -> bool> = match first {
            c if c.is_ascii_digit() => Some(|c| c.is_ascii_digit()),
            c if c.is_alphabetic() => Some(|c| c.is_alphabetic()),
            _ => None,
        };
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = rest.next_if(|(_, c)| alike.is_some_and(|alike| alike(*c))) {
            end = at + c.len_utf8();
        }
        let slice = &text[start..end];
        let piece = match slice.parse::<u32>() {
            Ok(value) if slice.len() <= 9 && first.is_ascii_digit() => Piece::Number { value, digits: slice.len() },
            _ if first.is_alphabetic() && slice.len() <= 24 => Piece::Word(slice.to_lowercase()),
            // A word too long for the calendar is a word all the same.
            _ if first.is_alphabetic() => Piece::Word(String::new()),
            _ => Piece::Sign(first),
        };
        let glued = tokens.last().is_some_and(|last| last.end == start);
        tokens.push(Token { piece, start, end, capital: first.is_uppercase(), glued });
    }
    tokens
}

/// A month's number and whether the word is its full name.
pub(super) fn month_named(word: &str) -> Option<(i8, bool)> {
    const FULL: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if let Some(at) = FULL.iter().position(|full| *full == word) {
        return Some((at as i8 + 1, true));
    }
    let short = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let word = if word == "sept" { "sep" } else { word };
    short.iter().position(|short| *short == word).map(|at| (at as i8 + 1, false))
}

/// A weekday and whether the word is its full name.
pub(super) fn weekday_named(word: &str) -> Option<(Weekday, bool)> {
    let (weekday, full) = match word {
        "monday" | "mon" => (Weekday::Monday, "monday"),
        "tuesday" | "tue" | "tues" => (Weekday::Tuesday, "tuesday"),
        "wednesday" | "wed" => (Weekday::Wednesday, "wednesday"),
        "thursday" | "thu" | "thur" | "thurs" => (Weekday::Thursday, "thursday"),
        "friday" | "fri" => (Weekday::Friday, "friday"),
        "saturday" | "sat" => (Weekday::Saturday, "saturday"),
        "sunday" | "sun" => (Weekday::Sunday, "sunday"),
        _ => return None,
    };
    Some((weekday, word == full))
}

pub(super) fn season_named(word: &str) -> Option<Season> {
    match word {
        "spring" => Some(Season::Spring),
        "summer" => Some(Season::Summer),
        "autumn" | "fall" => Some(Season::Autumn),
        "winter" => Some(Season::Winter),
        _ => None,
    }
}

pub(super) fn unit_named(word: &str) -> Option<Unit> {
    match word {
        "minute" | "minutes" | "hour" | "hours" => Some(Unit::Hour),
        "day" | "days" => Some(Unit::Day),
        "week" | "weeks" => Some(Unit::Week),
        "month" | "months" => Some(Unit::Month),
        "year" | "years" => Some(Unit::Year),
        _ => None,
    }
}

pub(super) fn number_named(word: &str) -> Option<u32> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    match word {
        "a" | "an" => Some(1),
        word => NUMBERS.iter().position(|number| *number == word).map(|at| at as u32),
    }
}

pub(super) fn ordinal_named(word: &str) -> Option<i32> {
    match word {
        "first" => Some(1),
        "second" => Some(2),
        "third" => Some(3),
        "fourth" => Some(4),
        "fifth" => Some(5),
        "last" => Some(-1),
        _ => None,
    }
}

/// Words after a number of four digits that show it to be a count and no year.
pub(super) fn is_counted(word: &str) -> bool {
    const COUNTED: &[&str] =
        &["people", "men", "women", "children", "feet", "percent", "kg", "km", "usd", "euro", "meter", "mile"];
    const NOT: &[&str] =
        &["was", "is", "has", "does", "this", "as", "his", "its", "us", "plus", "yes", "always", "perhaps", "whereas"];
    COUNTED.contains(&word) || (word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !NOT.contains(&word))
}
