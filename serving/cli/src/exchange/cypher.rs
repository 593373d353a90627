//! Sheets as Cypher: one file of statements that any Neo4j takes, as often as one likes, since every node is merged by its id. Read back
//! as it is written: a row a line.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::{Found, Row, Shape, Sheet, Type, Unreadable, kind_of};

/// Rows of one statement.
const ROWS: usize = 500;
const OPEN: &str = "UNWIND [";
const CLOSE: &str = "] AS row";

/// All sheets as one file.
pub fn write(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    for sheet in sheets {
        if let Shape::Nodes(label) = sheet.shape {
            text.push_str(&constraint(label));
        }
    }
    for sheet in sheets {
        match sheet.shape {
            Shape::Nodes(label) => {
                let tail = format!("MERGE (n:{label} {{id: row.id}})\nSET n += row;\n");
                for rows in sheet.rows.chunks(ROWS) {
                    statement(&mut text, sheet, rows.iter(), &tail);
                }
            }
            Shape::Edges(from, to) => {
                let type_of = |row: &Vec<Value>| row.get(2).and_then(Value::as_str).unwrap_or_default().to_owned();
                let mut sorted: Vec<&Vec<Value>> = sheet.rows.iter().collect();
                // Stable: within a type the order stays.
                sorted.sort_by_cached_key(|row| type_of(row));
                for of_type in sorted.chunk_by(|a, b| type_of(a) == type_of(b)) {
                    let kind = name(&type_of(of_type[0]));
                    let tail = format!(
                        "MATCH (a:{from} {{id: row.from}})\nMATCH (b:{to} {{id: row.to}})\nMERGE (a)-[r:{kind}]->(b)\n\
                         SET r.weight = row.weight;\n"
                    );
                    for rows in of_type.chunks(ROWS) {
                        statement(&mut text, sheet, rows.iter().copied(), &tail);
                    }
                }
            }
        }
    }
    text
}

/// One statement for some rows.
fn statement<'a>(text: &mut String, sheet: &Sheet, rows: impl Iterator<Item = &'a Vec<Value>>, tail: &str) {
    let is_edge = matches!(sheet.shape, Shape::Edges(..));
    let rows: Vec<String> = rows
        .map(|row| {
            let fields = sheet.columns.iter().zip(row).filter(|((column, _), _)| !(is_edge && *column == "type"));
            let fields: Vec<String> = fields.map(|((column, of), value)| format!("{column}: {}", literal(value, *of))).collect();
            format!("  {{{}}}", fields.join(", "))
        })
        .collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "{OPEN}\n{}\n{CLOSE}\n{tail}", rows.join(",\n"));
}

/// Ids are unique, which makes merging quick.
pub fn constraint(label: &str) -> String {
    let lower = label.to_lowercase();
    format!("CREATE CONSTRAINT cubelog_{lower}_id IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE;\n")
}

/// A name as a statement may hold it, whatever it is.
pub fn name(text: &str) -> String {
    let is_plain =
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { text.to_owned() } else { format!("`{}`", text.replace('`', "``")) }
}

fn literal(value: &Value, of: Type) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(|value| literal(value, Type::Text)).collect::<Vec<_>>().join(", "))
        }
        Value::Number(number) if of == Type::Real => format!("{:?}", number.as_f64().unwrap_or_default()),
        Value::Object(_) => "null".to_owned(),
        other => other.to_string(),
    }
}

