//! What the program says when something fails: what, why, what to do next; and the exit code that scripts see.

use std::fmt;

use cubelog_api::memories::WriteResponse;

/// Exit codes, documented in `cubelog help exit-codes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    Failure = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    Unavailable = 5,
    Differs = 6,
    Interrupted = 130,
}

/// The table behind `cubelog help exit-codes`.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  failed: anything that has no code of its own; the message says what
    2  wrong usage: an unknown flag, a value that cannot be read, a bad configuration
    3  not found: the cube, memory, record or file does not exist, or not yet at that moment
    4  refused: not allowed, a conflict with what happened first, or input that was not accepted
    5  unavailable: a broker or server that does not answer, or a directory that another process holds
    6  differences: `verify` found some, or `doctor` found something to repair
  130  interrupted with Ctrl-C; what was acknowledged stays";

/// One failure, ready to be shown.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    pub exit: Exit,
    /// What failed, lower-case, without a full stop.
    pub what: String,
    pub why: Option<String>,
    /// What to do about it, best a command.
    pub next: Option<String>,
    /// What stands on the log all the same, as after a conflict.
    pub written: Option<Box<WriteResponse>>,
    /// The views cannot be opened as they are; new ones can be made from the log.
    pub views_unusable: bool,
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: None, next: None, written: None, views_unusable: false }
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Puts what was being done in front: the former `what` becomes the reason.
    pub fn while_doing(mut self, doing: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.what, doing.into());
        self.why = Some(match self.why.take() {
            Some(why) => format!("{cause}: {why}"),
            None => cause,
        });
        self
    }

    /// An error of a library whose message reads "what is wrong; what to do next".
    pub fn from_message(exit: Exit, message: &str) -> Self {
        match message.split_once("; ") {
            Some((what, next)) => Self::new(exit, what).next(next),
            None => Self::new(exit, message),
        }
    }

    pub fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let exit = if error.kind() == Kind::NotFound { Exit::NotFound } else { Exit::Failure };
        let failure = Self::new(exit, doing.to_string()).because(error.to_string());
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => failure.next("free some space; nothing that was acknowledged is lost"),
            Kind::PermissionDenied => failure.next("check the owner and the rights, or choose another place with --dir"),
            _ => failure,
        }
    }

    /// Shows the failure on standard error in at most three parts.
    pub fn print(&self, red: bool) {
        let label = if red { "\u{1b}[31;1merror:\u{1b}[0m" } else { "error:" };
        eprintln!("{label} {}", self.what);
        if let Some(why) = &self.why {
            eprintln!("  why: {why}");
        }
        if let Some(next) = &self.next {
            eprintln!("  next: {next}");
        }
    }
}

impl From<cubelog_log::LogError> for Failure {
    fn from(error: cubelog_log::LogError) -> Self {
        use cubelog_log::LogError as E;
        let exit = match &error {
            E::Held { .. } | E::BrokerUnreachable { .. } => Exit::Unavailable,
            E::Kafka { retriable: true, .. } => Exit::Unavailable,
            E::PartitionCount { .. } | E::PartitionsOutOfRange { .. } | E::KafkaSetting { .. } => Exit::Usage,
            _ => Exit::Failure,
        };
        match &error {
            E::Held { path, holder } => Self::new(exit, format!("{} is in use", path.display()))
                .because(format!("{holder} holds it, and one process at a time writes a log"))
                .next("work through that process if it is a server (--server URL --key KEY), or stop it"),
            _ => Self::from_message(exit, &error.to_string()),
        }
    }
}

impl From<cubelog_views::ViewError> for Failure {
    fn from(error: cubelog_views::ViewError) -> Self {
        use cubelog_views::ViewError as E;
        let exit = match &error {
            E::Fenced { .. } => Exit::Unavailable,
            E::Query(_) => Exit::Usage,
            _ => Exit::Failure,
        };
        let mut failure = Self::from_message(exit, &error.to_string());
        failure.views_unusable = matches!(error, E::OtherEmbedder { .. } | E::Damaged { .. });
        failure
    }
}

impl From<cubelog_runner::RunError> for Failure {
    fn from(error: cubelog_runner::RunError) -> Self {
        use cubelog_runner::RunError as E;
        match error {
            E::Log(error) => error.into(),
            E::Views(error) => error.into(),
            E::Keys(error) => error.into(),
            other => {
                let exit = match &other {
                    E::UnknownCube(_) | E::UnknownMemory(_) => Exit::NotFound,
                    E::BadRequest(_) | E::Name(_) | E::Policy(_) => Exit::Usage,
                    E::Rejected(_) | E::Content(_) | E::Forbidden { .. } | E::Parked { .. } | E::Encode(_) => Exit::Refused,
                    _ => Exit::Failure,
                };
                Self::from_message(exit, &other.to_string())
            }
        }
    }
}

impl From<cubelog_keyring::KeyError> for Failure {
    fn from(error: cubelog_keyring::KeyError) -> Self {
        Self::from_message(Exit::Failure, &error.to_string())
    }
}

impl From<cubelog_model::ModelError> for Failure {
    fn from(error: cubelog_model::ModelError) -> Self {
        use cubelog_model::ModelError as E;
        let exit = match &error {
            E::Missing { .. } => Exit::NotFound,
            E::Name { .. } => Exit::Usage,
            E::Exists { .. } | E::Damaged { .. } | E::AnotherModel { .. } | E::Unsupported { .. } | E::TooLarge { .. } => {
                Exit::Refused
            }
            _ => Exit::Failure,
        };
        // What to do next stands at the end, and a reason within the message may hold a colon too.
        let failure = match error.to_string().rsplit_once(": ") {
            Some((what, next)) => Self::new(exit, what).next(next),
            None => Self::new(exit, error.to_string()),
        };
        match std::error::Error::source(&error) {
            Some(source) => failure.because(source.to_string()),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_message_falls_into_what_and_next() {
        let failure = Failure::from_message(Exit::Failure, "the disk is full; free some space; then go on");
        assert_eq!(failure.what, "the disk is full");
        assert_eq!(failure.next.as_deref(), Some("free some space; then go on"));
    }

    #[test]
    fn context_goes_in_front_and_loses_nothing() {
        let failure = Failure::new(Exit::NotFound, "no such file").because("it was moved").while_doing("read a.jsonl");
        assert_eq!((failure.what.as_str(), failure.why.as_deref()), ("read a.jsonl", Some("no such file: it was moved")));
        assert_eq!(failure.exit, Exit::NotFound);
    }
}
