//! Importers against small written samples and broken input.

mod streams;

use std::fmt::Write as _;
use std::io::{BufReader, Read};

use cubelog_memory::limits::LINE_BYTES_MAX;

use super::*;

fn import(format: Format, input: &[u8]) -> Vec<Result<Item, ImportError>> {
    // A tiny buffer, so that every boundary between two reads falls somewhere awkward.
    let reader = BufReader::with_capacity(7, input);
    Importer::new(reader, format, ImportOptions { conversation: "stem".to_owned() }).collect()
}

/// One line for each item: what the importer made of it.
fn render(items: &[Result<Item, ImportError>]) -> String {
    let mut out = String::new();
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let time = |at: Option<Timestamp>| {
        at.map_or_else(|| "-".to_owned(), |at| jiff::Timestamp::from_microsecond(at.0).unwrap().to_string())
    };
    for item in items {
        match item {
            Ok(Item::Turn(turn)) => writeln!(
                out,
                "{}@{} {}/{}/{} {} {}: {:?} {}",
                turn.index,
                turn.line,
                turn.conversation,
                or_dash(&turn.session),
                turn.turn_id,
                time(turn.at),
                or_dash(&turn.speaker),
                turn.text,
                or_dash(&turn.caption),
            ),
            Ok(Item::Question(question)) => writeln!(
                out,
                "?@{} {} {} {:?} {} {} {:?} {} {} {:?} {:?}",
                question.line,
                question.conversation,
                or_dash(&question.id),
                question.question,
                or_dash(&question.answer),
                or_dash(&question.category),
                question.evidence,
                time(question.asked_at),
                or_dash(&question.before_session),
                question.choices,
                question.choice,
            ),
            Err(error) => writeln!(out, "! {error}"),
        }
        .unwrap();
    }
    out
}

#[track_caller]
fn check(format: Format, input: impl AsRef<[u8]>, expect: &str) {
    let expect: String = expect.trim().lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(render(&import(format, input.as_ref())), expect);
}

#[test]
fn jsonl_keeps_every_field_and_ignores_unknown_ones() {
    check(
        Format::Jsonl,
        include_bytes!("samples/turns.jsonl"),
        r#"
        0@1 harbour/S1/1 2026-02-03T17:04:00Z Ines: "The ferry now leaves at 06:40, not 07:10." -
        1@3 harbour/S1/2 2026-02-03T17:05:10.25Z Teo: "Look at the queue." cars lined up along a quay at dawn
        2@4 harbour/-/3 - -: "“Six forty” it is – ñandú, 你好 🙂" -
        ?@5 harbour harbour/1 "When does the ferry leave?" 640 single-hop ["1"] 2026-02-04T00:00:00Z S2 ["06:40", "07:10"] Some(0)
        ?@6 harbour - "Who owns the ferry?" - - [] - - [] None
        "#,
    );
}

#[test]
fn jsonl_does_not_mind_line_endings_or_a_byte_order_mark() {
    let turn = r#"{"kind":"turn","conversation":"c","turn_id":"1","text":"a"}"#;
    for input in [format!("\u{feff}{turn}\r\n \t\r\n{turn}"), format!("{turn}\n\n{turn}\n\n")] {
        let items = import(Format::Jsonl, input.as_bytes());
        assert_eq!(items.len(), 2, "{items:?}");
        assert!(items.iter().all(Result::is_ok), "{items:?}");
    }
    assert!(import(Format::Jsonl, b"").is_empty());
}

