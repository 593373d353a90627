//! What went wrong, as a problem document (RFC 9457): every code with its status, and what to do next.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::memories::WriteResponse;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:literal, $retryable:literal, $title:literal, $next:literal;)+) => {
        /// Every kind of problem. The word is stable; programs decide by it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
            /// A code of a newer server.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// Every code of this version, in alphabetical order.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The word that stands for the code, also the last segment of the problem's type.
            pub const fn word(self) -> &'static str {
                match self { $(Code::$variant => $word,)+ Code::Unknown => "unknown" }
            }
            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)+ Code::Unknown => 500 }
            }
            /// Whether the same request may succeed later without anybody doing something.
            pub const fn retryable(self) -> bool {
                match self { $(Code::$variant => $retryable,)+ Code::Unknown => false }
            }
            /// Names the kind for people.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)+ Code::Unknown => "unknown problem" }
            }
            /// What to do next.
            pub const fn next(self) -> &'static str {
                match self { $(Code::$variant => $next,)+ Code::Unknown => "read the detail; a newer client may know more" }
            }
        }
    };
}

codes! {
    AdminOnly = "admin-only", 403, false, "administrators only", "use a key made with `cubelog key create --admin`";
    BadRequest = "bad-request", 400, false, "malformed request", "correct the request; /openapi.json describes every route";
    BrokerUnreachable = "broker-unreachable", 503, true, "log is not reachable", "try again; check the broker and the network if it stays";
    Busy = "busy", 409, true, "another long work is running", "wait for it to end; /v1/status shows how far it is";
    Closed = "closed", 409, false, "memory refuses new content", "move the memory to activated first, or write another one";
    Conflict = "conflict", 409, false, "another version was first", "nothing is lost: the content stands as a sibling version; read the memory and resolve the conflict";
    Damaged = "damaged", 500, false, "stored data are damaged", "run `cubelog doctor`; views are made anew by `cubelog rebuild`, a log is restored from a copy";
    DiskFull = "disk-full", 507, false, "disk is full", "free some space and start again; nothing that was acknowledged is lost";
    Exists = "exists", 409, false, "exists already", "use the one that exists, or choose another name";
    Expired = "expired", 409, false, "memory has expired", "record a new memory";
    Forbidden = "forbidden", 403, false, "right is missing", "ask the owner of the cube for a grant";
    ForeignTenant = "foreign-tenant", 403, false, "cube of another tenant", "use a key of that tenant";
    Held = "held", 409, false, "legal hold in force", "lift the hold first";
    IdempotencyInProgress = "idempotency-in-progress", 409, true, "first request is still running", "send the request again in a moment; it will get the first one's answer";
    IdempotencyMismatch = "idempotency-mismatch", 422, false, "idempotency key was used for another request", "use a new key for a new request";
    IllegalMove = "illegal-move", 409, false, "no such move in the lifecycle", "read the memory and choose a move that leads on from its stage";
    Internal = "internal", 500, false, "internal error", "try again; if it stays, the server's log says more under the request's id";
    Invalid = "invalid", 422, false, "invalid value", "correct the value that the detail names";
    MethodNotAllowed = "method-not-allowed", 405, false, "method not allowed", "see the Allow header and /openapi.json";
    NewerFormat = "newer-format", 500, false, "data of a newer version", "use a newer cubelog for this data directory";
    NotFound = "not-found", 404, false, "no such route", "see /openapi.json for the routes";
    NotYet = "not-yet", 504, true, "views are behind", "try again with the same token; the write itself is safe";
    Overloaded = "overloaded", 503, true, "too many requests at once", "try again after the time in Retry-After";
    Parked = "parked", 409, false, "cube is parked", "see `cubelog dead list`, then retry or discard the record";
    Refused = "refused", 409, false, "overtaken by another change", "read again and decide anew";
    Stale = "stale", 409, false, "version is not current any more", "read the memory again and decide anew over its current version";
    Starting = "starting", 503, true, "not ready yet", "try again in a moment";
    Stopped = "stopped", 503, false, "projector has stopped", "restart the server; nothing that was acknowledged is lost";
    Timeout = "timeout", 504, true, "request took too long", "ask for less, or try again; a write may have happened, so send it with the same idempotency key";
    TooLarge = "too-large", 413, false, "request is too large", "send less at once";
    TooManyRequests = "too-many-requests", 429, true, "key has too many requests at once", "wait for an answer before the next request";
    TurnChanged = "turn-changed", 409, false, "turn is known with other content", "revise the memory instead of ingesting the turn again";
    Unauthenticated = "unauthenticated", 401, false, "no valid key", "send `Authorization: Bearer clk_...` with a key made by `cubelog key create`";
    UnknownCube = "unknown-cube", 404, false, "no such cube", "create the cube first, or check its name in `cubelog cube list`";
    UnknownHold = "unknown-hold", 404, false, "no such hold", "check the hold's id";
    UnknownMemory = "unknown-memory", 404, false, "no such memory", "check the id and the moment";
    UnknownReplay = "unknown-replay", 404, false, "no such replay", "name a replay that `replay` made on this server";
    UnknownVersion = "unknown-version", 404, false, "no such version", "read the memory's history";
    UnsupportedMediaType = "unsupported-media-type", 415, false, "body is no JSON", "send `Content-Type: application/json`";
}

