//! Shows where the memories of a cube belong.

use clap::Args;

use cubelog_api::graph::TreeRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// Show where a cube's memories belong: task, concept and fact, with counts
#[derive(Debug, Args)]
#[command(
    long_about = "Shows where a cube's memories belong: task, concept and fact, with counts. A memory that nobody gave a path has one \
                  by what it says; `cubelog search --path TASK/CONCEPT` finds by either."
)]
pub struct TreeArgs {
    /// The cube
    #[arg(value_name = "CUBE")]
    pub cube: String,
    /// Only this path and what is below it
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Levels to show: 1 tasks, 2 concepts too, 3 facts too
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub depth: u32,
    /// Leave out branches with fewer memories
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub min: u64,
}

const BRANCHES: [Column; 3] =
    [col("path", "/path", Kind::Plain), col("memories", "/memories", Kind::Number), col("given", "/given", Kind::Number)];

pub async fn run(app: &App, args: TreeArgs) -> Result<Exit> {
    let cube = app.cube(&args.cube)?.to_string();
    let request = TreeRequest { cube, path: args.path.clone(), depth: Some(args.depth), token: None };
    app.with_store(Need::Read, async |store| {
        let mut tree = store.tree(request).await?;
        tree.branches.retain(|branch| branch.memories >= args.min);
        app.screen.answer(&tree, &BRANCHES, &tree.branches)?;
        if tree.branches.is_empty() {
            app.screen.note("no memories there");
        }
        Ok(Exit::Ok)
    })
    .await
}
