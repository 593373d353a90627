//! The runner over a real local log and in-memory views: what users do, told as short stories.

#[path = "runner/audits.rs"]
mod audits;
#[path = "runner/beliefs.rs"]
mod beliefs;
#[path = "runner/carriers.rs"]
mod carriers;
#[path = "runner/dead_letters.rs"]
mod dead_letters;
#[path = "runner/duplicates.rs"]
mod duplicates;
#[path = "runner/extracts.rs"]
mod extracts;
#[path = "runner/forgets.rs"]
mod forgets;
#[path = "runner/given.rs"]
mod given;
#[path = "runner/ingests.rs"]
mod ingests;
#[path = "runner/modules.rs"]
mod modules;
#[path = "runner/replays.rs"]
mod replays;
#[path = "runner/settles.rs"]
mod settles;
#[path = "runner/times.rs"]
mod times;
#[path = "runner/writes.rs"]
mod writes;
