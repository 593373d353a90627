//! A server that speaks OpenAI's chat completions, asked with patience: retries, pauses that it wants, bounds, counters.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use tokio::sync::{RwLock, Semaphore};

use crate::limits::{OUTPUT_TOKENS_MAX, RESPONSE_BYTES_MAX};
use crate::output::OutputError;
use crate::pace;
use crate::port::{Counts, ExtractError, Output};

/// Repetitions after a time-out or an answer that is of no use.
const RETRIES_SLOW: u32 = 1;

/// How to reach a model.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// `http://host:port`, with or without `/v1` or the whole path behind it.
    pub endpoint: String,
    pub model: String,
    /// Sent as a bearer token, where there is one.
    pub key: Option<String>,
    /// For one request, from its start to the end of its answer.
    pub timeout: Duration,
    /// Requests under way at once; at least 1.
    pub at_once: usize,
    /// How often a request that failed in passing is sent again.
    pub retries: u32,
    /// The first pause before a repetition; the next ones double it.
    pub first_pause: Duration,
    /// Seed of the jitter in pauses.
    pub seed: u64,
}

impl OpenAiOptions {
    pub fn new(endpoint: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            model: model.into(),
            key: None,
            timeout: Duration::from_secs(120),
            at_once: 4,
            retries: 5,
            first_pause: pace::first(),
            seed: 0,
        }
    }
}

impl std::fmt::Debug for OpenAiOptions {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenAiOptions({} {}, {} at once)", self.endpoint, self.model, self.at_once)
    }
}

/// Whether an answer is of use; what is not is asked for once more.
pub type Check = fn(&str) -> Result<(), OutputError>;

/// A model behind an endpoint.
pub struct Endpoint {
    http: Client,
    url: Url,
    options: OpenAiOptions,
    places: Semaphore,
    /// Held by whoever was told to wait, so that nobody else asks meanwhile.
    pause: RwLock<()>,
    /// The server takes none of the parameters beside model and messages.
    bare: AtomicBool,
    calls: AtomicU64,
    retries: AtomicU64,
    tokens_in: AtomicU64,
    tokens_out: AtomicU64,
}

