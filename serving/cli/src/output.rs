//! Answers on standard output: tables for people, JSON, JSON lines and CSV for programs. Everything else goes to standard error.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::args::Format;
use crate::failure::{Exit, Failure, Result};
use crate::when;

/// How a value is shown to people; programs always get it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// A UUID, shortened to eight characters that tell it apart.
    Id,
    /// RFC 3339, shown in local time to the second.
    Time,
    /// A number, to the right.
    Number,
    /// Long text: on lines of its own under the row, wrapped.
    Text,
    /// A truth of which only "yes" is worth showing.
    Flag,
    /// Only in JSON and CSV.
    Hidden,
}

/// One column: its title and where its value lies in the item's JSON.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// JSON pointer, for example `/memory/id`.
    pub pointer: &'static str,
    pub kind: Kind,
}

pub const fn col(title: &'static str, pointer: &'static str, kind: Kind) -> Column {
    Column { title, pointer, kind }
}

/// Most lines of a text under a row; `get` shows all of it.
const TEXT_LINES_MAX: usize = 4;

/// Where answers go.
pub struct Screen {
    pub format: Format,
    /// Columns of the terminal.
    pub width: usize,
    pub color: bool,
    pub zone: TimeZone,
    /// The reader of our output has gone; nothing more is written.
    closed: Cell<bool>,
}

