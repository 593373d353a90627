//! What can go wrong with views, by what the caller should do about it.

/// An operation on the views failed.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error("another process writes these views ({holder}); stop it, or use its server with --server")]
    Fenced { holder: String },
    #[error(
        "views in {directory} are of format {found}, this program knows up to {known}; use a newer program, or rebuild the views in a new directory"
    )]
    NewerFormat { directory: String, found: u32, known: u32 },
    #[error("views were embedded by {found}, this program embeds with {wanted}; run `cubelog rebuild`, which loses nothing")]
    OtherEmbedder { found: String, wanted: String },
    #[error("{table}: {reason}; run `cubelog rebuild` to make the views anew from the log")]
    Damaged { table: String, reason: String },
    #[error("no space left on the device while writing {table}; free some, nothing acknowledged is lost")]
    DiskFull { table: String },
    #[error("query: {0}")]
    Query(String),
    #[error("{action} {table}: {source}")]
    Store { action: &'static str, table: String, source: Box<dyn std::error::Error + Send + Sync> },
}