impl Endpoint {
    pub fn new(mut options: OpenAiOptions) -> Result<Self, ExtractError> {
        let wrong =
            || ExtractError::Settings(format!("{:?} is no endpoint; write http://host:port or https://host", options.endpoint));
        let base = Url::parse(&options.endpoint).map_err(|_| wrong())?;
        let local = match base.host_str() {
            Some(host) if matches!(base.scheme(), "http" | "https") => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
            _ => return Err(wrong()),
        };
        if options.model.trim().is_empty() {
            return Err(ExtractError::Settings("no model is named; say which one the endpoint is to use".to_owned()));
        }
        options.at_once = options.at_once.clamp(1, 64);
        // A redirect would carry the key to somebody else.
        let mut builder = Client::builder().timeout(options.timeout).redirect(reqwest::redirect::Policy::none());
        if local {
            // A proxy of the environment does not know this machine's own addresses.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ExtractError::Settings(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self {
            http,
            url: completions(base),
            places: Semaphore::new(options.at_once),
            options,
            pause: RwLock::new(()),
            bare: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            tokens_in: AtomicU64::new(0),
            tokens_out: AtomicU64::new(0),
        })
    }

    fn body(&self, messages: &Value) -> Value {
        let mut body = json!({ "model": self.options.model, "messages": messages });
        if !self.bare.load(Ordering::Relaxed) {
            body["temperature"] = json!(0);
            body["max_tokens"] = json!(OUTPUT_TOKENS_MAX);
        }
        body
    }

    async fn ask_once(&self, messages: &Value, check: Check) -> Result<Output, Failed> {
        drop(self.pause.read().await);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut request = self.http.post(self.url.clone()).json(&self.body(messages));
        if let Some(key) = &self.options.key {
            request = request.bearer_auth(key);
        }
        let mut response = request.send().await.map_err(|error| self.unsent(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes: Vec<u8> = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unsent(&error))? {
            if bytes.len() + chunk.len() > RESPONSE_BYTES_MAX {
                return Err(Failed::now(ExtractError::Protocol(format!("it has more than {RESPONSE_BYTES_MAX} bytes"))));
            }
            bytes.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(self.refused(status, &headers, &bytes));
        }
        let output = completion(&bytes, messages)?;
        self.tokens_in.fetch_add(output.tokens_in, Ordering::Relaxed);
        self.tokens_out.fetch_add(output.tokens_out, Ordering::Relaxed);
        match check(&output.raw) {
            Ok(()) => Ok(output),
            Err(error) => Err(Failed::passing(error.into())),
        }
    }

    fn unsent(&self, error: &reqwest::Error) -> Failed {
        if error.is_timeout() {
            return Failed::passing(ExtractError::TimedOut { seconds: self.options.timeout.as_secs().max(1) });
        }
        // reqwest's own message names the URL and hides the cause.
        let mut reason: &dyn std::error::Error = error;
        while let Some(source) = reason.source() {
            reason = source;
        }
        Failed::passing(ExtractError::Unreachable { url: self.url.to_string(), reason: reason.to_string() })
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Failed {
        let body: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(300).collect();
        if status == StatusCode::BAD_REQUEST && (body.contains("max_tokens") || body.contains("temperature")) {
            // Some models take neither; what is asked for is the same without them.
            let first = !self.bare.swap(true, Ordering::Relaxed);
            if first {
                return Failed {
                    error: ExtractError::Refused { status: 400, body },
                    again: true,
                    after: Some(Duration::ZERO),
                    wait_for_all: false,
                };
            }
        }
        let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let after = pace::asked(header(RETRY_AFTER), header(DATE));
        match status.as_u16() {
            429 | 503 => Failed { error: ExtractError::Busy { status: status.as_u16() }, again: true, after, wait_for_all: true },
            408 | 409 | 425 | 500 | 502 | 504 => {
                Failed { error: ExtractError::Refused { status: status.as_u16(), body }, again: true, after, wait_for_all: false }
            }
            status => Failed::now(ExtractError::Refused { status, body }),
        }
    }
}

/// A request that failed, and what is to be done about it.
struct Failed {
    error: ExtractError,
    again: bool,
    /// How long the server wants to be left alone.
    after: Option<Duration>,
    /// Others would be sent away as well.
    wait_for_all: bool,
}

impl Failed {
    fn now(error: ExtractError) -> Self {
        Self { error, again: false, after: None, wait_for_all: false }
    }
    fn passing(error: ExtractError) -> Self {
        Self { again: true, ..Self::now(error) }
    }
}

impl Endpoint {
    /// Asks until an answer passes the check, a failure will not pass, or patience ends.
    pub async fn ask(&self, messages: &Value, check: Check) -> Result<Output, ExtractError> {
        // Never closed; without a place the request would only not be bounded.
        let _place = self.places.acquire().await;
        let mut retry = 0;
        loop {
            let failed = match self.ask_once(messages, check).await {
                Ok(output) => return Ok(output),
                Err(failed) => failed,
            };
            let most = match failed.error {
                // These cost a whole answer's time each.
                ExtractError::TimedOut { .. } | ExtractError::Output(_) => self.options.retries.min(RETRIES_SLOW),
                _ => self.options.retries,
            };
            if !failed.again || retry >= most {
                return Err(failed.error);
            }
            let chance = self.options.seed ^ self.calls.load(Ordering::Relaxed).rotate_left(32);
            let pause = failed.after.unwrap_or_else(|| pace::backoff(self.options.first_pause, retry, chance));
            tracing::debug!(error = %failed.error, ?pause, retry, "the model is asked again");
            // One of those who were sent away keeps the door shut; the others wait beside it, not one after the other.
            let _shut = if failed.wait_for_all { self.pause.try_write().ok() } else { None };
            tokio::time::sleep(pause).await;
            retry += 1;
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn at_once(&self) -> usize {
        self.options.at_once
    }

    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: of(&self.calls),
            retries: of(&self.retries),
            tokens_in: of(&self.tokens_in),
            tokens_out: of(&self.tokens_out),
        }
    }
}

/// `POST` goes here, whatever part of the path was written.
fn completions(mut base: Url) -> Url {
    let path = base.path().trim_end_matches('/').trim_end_matches("/chat/completions").trim_end_matches('/').to_owned();
    let path = if path.is_empty() { "/v1".to_owned() } else { path };
    base.set_path(&format!("{path}/chat/completions"));
    base.set_query(None);
    base.set_fragment(None);
    base
}

/// The text and the tokens of a chat completion.
fn completion(bytes: &[u8], messages: &Value) -> Result<Output, Failed> {
    let wrong = |what: String| Failed::passing(ExtractError::Protocol(what));
    let answer: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let content = match &answer["choices"][0]["message"]["content"] {
        Value::String(text) => text.clone(),
        // The newer form: a list of parts.
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => return Err(wrong("it has no choices[0].message.content".to_owned())),
    };
    // NUL is no character that content on the log may hold.
    let raw = content.replace('\0', "\u{fffd}");
    let counted = |name: &str| answer["usage"][name].as_u64();
    let asked = || messages.as_array().into_iter().flatten().filter_map(|message| message["content"].as_str());
    let prompt_bytes = || asked().map(|text| text.len() as u64).sum::<u64>();
    Ok(Output {
        tokens_in: counted("prompt_tokens").unwrap_or_else(|| prompt_bytes().div_ceil(4)),
        tokens_out: counted("completion_tokens").unwrap_or_else(|| (raw.len() as u64).div_ceil(4)),
        raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_be_written_short_or_long() {
        for (written, meant) in [
            ("http://localhost:11434", "http://localhost:11434/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("http://h/v1/chat/completions?x=1", "http://h/v1/chat/completions"),
            ("https://h/openai/deployments/d", "https://h/openai/deployments/d/chat/completions"),
        ] {
            assert_eq!(completions(Url::parse(written).unwrap()).as_str(), meant, "{written}");
        }
        for wrong in ["", "localhost:1", "ftp://h", "http://"] {
            assert!(Endpoint::new(OpenAiOptions::new(wrong, "m")).is_err(), "{wrong:?}");
        }
        assert!(Endpoint::new(OpenAiOptions::new("http://h", " ")).is_err());
    }

    #[test]
    fn a_key_is_never_shown() {
        let options = OpenAiOptions { key: Some("sk-secret".to_owned()), ..OpenAiOptions::new("http://h", "m") };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
