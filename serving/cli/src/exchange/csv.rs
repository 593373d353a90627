//! Sheets as CSV: headers as `neo4j-admin database import` names them, which `LOAD CSV WITH HEADERS` takes too, and the statements that
//! load them into a running server.
//!
//! Quotes and backslashes are doubled, as `LOAD CSV` reads them with a server's own settings; `neo4j-admin` wants
//! `--legacy-style-quoting=true --multiline-fields=true` for that.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::cypher::{constraint, name};
use super::{Row, Shape, Sheet, Type, Unreadable};

/// Between the texts of one field.
const BETWEEN: &str = ";";

/// A sheet as one file.
pub fn write(sheet: &Sheet) -> String {
    let mut text = sheet.columns.iter().map(|column| quoted(&header(sheet.shape, *column))).collect::<Vec<_>>().join(",");
    text.push('\n');
    for row in &sheet.rows {
        let fields: Vec<String> = row.iter().map(field).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", fields.join(","));
    }
    text
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        Value::Array(texts) if texts.is_empty() => String::new(),
        Value::Array(texts) => quoted(&texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(BETWEEN)),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}

/// A column with its type, in Neo4j's way.
fn header(shape: Shape, (column, of): (&str, Type)) -> String {
    match (shape, column, of) {
        (Shape::Nodes(label), "id", _) => format!("id:ID({label})"),
        (Shape::Edges(from, _), "from", _) => format!(":START_ID({from})"),
        (Shape::Edges(_, to), "to", _) => format!(":END_ID({to})"),
        (Shape::Edges(..), "type", _) => ":TYPE".to_owned(),
        (_, column, Type::Text) => column.to_owned(),
        (_, column, Type::Whole) => format!("{column}:long"),
        (_, column, Type::Real) => format!("{column}:double"),
        (_, column, Type::Truth) => format!("{column}:boolean"),
        (_, column, Type::Texts) => format!("{column}:string[]"),
    }
}

/// The name of a column without its type.
fn column_of(header: &str) -> &str {
    match header.split_once(':') {
        Some(("", rest)) if rest.starts_with("START_ID") => "from",
        Some(("", rest)) if rest.starts_with("END_ID") => "to",
        Some(("", "TYPE")) => "type",
        Some(("", _)) => "",
        Some((column, _)) => column,
        None => header,
    }
}

/// Statements that load the files of all sheets from a server's import folder; again and again, if need be.
pub fn loader(sheets: &[Sheet]) -> String {
    let mut text = String::from("// Loads the CSV files beside this one, which must lie in the import folder of the server.\n");
    for sheet in sheets {
        if let Shape::Nodes(label) = sheet.shape {
            text.push_str(&constraint(label));
        }
    }
    for sheet in sheets {
        let value = |column: &(&str, Type)| {
            let there = format!("row.{}", name(&header(sheet.shape, *column)));
            match column.1 {
                Type::Text => there,
                Type::Whole => format!("toInteger({there})"),
                Type::Real => format!("toFloat({there})"),
                Type::Truth => format!("toBoolean({there})"),
                Type::Texts => format!("coalesce(split({there}, '{BETWEEN}'), [])"),
            }
        };
        let from = format!("LOAD CSV WITH HEADERS FROM 'file:///{}.csv' AS row\n", sheet.name);
        match sheet.shape {
            Shape::Nodes(label) => {
                let set: Vec<String> =
                    sheet.columns[1..].iter().map(|one| format!("n.{} = {}", name(one.0), value(one))).collect();
                let _ = writeln!(text, "{from}MERGE (n:{label} {{id: {}}})\nSET {};", value(&sheet.columns[0]), set.join(", "));
            }
            Shape::Edges(start, end) => {
                // A type is part of a statement, so there is one for each.
                let types: BTreeSet<&str> = sheet.rows.iter().filter_map(|row| row.get(2)?.as_str()).collect();
                for kind in types {
                    let _ = writeln!(
                        text,
                        "{from}WITH row WHERE {} = '{kind}'\nMATCH (a:{start} {{id: {}}})\nMATCH (b:{end} {{id: {}}})\n\
                         MERGE (a)-[r:{}]->(b)\nSET r.weight = {};",
                        value(&sheet.columns[2]),
                        value(&sheet.columns[0]),
                        value(&sheet.columns[1]),
                        name(kind),
                        value(&sheet.columns[3]),
                    );
                }
            }
        }
    }
    text
}

/// The rows of a file with a header, whatever wrote it: columns that are wanted by name, in any order.
pub fn read(text: &str) -> Result<Vec<Row>, Unreadable> {
    let mut reader = csv::ReaderBuilder::new().escape(Some(b'\\')).flexible(false).from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| Unreadable {
        line: error.position().map_or(1, csv::Position::line),
        what: match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("has {len} fields where the header has {expected_len}; is a quote missing?")
            }
            _ => error.to_string(),
        },
    };
    let headers: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let mut row = Row::new();
        for (header, field) in headers.iter().zip(&record) {
            if let Some(value) = value_of(header, field) {
                row.insert(column_of(header).to_owned(), value);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A field as what its header says that it is; text that is none of that stays text, and nothing is `None`.
fn value_of(header: &str, field: &str) -> Option<Value> {
    if field.is_empty() {
        return None;
    }
    let text = || Value::from(field);
    Some(match header.split_once(':').map_or("", |(_, of)| of) {
        "long" | "int" => field.parse::<i64>().map_or_else(|_| text(), Value::from),
        "double" | "float" => field.parse::<f64>().map_or_else(|_| text(), Value::from),
        "boolean" => field.parse::<bool>().map_or_else(|_| text(), Value::from),
        "string[]" => field.split(BETWEEN).map(Value::from).collect(),
        _ => text(),
    })
}
