//! A file or standard input as a source of turns; it may be read twice, once to check it and once to take it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use cubelog_runner::import::{DETECT_BYTES, Format, ImportOptions, Importer, detect};

use crate::failure::{Exit, Failure, Result};

pub struct Source {
    name: String,
    /// Name of a conversation that carries none.
    stem: String,
    format: Format,
    input: Input,
}

enum Input {
    File(File),
    /// Standard input that is read once only, with the beginning that was looked at.
    Stream(Box<dyn BufRead>),
}

impl Source {
    /// Opens a file, or standard input for `-`. Unless `once`, standard input is kept in an unnamed temporary file, so that it can
    /// be checked to its end before anything of it is taken.
    pub fn open(path: &Path, format: &str, once: bool) -> Result<Self> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let failed = |error: std::io::Error| Failure::io(format!("cannot read {name}"), &error);
        let stem = if is_stdin { None } else { path.file_stem() };
        let stem = stem.map_or_else(|| "stdin".to_owned(), |stem| stem.to_string_lossy().into_owned());

        let mut first = Vec::new();
        let input = if is_stdin && once {
            let mut reader = BufReader::with_capacity(DETECT_BYTES, std::io::stdin());
            (&mut reader).take(DETECT_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
            Input::Stream(Box::new(std::io::Cursor::new(first.clone()).chain(reader)))
        } else {
            let mut file = if is_stdin { spool().map_err(failed)? } else { File::open(path).map_err(failed)? };
            if file.metadata().map_err(failed)?.is_dir() {
                return Err(Failure::usage(format!("{name} is a directory")).next("name files"));
            }
            if file.stream_position().is_err() {
                return Self::open_pipe(file, name, stem, format, once);
            }
            (&mut file).take(DETECT_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
            file.rewind().map_err(failed)?;
            Input::File(file)
        };
        let format = format_of(format, &first, &name)?;
        Ok(Self { name, stem, format, input })
    }

    /// A named pipe, such as the shell makes of `<(command)`.
    fn open_pipe(mut pipe: File, name: String, stem: String, format: &str, once: bool) -> Result<Self> {
        let failed = |error: std::io::Error| Failure::io(format!("cannot read {name}"), &error);
        let mut first = Vec::new();
        let input = if once {
            (&mut pipe).take(DETECT_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
            Input::Stream(Box::new(std::io::Cursor::new(first.clone()).chain(BufReader::new(pipe))))
        } else {
            let mut file = keep(&mut pipe).map_err(failed)?;
            (&mut file).take(DETECT_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
            file.rewind().map_err(failed)?;
            Input::File(file)
        };
        let format = format_of(format, &first, &name)?;
        Ok(Self { name, stem, format, input })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Goes back to the beginning.
    pub fn rewind(&mut self) -> Result<()> {
        match &mut self.input {
            Input::File(file) => file.rewind().map_err(|error| Failure::io(format!("cannot read {} again", self.name), &error)),
            Input::Stream(_) => Err(Failure::new(Exit::Failure, format!("{} can be read only once", self.name))),
        }
    }

    /// Reads from where the source stands, without using it up.
    pub fn peek(&self) -> Result<Importer<BufReader<File>>> {
        match &self.input {
            Input::File(file) => {
                let copy = file.try_clone().map_err(|error| Failure::io(format!("cannot read {}", self.name), &error))?;
                Ok(Importer::new(BufReader::new(copy), self.format, self.options()))
            }
            Input::Stream(_) => Err(Failure::new(Exit::Failure, format!("{} can be read only once", self.name))),
        }
    }

    pub fn items(self) -> Result<Importer<Box<dyn BufRead>>> {
        let options = self.options();
        let reader: Box<dyn BufRead> = match self.input {
            Input::File(file) => Box::new(BufReader::with_capacity(1 << 16, file)),
            Input::Stream(reader) => reader,
        };
        Ok(Importer::new(reader, self.format, options))
    }

    fn options(&self) -> ImportOptions {
        ImportOptions { conversation: self.stem.clone() }
    }
}

fn format_of(format: &str, first: &[u8], name: &str) -> Result<Format> {
    let found = if format == "auto" { detect(first, name) } else { format.parse() };
    found.map_err(|error| {
        let text = error.to_string();
        let (what, next) = text.split_once("; ").unwrap_or((&text, "name it with --format"));
        Failure::new(Exit::Refused, what).next(next)
    })
}

fn spool() -> std::io::Result<File> {
    keep(&mut std::io::stdin().lock())
}

/// Everything of a stream in a temporary file without a name, which goes away with this process.
fn keep(stream: &mut dyn Read) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(stream, &mut file)?;
    file.rewind()?;
    Ok(file)
}
