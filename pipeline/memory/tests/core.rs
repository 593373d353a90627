//! The laws of the core: apply is total, replays agree, a lost precondition never overwrites, an event has one effect.

#[path = "core/carriers.rs"]
mod carriers;
#[path = "core/forgetting.rs"]
mod forgetting;
#[path = "core/given.rs"]
mod given;
#[path = "core/laws.rs"]
mod laws;
#[path = "core/names.rs"]
mod names;
#[path = "core/ranking.rs"]
mod ranking;
#[path = "core/stories.rs"]
mod stories;
#[path = "core/vectors.rs"]
mod vectors;
