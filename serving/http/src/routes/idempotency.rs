//! Idempotency keys: the same key with the same request gets the first answer again, with another request it is refused.
//!
//! Answers are kept in memory, a bounded number of them. Behind that the log itself knows the command, so that a repetition
//! after a restart changes nothing either.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cubelog_api::{Code, Problem};

use super::answer::Failure;

/// Says that an answer is the first one again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Largest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Hash of everything that makes a request what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked(blake3::Hash);

impl Asked {
    pub fn of(parts: &Parts, body: &Bytes) -> Self {
        let mut hasher = blake3::Hasher::new();
        let if_match = parts.headers.get(header::IF_MATCH).map_or(&b""[..], HeaderValue::as_bytes);
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        for part in [parts.method.as_str().as_bytes(), target.as_bytes(), if_match, body] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize())
    }
}

/// The answers that are kept. Clones share them.
#[derive(Clone)]
pub(crate) struct Answers {
    kept: Arc<Mutex<Kept>>,
    max: usize,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<String, Entry>,
    /// Keys with answers, oldest first.
    order: VecDeque<String>,
}

struct Entry {
    asked: Asked,
    /// `None` while the first request is running.
    answer: Option<Arc<Answer>>,
}

enum Answer {
    Good { status: StatusCode, headers: HeaderMap, body: Bytes },
    Problem(Problem),
}

/// What is known of a key.
pub(crate) enum Found {
    /// The first answer, once more.
    Answer(Response),
    /// Nothing: the request is to be carried out.
    First(First),
}

/// The right and duty to carry out the first request with a key. Dropped without an answer, it frees the key.
pub(crate) struct First {
    answers: Answers,
    key: String,
    is_kept: bool,
}

impl Answers {
    pub fn new(max: usize) -> Self {
        Self { kept: Arc::default(), max: max.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, key: String, asked: Asked) -> Result<Found, Problem> {
        let mut kept = self.lock();
        match kept.entries.get(&key) {
            None => {}
            Some(entry) if entry.asked != asked => {
                let detail = "the idempotency key was used before for another request, and this one was not carried out";
                return Err(Problem::new(Code::IdempotencyMismatch, detail));
            }
            Some(Entry { answer: Some(answer), .. }) => return Ok(Found::Answer(answer.response())),
            Some(Entry { answer: None, .. }) => {
                let detail = "the first request with this idempotency key has not been answered yet";
                return Err(Problem::new(Code::IdempotencyInProgress, detail).with_retry_after(1));
            }
        }
        kept.entries.insert(key.clone(), Entry { asked, answer: None });
        Ok(Found::First(First { answers: self.clone(), key, is_kept: false }))
    }
}

impl First {
    /// Keeps the answer if it stands for something that happened; passes it on.
    pub async fn keep(mut self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let answer = match parts.extensions.get::<Problem>() {
            // What is on the log although it had no success; every other problem changed nothing and may end otherwise.
            Some(problem) if problem.outcome.is_some() => Answer::Problem(problem.clone()),
            Some(_) => return Response::from_parts(parts, body),
            None if !parts.status.is_success() => return Response::from_parts(parts, body),
            None => match axum::body::to_bytes(body, usize::MAX).await {
                Ok(body) => Answer::Good { status: parts.status, headers: parts.headers.clone(), body },
                Err(_) => {
                    parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                    return Response::from_parts(parts, Body::empty());
                }
            },
        };
        let response = match &answer {
            Answer::Good { body, .. } => Response::from_parts(parts, Body::from(body.clone())),
            Answer::Problem(_) => Response::from_parts(parts, Body::empty()),
        };
        if !matches!(&answer, Answer::Good { body, .. } if body.len() > ANSWER_BYTES_MAX) {
            self.is_kept = true;
            let mut kept = self.answers.lock();
            if let Some(entry) = kept.entries.get_mut(&self.key) {
                entry.answer = Some(Arc::new(answer));
            }
            kept.order.push_back(self.key.clone());
            while kept.order.len() > self.answers.max {
                if let Some(oldest) = kept.order.pop_front() {
                    kept.entries.remove(&oldest);
                }
            }
        }
        response
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if !self.is_kept {
            self.answers.lock().entries.remove(&self.key);
        }
    }
}

impl Answer {
    fn response(&self) -> Response {
        let mut response = match self {
            Answer::Good { status, headers, body } => {
                let mut response = (*status, body.clone()).into_response();
                *response.headers_mut() = headers.clone();
                response
            }
            Answer::Problem(problem) => Failure(problem.clone()).into_response(),
        };
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn asked(body: &'static str) -> Asked {
        let (parts, ()) = Request::post("/v1/memories").body(()).unwrap().into_parts();
        Asked::of(&parts, &Bytes::from_static(body.as_bytes()))
    }

    fn first(answers: &Answers, key: &str, body: &'static str) -> First {
        match answers.find(key.to_owned(), asked(body)) {
            Ok(Found::First(first)) => first,
            Ok(Found::Answer(_)) => panic!("there is an answer already"),
            Err(problem) => panic!("{problem}"),
        }
    }

    fn code(answers: &Answers, key: &str, body: &'static str) -> Option<Code> {
        answers.find(key.to_owned(), asked(body)).err().map(|problem| problem.code)
    }

    async fn text(response: Response) -> String {
        String::from_utf8(axum::body::to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_first_answer_is_given_again_and_another_request_is_refused() {
        let answers = Answers::new(10);
        let running = first(&answers, "k", "a");
        assert_eq!(code(&answers, "k", "a"), Some(Code::IdempotencyInProgress));
        assert_eq!(code(&answers, "k", "b"), Some(Code::IdempotencyMismatch));
        let response = running.keep((StatusCode::CREATED, "done").into_response()).await;
        assert_eq!(text(response).await, "done");
        let Ok(Found::Answer(again)) = answers.find("k".to_owned(), asked("a")) else { panic!("no answer") };
        assert_eq!((again.status(), again.headers()[REPLAYED].as_bytes()), (StatusCode::CREATED, &b"true"[..]));
        assert_eq!(text(again).await, "done");
        assert_eq!(code(&answers, "k", "b"), Some(Code::IdempotencyMismatch));
    }

    #[tokio::test]
    async fn what_did_not_happen_leaves_the_key_free() {
        let answers = Answers::new(10);
        drop(first(&answers, "k", "a"));
        let failed = Failure(Problem::new(Code::UnknownCube, "no cube")).into_response();
        assert_eq!(first(&answers, "k", "a").keep(failed).await.status(), StatusCode::NOT_FOUND);
        drop(first(&answers, "k", "b"));
        let outcome = Problem::new(Code::Conflict, "too late").with_outcome(Default::default());
        first(&answers, "k", "c").keep(Failure(outcome).into_response()).await;
        assert!(matches!(answers.find("k".to_owned(), asked("c")), Ok(Found::Answer(_))), "its event is on the log");
    }

    #[tokio::test]
    async fn only_so_many_answers_are_kept() {
        let answers = Answers::new(2);
        for key in ["1", "2", "3"] {
            first(&answers, key, "a").keep("done".into_response()).await;
        }
        drop(first(&answers, "1", "other"));
        assert!(matches!(answers.find("3".to_owned(), asked("a")), Ok(Found::Answer(_))));
        assert_eq!(answers.lock().entries.len(), 2);
    }
}
