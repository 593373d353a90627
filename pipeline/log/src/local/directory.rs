//! The log's directory: its lock, which names the holder, and its format version.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::{Holder, LogError};

/// Version of everything in the directory; raised when an older program could misread it.
pub const FORMAT_VERSION: u32 = 1;

const LOCK_FILE: &str = "LOCK";
const VERSION_FILE: &str = "VERSION";
pub const DATA_FILE: &str = "log.redb";
const VERSION_WORD: &str = "cubelog-log";

/// Longest command line written into the lock file, in bytes.
const COMMAND_BYTES_MAX: usize = 256;

/// The lock of a directory; it is given back when this is dropped, or when the process dies in whatever way.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

/// Makes the directory where it is missing, takes its lock and checks its version.
pub fn enter(dir: &Path) -> Result<DirectoryLock, LogError> {
    let io = |doing| move |error: std::io::Error| io_error(dir, doing, &error);
    std::fs::create_dir_all(dir).map_err(io("making the log's directory"))?;
    let lock = lock(dir)?;
    let version_path = dir.join(VERSION_FILE);
    match std::fs::read_to_string(&version_path) {
        Ok(text) => check_version(dir, &text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if dir.join(DATA_FILE).exists() {
                let reason = format!("it has a {DATA_FILE} and no {VERSION_FILE} beside it");
                return Err(LogError::NotALog { path: dir.to_owned(), reason });
            }
            write_version(dir).map_err(io("writing the log's format version"))?;
        }
        Err(error) => return Err(io("reading the log's format version")(error)),
    }
    Ok(lock)
}

fn check_version(dir: &Path, text: &str) -> Result<(), LogError> {
    let found = text.trim().strip_prefix(VERSION_WORD).and_then(|number| number.trim().parse::<u32>().ok());
    match found {
        Some(found) if found > FORMAT_VERSION => {
            Err(LogError::NewerFormat { path: dir.to_owned(), found, known: FORMAT_VERSION })
        }
        Some(found) if found > 0 => Ok(()),
        _ => {
            let reason = format!("its {VERSION_FILE} reads {:?}", text.chars().take(40).collect::<String>());
            Err(LogError::NotALog { path: dir.to_owned(), reason })
        }
    }
}

/// The version is on the disk under its final name, whole, before there is any data.
fn write_version(dir: &Path) -> std::io::Result<()> {
    let fresh = dir.join("VERSION.new");
    let mut file = File::create(&fresh)?;
    writeln!(file, "{VERSION_WORD} {FORMAT_VERSION}")?;
    file.sync_all()?;
    std::fs::rename(&fresh, dir.join(VERSION_FILE))?;
    sync_directory(dir)
}

/// Makes the names in a directory survive the loss of power.
pub fn sync_directory(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

fn lock(dir: &Path) -> Result<DirectoryLock, LogError> {
    let path = dir.join(LOCK_FILE);
    let io = |doing| move |error: std::io::Error| io_error(dir, doing, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(io("opening the log's lock"))?;
    // A stream that was just dropped in this very process gives the lock back a moment later.
    let mut patience = 20;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.rewind().and_then(|()| file.read_to_string(&mut text)).map_err(io("reading the log's lock"))?;
                let holder = parse_holder(&text);
                if patience == 0 || holder.pid.is_some_and(|pid| pid != std::process::id()) {
                    return Err(LogError::Held { path: dir.to_owned(), holder });
                }
                patience -= 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::Error(error)) => return Err(io("locking the log's directory")(error)),
        }
    }
    let holder = format!("pid {}\nhost {}\ncommand {}\n", std::process::id(), host(), command());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(holder.as_bytes()))
        .map_err(io("writing the log's lock"))?;
    Ok(DirectoryLock { _file: file })
}

fn parse_holder(text: &str) -> Holder {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned());
    Holder {
        pid: field("pid ").and_then(|pid| pid.parse().ok()),
        host: field("host ").unwrap_or_default(),
        command: field("command ").unwrap_or_default(),
    }
}

fn host() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "an unnamed host".to_owned())
}

fn command() -> String {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut line: String = words.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > COMMAND_BYTES_MAX {
        line.truncate(line.floor_char_boundary(COMMAND_BYTES_MAX));
        line.push('…');
    }
    line
}

/// An I/O error as a fact about the log in `dir`.
pub fn io_error(dir: &Path, doing: &'static str, error: &std::io::Error) -> LogError {
    let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded, std::io::ErrorKind::FileTooLarge];
    if full.contains(&error.kind()) {
        return LogError::DiskFull { path: dir.to_owned() };
    }
    LogError::Io { path: dir.to_owned(), doing, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_or_unknown_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(enter(dir.path()).unwrap());
        drop(enter(dir.path()).unwrap());
        std::fs::write(dir.path().join(VERSION_FILE), "cubelog-log 2\n").unwrap();
        let error = enter(dir.path()).unwrap_err();
        assert!(matches!(error, LogError::NewerFormat { found: 2, known: FORMAT_VERSION, .. }), "{error}");
        for text in ["", "cubelog-log", "cubelog-log 0", "cubelog-log x", "2"] {
            std::fs::write(dir.path().join(VERSION_FILE), text).unwrap();
            let error = enter(dir.path()).unwrap_err();
            assert!(matches!(error, LogError::NotALog { .. }), "{text:?}: {error}");
        }
        std::fs::remove_file(dir.path().join(VERSION_FILE)).unwrap();
        std::fs::write(dir.path().join(DATA_FILE), "").unwrap();
        assert!(matches!(enter(dir.path()).unwrap_err(), LogError::NotALog { .. }));
    }

    #[test]
    fn the_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let _first = enter(dir.path()).unwrap();
        let error = enter(dir.path()).unwrap_err();
        let LogError::Held { holder, .. } = &error else { panic!("{error}") };
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(error.to_string().contains(&format!("process {} on {}", std::process::id(), host())), "{error}");
    }
}
