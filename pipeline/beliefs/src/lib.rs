//! What statements claim, which claims displace, restate or contradict which, and what is believed: pure, by written rules.

mod around;
pub mod attribute;
pub mod belief;
pub mod calendar;
pub mod claim;
pub mod current;
pub mod duplicate;
pub mod group;
mod lexicon;
pub mod limits;
pub mod normal;
mod pattern;
mod read;
mod rules;
mod slots;
pub mod when;
pub mod words;

pub use attribute::{Attribute, Cardinality, Place};
pub use belief::{Judgement, Verdict, compare};
pub use claim::{Claim, Modality, Validity, Value};
pub use current::{Belief, Beliefs, Displaced, Line, Review, Settled, believed, current};
pub use duplicate::{Features, Likeness, duplicate};
pub use group::{Group, KEPT_APART, Piece, groups, may_merge};
pub use read::claims;
