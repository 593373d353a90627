//! The data directory: where it is, what lies in it, and which version it has.
//!
//! ```text
//! DIR/cubelog.toml    settings, optional
//! DIR/FORMAT          version of this layout
//! DIR/log/            the local log: the truth
//! DIR/views/          LanceDB tables: disposable
//! DIR/keys/           master key and data keys: without them the log cannot be read
//! DIR/vectors.redb    vectors by text: a cache
//! DIR/replays/        replays that a server made, by name
//! DIR/api-keys/       hashes of the keys for the server
//! DIR/serving         address of the server that holds the directory, while there is one
//! ```

use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure, Result};

/// Version of the layout; raised when an older program could misread it.
pub const FORMAT_VERSION: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const FORMAT_WORD: &str = "cubelog";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory that is meant: the flag's, else `$XDG_DATA_HOME/cubelog`, else `~/.local/share/cubelog`. One for each user,
    /// not one for each working directory: what was told from one place is found again from any other.
    pub fn locate(flag: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        if let Some(dir) = flag {
            return Ok(Self::new(dir));
        }
        let set = |name| env(name).filter(|value| !value.is_empty());
        let data = set("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let data = data.or_else(|| Some(Path::new(&set("HOME")?).join(".local/share")));
        match data {
            Some(data) => Ok(Self::new(data.join("cubelog"))),
            None => Err(Failure::usage("no data directory: HOME is not set").next("name one with --dir DIR")),
        }
    }

    pub fn path(&self) -> &Path {
        &self.root
    }
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }
    pub fn views(&self) -> PathBuf {
        self.root.join("views")
    }
    pub fn vectors(&self) -> PathBuf {
        self.root.join("vectors.redb")
    }
    pub fn replays(&self) -> PathBuf {
        self.root.join("replays")
    }
    pub fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }
    /// Made if it is missing.
    pub fn api_keys(&self) -> Result<PathBuf> {
        let path = self.root.join("api-keys");
        std::fs::create_dir_all(&path).map_err(|error| Failure::io(format!("cannot make {}", path.display()), &error))?;
        owner_only(&path)?;
        Ok(path)
    }
    fn serving(&self) -> PathBuf {
        self.root.join("serving")
    }

    pub fn exists(&self) -> bool {
        self.root.join(FORMAT_FILE).exists()
    }

    /// Fails unless there is a directory that this program can read.
    pub fn check(&self) -> Result<()> {
        let shown = self.root.display();
        let text = match std::fs::read_to_string(self.root.join(FORMAT_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::new(Exit::NotFound, format!("{shown} is no Cubelog directory"))
                    .because(if self.root.exists() { "it has no file FORMAT" } else { "it does not exist" })
                    .next(
                        "`cubelog ingest FILE` or `cubelog init` makes it, --dir names another one, `cubelog demo` needs none",
                    ));
            }
            Err(error) => return Err(Failure::io(format!("cannot read {shown}/{FORMAT_FILE}"), &error)),
        };
        let version = text.trim().strip_prefix(FORMAT_WORD).and_then(|number| number.trim().parse::<u32>().ok());
        match version {
            Some(FORMAT_VERSION) => Ok(()),
            Some(newer) if newer > FORMAT_VERSION => {
                Err(Failure::new(Exit::Refused, format!("{shown} was made by a newer Cubelog"))
                    .because(format!("it has layout {newer}, this program knows up to {FORMAT_VERSION}; nothing was touched"))
                    .next("use a newer cubelog for this directory"))
            }
            _ => Err(Failure::new(Exit::Failure, format!("{shown}/{FORMAT_FILE} cannot be understood"))
                .because(format!("it reads {:?}", text.chars().take(40).collect::<String>()))
                .next(format!("restore it: its text is \"{FORMAT_WORD} {FORMAT_VERSION}\""))),
        }
    }

    /// Makes the directory where there is none; true if it did. A directory with other things in it is left alone.
    pub fn create(&self) -> Result<bool> {
        if self.exists() {
            self.check()?;
            return Ok(false);
        }
        let shown = self.root.display();
        if let Ok(mut entries) = std::fs::read_dir(&self.root) {
            // Settings may be written before anything else.
            let stranger = entries.find_map(|entry| entry.ok().filter(|entry| entry.file_name() != crate::config::FILE));
            if let Some(stranger) = stranger {
                return Err(Failure::new(Exit::Refused, format!("{shown} is not empty and no Cubelog directory"))
                    .because(format!("it holds {:?}", stranger.file_name()))
                    .next("name an empty or new directory with --dir"));
            }
        }
        std::fs::create_dir_all(&self.root).map_err(|error| Failure::io(format!("cannot make the directory {shown}"), &error))?;
        owner_only(&self.root)?;
        let fresh = self.root.join("FORMAT.new");
        let written = std::fs::write(&fresh, format!("{FORMAT_WORD} {FORMAT_VERSION}\n"))
            .and_then(|()| std::fs::File::open(&fresh)?.sync_all())
            .and_then(|()| std::fs::rename(&fresh, self.root.join(FORMAT_FILE)))
            .and_then(|()| std::fs::File::open(&self.root)?.sync_all());
        written.map_err(|error| Failure::io(format!("cannot write to {shown}"), &error))?;
        Ok(true)
    }

    /// Leaves the server's address for those who find the directory held.
    pub fn note_serving(&self, url: &str) {
        // Only a hint: that it cannot be written is no reason to stop.
        let _ = std::fs::write(self.serving(), url);
    }

    pub fn forget_serving(&self) {
        let _ = std::fs::remove_file(self.serving());
    }

    /// The address of the server that held the directory last, if it left one.
    pub fn serving_url(&self) -> Option<String> {
        std::fs::read_to_string(self.serving()).ok().map(|url| url.trim().to_owned()).filter(|url| !url.is_empty())
    }
}

/// Views and keys are in clear or worth as much: the directory belongs to its owner alone.
fn owner_only(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(|error| Failure::io(format!("cannot set the rights of {}", path.display()), &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_once_and_then_known() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Directory::new(temp.path().join("a/b"));
        assert_eq!(dir.check().unwrap_err().exit, Exit::NotFound);
        assert!(dir.create().unwrap());
        assert!(!dir.create().unwrap());
        dir.check().unwrap();
    }

    #[test]
    fn newer_unreadable_and_foreign_directories_are_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Directory::new(temp.path());
        std::fs::write(temp.path().join("thesis.doc"), "").unwrap();
        assert_eq!(dir.create().unwrap_err().exit, Exit::Refused);
        std::fs::write(temp.path().join(FORMAT_FILE), "cubelog 2\n").unwrap();
        assert_eq!(dir.create().unwrap_err().exit, Exit::Refused);
        std::fs::write(temp.path().join(FORMAT_FILE), "x").unwrap();
        assert_eq!(dir.check().unwrap_err().exit, Exit::Failure);
    }

    #[test]
    fn the_default_is_the_users_data_directory() {
        let env = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let home = Directory::locate(None, &env(&[("HOME", "/home/a")])).unwrap();
        assert_eq!(home.path(), Path::new("/home/a/.local/share/cubelog"));
        let xdg = Directory::locate(None, &env(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")])).unwrap();
        assert_eq!(xdg.path(), Path::new("/data/cubelog"));
        assert!(Directory::locate(None, &env(&[])).is_err());
        assert_eq!(Directory::locate(Some(Path::new("x")), &env(&[])).unwrap().path(), Path::new("x"));
    }
}
