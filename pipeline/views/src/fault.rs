//! Errors of Lance as errors of the views.

use crate::commit::StrictCas;
use crate::error::ViewError;
use crate::tables::Table;

/// Says what failed on which table; a full disk is told apart, because the caller can do something about it.
pub fn store(action: &'static str, table: Table, source: lance::Error) -> ViewError {
    let table = table.name().to_owned();
    if is_disk_full(&source) {
        return ViewError::DiskFull { table };
    }
    ViewError::Store { action, table, source: Box::new(source) }
}

/// As [`store`], for commits: a foreign version means that somebody else writes here.
pub fn commit(action: &'static str, table: Table, cas: &StrictCas, source: lance::Error) -> ViewError {
    if cas.was_refused() {
        return ViewError::Fenced { holder: format!("it committed to {} first", table.name()) };
    }
    store(action, table, source)
}

pub fn query(table: Table, source: impl std::fmt::Display) -> ViewError {
    ViewError::Query(format!("{}: {source}", table.name()))
}

fn is_disk_full(error: &lance::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    // Lance turns some causes into text on the way.
    let text = error.to_string();
    text.contains("No space left on device") || text.contains("os error 28")
}
