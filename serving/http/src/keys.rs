//! API keys: `clk_<id>_<secret>`, shown once; only a keyed hash of the secret is kept.

mod check;
mod file;
mod text;

pub use self::check::{ApiKeys, KeyRefusal};
pub use self::file::{CreatedKey, KeyFile, KeyFileError, KeyInfo, NewKey};
