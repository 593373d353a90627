//! Settings: a commented file in the data directory, overridden by the environment, overridden by flags; each value knows
//! where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cubelog_log::KafkaOptions;

use crate::failure::{Failure, Result};

/// Name of the file in the data directory.
pub const FILE: &str = "cubelog.toml";

/// One setting: everything about it in one place.
pub struct Key {
    pub name: &'static str,
    pub env: &'static str,
    /// What `config init` writes above it; one line each.
    pub help: &'static str,
    /// The default as written; paths may begin with `DIR`.
    pub default: &'static str,
}

pub const KEYS: &[Key] = &[
    Key {
        name: "log",
        env: "CUBELOG_LOG",
        help: "Where the log is: \"local\" (in this directory) or \"kafka://host:port[,host:port]/prefix\".",
        default: "local",
    },
    Key {
        name: "partitions",
        env: "CUBELOG_PARTITIONS",
        help: "Partitions of the log, fixed when it is made. \"auto\" is 1 for a local log, which gives one order over all cubes, and 12 on Kafka.",
        default: "auto",
    },
    Key {
        name: "keys",
        env: "CUBELOG_KEYS",
        help: "Directory of the master key and the data keys. Without them nothing on the log can be read: back them up apart.",
        default: "DIR/keys",
    },
    Key {
        name: "master-key",
        env: "CUBELOG_MASTER_KEY",
        help: "File of the master key, which may lie on other storage than the data keys that it wraps.",
        default: "DIR/keys/master.key",
    },
    Key {
        name: "models",
        env: "CUBELOG_MODELS",
        help: "Directory of the models, where `deploy/models/fetch` puts them.",
        default: "~/.cache/cubelog/models",
    },
    Key {
        name: "embedder",
        env: "CUBELOG_EMBEDDER",
        help: "What turns texts into vectors: \"minilm\", \"hash\" (no model, words only) or \"none\". After a change: `cubelog rebuild`.",
        default: "minilm",
    },
    Key {
        name: "commit-interval",
        env: "CUBELOG_COMMIT_INTERVAL",
        help: "How long events may wait for others before the views take them up; a read that needs them does not wait.",
        default: "500ms",
    },
    Key {
        name: "listen",
        env: "CUBELOG_LISTEN",
        help: "Where `cubelog serve` listens. Beyond loopback put a proxy with TLS in front.",
        default: "127.0.0.1:7077",
    },
    Key {
        name: "extractor",
        env: "CUBELOG_EXTRACTOR",
        help: "What `cubelog extract` reads turns with: \"none\", \"rules\" (no model; plain sentences in English only) or \"openai\" (a model).",
        default: "none",
    },
    Key {
        name: "extractor-endpoint",
        env: "CUBELOG_EXTRACTOR_ENDPOINT",
        help: "Any OpenAI-compatible server: OpenAI, vLLM, Ollama (which listens here). Turns are sent there, except secret ones.",
        default: "http://127.0.0.1:11434",
    },
    Key { name: "extractor-model", env: "CUBELOG_EXTRACTOR_MODEL", help: "The model's name at the endpoint.", default: "" },
    Key {
        name: "extractor-key-env",
        env: "CUBELOG_EXTRACTOR_KEY_ENV",
        help: "Variable of the environment that holds the endpoint's key, where it wants one; the key itself stands in no file.",
        default: "OPENAI_API_KEY",
    },
];

