//! Which model reads turns and judges contradictions: flags over settings.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cubelog_extract::{Extractor, OpenAi, OpenAiOptions, Rules};

use crate::app::env;
use crate::config::{Config, ExtractorKind};
use crate::failure::{Failure, Result};
use crate::wire;

#[derive(Debug, Args)]
pub struct EndpointArgs {
    /// What reads: written rules, or a model behind an OpenAI-compatible endpoint [default: the setting `extractor`]
    #[arg(long, value_name = "WHO", value_parser = ["rules", "openai"])]
    pub with: Option<String>,
    /// Where the model is [default: the setting `extractor-endpoint`]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Which model [default: the setting `extractor-model`]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Variable of the environment that holds the endpoint's key [default: the setting `extractor-key-env`]
    #[arg(long, value_name = "VAR")]
    pub key_env: Option<String>,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = AT_ONCE, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub at_once: u8,
    /// Seconds that one request may take
    #[arg(long, value_name = "S", default_value_t = TIMEOUT_S, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

impl EndpointArgs {
    /// What reads turns. Nothing does by default.
    pub fn extractor(&self, config: &Config) -> Result<Arc<dyn Extractor>> {
        match self.kind(config.extractor) {
            ExtractorKind::None => Err(Failure::usage("no extractor is chosen, and none is by default")
                .next("say --with rules or --with openai, or set `extractor`")),
            ExtractorKind::Rules => Ok(Arc::new(Rules)),
            ExtractorKind::OpenAi => Ok(self.open(config)?),
        }
    }

    /// Who judges what rules cannot settle: nobody, unless flags ask for it.
    pub fn judge(&self, config: &Config) -> Result<Option<Arc<OpenAi>>> {
        match self.kind(ExtractorKind::Rules) {
            ExtractorKind::OpenAi => Ok(Some(self.open(config)?)),
            ExtractorKind::None | ExtractorKind::Rules => Ok(None),
        }
    }

    /// How a server is asked for the same. Which endpoint it speaks to is its own setting.
    pub fn of_server(&self) -> Result<Option<String>> {
        if self.endpoint.is_some() || self.model.is_some() || self.key_env.is_some() {
            return Err(Failure::usage("--endpoint, --model and --key-env are settings of the server").next(
                "leave them out; `extractor-endpoint` and `extractor-model` of the server's configuration say where its model is",
            ));
        }
        Ok(self.with.as_deref().map(|with| if with == "openai" { "model" } else { with }.to_owned()))
    }

    fn kind(&self, default: ExtractorKind) -> ExtractorKind {
        match self.with.as_deref() {
            Some("rules") => ExtractorKind::Rules,
            Some(_) => ExtractorKind::OpenAi,
            None if self.endpoint.is_some() || self.model.is_some() => ExtractorKind::OpenAi,
            None => default,
        }
    }

    fn open(&self, config: &Config) -> Result<Arc<OpenAi>> {
        let written = |flag: &Option<String>, setting: &String| flag.as_ref().unwrap_or(setting).clone();
        let variable = written(&self.key_env, &config.extractor_key_env);
        let key = env(&variable).filter(|key| !key.is_empty());
        if key.is_none() && self.key_env.is_some() {
            return Err(
                Failure::usage(format!("the variable {variable} is empty or not set")).next("put the endpoint's key into it")
            );
        }
        let options = OpenAiOptions {
            key,
            timeout: Duration::from_secs(self.timeout),
            at_once: usize::from(self.at_once),
            seed: wire::now().as_microsecond().unsigned_abs(),
            ..OpenAiOptions::new(
                written(&self.endpoint, &config.extractor_endpoint),
                written(&self.model, &config.extractor_model),
            )
        };
        let model = OpenAi::new(options).map_err(|error| {
            Failure::usage(error.to_string()).next("name the endpoint with --endpoint URL and the model with --model NAME")
        })?;
        Ok(Arc::new(model))
    }
}

/// The model of the settings, if they name one.
pub fn of_settings(config: &Config) -> Result<Option<Arc<OpenAi>>> {
    match config.extractor {
        ExtractorKind::OpenAi => {
            let none =
                EndpointArgs { with: None, endpoint: None, model: None, key_env: None, at_once: AT_ONCE, timeout: TIMEOUT_S };
            Ok(Some(none.open(config)?))
        }
        ExtractorKind::None | ExtractorKind::Rules => Ok(None),
    }
}

const AT_ONCE: u8 = 4;
const TIMEOUT_S: u64 = 120;