/// A text as a string of a statement: nothing in it can end the string or begin a line.
fn string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// The memories of a file that [`write`] wrote, and the edges between them; all else in it is passed over, since it is derived.
pub fn read(text: &str) -> Result<Found, Unreadable> {
    let mut found = Found::default();
    let mut rows: Vec<Row> = Vec::new();
    let (mut inside, mut between) = (false, (false, false));
    for (number, line) in text.lines().enumerate() {
        let unreadable = |what: String| Unreadable { line: number as u64 + 1, what };
        if !inside && line == OPEN {
            (inside, between) = (true, (false, false));
            rows.clear();
        } else if inside && line == CLOSE {
            inside = false;
        } else if inside {
            rows.push(Literal::new(line.trim().trim_end_matches(',')).row().map_err(unreadable)?);
        } else if line.starts_with("MERGE (n:Memory ") {
            found.memories.append(&mut rows);
        } else if line.starts_with("MATCH (a:") {
            between.0 = line.starts_with("MATCH (a:Memory ");
        } else if line.starts_with("MATCH (b:") {
            between.1 = line.starts_with("MATCH (b:Memory ");
        } else if let Some(rest) = line.strip_prefix("MERGE (a)-[r:") {
            let kind = rest.split(']').next().unwrap_or_default().trim_matches('`');
            if between == (true, true) {
                rows.iter_mut().for_each(|row| drop(row.insert("type".to_owned(), Value::from(kind))));
                found.edges.append(&mut rows);
            }
            rows.clear();
        }
    }
    match inside {
        true => Err(Unreadable { line: text.lines().count() as u64, what: format!("the file ends before {CLOSE:?}") }),
        false => Ok(found),
    }
}

/// Whether edges of a type are what somebody stated, in the words of relations.
pub fn relation(type_name: &str) -> Option<cubelog_memory::Relation> {
    cubelog_memory::Relation::from_word(&kind_of(type_name))
}

/// A literal of a statement, read from its beginning.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn row(mut self) -> Result<Row, String> {
        self.take("{")?;
        let mut row = Row::new();
        while !self.rest.starts_with('}') {
            if !row.is_empty() {
                self.take(",")?;
            }
            let end = self.rest.find(':').ok_or("a name without a value")?;
            let name = self.rest[..end].trim().trim_matches('`').to_owned();
            self.rest = self.rest[end + 1..].trim_start();
            let value = self.value()?;
            // Absent values count for the comma in front of the next one.
            row.insert(name, value);
        }
        self.take("}")?;
        if !self.rest.is_empty() {
            return Err(format!("{:?} follows the row", self.rest.chars().take(20).collect::<String>()));
        }
        row.retain(|_, value| !value.is_null());
        Ok(row)
    }

    fn take(&mut self, sign: &str) -> Result<(), String> {
        let rest = self.rest.strip_prefix(sign);
        let seen = || self.rest.chars().take(20).collect::<String>();
        self.rest = rest.ok_or_else(|| format!("{sign:?} is missing before {:?}", seen()))?.trim_start();
        Ok(())
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.rest.starts_with('"') {
            return self.string().map(Value::from);
        }
        if self.rest.starts_with('[') {
            self.take("[")?;
            let mut values = Vec::new();
            while !self.rest.starts_with(']') {
                if !values.is_empty() {
                    self.take(",")?;
                }
                // Lists hold texts alone.
                values.push(Value::from(self.string()?));
            }
            self.take("]")?;
            return Ok(Value::Array(values));
        }
        let end = self.rest.find([',', '}', ']']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            word => {
                let whole = word.parse::<i64>().map(Number::from).ok();
                let number = whole.or_else(|| word.parse::<f64>().ok().and_then(Number::from_f64));
                number.map(Value::Number).ok_or_else(|| format!("{word:?} is no value"))
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let inner = self.rest.strip_prefix('"').ok_or("a text without a quote in front")?;
        let mut text = String::new();
        let mut signs = inner.char_indices();
        while let Some((at, c)) = signs.next() {
            match c {
                '"' => {
                    self.rest = inner[at + 1..].trim_start();
                    return Ok(text);
                }
                '\\' => match signs.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some('u') => {
                        let digits: String = signs.by_ref().take(4).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        text.push(code.ok_or_else(|| format!("\\u{digits} is no character"))?);
                    }
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("a text without a quote at its end".to_owned())
    }
}