#[test]
fn jsonl_names_line_and_field_of_what_is_wrong_and_goes_on() {
    let good = r#"{"kind":"turn","conversation":"c","turn_id":"9","text":"kept"}"#;
    let cases: [(&[u8], &str); 18] = [
        (br#"{"kind":"turn","#, "line 2: malformed JSON at column 15: EOF while parsing a value"),
        (b"{} {}", "line 2: malformed JSON at column 4: trailing characters"),
        (b"hello", "line 2: malformed JSON at column 1: expected value"),
        (
            b"{\"a\": \"\x01\"}",
            "line 2: malformed JSON at column 8: control character (\\u0000-\\u001F) found while parsing a string",
        ),
        (br#"{"a": "\ud800"}"#, "line 2: malformed JSON at column 14: unexpected end of hex escape"),
        (b"[1]", "line 2: is an array, expected an object"),
        (b"{}", "line 2, field `kind`: is missing; it is required"),
        (br#"{"kind":7}"#, "line 2, field `kind`: is a number, expected a string"),
        (br#"{"kind":"image"}"#, "line 2, field `kind`: unknown kind \"image\"; expected \"turn\" or \"question\""),
        (br#"{"kind":"turn"}"#, "line 2, field `conversation`: is missing; it is required"),
        (br#"{"kind":"turn","conversation":"c"}"#, "line 2, field `turn_id`: is missing; it is required"),
        (br#"{"kind":"turn","conversation":"c","turn_id":"1","text":null}"#, "line 2, field `text`: is missing; it is required"),
        (
            br#"{"kind":"turn","conversation":"c","turn_id":1,"text":"x"}"#,
            "line 2, field `turn_id`: is a number, expected a string",
        ),
        (
            br#"{"kind":"turn","conversation":"c","turn_id":"1","text":"x","at":"yesterday"}"#,
            "line 2, field `at`: \"yesterday\" is no RFC 3339 time such as 2026-03-01T09:30:00Z",
        ),
        (
            br#"{"kind":"turn","conversation":"c","turn_id":"1","text":"x","at":"2026-02-30T00:00:00Z"}"#,
            "line 2, field `at`: \"2026-02-30T00:00:00Z\" is no RFC 3339 time such as 2026-03-01T09:30:00Z",
        ),
        (
            br#"{"kind":"turn","conversation":"c","turn_id":"1","text":"x","at":1770000000}"#,
            "line 2, field `at`: is a number, expected an RFC 3339 time",
        ),
        (
            br#"{"kind":"question","conversation":"c","question":"?","evidence":["1",2]}"#,
            "line 2, field `evidence[1]`: is a number, expected a string",
        ),
        (b"{\"kind\":\"tu\xffrn\"}", "line 2: invalid UTF-8 at byte 12 of the line; save the file as UTF-8"),
    ];
    for (bad, expect) in cases {
        let input = [good.as_bytes(), bad, good.as_bytes()].join(&b'\n');
        let items = import(Format::Jsonl, &input);
        assert_eq!(items.len(), 3, "{items:?}");
        assert_eq!(items[1].as_ref().unwrap_err().to_string(), expect);
        let Ok(Item::Turn(last)) = &items[2] else { panic!("the turn behind is lost: {items:?}") };
        assert_eq!((last.index, last.line), (1, 3));
    }
}

#[test]
fn jsonl_skips_a_line_that_is_too_long_without_keeping_it() {
    let turn = |text: &str| format!(r#"{{"kind":"turn","conversation":"c","turn_id":"1","text":"{text}"}}"#);
    let longest = "x".repeat(LINE_BYTES_MAX - turn("").len());
    let input = format!("{}\n{}\n{}\n", turn(&longest), turn(&format!("{longest}x")), turn("after"));
    let items = Importer::new(input.as_bytes(), Format::Jsonl, ImportOptions { conversation: String::new() });
    let items: Vec<_> = items.collect();
    assert_eq!(items.len(), 3);
    assert!(items[0].is_ok());
    assert_eq!(items[1], Err(ImportError { line: 2, field: None, kind: ImportErrorKind::LineTooLong }));
    assert!(matches!(&items[2], Ok(Item::Turn(turn)) if turn.text == "after" && turn.line == 3));
}

#[test]
fn an_unreadable_source_is_said_once() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the cable is out"))
        }
    }
    for format in Format::ALL {
        let reader = BufReader::new(b"\n".chain(Broken));
        let items: Vec<_> = Importer::new(reader, format, ImportOptions { conversation: String::new() }).collect();
        assert_eq!(items.len(), 1, "{format}: {items:?}");
        let error = items[0].as_ref().unwrap_err().to_string();
        assert!(error.ends_with("file cannot be read: the cable is out"), "{format}: {error}");
    }
}

#[test]
fn locomo_orders_sessions_by_number_and_dates_turns_by_their_session() {
    check(
        Format::Locomo,
        include_bytes!("samples/locomo.json"),
        r#"
        0@2 bakery/S1/D1:1 2024-05-08T13:56:00Z Finn: "How is the new job?" -
        1@2 bakery/S1/D1:2 2024-05-08T13:56:01Z Oda: "Started on Monday. Up at three every night." -
        2@2 bakery/S2/D2:1 2024-12-08T21:32:00Z Oda: "Here is the first loaf." a round loaf on a wooden board
        ! line 2, field `conversation.session_2[1].text`: is missing; it is required
        ! line 2, field `conversation.session_3_date_time`: "noon" is no session time such as 1:56 pm on 8 May, 2023
        3@2 bakery/S10/D10:1 2025-01-01T00:09:00Z Finn: "Happy new year!" -
        ?@2 bakery bakery/q0 "When did Oda start at the bakery?" 2024 temporal ["D1:2", "D2:1"] 2025-01-01T00:09:00Z - [] None
        ?@2 bakery bakery/q1 "What did Oda bake for the queen?" - adversarial ["D1:1"] 2025-01-01T00:09:00Z - [] None
        ! line 33, field `sample_id`: is missing; it is required
        4@34 bare/S1/D1:1 - -: "No date and no speaker." -
        "#,
    );
}

#[test]
fn openai_messages_become_turns_without_instructions_and_tools() {
    check(
        Format::OpenAi,
        include_bytes!("samples/openai.json"),
        r#"
        0@3 stem/-/1 - mara: "Which of my plants wants less water?" -
        1@6 stem/-/4 2026-02-02T02:40:00Z assistant: "The aloe.\nOnce in three weeks." -
        2@7 stem/-/5 2026-02-02T02:41:00Z user: "And this one?" -
        "#,
    );
}

#[test]
fn openai_conversations_may_stand_one_a_line_and_a_broken_line_costs_only_itself() {
    check(
        Format::OpenAi,
        include_bytes!("samples/openai.lines.jsonl"),
        r#"
        0@1 stem/-/0 - user: "One." -
        1@1 stem/-/1 - assistant: "Two." -
        ! line 2: malformed JSON at column 50: EOF while parsing a string
        2@3 named/-/0 - user: "Three." -
        ! line 3, field `messages[1].role`: is missing; it is required
        ! line 3, field `messages[2].content`: is a number, expected a string or an array of parts
        3@4 stem-2/-/0 - user: "Four." -
        4@5 stem-3/-/0 - user: "Five." -
        ! line 6: is a string, expected a message or a conversation
        5@7 stem-4/-/0 - user: "Seven." -
        6@8 stem-4/-/1 - assistant: "Eight." -
        "#,
    );
}

#[test]
fn openai_conversations_may_be_one_object_or_an_array_of_them() {
    let object = r#"{"messages": [{"role": "user", "content": "a"}]}"#;
    let pretty = "\n\n{\n \"messages\": [\n  {\"role\": \"user\",\n \"content\": \"a\"}\n ]\n}\n";
    check(Format::OpenAi, object, r#"0@1 stem/-/0 - user: "a" -"#);
    check(Format::OpenAi, pretty, r#"0@3 stem/-/0 - user: "a" -"#);
    for separator in ["", "\n"] {
        let line = if separator.is_empty() { (1, 1) } else { (2, 3) };
        check(
            Format::OpenAi,
            format!("[{separator}{object},{separator}{object}]"),
            &format!("0@{} stem/-/0 - user: \"a\" -\n1@{} stem-2/-/0 - user: \"a\" -", line.0, line.1),
        );
    }
}

#[test]
fn chatgpt_follows_the_branch_that_was_shown() {
    check(
        Format::ChatGpt,
        include_bytes!("samples/chatgpt.json"),
        r#"
        0@2 c-1/Sourdough/m-ask 2026-01-01T00:00:00Z user: "Why is it so flat?\nIt rose overnight." -
        1@2 c-1/Sourdough/reply 2026-01-01T00:00:10.5Z assistant: "Overproofed.\nBake it two hours sooner." -
        2@2 c-1/Sourdough/thanks 2026-01-01T00:00:10.5Z user: "Thanks!" -
        ! line 19, field `mapping.b.parent`: leads in a circle at the message "a"; export the conversation again
        ! line 20, field `mapping.a.parent`: names the message "b", which is not in the conversation; export it again
        ! line 21, field `current_node`: is missing; it is required
        ! line 22, field `mapping.a.message.create_time`: is a string, expected a number
        ! line 22, field `mapping.b.message.create_time`: 1e+300 is no time in seconds since 1970
        3@22 c-5/-/c 2026-01-01T00:00:00Z user: "kept" -
        "#,
    );
}

#[test]
fn json_that_is_cut_off_or_garbled_costs_the_element_and_not_the_file() {
    let good = r#"{"sample_id": "s", "conversation": {"session_1": [{"dia_id": "1", "text": "kept"}]}}"#;
    let turn = |number: u64, line: u64| format!("{number}@{line} s/S1/1 - -: \"kept\" -");
    let cases = [
        (
            format!("[{good},\n{{\"sample_id\": \"s\", \"conv"),
            vec![
                turn(0, 1),
                "! line 2: the file ends inside this value; it was cut off, get it whole".into(),
                "! line 1: the file ends inside this value; it was cut off, get it whole".into(),
            ],
        ),
        (
            format!("[{good},\n{{\"a\" 1}},\n{good}]"),
            vec![turn(0, 1), "! line 2: malformed JSON at column 6: expected `:`".into(), turn(1, 3)],
        ),
        (
            format!("[{good}\n{good}]"),
            vec![
                turn(0, 1),
                "! line 2: malformed JSON between values: expected `,` or `]` between the elements".into(),
                turn(1, 2),
            ],
        ),
        (format!("[{good},]"), vec![turn(0, 1), "! line 1: malformed JSON between values: trailing comma".into()]),
        (
            format!("[,{good}]}}"),
            vec![
                "! line 1: malformed JSON between values: unexpected ','".into(),
                turn(0, 1),
                "! line 1: malformed JSON between values: unexpected '}'".into(),
            ],
        ),
        (
            format!("[{good}, nul, 7, \"]\\\"\", {good}]"),
            vec![
                turn(0, 1),
                "! line 1: malformed JSON at column 90: EOF while parsing a value".into(),
                "! line 1: is a number, expected an object".into(),
                "! line 1: is a string, expected an object".into(),
                turn(1, 1),
            ],
        ),
        (format!("\u{feff}{good}{good}"), vec![turn(0, 1), turn(1, 1)]),
        ("[]".to_owned(), vec![]),
        (" \n".to_owned(), vec![]),
    ];
    for (input, expect) in cases {
        let expect: String = expect.iter().map(|line: &String| format!("{line}\n")).collect();
        assert_eq!(render(&import(Format::Locomo, input.as_bytes())), expect, "{input}");
    }
    let garbled = b"[\n{\n \"a\": \"\xff\"},\n 1]";
    check(
        Format::ChatGpt,
        garbled,
        "! line 3: invalid UTF-8 at byte 8 of the line; save the file as UTF-8\n! line 4: is a number, expected an object",
    );
}

#[test]
fn arbitrary_cuts_of_every_sample_end_without_a_panic() {
    let samples: [(Format, &[u8]); 5] = [
        (Format::Jsonl, include_bytes!("samples/turns.jsonl")),
        (Format::Locomo, include_bytes!("samples/locomo.json")),
        (Format::OpenAi, include_bytes!("samples/openai.json")),
        (Format::OpenAi, include_bytes!("samples/openai.lines.jsonl")),
        (Format::ChatGpt, include_bytes!("samples/chatgpt.json")),
    ];
    for (_, sample) in samples {
        let whole = |format| import(format, sample).len();
        for format in Format::ALL {
            let most = whole(format) + 3;
            for end in 0..sample.len() {
                let items = import(format, &sample[..end]);
                assert!(items.len() <= most, "{format} made {} items of {end} bytes", items.len());
            }
        }
    }
}

#[test]
fn the_format_is_told_from_the_first_bytes() {
    let cases: [(&[u8], &str, Option<Format>); 14] = [
        (include_bytes!("samples/turns.jsonl"), "a.jsonl", Some(Format::Jsonl)),
        (include_bytes!("samples/locomo.json"), "a.json", Some(Format::Locomo)),
        (include_bytes!("samples/openai.json"), "a.json", Some(Format::OpenAi)),
        (include_bytes!("samples/openai.lines.jsonl"), "a.jsonl", Some(Format::OpenAi)),
        (include_bytes!("samples/chatgpt.json"), "conversations.json", Some(Format::ChatGpt)),
        (br#"{"messages":[]}"#, "-", Some(Format::OpenAi)),
        (br#"{"conversation":"kind","turn_id":"#, "-", Some(Format::Jsonl)),
        (br#"[{"text":"\"role\":","mapping":{"#, "-", Some(Format::ChatGpt)),
        (br#"{"a":{"role":"user"}}"#, "a.json", None),
        (b"not JSON at all", "a.JSONL", Some(Format::Jsonl)),
        (b"not JSON at all", "a.txt", None),
        (b"\xff\xfe\x00", "a.bin", None),
        (b"", "a.jsonl", None),
        (b"]]}}\"", "-", None),
    ];
    for (first, name, expect) in cases {
        assert_eq!(detect(first, name).ok(), expect, "{name}: {}", String::from_utf8_lossy(&first[..first.len().min(40)]));
    }
    assert_eq!(
        detect(b"\xff", "a.bin").unwrap_err().to_string(),
        "cannot tell the format of \"a.bin\" from its beginning; name one of jsonl, locomo, openai, chatgpt if it is one of these"
    );
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("csv".parse::<Format>().is_err());
}
