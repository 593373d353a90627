//! Records one memory.

use clap::Args;

use cubelog_api::cubes::CreateCubeRequest;
use cubelog_api::memories::{Content, RecordRequest, WriteResponse};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::store::Store;
use crate::when::rfc3339;

/// Record one memory
#[derive(Debug, Args)]
pub struct AddArgs {
    /// What to remember; `-` reads standard input
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// The cube it belongs to; made if it does not exist
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
    /// Who said it
    #[arg(long, value_name = "NAME")]
    pub speaker: Option<String>,
    /// Whom it is about [default: the speaker, else the cube]
    #[arg(long, value_name = "NAME")]
    pub subject: Option<String>,
    /// What sort of statement it is
    #[arg(long = "type", value_name = "TYPE", default_value = "note", value_parser = ["turn", "fact", "preference", "event", "profile", "procedure", "note"])]
    pub semantic: String,
    /// Where it belongs: task/concept/fact, one to three segments
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// A label; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Since when it is true [default: now]
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<String>,
    /// Until when it is true
    #[arg(long, value_name = "TIME")]
    pub valid_to: Option<String>,
    /// The same key gives the same answer, however often the command is sent
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

pub async fn run(app: &App, args: AddArgs) -> Result<Exit> {
    let request = request(app, &args)?;
    app.with_store(Need::Create, async |store| {
        let written = record(store, request, args.idempotency_key.as_deref()).await?;
        app.screen.record(&super::fields::WRITTEN, &written)?;
        Ok(Exit::Ok)
    })
    .await
}

fn request(app: &App, args: &AddArgs) -> Result<RecordRequest> {
    let time = |text: &Option<String>| text.as_deref().map(|text| app.time(text).map(rfc3339)).transpose();
    Ok(RecordRequest {
        cube: app.cube(&args.cube)?.to_string(),
        content: Content { text: super::text_or_stdin(&args.text)?, speaker: args.speaker.clone(), ..Content::default() },
        subject: args.subject.clone(),
        semantic: Some(args.semantic.clone()),
        path: args.path.clone(),
        tags: args.tags.clone(),
        valid_from: time(&args.valid_from)?,
        valid_to: time(&args.valid_to)?,
        ..RecordRequest::default()
    })
}

/// Records; a cube that does not exist is made first.
async fn record(store: &Store, request: RecordRequest, key: Option<&str>) -> Result<WriteResponse> {
    match store.record(request.clone(), key).await {
        Err(failure) if failure.exit == Exit::NotFound => {
            store.create_cube(CreateCubeRequest { cube: request.cube.clone(), ..CreateCubeRequest::default() }).await?;
            store.record(request, key).await
        }
        other => other,
    }
}