impl Screen {
    pub fn new(format: Format, no_color: bool, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let asked = env("COLUMNS").and_then(|columns| columns.parse::<usize>().ok());
        let found = comfy_table::Table::new().width().map(usize::from);
        let plain =
            no_color || env("NO_COLOR").is_some_and(|value| !value.is_empty()) || env("TERM").is_some_and(|term| term == "dumb");
        Self {
            format,
            width: asked.or(found).unwrap_or(80).clamp(40, 240),
            color: terminal && !plain,
            zone: TimeZone::system(),
            closed: Cell::new(false),
        }
    }

    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Writes text as it is.
    pub fn emit(&self, text: &str) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            Err(error) => Err(Failure::io("cannot write the answer", &error)),
            Ok(()) => Ok(()),
        }
    }

    pub fn line(&self, text: &str) -> Result<()> {
        self.emit(&format!("{text}\n"))
    }

    /// A remark for people beside the answer, on standard error.
    pub fn note(&self, text: &str) {
        if self.is_table() {
            eprintln!("{text}");
        }
    }

    /// A list of items, which is the whole answer.
    pub fn list<T: Serialize>(&self, columns: &[Column], items: &[T]) -> Result<()> {
        self.answer(&items, columns, items)
    }

    /// An answer that holds a list of items: JSON shows all of it, the other forms the items.
    pub fn answer<W: Serialize, T: Serialize>(&self, whole: &W, columns: &[Column], items: &[T]) -> Result<()> {
        if self.format == Format::Json {
            return self.json(whole);
        }
        let values = items.iter().map(value).collect::<Result<Vec<Value>>>()?;
        match self.format {
            Format::Json => Ok(()),
            Format::Jsonl => self.emit(&values.iter().map(|value| format!("{value}\n")).collect::<String>()),
            Format::Csv => self.emit(&csv(columns, &values)),
            Format::Table => self.emit(&self.table(columns, &values)),
        }
    }

    /// One thing: its fields below each other for people.
    pub fn record<T: Serialize>(&self, columns: &[Column], item: &T) -> Result<()> {
        let value = value(item)?;
        match self.format {
            Format::Json => self.json(item),
            Format::Jsonl => self.emit(&format!("{value}\n")),
            Format::Csv => self.emit(&csv(columns, &[value])),
            Format::Table => self.emit(&self.card(columns, &value)),
        }
    }

    pub fn json<T: Serialize>(&self, item: &T) -> Result<()> {
        // By way of a value, so that numbers look the same in every form.
        let text = serde_json::to_string_pretty(&value(item)?)
            .map_err(|error| Failure::new(Exit::Failure, format!("cannot write JSON: {error}")))?;
        self.line(&text)
    }

    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
    pub fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }
    pub fn red(&self, text: &str) -> String {
        self.paint("31;1", text)
    }
    pub fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }
    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Rows with their texts below them.
    pub fn table(&self, columns: &[Column], items: &[Value]) -> String {
        let short: Vec<&Column> = columns.iter().filter(|column| !matches!(column.kind, Kind::Text | Kind::Hidden)).collect();
        let cells: Vec<Vec<String>> = items
            .iter()
            .map(|item| short.iter().map(|column| self.cell(column.kind, item.pointer(column.pointer))).collect())
            .collect();
        // A column that is empty in every row tells nothing.
        let used: Vec<usize> = (0..short.len()).filter(|&n| cells.iter().any(|row| !row[n].is_empty())).collect();
        let mut widths: Vec<usize> =
            used.iter().map(|&n| cells.iter().map(|row| row[n].width()).max().unwrap_or(0).max(short[n].title.width())).collect();
        shrink(&mut widths, self.width);

        let mut text = String::new();
        let titles: Vec<String> = used.iter().map(|&n| short[n].title.to_owned()).collect();
        if !items.is_empty() {
            text.push_str(&self.dim(&row(&titles, &used, &widths, &short)));
            text.push('\n');
        }
        for (item, cells) in items.iter().zip(&cells) {
            let cells: Vec<String> = used.iter().map(|&n| cells[n].clone()).collect();
            text.push_str(&row(&cells, &used, &widths, &short));
            text.push('\n');
            for column in columns.iter().filter(|column| column.kind == Kind::Text) {
                let shown = self.cell(column.kind, item.pointer(column.pointer));
                for line in wrap(&shown, self.width.saturating_sub(4), TEXT_LINES_MAX) {
                    text.push_str(&format!("    {line}\n"));
                }
            }
        }
        text
    }

    fn card(&self, columns: &[Column], item: &Value) -> String {
        let shown: Vec<(&Column, String)> = columns
            .iter()
            .filter(|column| column.kind != Kind::Hidden)
            .map(|column| {
                // There is room for all of an id here.
                let kind = if column.kind == Kind::Id { Kind::Plain } else { column.kind };
                (column, self.cell(kind, item.pointer(column.pointer)))
            })
            .filter(|(_, text)| !text.is_empty())
            .collect();
        let indent = shown.iter().map(|(column, _)| column.title.width()).max().unwrap_or(0) + 2;
        let mut text = String::new();
        for (column, value) in shown {
            for (n, line) in wrap(&value, self.width.saturating_sub(indent).max(20), usize::MAX).iter().enumerate() {
                let title = if n == 0 { column.title } else { "" };
                text.push_str(&format!("{}{line}\n", self.dim(&pad(title, indent, false))));
            }
        }
        text
    }

    fn cell(&self, kind: Kind, value: Option<&Value>) -> String {
        let text = plain(value);
        match kind {
            Kind::Id => short_id(&text).to_owned(),
            Kind::Time => when::local(&text, &self.zone),
            Kind::Number => match value.and_then(Value::as_f64) {
                Some(number) if value.is_some_and(Value::is_f64) => format!("{number:.3}"),
                _ => text,
            },
            Kind::Flag => {
                if value == Some(&Value::Bool(true)) {
                    "yes".to_owned()
                } else {
                    String::new()
                }
            }
            Kind::Plain | Kind::Text | Kind::Hidden => printable(&text),
        }
    }
}

/// Eight characters that tell an id apart: the beginning of a derived id, the end of one that begins with its time.
pub fn short_id(id: &str) -> &str {
    if id.len() != 36 || !id.is_ascii() {
        return id;
    }
    if id.as_bytes()[14] == b'7' { &id[28..] } else { &id[..8] }
}

fn value<T: Serialize>(item: &T) -> Result<Value> {
    serde_json::to_value(item).map_err(|error| Failure::new(Exit::Failure, format!("cannot write JSON: {error}")))
}

/// A value as one text: lists are joined, objects stay JSON.
fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| plain(Some(item))).collect::<Vec<_>>().join(", "),
        Some(Value::Bool(truth)) => if *truth { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// What comes from elsewhere must not steer the terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// `1 item`, `2 items`.
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn row(cells: &[String], used: &[usize], widths: &[usize], columns: &[&Column]) -> String {
    let mut text = String::new();
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            text.push_str("  ");
        }
        text.push_str(&pad(&cut(cell, widths[n]), widths[n], columns[used[n]].kind == Kind::Number));
    }
    text.trim_end().to_owned()
}

