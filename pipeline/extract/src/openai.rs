//! `OpenAi`: any server that speaks OpenAI's chat completions (OpenAI, Ollama, vLLM, llama.cpp), as extractor and as judge.

use async_trait::async_trait;

use crate::endpoint::{Endpoint, OpenAiOptions};
use crate::judge::{self, Dispute, JUDGE_VERSION, Judge, Judgement};
use crate::output::read_output;
use crate::port::{Counts, ExtractError, Extractor, Output, Window};
use crate::prompt::{PROMPT_VERSION, messages};

/// A model behind an endpoint.
pub struct OpenAi {
    endpoint: Endpoint,
    extractor: String,
    judge: String,
}

impl OpenAi {
    pub fn new(options: OpenAiOptions) -> Result<Self, ExtractError> {
        let (extractor, judge) = (identity(&options.model, PROMPT_VERSION), identity(&options.model, JUDGE_VERSION));
        Ok(Self { endpoint: Endpoint::new(options)?, extractor, judge })
    }
}

#[async_trait]
impl Extractor for OpenAi {
    fn identity(&self) -> &str {
        &self.extractor
    }

    async fn extract(&self, window: &Window) -> Result<Output, ExtractError> {
        self.endpoint.ask(&messages(window), |raw| read_output(raw).map(|_| ())).await
    }

    fn at_once(&self) -> usize {
        self.endpoint.at_once()
    }

    fn leaves_process(&self) -> bool {
        true
    }

    fn counts(&self) -> Counts {
        self.endpoint.counts()
    }
}

#[async_trait]
impl Judge for OpenAi {
    fn identity(&self) -> &str {
        &self.judge
    }

    async fn judge(&self, dispute: &Dispute) -> Result<Judgement, ExtractError> {
        let output = self.endpoint.ask(&judge::messages(dispute), |raw| judge::read(raw).map(|_| ())).await?;
        Ok(judge::read(&output.raw)?)
    }

    fn counts(&self) -> Counts {
        self.endpoint.counts()
    }
}

/// A name for the log: letters, digits and `. _ - @ +`.
fn identity(model: &str, version: &str) -> String {
    let model: String =
        model.chars().map(|c| if c.is_ascii_alphanumeric() || "._-@+".contains(c) { c } else { '_' }).take(80).collect();
    format!("openai.{model}.{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_a_name_for_the_log() {
        assert_eq!(identity("llama3.1:8b", "p1"), "openai.llama3.1_8b.p1");
    }
}