/// A problem document. Boxed, so that results stay small; its fields are those of [`ProblemBody`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<ProblemBody>);

/// The fields of a problem document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/unknown-cube")]
    pub kind: String,
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, in a sentence without a full stop.
    pub detail: String,
    /// Path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    pub code: Code,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What to do next.
    pub next: String,
    /// Seconds after which to try again; also in the header Retry-After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The version that is current, for `stale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u32>,
    /// What stands on the log all the same, for `conflict` and `refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<WriteResponse>,
    /// The id under which the server's log speaks of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the server's own log may say of it; never content and never sent.
    #[serde(skip)]
    pub trace: Option<String>,
}

impl Problem {
    /// A problem of a kind; `detail` says what happened, without a full stop.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemBody {
            kind: format!("/problems/{}", code.word()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            instance: None,
            code,
            retryable: code.retryable(),
            next: code.next().to_owned(),
            retry_after: None,
            current_version: None,
            outcome: None,
            request_id: None,
            trace: None,
        }))
    }

    /// A value that a request may not have.
    pub fn invalid(field: &str, reason: impl fmt::Display) -> Self {
        Self::new(Code::Invalid, format!("{field}: {reason}"))
    }

    /// Says something better than the code's usual advice.
    #[must_use]
    pub fn with_next(mut self, next: impl Into<String>) -> Self {
        self.0.next = next.into();
        self
    }

    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn with_current_version(mut self, version: u32) -> Self {
        self.0.current_version = Some(version);
        self
    }

    #[must_use]
    pub fn with_outcome(mut self, outcome: WriteResponse) -> Self {
        self.0.outcome = Some(outcome);
        self
    }
}

impl Deref for Problem {
    type Target = ProblemBody;
    fn deref(&self) -> &ProblemBody {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut ProblemBody {
        &mut self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_alphabetical_order_and_are_unique() {
        let words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        let mut sorted = words.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(words, sorted);
    }

    #[test]
    fn a_code_is_written_as_its_word_and_read_back() {
        for code in Code::ALL {
            let text = serde_json::to_string(code).unwrap();
            assert_eq!(text, format!("{:?}", code.word()));
            assert_eq!(serde_json::from_str::<Code>(&text).unwrap(), *code);
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }

    #[test]
    fn the_code_of_a_newer_server_is_no_error() {
        let mut document = serde_json::to_value(Problem::new(Code::Stale, "memory moved on")).unwrap();
        document["code"] = "made-up-later".into();
        let problem: Problem = serde_json::from_value(document).unwrap();
        assert_eq!((problem.code, problem.status), (Code::Unknown, 409));
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457() {
        let document = serde_json::to_value(Problem::new(Code::UnknownCube, "cube acme/notes does not exist")).unwrap();
        assert_eq!(document["type"], "/problems/unknown-cube");
        assert_eq!(document["title"], "no such cube");
        assert_eq!(document["status"], 404);
        assert_eq!(document["detail"], "cube acme/notes does not exist");
        assert_eq!(document["retryable"], false);
        assert!(document.get("outcome").is_none());
    }
}
