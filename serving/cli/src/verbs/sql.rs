//! Read-only SQL over views and events.

use clap::Args;

use comfy_table::{ContentArrangement, Table};
use cubelog_api::sql::{SqlRequest, SqlResponse};
use serde_json::Value;

use crate::app::{App, Need};
use crate::args::Format;
use crate::failure::{Exit, Result};
use crate::output::{Screen, csv_line, printable};

/// Ask in SQL: read-only, over views and events
#[derive(Debug, Args)]
#[command(
    long_about = "Read-only SQL over the views and the log: tables memories, versions, turns, edges, cubes, dead and events. \
                        `cubelog sql 'show tables'` lists them."
)]
pub struct SqlArgs {
    /// The query; `-` reads standard input
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Most rows
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
}

pub async fn run(app: &App, args: SqlArgs) -> Result<Exit> {
    let query = super::text_or_stdin(&args.query)?;
    app.with_store(Need::Read, async |store| {
        let answer = store.sql(SqlRequest { query, limit: Some(args.limit as u64), ..SqlRequest::default() }).await?;
        show(&app.screen, &answer)?;
        if answer.truncated {
            // Whatever the form: a part must not be taken for the whole.
            eprintln!("there are more rows; --limit N shows more than {}", args.limit);
        }
        Ok(Exit::Ok)
    })
    .await
}

fn show(screen: &Screen, answer: &SqlResponse) -> Result<()> {
    let names: Vec<String> = answer.columns.iter().map(|column| column.name.clone()).collect();
    let cells = |row: &Value| -> Vec<String> { names.iter().map(|name| cell(row.get(name))).collect() };
    match screen.format {
        Format::Json => screen.json(answer),
        Format::Jsonl => screen.emit(&answer.rows.iter().map(|row| format!("{row}\n")).collect::<String>()),
        Format::Csv => {
            let mut text = csv_line(&names);
            answer.rows.iter().for_each(|row| text.push_str(&csv_line(&cells(row))));
            screen.emit(&text)
        }
        Format::Table => {
            let mut table = Table::new();
            table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(screen.width).unwrap_or(u16::MAX)).set_header(&names);
            for row in &answer.rows {
                table.add_row(cells(row).iter().map(|cell| printable(cell)));
            }
            screen.line(&table.to_string())?;
            screen.note(&format!("{} rows", answer.rows.len()));
            Ok(())
        }
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
