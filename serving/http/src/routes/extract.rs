//! Parts of a request, with every refusal as a problem.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use cubelog_api::paths::{IDEMPOTENCY_HEADER, TOKEN_HEADER};
use cubelog_api::{Code, Problem};
use cubelog_runner::Caller;
use serde::de::DeserializeOwned;

use super::answer::Failure;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Json(body) = Json::<T>::from_request(request, state).await.map_err(refused_body)?;
        Ok(Self(body))
    }
}

/// A JSON body, or none at all.
pub(crate) struct OptionalBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match request.headers().contains_key(header::CONTENT_TYPE) {
            true => Body::from_request(request, state).await.map(|Body(body)| Self(body)),
            false => Ok(Self(T::default())),
        }
    }
}

fn refused_body(rejection: JsonRejection) -> Failure {
    let code = match &rejection {
        JsonRejection::JsonDataError(_) => Code::Invalid,
        JsonRejection::JsonSyntaxError(_) => Code::BadRequest,
        JsonRejection::MissingJsonContentType(_) => Code::UnsupportedMediaType,
        JsonRejection::BytesRejection(_) => Code::TooLarge,
        _ => Code::BadRequest,
    };
    Problem::new(code, rejection.body_text()).into()
}

/// Query parameters.
pub(crate) struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let refused = |rejection: QueryRejection| Failure(Problem::new(Code::Invalid, rejection.body_text()));
        let Query(parameters) = Query::<T>::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Self(parameters))
    }
}

/// Parameters of the path.
pub(crate) struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let refused = |rejection: PathRejection| Failure(Problem::new(Code::BadRequest, rejection.body_text()));
        let Path(segments) = Path::<T>::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Self(segments))
    }
}

/// Who asks. The middleware has put it there; a route without the middleware fails closed.
pub(crate) struct Asking(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.map(Self).ok_or_else(|| Problem::new(Code::Unauthenticated, "the request carries no key").into())
    }
}

/// Headers that say something about a verb.
pub(crate) struct Terms {
    /// What the read must see.
    pub token: Option<String>,
    /// The version that the change was made over.
    pub expected_version: Option<u32>,
    /// Makes a change safe to send again.
    pub key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Terms {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let headers = &parts.headers;
        Ok(Self {
            token: header_text(headers, &HeaderName::from_static(TOKEN_HEADER))?.map(str::to_owned),
            expected_version: header_text(headers, &header::IF_MATCH)?.map(version_of_tag).transpose()?,
            key: header_text(headers, &HeaderName::from_static(IDEMPOTENCY_HEADER))?.map(str::to_owned),
        })
    }
}

impl Terms {
    /// The version of the body or the header; both may be given if they agree.
    pub fn version(&self, body: Option<u32>) -> Result<Option<u32>, Failure> {
        match (body, self.expected_version) {
            (Some(body), Some(header)) if body != header => {
                Err(Problem::invalid("expected_version", format!("is {body}, and If-Match says {header}")).into())
            }
            (body, header) => Ok(body.or(header)),
        }
    }

    /// The token of the request itself or of the header.
    pub fn token(&self, named: Option<String>) -> Option<String> {
        named.or_else(|| self.token.clone())
    }
}

/// A header that is there at most once.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Code::BadRequest, format!("header {name} is there more than once")).into());
    }
    let text = value.to_str().map_err(|_| Problem::new(Code::BadRequest, format!("header {name} is no ASCII text")))?;
    Ok(Some(text))
}

/// `"3"` or `3`.
fn version_of_tag(tag: &str) -> Result<u32, Problem> {
    let tag = tag.trim();
    let number = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(tag);
    number.parse().map_err(|_| Problem::invalid("If-Match", "is no version; write its number in quotes, for example \"3\""))
}

/// The id of the path into a body that may also name it; they must agree.
pub(crate) fn named(field: &str, body: String, path: String) -> Result<String, Problem> {
    if body.is_empty() || body == path {
        return Ok(path);
    }
    Err(Problem::invalid(field, "is not the one that the path names"))
}

/// Rows of a page that names no number, and the most of one.
const ROWS_DEFAULT: u32 = 1_000;
const ROWS_MAX: u32 = 10_000;

/// The limit of a page over HTTP, where no answer is unbounded.
pub(crate) fn rows(limit: Option<u32>) -> Result<Option<u32>, Problem> {
    match limit.unwrap_or(ROWS_DEFAULT) {
        limit @ 1..=ROWS_MAX => Ok(Some(limit)),
        limit => Err(Problem::invalid("limit", format!("{limit} is out of range; 1 to {ROWS_MAX} are allowed"))),
    }
}
