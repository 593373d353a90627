//! Extraction: from turns to statements (facts, preferences, events, profiles), by written rules or by a language model.
//!
//! An extractor puts out text; [`read_output`] turns that text into statements and is pure. So what a model said can be logged
//! word for word, and whoever reads the log again needs no model. A [`Judge`] settles contradictions that rules leave open.

mod endpoint;
mod judge;
pub mod limits;
mod openai;
mod output;
mod pace;
mod port;
mod prompt;
mod render;
mod rules;

pub use endpoint::OpenAiOptions;
pub use judge::{Dispute, Judge, Judgement, Relates, Statement};
pub use openai::OpenAi;
pub use output::{Extracted, OutputError, read_output, write_output};
pub use port::{Counts, ExtractError, Extractor, Output, Turn, Window};
pub use prompt::{PROMPT_VERSION, messages};
pub use rules::Rules;