/// The table of raw client settings that are passed on to Kafka.
const KAFKA_TABLE: &str = "kafka";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Env(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Env(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    MiniLm,
    Hash,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtractorKind {
    None,
    Rules,
    OpenAi,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    Local,
    Kafka { bootstrap: String, prefix: String },
}

/// The settings in force, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub log: LogPlace,
    /// `None`: what suits the log.
    pub partitions: Option<u32>,
    pub keys: PathBuf,
    /// `None`: in `keys`.
    pub master_key: Option<PathBuf>,
    pub models: PathBuf,
    pub embedder: EmbedderKind,
    pub commit_interval: Duration,
    pub listen: SocketAddr,
    pub extractor: ExtractorKind,
    pub extractor_endpoint: String,
    /// Empty until somebody names one.
    pub extractor_model: String,
    pub extractor_key_env: String,
    /// Raw settings of the Kafka client.
    pub kafka: BTreeMap<String, String>,
    /// Every setting as written, with its origin, in the order of [`KEYS`].
    pub shown: Vec<(&'static str, String, Origin)>,
    /// The file that was looked for, and whether it is there.
    pub file: PathBuf,
    pub file_exists: bool,
}

/// What flags say; `None` where there was no flag.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub log: Option<String>,
    pub keys: Option<String>,
    pub models: Option<String>,
    pub embedder: Option<String>,
    pub listen: Option<String>,
}

impl Flags {
    fn get(&self, name: &str) -> Option<(&String, &'static str)> {
        let (value, flag) = match name {
            "log" => (&self.log, "--log"),
            "keys" => (&self.keys, "--keys"),
            "models" => (&self.models, "--models"),
            "embedder" => (&self.embedder, "--embedder"),
            "listen" => (&self.listen, "--listen"),
            _ => return None,
        };
        value.as_ref().map(|value| (value, flag))
    }
}

impl Config {
    /// Reads the settings for the data directory `dir`. `file` is a file named by the user, which must exist.
    pub fn load(dir: &Path, file: Option<&Path>, flags: &Flags, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let path = file.map_or_else(|| dir.join(FILE), Path::to_owned);
        let written = match std::fs::read_to_string(&path) {
            Ok(text) => Some(parse_file(&text, &path)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(error) => return Err(Failure::io(format!("cannot read the configuration {}", path.display()), &error)),
        };
        let file_exists = written.is_some();
        let File { values, kafka } = written.unwrap_or_default();

        let shown: Vec<_> = KEYS
            .iter()
            .map(|key| {
                if let Some((value, flag)) = flags.get(key.name) {
                    return (key.name, value.clone(), Origin::Flag(flag));
                }
                if let Some(value) = env(key.env).filter(|value| !value.is_empty()) {
                    return (key.name, value, Origin::Env(key.env));
                }
                match values.get(key.name) {
                    Some(value) => (key.name, value.clone(), Origin::File(path.clone())),
                    None => (key.name, key.default.to_owned(), Origin::Default),
                }
            })
            .collect();
        Self::check(dir, shown, kafka, path, file_exists, env)
    }

    fn check(
        dir: &Path,
        shown: Vec<(&'static str, String, Origin)>,
        kafka: BTreeMap<String, String>,
        file: PathBuf,
        file_exists: bool,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let value = |name: &str| {
            let found = shown.iter().find(|(key, _, _)| *key == name);
            found
                .map(|(key, value, origin)| Written { key, value, origin })
                .ok_or_else(|| Failure::usage(format!("no setting {name}")))
        };
        let path = |name: &str| value(name).map(|written| expand(written.value, written.origin, dir, env));
        Ok(Self {
            log: value("log")?.parse(log_place)?,
            partitions: value("partitions")?.parse(partitions)?,
            keys: path("keys")?,
            master_key: if value("master-key")?.origin == &Origin::Default { None } else { Some(path("master-key")?) },
            models: path("models")?,
            embedder: value("embedder")?.parse(embedder)?,
            commit_interval: value("commit-interval")?.parse(interval)?,
            listen: value("listen")?
                .parse(|text| text.parse().map_err(|_| "an address and port such as 127.0.0.1:7077".to_owned()))?,
            extractor: value("extractor")?.parse(extractor)?,
            extractor_endpoint: value("extractor-endpoint")?.value.to_owned(),
            extractor_model: value("extractor-model")?.value.to_owned(),
            extractor_key_env: value("extractor-key-env")?.value.to_owned(),
            kafka,
            shown,
            file,
            file_exists,
        })
    }
}

/// A value as somebody wrote it.
struct Written<'a> {
    key: &'a str,
    value: &'a str,
    origin: &'a Origin,
}

impl Written<'_> {
    /// `parse` answers what was expected where it cannot read the value.
    fn parse<T>(&self, parse: impl Fn(&str) -> Result<T, String>) -> Result<T> {
        parse(self.value).map_err(|expected| {
            Failure::usage(format!("setting {} is {:?} ({})", self.key, self.value, self.origin))
                .next(format!("write {expected}"))
        })
    }
}

fn log_place(text: &str) -> Result<LogPlace, String> {
    let expected = || "\"local\" or kafka://host:port[,host:port]/prefix".to_owned();
    if text == "local" {
        return Ok(LogPlace::Local);
    }
    let KafkaOptions { bootstrap, prefix, .. } = text.parse().map_err(|_| expected())?;
    Ok(LogPlace::Kafka { bootstrap, prefix })
}

fn partitions(text: &str) -> Result<Option<u32>, String> {
    if text == "auto" {
        return Ok(None);
    }
    match text.parse() {
        Ok(number @ 1..=1024) => Ok(Some(number)),
        _ => Err("a number from 1 to 1024, or \"auto\"".to_owned()),
    }
}

fn embedder(text: &str) -> Result<EmbedderKind, String> {
    match text {
        "minilm" => Ok(EmbedderKind::MiniLm),
        "hash" => Ok(EmbedderKind::Hash),
        "none" => Ok(EmbedderKind::None),
        _ => Err("minilm, hash or none".to_owned()),
    }
}

fn extractor(text: &str) -> Result<ExtractorKind, String> {
    match text {
        "none" => Ok(ExtractorKind::None),
        "rules" => Ok(ExtractorKind::Rules),
        "openai" => Ok(ExtractorKind::OpenAi),
        _ => Err("none, rules or openai".to_owned()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let expected = || "a duration from 10ms to 1 minute, such as 500ms".to_owned();
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    let duration = Duration::try_from(parsed).map_err(|_| expected())?;
    if (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&duration) { Ok(duration) } else { Err(expected()) }
}

/// `DIR/…` lies in the data directory and `~/…` in the home directory. Relative paths of the file start from the data directory,
/// those of flags and the environment where the command was given.
fn expand(text: &str, origin: &Origin, dir: &Path, env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(rest) = text.strip_prefix("DIR/") {
        return dir.join(rest);
    }
    if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), env("HOME")) {
        return Path::new(&home).join(rest);
    }
    match origin {
        Origin::File(_) => dir.join(text),
        _ => PathBuf::from(text),
    }
}

#[derive(Default)]
struct File {
    values: BTreeMap<String, String>,
    kafka: BTreeMap<String, String>,
}

fn parse_file(text: &str, path: &Path) -> Result<File> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::usage(format!("{} line {line}: {}", path.display(), error.message())).next("correct the file; it is TOML")
    })?;
    let mut file = File::default();
    for (key, value) in table {
        match value {
            toml::Value::Table(kafka) if key == KAFKA_TABLE => {
                for (name, value) in kafka {
                    file.kafka
                        .insert(name.clone(), plain(value).ok_or_else(|| wrong_type(path, &format!("{KAFKA_TABLE}.{name}")))?);
                }
            }
            _ if !KEYS.iter().any(|known| known.name == key) => return Err(unknown(path, &key)),
            value => {
                let value = plain(value).ok_or_else(|| wrong_type(path, &key))?;
                file.values.insert(key, value);
            }
        }
    }
    Ok(file)
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn wrong_type(path: &Path, key: &str) -> Failure {
    Failure::usage(format!("{}: {key} is neither text nor a number", path.display()))
        .next("`cubelog config init --stdout` shows the form")
}