/// Takes from the widest columns until the row fits.
fn shrink(widths: &mut [usize], width: usize) {
    const COLUMN_MIN: usize = 6;
    loop {
        let needed: usize = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let Some(widest) = widths.iter_mut().max() else { return };
        if needed <= width || *widest <= COLUMN_MIN {
            return;
        }
        *widest = widest.saturating_sub((needed - width).min(4)).max(COLUMN_MIN);
    }
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// At most `width` columns of `text`, with an ellipsis where something is left out.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken < width
        })
        .collect();
    format!("{kept}…")
}

/// Lines of at most `width` columns, broken at blanks where there are any; an ellipsis ends what has more than `lines_max` lines.
pub fn wrap(text: &str, width: usize, lines_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut filled = 0;
    for word in text.split_whitespace() {
        let mut word = word;
        if filled > 0 && filled + 1 + word.width() > width {
            lines.push(String::new());
            filled = 0;
        }
        while word.width() > width {
            // One word longer than a line.
            let mut taken = 0;
            let end = word.char_indices().find(|(_, c)| {
                taken += c.width().unwrap_or(0);
                taken > width
            });
            let (head, tail) = word.split_at(end.map_or(word.len(), |(index, c)| index.max(c.len_utf8())));
            if let Some(last) = lines.last_mut() {
                last.push_str(head);
            }
            lines.push(String::new());
            word = tail;
        }
        if let Some(last) = lines.last_mut() {
            if filled > 0 {
                last.push(' ');
                filled += 1;
            }
            last.push_str(word);
            filled += word.width();
        }
        if lines.len() > lines_max {
            break;
        }
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), width);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A header of the pointers, which are stable, and one line an item.
fn csv(columns: &[Column], items: &[Value]) -> String {
    let header: Vec<String> = columns.iter().map(|column| column.pointer.trim_start_matches('/').replace('/', ".")).collect();
    let mut text = csv_line(&header);
    for item in items {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| match item.pointer(column.pointer) {
                Some(Value::Bool(truth)) => truth.to_string(),
                value => plain(value),
            })
            .collect();
        text.push_str(&csv_line(&cells));
    }
    text
}

pub fn csv_line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    });
    format!("{}\n", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn screen(width: usize) -> Screen {
        Screen { format: Format::Table, width, color: false, zone: TimeZone::UTC, closed: Cell::new(false) }
    }

    const COLUMNS: [Column; 4] = [
        col("#", "/rank", Kind::Number),
        col("memory", "/id", Kind::Id),
        col("who", "/who", Kind::Plain),
        col("text", "/text", Kind::Text),
    ];

    #[test]
    fn a_table_keeps_to_the_width_and_wraps_texts_below_their_row() {
        let items = [
            json!({"rank": 1, "id": "0192f0c1-aaaa-7bbb-8ccc-0123456789ab", "who": "Ana", "text": "a few words that go on for longer than the line is"}),
            json!({"rank": 12, "id": "9f92f0c1-aaaa-5bbb-8ccc-0123456789ab", "who": "Somebody with a very long name indeed", "text": null}),
        ];
        let text = screen(40).table(&COLUMNS, &items);
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        assert!(text.contains("456789ab") && text.contains("9f92f0c1"), "{text}");
        assert!(text.contains("    a few words that go on for longer"), "{text}");
    }

    #[test]
    fn wrapping_loses_no_word_and_breaks_what_is_too_long() {
        let text = "one two three fourteen-characters 東京東京東京東京東京 x";
        for width in [4, 7, 20] {
            let lines = wrap(text, width, usize::MAX);
            assert!(lines.iter().all(|line| line.width() <= width), "{width} {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""), "{width}");
        }
        assert_eq!(wrap("a b c d e f", 3, 2), ["a b", "c …"]);
        assert!(wrap("", 10, 3).is_empty());
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb c");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = csv(&COLUMNS, &[json!({"rank": 1, "who": "a, \"b\"", "text": "line\nline"})]);
        assert_eq!(text, "rank,id,who,text\n1,,\"a, \"\"b\"\"\",\"line\nline\"\n");
    }
}
