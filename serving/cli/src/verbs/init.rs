//! Makes the data directory, and cubes in it.

use clap::Args;

use cubelog_api::cubes::CreateCubeRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Make the data directory, and cubes if named
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Cubes to create
    #[arg(long = "cube", value_name = "CUBE")]
    pub cubes: Vec<String>,
    /// Reads of these cubes are on the log before their answer leaves
    #[arg(long, requires = "cubes")]
    pub auditable: bool,
    /// Everyone in the tenant may read these cubes
    #[arg(long, requires = "cubes")]
    pub shared: bool,
}

pub async fn run(app: &App, args: InitArgs) -> Result<Exit> {
    if app.global.server.is_none() {
        // Settings that cannot be read are found before anything is made.
        app.config()?;
        let made = app.dir.create()?;
        let shown = app.dir.path().display();
        app.screen.note(&if made { format!("made {shown}") } else { format!("{shown} exists already") });
    }
    app.with_store(Need::Write, async |store| {
        for cube in &args.cubes {
            let cube = app.cube(cube)?.to_string();
            let visibility = args.shared.then(|| "tenant".to_owned());
            let made = store.create_cube(CreateCubeRequest { cube: cube.clone(), visibility, auditable: args.auditable }).await?;
            app.screen.record(&super::fields::WRITTEN, &made)?;
            app.screen.note(&format!("made cube {cube}"));
        }
        Ok(Exit::Ok)
    })
    .await
}