fn unknown(path: &Path, key: &str) -> Failure {
    let names = KEYS.iter().map(|known| known.name).chain([KAFKA_TABLE]);
    let failure = Failure::usage(format!("{}: unknown setting {key:?}", path.display()));
    match names.map(|name| (distance(key, name), name)).min() {
        Some((distance, name)) if distance <= 4 => {
            failure.next(format!("did you mean {name:?}? `cubelog config show` lists all settings"))
        }
        _ => failure.next("`cubelog config show` lists all settings"),
    }
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

/// The commented file that `config init` writes: every setting with its default, commented out.
pub fn default_file() -> String {
    let mut text =
        String::from("# Settings of this Cubelog directory. Environment variables override them, flags override both.\n");
    for key in KEYS {
        let value = format!("{:?}", key.default.trim_start_matches("DIR/"));
        text.push_str(&format!("\n# {}\n# Environment: {}\n# {} = {value}\n", key.help, key.env, key.name));
    }
    text.push_str(
        "\n# Settings that are passed on to the Kafka client (librdkafka), for example for TLS and SASL.\n# [kafka]\n# \"security.protocol\" = \"SASL_SSL\"\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, flags: &Flags, env: &[(&str, &str)]) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let find = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::load(dir.path(), None, flags, &find)
    }

    #[test]
    fn a_flag_comes_before_the_environment_and_that_before_the_file() {
        let text = "embedder = \"none\"\npartitions = 4\nlisten = \"127.0.0.1:1\"";
        let flags = Flags { embedder: Some("hash".to_owned()), ..Flags::default() };
        let env = [("CUBELOG_EMBEDDER", "minilm"), ("CUBELOG_LISTEN", "127.0.0.1:2"), ("CUBELOG_LOG", "")];
        let config = load(text, &flags, &env).unwrap();
        assert_eq!(config.embedder, EmbedderKind::Hash);
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.partitions, Some(4));
        let origins: Vec<String> = config.shown.iter().map(|(_, _, origin)| origin.to_string()).collect();
        assert_eq!(origins[0], "default");
        assert!(origins[1].starts_with("file "), "{}", origins[1]);
        assert_eq!(origins[5], "flag --embedder");
        assert_eq!(origins[7], "environment CUBELOG_LISTEN");
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_nearest_one() {
        let failure = load("embeder = \"hash\"", &Flags::default(), &[]).unwrap_err();
        assert!(failure.what.contains("\"embeder\""), "{failure:?}");
        assert!(failure.next.unwrap().contains("\"embedder\""));
        let failure = load("x = [", &Flags::default(), &[]).unwrap_err();
        assert!(failure.what.contains("line 1"), "{failure:?}");
    }

    #[test]
    fn a_bad_value_names_its_origin() {
        for (text, word) in [
            ("log = \"kafka://\"", "kafka://"),
            ("log = \"kafka://a/b\"", "log"),
            ("partitions = 0", "partitions"),
            ("commit-interval = \"1h\"", "commit-interval"),
            ("listen = \"localhost\"", "listen"),
            ("embedder = \"bert\"", "embedder"),
            ("extractor = \"gpt\"", "extractor"),
            ("listen = [1]", "listen"),
        ] {
            let failure = load(text, &Flags::default(), &[]).unwrap_err();
            assert!(failure.what.contains(word) && failure.next.is_some(), "{text}: {failure:?}");
        }
    }

    #[test]
    fn the_written_default_file_changes_nothing() {
        let config = load(&default_file(), &Flags::default(), &[("HOME", "/home/a")]).unwrap();
        assert!(config.shown.iter().all(|(_, _, origin)| *origin == Origin::Default));
        let uncommented: String = default_file()
            .lines()
            .filter_map(|line| {
                line.strip_prefix("# ").filter(|rest| KEYS.iter().any(|key| rest.starts_with(&format!("{} = ", key.name))))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let written = load(&uncommented, &Flags::default(), &[("HOME", "/home/a")]).unwrap();
        assert_eq!(
            (written.embedder, written.listen, written.commit_interval),
            (config.embedder, config.listen, config.commit_interval)
        );
        assert_eq!(written.models, config.models);
        assert!(written.keys.ends_with("keys"));
    }

    #[test]
    fn a_kafka_log_is_read_with_its_prefix() {
        let place = log_place("kafka://a:9092,b:9093/team.x").unwrap();
        assert_eq!(place, LogPlace::Kafka { bootstrap: "a:9092,b:9093".to_owned(), prefix: "team.x".to_owned() });
        assert_eq!(
            log_place("kafka://a:1").unwrap(),
            LogPlace::Kafka { bootstrap: "a:1".to_owned(), prefix: "cubelog".to_owned() }
        );
    }
}
