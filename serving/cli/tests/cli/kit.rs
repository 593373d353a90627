//! Running the program and looking at what it says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The sample conversations of the demo: 147 turns in three conversations, and questions.
pub const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/conversations.jsonl");
pub const SAMPLE_TURNS: u64 = 147;

/// A place of its own for one test.
pub struct Place {
    pub temp: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub fn dir(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The program with this place's directory and nothing of the surroundings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cubelog"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CUBELOG_") || name.starts_with("XDG_")) {
            command.env_remove(name);
        }
        command.env_remove("RUST_LOG").env("TZ", "UTC").env("USER", "tester").env("HOME", self.temp.path());
        command.env("CUBELOG_DIR", self.dir()).env("CUBELOG_EMBEDDER", "hash").args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap(), args)
    }

    /// Runs what must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Ran {
        self.run(args).expect(0)
    }

    /// Runs what must succeed, and reads its answer as JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = vec!["-o", "json"];
        all.extend(args);
        self.ok(&all).json()
    }

    /// A place with the sample conversations in it.
    pub fn with_sample() -> Self {
        let place = Self::new();
        place.ok(&["ingest", SAMPLE]);
        place
    }

    /// Id of the memory that a turn of a sample conversation became.
    #[track_caller]
    pub fn memory(&self, cube: &str, turn: &str) -> String {
        let rows = self.json(&["sql", &format!("SELECT memory FROM memories WHERE cube = '{cube}' AND source = '{turn}'")]);
        rows["rows"][0]["memory"].as_str().unwrap_or_else(|| panic!("no turn {turn} in {cube}: {rows}")).to_owned()
    }
}

/// How a run went.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
    what: String,
}

impl Ran {
    pub fn of(output: Output, args: &[&str]) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            what: args.join(" "),
        }
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// What standard error must say.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in the errors of {self}");
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cubelog {} (exit {})\n--- out\n{}--- err\n{}", self.what, self.code, self.out, self.err)
    }
}

/// Turns of one made-up conversation, a line each.
pub fn turns(conversation: &str, count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let (minute, second) = (n / 60 % 60, n % 60);
        writeln!(
            text,
            "{}",
            serde_json::json!({
                "kind": "turn", "conversation": conversation, "session": format!("S{}", n / 50), "turn_id": format!("T{n}"),
                "speaker": if n % 2 == 0 { "Ann" } else { "Bob" },
                "at": format!("2024-03-01T{:02}:{minute:02}:{second:02}Z", n / 3600),
                "text": format!("Turn number {n} of {conversation} speaks of a {} and of nothing else.", ["boat", "cat", "violin", "kettle"][n % 4]),
            })
        )
        .unwrap();
    }
    text
}

/// A child that does not outlive the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.0.id().to_string()).status().unwrap();
        assert!(sent.success(), "kill {signal}");
    }
}

/// A generator whose seed is printed, so that a failure can be repeated.
pub struct Random(u64);

impl Random {
    /// The seed is `CUBELOG_TEST_SEED`, or the process's id, which differs from run to run.
    pub fn new() -> Self {
        let seed = std::env::var("CUBELOG_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("CUBELOG_TEST_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// Files below a directory, for looking at what is there.
pub fn exists(path: &Path, name: &str) -> bool {
    path.join(name).exists()
}
