//! The paths of all routes: templates for the server, and functions that fill them for clients.

use std::fmt::Write as _;

/// Header with a read token: on a request, what the read must see; on an answer, what it reflects or wrote.
pub const TOKEN_HEADER: &str = "cubelog-token";
/// Header that makes a change safe to send again.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

pub const ROOT: &str = "/";
pub const LIVEZ: &str = "/livez";
pub const READYZ: &str = "/readyz";
pub const METRICS: &str = "/metrics";
pub const OPENAPI: &str = "/openapi.json";
pub const PROBLEM: &str = "/problems/{code}";

pub const STATUS: &str = "/v1/status";
/// GET lists, POST creates.
pub const CUBES: &str = "/v1/cubes";
/// POST grants.
pub const GRANTS: &str = "/v1/cubes/{cube}/grants";
/// DELETE revokes.
pub const GRANT: &str = "/v1/cubes/{cube}/grants/{principal}";
pub const BELIEFS: &str = "/v1/cubes/{cube}/beliefs";
/// POST settles.
pub const RESOLVE_BELIEF: &str = "/v1/cubes/{cube}/beliefs/resolve";
/// POST notes contradictions, and settles them where a model is sure.
pub const SETTLE: &str = "/v1/cubes/{cube}/beliefs/settle";
/// POST learns from turns.
pub const EXTRACT: &str = "/v1/cubes/{cube}/extract";
/// POST sets.
pub const POLICIES: &str = "/v1/cubes/{cube}/policies";
/// POST places.
pub const HOLDS: &str = "/v1/cubes/{cube}/holds";
pub const LIFT: &str = "/v1/cubes/{cube}/holds/{hold}/lift";
pub const FORGET: &str = "/v1/cubes/{cube}/forget";
pub const DEDUPE: &str = "/v1/cubes/{cube}/dedupe";
pub const UNDO_MERGE: &str = "/v1/cubes/{cube}/undo-merge";
pub const INGEST: &str = "/v1/ingest";
pub const CONTEXT: &str = "/v1/context";
pub const INGEST_END: &str = "/v1/ingest/end";
/// POST records.
pub const MEMORIES: &str = "/v1/memories";
/// GET gets.
pub const MEMORY: &str = "/v1/memories/{memory}";
pub const HISTORY: &str = "/v1/memories/{memory}/history";
pub const AUDIT_WRITES: &str = "/v1/memories/{memory}/audit/writes";
pub const AUDIT_READS: &str = "/v1/memories/{memory}/audit/reads";
pub const REVISE: &str = "/v1/memories/{memory}/revise";
pub const MERGE: &str = "/v1/memories/{memory}/merge";
pub const RELATE: &str = "/v1/memories/{memory}/relate";
pub const MOVE: &str = "/v1/memories/{memory}/move";
pub const TAG: &str = "/v1/memories/{memory}/tag";
pub const EXPIRE: &str = "/v1/memories/{memory}/expire";
pub const GOVERN: &str = "/v1/memories/{memory}/govern";
pub const RESOLVE: &str = "/v1/memories/{memory}/resolve";
pub const SEARCH: &str = "/v1/search";
pub const STATE: &str = "/v1/state";
pub const DIFF: &str = "/v1/diff";
pub const SQL: &str = "/v1/sql";
pub const REPLAY: &str = "/v1/replay";
pub const VERIFY: &str = "/v1/verify";
pub const REBUILD: &str = "/v1/rebuild";
pub const DEAD: &str = "/v1/dead";
pub const DEAD_RETRY: &str = "/v1/dead/{position}/retry";
pub const DEAD_DISCARD: &str = "/v1/dead/{position}/discard";

/// Puts `values` in the places of a template's parameters, in order, percent-encoded.
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut path = String::with_capacity(template.len() + 32);
    let mut values = values.iter();
    for (index, segment) in template.split('/').enumerate() {
        if index > 0 {
            path.push('/');
        }
        if segment.starts_with('{') {
            encode(values.next().copied().unwrap_or_default(), &mut path);
        } else {
            path.push_str(segment);
        }
    }
    path
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_in_order_and_encoded() {
        assert_eq!(fill(GRANT, &["acme/notes", "ann@example.org"]), "/v1/cubes/acme%2Fnotes/grants/ann%40example.org");
        assert_eq!(fill(STATE, &[]), "/v1/state");
        assert_eq!(fill(ROOT, &[]), "/");
        assert_eq!(fill(DEAD_RETRY, &["0:1841"]), "/v1/dead/0%3A1841/retry");
        assert_eq!(fill(MEMORY, &["é"]), "/v1/memories/%C3%A9");
    }
}
