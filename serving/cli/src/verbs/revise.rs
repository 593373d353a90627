//! Gives a memory new content.

use clap::Args;

use cubelog_api::memories::{Content, ReviseRequest};
use cubelog_api::read::GetRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::when::rfc3339;

/// Give a memory new content
#[derive(Debug, Args)]
#[command(
    long_about = "Gives a memory new content. The former version stays, and can be read with --at and --valid-at.\n\nWith \
                  --expect the change states which version it was decided over: if another change came first, the new content \
                  becomes a sibling version that waits for `cubelog resolve`, and nothing is overwritten."
)]
pub struct ReviseArgs {
    /// Id of the memory, or a unique part at its beginning or end
    #[arg(value_name = "ID")]
    pub memory: String,
    /// The new text; `-` reads standard input
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// The version that this was decided over [default: the current one]
    #[arg(long, value_name = "VERSION")]
    pub expect: Option<u32>,
    /// Since when the new content is true [default: now]
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<String>,
    /// Until when the new content is true
    #[arg(long, value_name = "TIME")]
    pub valid_to: Option<String>,
    /// The same key gives the same answer, however often the command is sent
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

pub async fn run(app: &App, args: ReviseArgs) -> Result<Exit> {
    let time = |text: &Option<String>| text.as_deref().map(|text| app.time(text).map(rfc3339)).transpose();
    let text = super::text_or_stdin(&args.text)?;
    let (valid_from, valid_to) = (time(&args.valid_from)?, time(&args.valid_to)?);
    app.with_store(Need::Write, async |store| {
        let memory = store.memory_id(&args.memory).await?;
        let known = store.get(GetRequest { memory: memory.clone(), ..GetRequest::default() }).await?.memory;
        let request = ReviseRequest {
            cube: format!("{}/{}", known.tenant, known.cube),
            memory,
            expected_version: Some(args.expect.unwrap_or(known.current)),
            // Who said it and where stays what it was; only the statement changes.
            content: Content { text, speaker: known.speaker, caption: None, session: known.session, source: known.source },
            valid_from,
            valid_to,
            occurred_at: None,
        };
        let memory = request.memory.clone();
        let written =
            store.revise(request, args.idempotency_key.as_deref()).await.map_err(|failure| conflict(failure, &memory))?;
        app.screen.record(&super::fields::WRITTEN, &written)?;
        Ok(Exit::Ok)
    })
    .await
}

/// A conflict says which version waits, and how to settle it.
fn conflict(failure: Failure, memory: &str) -> Failure {
    match failure.written.as_ref().filter(|written| written.effect == "conflict").and_then(|written| written.version) {
        Some(version) => {
            let next = format!(
                "`cubelog history {memory}` shows all versions; `cubelog resolve {memory} --winner {version}` lets this one win"
            );
            failure.while_doing(format!("another change came first; yours is kept as version {version} in conflict")).next(next)
        }
        None => failure,
    }
}
