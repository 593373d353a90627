//! Tables of what each reading finds and what it leaves alone, and the laws that hold for any text.

#[path = "core/dates.rs"]
mod dates;
#[path = "core/entities.rs"]
mod entities;
#[path = "core/fingerprint.rs"]
mod fingerprint;
#[path = "core/laws.rs"]
mod laws;
#[path = "core/names.rs"]
mod names;
#[path = "core/question.rs"]
mod question;
#[path = "core/tasks.rs"]
mod tasks;
#[path = "core/words.rs"]
mod words;
