//! Answers as JSON rows, as text cells and as CSV. Instants are RFC 3339, nested values JSON, bytes hexadecimal.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

use super::SqlAnswer;

/// One object for each row, in column order, nulls included.
pub fn to_json_rows(answer: &SqlAnswer) -> Vec<Map<String, Value>> {
    answer.batches.iter().flat_map(|batch| json(batch).unwrap_or_else(|| as_text(batch))).collect()
}

/// One list of cells for each row, `None` for null: what a table or CSV prints.
pub fn to_cells(answer: &SqlAnswer) -> Vec<Vec<Option<String>>> {
    let cell = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    to_json_rows(answer).into_iter().map(|row| row.into_iter().map(|(_, value)| cell(value)).collect()).collect()
}

/// RFC 4180 with a header line; null is an empty field, an empty text is `""`.
pub fn to_csv(answer: &SqlAnswer) -> String {
    let mut csv = String::new();
    let header = answer.schema.fields().iter().map(|field| Some(field.name().clone()));
    for row in std::iter::once(header.collect()).chain(to_cells(answer)) {
        let fields: Vec<_> = row.into_iter().map(|cell| cell.map_or_else(String::new, |text| quoted(&text))).collect();
        csv.push_str(&fields.join(","));
        csv.push_str("\r\n");
    }
    csv
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// `None` if a column has a type that has no form in JSON.
fn json(batch: &RecordBatch) -> Option<Vec<Map<String, Value>>> {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut bytes);
    writer.write(batch).ok()?;
    writer.finish().ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn as_text(batch: &RecordBatch) -> Vec<Map<String, Value>> {
    let options = FormatOptions::new().with_display_error(true);
    let schema = batch.schema();
    let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).ok()).collect();
    let cell = |column: usize, row: usize| match &columns[column] {
        _ if batch.column(column).is_null(row) => Value::Null,
        Some(formatter) => Value::String(formatter.value(row).to_string()),
        None => Value::String(format!("a value of type {}", batch.column(column).data_type())),
    };
    let name = |column: usize| schema.field(column).name().clone();
    (0..batch.num_rows()).map(|row| (0..columns.len()).map(|column| (name(column), cell(column, row))).collect()).collect()
}
