//! Who changed a memory, and who was shown it.

use clap::{Args, Subcommand};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// Who changed a memory, and who was shown it
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub what: AuditWhat,
}

#[derive(Debug, Subcommand)]
pub enum AuditWhat {
    /// Who changed it: every change with actor, time, position and event
    Writes {
        /// Id of the memory, or a unique part at its beginning or end
        #[arg(value_name = "ID")]
        memory: String,
    },
    /// Who was shown it: every search, get, history and state that did
    Reads {
        /// Id of the memory, or a unique part at its beginning or end
        #[arg(value_name = "ID")]
        memory: String,
    },
}

pub const WRITES: [Column; 12] = [
    col("recorded", "/recorded_at", Kind::Time),
    col("by", "/actor", Kind::Plain),
    col("change", "/change", Kind::Plain),
    col("v", "/version", Kind::Number),
    col("position", "/position", Kind::Plain),
    col("conflict", "/conflict", Kind::Flag),
    col("reason", "/reason", Kind::Plain),
    col("", "/occurred_at", Kind::Hidden),
    col("", "/event", Kind::Hidden),
    col("", "/lifecycle", Kind::Hidden),
    col("", "/fingerprint", Kind::Hidden),
    col("", "/cube", Kind::Hidden),
];

pub const READS: [Column; 10] = [
    col("at", "/at", Kind::Time),
    col("by", "/principal", Kind::Plain),
    col("purpose", "/purpose", Kind::Plain),
    col("versions", "/versions", Kind::Plain),
    col("shown with", "/shown", Kind::Number),
    col("position", "/position", Kind::Plain),
    col("", "/access", Kind::Hidden),
    col("", "/query", Kind::Hidden),
    col("", "/recorded_at", Kind::Hidden),
    col("", "/cube", Kind::Hidden),
];

pub async fn run(app: &App, args: AuditArgs) -> Result<Exit> {
    app.with_store(Need::Read, async |store| {
        match args.what {
            AuditWhat::Writes { memory } => {
                let answer = store.audit_writes(&store.memory_id(&memory).await?).await?;
                app.screen.answer(&answer, &WRITES, &answer.writes)?;
            }
            AuditWhat::Reads { memory } => {
                let answer = store.audit_reads(&store.memory_id(&memory).await?).await?;
                app.screen.answer(&answer, &READS, &answer.reads)?;
                if answer.reads.is_empty() {
                    app.screen.note("nobody was shown it");
                }
            }
        }
        Ok(Exit::Ok)
    })
    .await
}
