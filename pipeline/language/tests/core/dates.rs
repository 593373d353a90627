//! Dates: one table of what is found, one of what is none.

use cubelog_language::dates::{day_of, find};
use cubelog_language::{DateMention, Grounding, Leaning, Precision};
use jiff::civil::{Date, date};

/// A Friday.
const SAID_ON: Date = date(2023, 6, 16);

fn shown(text: &str, mention: &DateMention) -> String {
    let end = |day: Option<Date>| day.map_or_else(String::new, |day| day.to_string());
    let grounding = match mention.grounding {
        Grounding::Written => "",
        Grounding::YearAssumed => " ~year",
        Grounding::Relative => " rel",
    };
    format!("{}: {}..{}{grounding}", &text[mention.span.clone()], end(mention.from), end(mention.until))
}

fn check(leaning: Leaning, cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found: Vec<String> = find(text, SAID_ON, leaning).iter().map(|mention| shown(text, mention)).collect();
        if found != *expected {
            wrong.push(format!("{text:?}\n   found {found:?}\n  wanted {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn written_dates() {
    check(
        Leaning::Past,
        &[
            ("What happened on 7 May 2023?", &["7 May 2023: 2023-05-07..2023-05-08"]),
            ("on the 7th of May, 2023", &["7th of May, 2023: 2023-05-07..2023-05-08"]),
            ("On May 7th, 2023 she left", &["May 7th, 2023: 2023-05-07..2023-05-08"]),
            ("on December 1,2022 taken", &["December 1,2022: 2022-12-01..2022-12-02"]),
            ("met on Aug. 15 2022", &["Aug. 15 2022: 2022-08-15..2022-08-16"]),
            ("due 2023-05-07T10:00:00Z", &["2023-05-07: 2023-05-07..2023-05-08"]),
            ("born 2021/3/9.", &["2021/3/9: 2021-03-09..2021-03-10"]),
            ("on 5/7/2023", &["5/7/2023: 2023-05-07..2023-05-08"]),
            ("on 25/7/2022", &["25/7/2022: 2022-07-25..2022-07-26"]),
            ("am 07.05.2023", &["07.05.2023: 2023-05-07..2023-05-08"]),
            ("Sunday, 7 May 2023 was warm", &["Sunday, 7 May 2023: 2023-05-07..2023-05-08"]),
            ("in May 2023?", &["May 2023: 2023-05-01..2023-06-01"]),
            ("in may 2023", &["may 2023: 2023-05-01..2023-06-01"]),
            ("in 2022", &["2022: 2022-01-01..2023-01-01"]),
            ("How often in 2022 has she run?", &["2022: 2022-01-01..2023-01-01"]),
            ("in summer 2021", &["summer 2021: 2021-06-01..2021-09-01"]),
            ("the winter of 2021", &["the winter of 2021: 2021-12-01..2022-03-01"]),
            ("the trip of May 5-7, 2023", &["May 5-7, 2023: 2023-05-05..2023-05-08"]),
            ("the 5-7 May 2023 trip", &["5-7 May 2023: 2023-05-05..2023-05-08"]),
            ("31 February 2023", &["February 2023: 2023-02-01..2023-03-01"]),
            ("29 February 2024", &["29 February 2024: 2024-02-29..2024-03-01"]),
        ],
    );
}

#[test]
fn dates_without_a_year() {
    check(
        Leaning::Past,
        &[
            ("on 7 May", &["7 May: 2023-05-07..2023-05-08 ~year"]),
            ("in August", &["August: 2022-08-01..2022-09-01 ~year"]),
            ("in June", &["June: 2023-06-01..2023-07-01 ~year"]),
            ("what did I do in may", &["may: 2023-05-01..2023-06-01 ~year"]),
            ("on 29 February", &["29 February: 2020-02-29..2020-03-01 ~year"]),
            ("In October we moved", &["October: 2022-10-01..2022-11-01 ~year"]),
            ("last week of August", &["last week of August: 2022-08-25..2022-09-01 ~year"]),
            ("in the second week of November", &["the second week of November: 2022-11-08..2022-11-15 ~year"]),
            ("in early May", &["early May: 2023-05-01..2023-05-11 ~year"]),
            ("Mid-March it rained", &["Mid-March: 2023-03-11..2023-03-21 ~year"]),
            ("launched in March last year", &["March last year: 2022-03-01..2022-04-01"]),
            ("on Tuesday", &["Tuesday: 2023-06-13..2023-06-14 rel"]),
        ],
    );
    check(
        Leaning::Nearest,
        &[
            ("we go in August", &["August: 2023-08-01..2023-09-01 ~year"]),
            ("see you on 1 July", &["1 July: 2023-07-01..2023-07-02 ~year"]),
            ("see you on Sunday", &["Sunday: 2023-06-18..2023-06-19 rel"]),
        ],
    );
}

#[test]
fn relative_dates() {
    check(
        Leaning::Past,
        &[
            ("I went yesterday.", &["yesterday: 2023-06-15..2023-06-16 rel"]),
            ("the day before yesterday", &["the day before yesterday: 2023-06-14..2023-06-15 rel"]),
            ("tonight or tomorrow", &["tonight: 2023-06-16..2023-06-17 rel", "tomorrow: 2023-06-17..2023-06-18 rel"]),
            ("last night", &["last night: 2023-06-15..2023-06-16 rel"]),
            ("last May", &["last May: 2023-05-01..2023-06-01 rel"]),
            ("last June", &["last June: 2022-06-01..2022-07-01 rel"]),
            ("next May", &["next May: 2024-05-01..2024-06-01 rel"]),
            ("last Friday", &["last Friday: 2023-06-09..2023-06-10 rel"]),
            ("last Fri I took", &["last Fri: 2023-06-09..2023-06-10 rel"]),
            ("this past Monday", &["this past Monday: 2023-06-12..2023-06-13 rel"]),
            ("next Friday", &["next Friday: 2023-06-23..2023-06-24 rel"]),
            ("last week", &["last week: 2023-06-05..2023-06-12 rel"]),
            ("last weekend", &["last weekend: 2023-06-10..2023-06-12 rel"]),
            ("this weekend", &["this weekend: 2023-06-17..2023-06-19 rel"]),
            ("next month", &["next month: 2023-07-01..2023-08-01 rel"]),
            ("last year", &["last year: 2022-01-01..2023-01-01 rel"]),
            ("the past year", &["the past year: 2022-06-16..2023-06-17 rel"]),
            ("this summer", &["this summer: 2023-06-01..2023-09-01 rel"]),
            ("last summer", &["last summer: 2022-06-01..2022-09-01 rel"]),
            ("last winter", &["last winter: 2022-12-01..2023-03-01 rel"]),
            ("three months ago", &["three months ago: 2023-03-01..2023-04-01 rel"]),
            ("2 weeks ago", &["2 weeks ago: 2023-05-30..2023-06-06 rel"]),
            ("two days ago", &["two days ago: 2023-06-14..2023-06-15 rel"]),
            ("4 years ago", &["4 years ago: 2019-01-01..2020-01-01 rel"]),
            ("a few weeks ago", &["a few weeks ago: 2023-05-12..2023-06-03 rel"]),
            ("a couple of days ago", &["a couple of days ago: 2023-06-14..2023-06-15 rel"]),
            ("a year ago", &["a year ago: 2022-01-01..2023-01-01 rel"]),
            ("two weeks from now", &["two weeks from now: 2023-06-27..2023-07-04 rel"]),
            ("in the last three months", &["the last three months: 2023-03-16..2023-06-17 rel"]),
            ("What did she do two weeks before?", &["two weeks before: 2023-05-30..2023-06-06 rel"]),
            ("by the end of the month", &["the end of the month: 2023-06-21..2023-07-01 rel"]),
        ],
    );
}

#[test]
fn dates_told_by_another_date() {
    check(
        Leaning::Past,
        &[
            ("the week before 9 June 2022", &["the week before 9 June 2022: 2022-06-02..2022-06-09"]),
            ("the week before 9 June", &["the week before 9 June: 2023-06-02..2023-06-09 ~year"]),
            ("two weeks before August 11, 2022", &["two weeks before August 11, 2022: 2022-07-25..2022-08-01"]),
            ("the Sunday before October 25, 2022", &["the Sunday before October 25, 2022: 2022-10-23..2022-10-24"]),
            ("last weekend before April 10, 2023", &["last weekend before April 10, 2023: 2023-04-08..2023-04-10"]),
            ("the weekend after 1 May 2023", &["the weekend after 1 May 2023: 2023-05-06..2023-05-08"]),
            ("the day after 31 December 2022", &["the day after 31 December 2022: 2023-01-01..2023-01-02"]),
            ("last Friday on 23 January, 2022", &["last Friday on 23 January, 2022: 2022-01-21..2022-01-22"]),
            ("last week, as mentioned on May 9, 2022", &["last week, as mentioned on May 9, 2022: 2022-05-02..2022-05-09"]),
            ("the week of 9 June 2022", &["the week of 9 June 2022: 2022-06-06..2022-06-13"]),
            ("the beginning of November 2022", &["the beginning of November 2022: 2022-11-01..2022-11-11"]),
            ("the first half of September 2022", &["the first half of September 2022: 2022-09-01..2022-09-16"]),
            ("the last Sunday of June 2022", &["the last Sunday of June 2022: 2022-06-26..2022-06-27"]),
            ("the first weekend of May 2023", &["the first weekend of May 2023: 2023-05-06..2023-05-08"]),
            ("the last day of February 2024", &["the last day of February 2024: 2024-02-29..2024-03-01"]),
        ],
    );
}

#[test]
fn intervals_and_open_ends() {
    check(
        Leaning::Past,
        &[
            ("between August 11 and August 15 2022", &["between August 11 and August 15 2022: 2022-08-11..2022-08-16"]),
            ("from May to July 2022", &["from May to July 2022: 2022-05-01..2022-08-01"]),
            ("from 2019 until 2021", &["from 2019 until 2021: 2019-01-01..2022-01-01"]),
            ("before May 2022", &["before May 2022: ..2022-05-01"]),
            ("since 2021", &["since 2021: 2021-01-01.."]),
            ("after 7 May 2023", &["after 7 May 2023: 2023-05-08.."]),
            ("won by July 10, 2022", &["by July 10, 2022: ..2022-07-11"]),
            ("since last May", &["since last May: 2023-05-01.. rel"]),
            ("after last week's game", &["last week: 2023-06-05..2023-06-12 rel"]),
        ],
    );
}

#[test]
fn what_is_no_date() {
    let none = [
        "May I ask you something?",
        "You may 5 times try",
        "It may be so, and may 2 people come?",
        "march on, soldiers",
        "They march 5 miles",
        "Give me a second",
        "the second thing",
        "The puzzle comes in 2000 pieces",
        "It sold in 2022 copies",
        "after 2000 people came",
        "in $2000 steps",
        "costs 2023 dollars",
        "version 2023.05.1.2",
        "call 555-2010-12",
        "p2023 and x2-2023",
        "sat down in the sun",
        "mon ami wed her",
        "We go every Friday",
        "a Sunday drive",
        "on Fridays",
        "Black Friday sales",
        "next time, last one, this way",
        "before meeting Maria",
        "in the fall he broke his arm",
        "two weeks before the wedding we met",
        "for two weeks",
        "I spoke with April and June",
        "an august body",
        "32 May",
        "13/13/2023",
        "2023-13-45",
        "99999999999999999999",
        "1.5 of 2.5",
        "ten past last",
        "the start of week 2",
    ];
    let found: Vec<String> = none
        .iter()
        .flat_map(|text| {
            find(text, SAID_ON, Leaning::Past).into_iter().map(move |mention| format!("{text:?}: {}", shown(text, &mention)))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn precision_follows_the_length() {
    let precision = |text: &str| find(text, SAID_ON, Leaning::Past)[0].precision();
    assert_eq!(precision("on 7 May 2023"), Precision::Day);
    assert_eq!(precision("last week"), Precision::Week);
    assert_eq!(precision("in May 2023"), Precision::Month);
    assert_eq!(precision("in summer 2021"), Precision::Season);
    assert_eq!(precision("in 2021"), Precision::Year);
    assert_eq!(precision("since 2021"), Precision::Open);
}

#[test]
fn instants_are_utc_and_half_open() {
    let mention = &find("on 1970-01-02", SAID_ON, Leaning::Past)[0];
    assert_eq!(mention.micros(), 86_400_000_000..172_800_000_000);
    assert_eq!(find("before 1970-01-02", SAID_ON, Leaning::Past)[0].micros(), i64::MIN..86_400_000_000);
    assert_eq!(day_of(-1), date(1969, 12, 31));
    assert_eq!(day_of(86_400_000_000), date(1970, 1, 2));
    assert_eq!((day_of(i64::MIN), day_of(i64::MAX)), (Date::MIN, Date::MAX));
}

#[test]
fn the_ends_of_the_calendar_are_no_error() {
    for day in [Date::MIN, Date::MAX] {
        for leaning in [Leaning::Past, Leaning::Nearest] {
            for text in
                ["last year", "next week", "999 years ago", "yesterday", "tomorrow", "in May", "on Friday", "next weekend"]
            {
                find(text, day, leaning);
            }
        }
    }
}
