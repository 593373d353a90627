//! From memories to what is trained on and what is asked afterwards; pure, so that it can be rebuilt bit for bit.

pub mod artefact;
pub mod fact;
pub mod general;
mod names;
pub mod set;
pub mod source;
pub mod templates;

pub use artefact::{DataManifest, Named};
pub use fact::Fact;
pub use set::{Answer, Dataset, Example, Mix, Probe};
pub use source::{Admission, Exclusion, Reason, Source, Standing};
