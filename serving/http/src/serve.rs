//! The server: accepts connections, carries requests to the routes, and ends without losing any.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use cubelog_api::Problem;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::keys::{ApiKeys, KeyFileError};
use crate::routes::{self, App, HttpOptions};
use crate::service::Service;

/// Pause after an accept failed for want of a resource, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the listener has no address: {0}")]
    Listener(#[from] io::Error),
    #[error(
        "{address} can be reached from other machines, and there is no API key; make one with `cubelog key create`, or listen on 127.0.0.1"
    )]
    Open { address: SocketAddr },
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error("the store did not close well: {0}")]
    Close(Problem),
}

/// Serves until `shutdown` resolves; then accepts nothing more, lets running requests end within their time, and closes the store.
///
/// An address that other machines can reach is refused unless there is a key.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    keys: ApiKeys,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() && !keys.any_usable(service.now())? {
        return Err(ServeError::Open { address });
    }
    let end = service.cubelog().status().await.end;
    let app = App::new(service.clone(), keys, options);
    // Ready is who reflects what the log held before this server took anything in.
    app.caught_up_at.get_or_init(|| end);
    let router = routes::build(app.clone());
    tracing::info!(%address, "serving");
    let mut connections = JoinSet::new();
    let (drain, draining) = watch::channel(false);
    let places = Arc::new(Semaphore::new(app.options.connections_max));
    tokio::pin!(shutdown);
    loop {
        let place = places.clone().acquire_owned();
        let accepted = async { (place.await, listener.accept().await) };
        tokio::select! {
            () = &mut shutdown => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => {
                    let connection = carry(stream, router.clone(), app.options.head_timeout, draining.clone());
                    connections.spawn(async move {
                        let _place = place;
                        connection.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "shutting down");
    app.is_draining.store(true, Ordering::Relaxed);
    // Nobody listens if there is no connection.
    let _ = drain.send(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(app.options.drain_timeout, all_ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were cut off; what they wrote is on the log or is not");
        connections.shutdown().await;
    }
    service.close().await.map_err(ServeError::Close)
}

/// Carries one connection's requests; when `draining` turns true, the one that is running is the last.
async fn carry(stream: TcpStream, router: Router, head_timeout: Duration, mut draining: watch::Receiver<bool>) {
    // Small answers should leave at once; a socket that refuses works all the same.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        // The borrowed value must not be held while the connection ends.
        _ = async { draining.wait_for(|draining| *draining).await.is_ok() } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
