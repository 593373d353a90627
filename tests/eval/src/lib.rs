//! Evaluation of retrieval: what was found beside what should have been, judged, summed up and reported. Pure: the questions
//! are asked elsewhere.

mod bootstrap;
mod judge;
mod report;

pub use bootstrap::{Interval, interval};
pub use judge::{CUTS, Judged, judge};
pub use report::{Summary, System, json, summarise, table};

/// The category of questions that have no answer; it is left out of the overall numbers.
pub const ADVERSARIAL: &str = "adversarial";
