//! Every failure of the runner as a problem; no failure is left to a default, so that a new one is a decision.

use cubelog_api::{Code, Problem};
use cubelog_keyring::KeyError;
use cubelog_log::LogError;
use cubelog_memory::{Refusal, Rejection};
use cubelog_runner::RunError;
use cubelog_views::ViewError;

/// Seconds after which a broker is tried again.
const BROKER_RETRY_SECONDS: u32 = 5;

pub(crate) fn problem(error: RunError) -> Problem {
    match &error {
        RunError::Rejected(rejection) => rejected(rejection),
        RunError::UnknownCube(_) => Problem::new(Code::UnknownCube, error.to_string()),
        RunError::UnknownMemory(_) => Problem::new(Code::UnknownMemory, error.to_string()),
        RunError::Forbidden { .. } => Problem::new(Code::Forbidden, error.to_string()),
        RunError::Parked { .. } => Problem::new(Code::Parked, error.to_string()),
        RunError::Content(_) | RunError::Name(_) | RunError::BadRequest(_) | RunError::Policy(_) => {
            Problem::new(Code::Invalid, error.to_string())
        }
        RunError::Encode(_) => Problem::new(Code::TooLarge, error.to_string()),
        RunError::NotYet { .. } => Problem::new(Code::NotYet, error.to_string()).with_retry_after(1),
        RunError::Log(log) => logged(log),
        RunError::Views(views) => viewed(views),
        RunError::Keys(keys) => keyed(keys),
        RunError::Io { source, .. } => traced(io_code(source), error.to_string()),
        // An encoder may quote what it could not read.
        RunError::Embed(_) => {
            let mut problem = Problem::new(Code::Internal, error.to_string());
            problem.trace = Some("embed texts".to_owned());
            problem
        }
        RunError::Stopped(_) => traced(Code::Stopped, error.to_string()),
    }
}

/// A problem whose detail may stand in the server's log as it is.
fn traced(code: Code, detail: String) -> Problem {
    let mut problem = Problem::new(code, detail.clone());
    problem.trace = Some(detail);
    problem
}

fn rejected(rejection: &Rejection) -> Problem {
    let code = match rejection {
        Rejection::UnknownCube(_) => Code::UnknownCube,
        Rejection::CubeExists(_) | Rejection::MemoryExists(_) => Code::Exists,
        Rejection::Forbidden { .. } => Code::Forbidden,
        Rejection::UnknownMemory(_) => Code::UnknownMemory,
        Rejection::UnknownVersion { .. } => Code::UnknownVersion,
        Rejection::TurnChanged { .. } => Code::TurnChanged,
        Rejection::Stale { .. } => Code::Stale,
        Rejection::Closed { .. } => Code::Closed,
        Rejection::IllegalMove { .. } => Code::IllegalMove,
        Rejection::Held(_) => Code::Held,
        Rejection::Expired(_) => Code::Expired,
        Rejection::UnknownHold => Code::UnknownHold,
        Rejection::Memory { refusal, .. } | Rejection::Block { refusal, .. } | Rejection::Module { refusal, .. } => {
            refused(*refusal)
        }
        Rejection::TooMany { .. }
        | Rejection::Future
        | Rejection::EmptyValidity
        | Rejection::OutOfRange(_)
        | Rejection::WithItself(_)
        | Rejection::NothingToChange => Code::Invalid,
    };
    let problem = Problem::new(code, rejection.to_string());
    match rejection {
        Rejection::Stale { current, .. } => problem.with_current_version(*current),
        Rejection::UnknownVersion { last, .. } => problem.with_current_version(*last),
        _ => problem,
    }
}

/// What the fold would make of it. A block and a module count as memories here: their ids are.
fn refused(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownMemory | Refusal::UnknownBlock | Refusal::UnknownModule => Code::UnknownMemory,
        Refusal::UnknownVersion => Code::UnknownVersion,
        Refusal::MemoryExists | Refusal::CubeExists | Refusal::BlockExists => Code::Exists,
        Refusal::IllegalMove { .. } | Refusal::IllegalStage { .. } => Code::IllegalMove,
        Refusal::Held | Refusal::Pinned => Code::Held,
        Refusal::UnknownHold => Code::UnknownHold,
        Refusal::Stale => Code::Stale,
        Refusal::AlreadyExpired => Code::Expired,
        Refusal::Revoked | Refusal::NotCarried => Code::Refused,
        Refusal::NoSources | Refusal::WithItself => Code::Invalid,
    }
}

