//! The server at the other end of `--server`: one request, one answer, problems as failures.

use std::time::Duration;

use cubelog_api::paths;
use cubelog_api::problem::{Code, Problem};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Exit, Failure, Result};

pub struct Remote {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// A request that carries no JSON.
pub const NO_BODY: Option<&()> = None;

impl Remote {
    pub fn new(url: &str, key: Option<&str>) -> Result<Self> {
        let wrong =
            || Failure::usage(format!("{url:?} is no address of a server")).next("write http://host:port or https://host");
        let base = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(wrong());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("cubelog/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10));
        if is_loopback(&base) {
            // A proxy of the environment does not know this machine's own addresses.
            builder = builder.no_proxy();
        }
        let http =
            builder.build().map_err(|error| Failure::new(Exit::Failure, format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { http, base, key: key.map(str::to_owned) })
    }

    pub async fn get<Q: Serialize, A: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<A> {
        self.send(Method::GET, path, Some(query), NO_BODY, None).await
    }

    /// What has no parameters.
    pub async fn fetch<A: DeserializeOwned>(&self, path: &str) -> Result<A> {
        self.send(Method::GET, path, NO_BODY, NO_BODY, None).await
    }

    pub async fn post<B: Serialize, A: DeserializeOwned>(&self, path: &str, body: &B) -> Result<A> {
        self.send(Method::POST, path, NO_BODY, Some(body), None).await
    }

    /// A change that the same key makes safe to send again.
    pub async fn change<B: Serialize, A: DeserializeOwned>(&self, path: &str, body: &B, key: Option<&str>) -> Result<A> {
        self.send(Method::POST, path, NO_BODY, Some(body), key).await
    }

    pub async fn send<Q: Serialize, B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: Option<&Q>,
        body: Option<&B>,
        idempotency: Option<&str>,
    ) -> Result<A> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let mut request = self.http.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(query) = query {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = idempotency {
            request = request.header(paths::IDEMPOTENCY_HEADER, key);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if !status.is_success() {
            return Err(self.refused(status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(Exit::Failure, format!("{} gave an answer that cannot be understood", self.base))
                .because(error.to_string())
                .next("is it a Cubelog server, of the same version as this program?")
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        Failure::new(Exit::Unavailable, format!("no server answers at {}", self.base))
            .because(reason)
            .next("start it with `cubelog serve`, or correct --server (CUBELOG_SERVER)")
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> Failure {
        match serde_json::from_slice::<Problem>(bytes) {
            Ok(problem) => problem.into(),
            Err(_) => {
                let text: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
                Failure::new(Exit::Failure, format!("{} answered {status}", self.base))
                    .because(crate::output::printable(&text))
                    .next("is it a Cubelog server?")
            }
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let exit = match problem.code {
            Code::UnknownCube | Code::UnknownMemory | Code::UnknownVersion | Code::UnknownReplay | Code::UnknownHold => {
                Exit::NotFound
            }
            Code::BrokerUnreachable | Code::Starting | Code::Overloaded | Code::TooManyRequests | Code::Busy => Exit::Unavailable,
            Code::Invalid | Code::BadRequest => Exit::Usage,
            _ if (400..500).contains(&problem.status) => Exit::Refused,
            _ => Exit::Failure,
        };
        let next = match problem.code {
            Code::UnknownCube => "see `cubelog cubes`; `cubelog init --cube NAME` or `cubelog ingest` makes one",
            Code::UnknownMemory => "check the id, and the moment if one was given",
            Code::Unauthenticated => {
                "give a key with --key or CUBELOG_KEY; `cubelog key create NAME` makes one where the directory is"
            }
            _ => problem.next.as_str(),
        };
        // The runner's messages name a remedy behind a semicolon; the problem's own is as good.
        let what = problem.detail.split_once("; ").map_or(problem.detail.as_str(), |(what, _)| what);
        let mut failure = Self::new(exit, what).next(next);
        failure.written = problem.outcome.clone().map(Box::new);
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for url in ["127.0.0.1:7077", "ftp://host", "", "http://"] {
            assert_eq!(Remote::new(url, None).err().map(|failure| failure.exit), Some(Exit::Usage), "{url}");
        }
        assert!(is_loopback(&Url::parse("http://[::1]:1").unwrap()) && is_loopback(&Url::parse("http://127.0.0.2").unwrap()));
        assert!(!is_loopback(&Url::parse("http://example.org").unwrap()));
    }

    #[test]
    fn problems_have_exit_codes() {
        for (code, exit) in [(Code::UnknownCube, Exit::NotFound), (Code::Stale, Exit::Refused), (Code::Internal, Exit::Failure)] {
            assert_eq!(Failure::from(Problem::new(code, "x; y")).exit, exit);
        }
    }
}
