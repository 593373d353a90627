//! The event log as an Arrow table: bulk decoding of single-object Avro into the flat table `events`.

mod decode;
mod scan;
mod shape;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use decode::{BadEvent, Decoded, EventDecoder, EventSchemas};
pub use scan::{EventScan, EventWindow, RawEvent, RawEvents, ScanError};

/// Events cannot be decoded in bulk at all. A single record that cannot be decoded is a [`BadEvent`], never this.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error("the schema of events is not usable: {reason}; this is a fault of the program, please report it")]
    Schema { reason: String },
    #[error("decoded events do not fit their table: {reason}; this is a fault of the program, please report it")]
    Table { reason: String },
}
