//! What models write around, into and instead of the JSON that they were asked for.

use cubelog_extract::{Extracted, OutputError, read_output, write_output};
use cubelog_memory::{SemanticType, Timestamp};
use proptest::prelude::*;

/// Kind, text and sources of each statement, as one line.
fn read(raw: &str) -> Vec<String> {
    let statements = read_output(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
    statements.iter().map(|s| format!("{} {:?} {}", s.kind, s.sources, s.text)).collect()
}

#[test]
fn statements_are_found_in_whatever_stands_around_them() {
    let one = r#"{"kind":"fact","text":"Ana has a dog.","sources":["T1"]}"#;
    let expected = ["fact [0] Ana has a dog."];
    for raw in [
        format!(r#"{{"statements":[{one}]}}"#),
        format!("```json\n{{\"statements\":[{one}]}}\n```\nLet me know if you need more {{detail}}!"),
        format!("Sure! Here is the JSON:\n\n{{\"statements\": [{one}]}}"),
        format!("<think>perhaps {{\"statements\":[{{\"text\":\"a draft\",\"sources\":[\"T1\"]}}]}}</think>[{one}]"),
        one.to_owned(),
        format!(r#"{{"result":{{"memories":[{one}],"note":null,"confidence":[0.5,{{}}]}}}}"#),
        // Cut off in the second statement, as by a token limit.
        format!(r#"{{"statements":[{one},{{"kind":"fact","text":"Ana ha"#),
        // Repeated, with other case and stops: one statement.
        format!(r#"{{"statements":[{one},{one},{{"kind":"fact","text":"ana has a DOG","sources":[1]}}]}}"#),
    ] {
        assert_eq!(read(&raw), expected, "{raw}");
    }
}

#[test]
fn sorts_sources_and_fields_are_read_in_many_forms() {
    let raw = r#"{"statements":[
        {"type":"Preference","statement":"Ana likes tea.","source":"T2","confidence":0.9,"tags":["x"]},
        {"category":"hobby","fact":"Ana paints.","turns":"[T1, t3]"},
        {"kind":"profile","text":"  Ana\tlives\n in Graz.\u0000 ","sources":[3,"T1",3,99,-1,"T0",null,{}]}
    ],"preferences":[{"text":"Ana hates rain.","ids":[2]}]}"#;
    assert_eq!(
        read(raw),
        [
            "preference [1] Ana likes tea.",
            "fact [0, 2] Ana paints.",
            "profile [0, 2] Ana lives in Graz.",
            "preference [1] Ana hates rain."
        ]
    );
}

#[test]
fn what_has_no_source_or_no_words_is_no_statement() {
    let raw = r#"{"statements":[
        {"kind":"fact","text":"Ana has a dog."},
        {"kind":"fact","text":"Ana has a dog.","sources":[]},
        {"kind":"fact","text":"…","sources":["T1"]},
        {"kind":"fact","text":17,"sources":["T1"]},
        "Ana has a dog. T1"
    ]}"#;
    assert!(read(raw).is_empty());
    let long = format!(r#"{{"text":"{}","sources":["T1"]}}"#, "word ".repeat(400));
    assert!(read(&long).is_empty());
}

#[test]
fn nothing_to_say_is_an_answer_and_garbage_is_none() {
    for nothing in [r#"{"statements":[]}"#, "[]", " {} ", "```json\n{\"statements\": []}\n```"] {
        assert!(read(nothing).is_empty(), "{nothing}");
    }
    for garbage in ["", "I cannot help with that.", "{{{{{", "{\"error\":\"overloaded\"}", "[1] see above", "null"] {
        assert!(matches!(read_output(garbage), Err(OutputError::NoStatements { .. })), "{garbage}");
    }
    let huge = "{\"text\":\"".to_owned() + &"x".repeat(200_000);
    assert!(matches!(read_output(&huge), Err(OutputError::TooLong { .. })));
}

#[test]
fn times_are_read_as_days_months_years_and_instants() {
    let raw = |from: &str, to: &str| format!(r#"[{{"text":"Ana lives in Graz","sources":[1],"from":"{from}","to":"{to}"}}]"#);
    let day = 86_400_000_000;
    for (from, to, expected) in [
        ("1970-01-02", "1970-02", (Some(day), Some(31 * day))),
        ("1970", "1971", (Some(0), Some(365 * day))),
        ("1970-01-01T00:00:01Z", "", (Some(1_000_000), None)),
        ("yesterday", "2026-13-45", (None, None)),
        // Backwards: neither can be trusted.
        ("1971", "1970", (None, None)),
    ] {
        let statement = read_output(&raw(from, to)).unwrap().remove(0);
        assert_eq!((statement.from.map(Timestamp::micros), statement.to.map(Timestamp::micros)), expected, "{from} {to}");
    }
}

#[test]
fn a_long_hostile_output_costs_no_more_than_its_length() {
    for piece in ["{", "{\"a\":", "{\"a\":[", "{\"text\":\"x\",", "{}", "{\"statements\":[{\"text\":\"a"] {
        let raw = piece.repeat(100_000 / piece.len());
        // Its answer does not matter; that it comes soon does.
        let _ = read_output(&raw);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(raw in ".{0,400}") {
        let _ = read_output(&raw);
    }

    #[test]
    fn a_cut_output_yields_a_prefix_of_its_statements(cut in 0usize..400) {
        let statements: Vec<Extracted> = (0..5).map(|n| Extracted {
            kind: SemanticType::Fact, text: format!("Fact number {n} {{in \"braces\"}}."), sources: vec![n],
            from: Some(Timestamp(n as i64 * 1_000_000)), to: None,
        }).collect();
        let raw = write_output(&statements);
        prop_assert_eq!(&read_output(&raw).unwrap(), &statements);
        if let Ok(read) = read_output(&raw[..cut.min(raw.len())]) {
            prop_assert_eq!(&read[..], &statements[..read.len()]);
        }
    }
}
