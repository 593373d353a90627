//! Tests of the beliefs crate, one binary: the written suite with its measures, and laws over arbitrary input.

#[path = "core/case.rs"]
mod case;
#[path = "core/groups.rs"]
mod groups;
#[path = "core/laws.rs"]
mod laws;
#[path = "core/stories.rs"]
mod stories;
#[path = "core/suite.rs"]
mod suite;