fn logged(error: &LogError) -> Problem {
    let code = match error {
        LogError::DiskFull { .. } => Code::DiskFull,
        LogError::BrokerUnreachable { .. } => Code::BrokerUnreachable,
        LogError::Kafka { retriable, .. } => {
            if *retriable {
                Code::BrokerUnreachable
            } else {
                Code::Internal
            }
        }
        LogError::NewerFormat { .. } => Code::NewerFormat,
        LogError::RecordTooLarge { .. } => Code::TooLarge,
        LogError::Damaged { .. } | LogError::DamagedFile { .. } | LogError::NotALog { .. } => Code::Damaged,
        LogError::BeforeBegin { .. } | LogError::BeyondEnd { .. } => Code::Damaged,
        LogError::Poisoned { .. } | LogError::Closed => Code::Stopped,
        LogError::Held { .. }
        | LogError::Io { .. }
        | LogError::PartitionCount { .. }
        | LogError::PartitionsOutOfRange { .. }
        | LogError::TopicConfig { .. }
        | LogError::TopicPartitions { .. }
        | LogError::KafkaSetting { .. } => Code::Internal,
    };
    // Logs see sealed bytes only, so what they complain about holds no content.
    let problem = traced(code, error.to_string());
    if code == Code::BrokerUnreachable { problem.with_retry_after(BROKER_RETRY_SECONDS) } else { problem }
}

fn keyed(error: &KeyError) -> Problem {
    let code = match error {
        KeyError::TooLong { .. } => Code::TooLarge,
        KeyError::NewerVersion { .. } => Code::NewerFormat,
        KeyError::Io { source, .. } => io_code(source),
        KeyError::MasterFormat { .. }
        | KeyError::WrongMaster { .. }
        | KeyError::WrongEpoch { .. }
        | KeyError::Damaged { .. }
        | KeyError::Unopenable { .. }
        | KeyError::Tampered { .. } => Code::Damaged,
        KeyError::Missing { .. }
        | KeyError::Exists { .. }
        | KeyError::MissingKeys { .. }
        | KeyError::MissingMaster { .. }
        | KeyError::Rights { .. }
        | KeyError::NoSubject
        | KeyError::NumbersUsedUp { .. }
        | KeyError::Entropy(_) => Code::Internal,
    };
    // Keys are named by pseudonyms, never by people.
    traced(code, error.to_string())
}

fn io_code(error: &std::io::Error) -> Code {
    if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Internal }
}

fn viewed(error: &ViewError) -> Problem {
    match error {
        ViewError::Query(_) => Problem::new(Code::Invalid, error.to_string()),
        ViewError::DiskFull { .. } => traced(Code::DiskFull, error.to_string()),
        ViewError::NewerFormat { .. } => traced(Code::NewerFormat, error.to_string()),
        ViewError::Damaged { .. } => traced(Code::Damaged, error.to_string()),
        ViewError::Fenced { .. } | ViewError::OtherEmbedder { .. } => traced(Code::Stopped, error.to_string()),
        // The engine quotes filters, and filters hold names of people: only what was tried goes to the server's log.
        ViewError::Store { action, table, .. } => {
            let mut problem = Problem::new(Code::Internal, error.to_string());
            problem.trace = Some(format!("{action} {table}"));
            problem
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cubelog_memory::{CubeKey, CubeName, MemoryId, TenantId};
    use std::path::PathBuf;

    #[test]
    fn failures_get_the_status_that_tells_a_client_what_to_do() {
        let memory = MemoryId::from_bytes([7; 16]);
        let cube = CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new("notes").unwrap());
        let full = || LogError::DiskFull { path: PathBuf::from("/data") };
        let broker = || LogError::BrokerUnreachable { bootstrap: "b:9092".into(), reason: "refused".into() };
        let cases: Vec<(RunError, u16, bool)> = vec![
            (RunError::UnknownCube(cube.clone()), 404, false),
            (RunError::UnknownMemory(memory), 404, false),
            (Rejection::Stale { memory, expected: 2, current: 3 }.into(), 409, false),
            (Rejection::CubeExists(cube).into(), 409, false),
            (Rejection::Future.into(), 422, false),
            (Rejection::Memory { memory, refusal: Refusal::Pinned }.into(), 409, false),
            (RunError::BadRequest("no".into()), 422, false),
            (full().into(), 507, false),
            (broker().into(), 503, true),
            (RunError::NotYet { wanted: Default::default(), reflected: Default::default() }, 504, true),
            (RunError::Stopped("why".into()), 503, false),
        ];
        for (error, status, retryable) in cases {
            let text = error.to_string();
            let problem = problem(error);
            assert_eq!((problem.status, problem.retryable), (status, retryable), "{text}");
            assert!(!problem.next.is_empty());
        }
        assert_eq!(problem(Rejection::Stale { memory, expected: 2, current: 3 }.into()).current_version, Some(3));
        assert_eq!(problem(broker().into()).retry_after, Some(BROKER_RETRY_SECONDS));
    }

    #[test]
    fn what_an_engine_quotes_stays_out_of_the_servers_log() {
        let source = "filter speaker = 'Caroline' failed".into();
        let problem = problem(ViewError::Store { action: "search", table: "memories".into(), source }.into());
        assert_eq!(problem.trace.as_deref(), Some("search memories"));
    }
}
