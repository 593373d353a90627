//! Serves the data directory over HTTP.

use clap::Args;
use cubelog_http::{ApiKeys, HttpOptions, KeyFile, ServeError, serve};
use tokio::net::TcpListener;

use super::endpoint::of_settings;
use crate::app::App;
use crate::failure::{Exit, Failure, Result};
use crate::wire;

/// Serve the data directory over HTTP
#[derive(Debug, Args)]
#[command(
    long_about = "Serves the data directory over HTTP, for programs and for `cubelog --server`. Data routes ask for a key from \
                        `cubelog key create`. Ends cleanly on Ctrl-C and SIGTERM: what was acknowledged is kept."
)]
pub struct ServeArgs {
    /// Address and port; port 0 takes a free one [env: CUBELOG_LISTEN] [default: 127.0.0.1:7077]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
}

pub async fn run(app: &App, _args: ServeArgs) -> Result<Exit> {
    app.directory_only("serve")?;
    let config = app.config()?;
    let address = config.listen;
    // The address is taken first: a store that was opened for nothing would have to be closed again.
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::io(format!("cannot listen on {address}"), &error);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.next("another program has the port; choose one with --listen, port 0 takes a free one")
            }
            _ => failure.next("choose another address with --listen"),
        }
    })?;
    if app.dir.create()? {
        app.screen.note(&format!("made {}", app.dir.path().display()));
    }
    let keys = ApiKeys::open(KeyFile::in_directory(app.dir.api_keys()?))?;
    let any_key = keys.any_usable(wire::now_micros())?;
    let model = of_settings(&config)?;
    let mut service = wire::open(&app.dir, &config, None).await?;
    if let Some(model) = model {
        service = service.with_model(model);
    }
    // Who searches first should not wait until all that searches look at is read.
    let cubelog = service.cubelog().clone();
    tokio::spawn(async move { cubelog.warm().await });
    let local = listener.local_addr().map_err(|error| Failure::io("cannot tell the address", &error))?;
    let url = format!("http://{local}");
    app.dir.note_serving(&url);
    app.screen.line(&format!("serving {} at {url} (API at {url}/openapi.json); Ctrl-C ends it", app.dir.path().display()))?;
    if !any_key {
        app.screen.note("no key opens anything yet; `cubelog key create NAME` makes one, at any time");
    }
    let served = serve(listener, service, keys, HttpOptions::default(), asked_to_end()).await;
    app.dir.forget_serving();
    served?;
    app.screen.note("ended; nothing that was acknowledged is lost");
    Ok(Exit::Ok)
}

/// Resolves at the first Ctrl-C or SIGTERM. A second one ends the process at once; the log has what was acknowledged.
async fn asked_to_end() {
    signal().await;
    tokio::spawn(async {
        signal().await;
        std::process::exit(Exit::Interrupted as i32);
    });
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Where no handler can be set the process ends by the signal itself.
        if let (Ok(mut term), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Keys(error) => error.into(),
            ServeError::Close(problem) => problem.into(),
            ServeError::Open { .. } => Failure::from_message(Exit::Refused, &error.to_string()),
            ServeError::Listener(_) => Failure::from_message(Exit::Failure, &error.to_string()),
        }
    }
}
