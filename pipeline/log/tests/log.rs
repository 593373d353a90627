//! The tests of both logs on real parts: the shared suite, crashes of whole processes, and a real Kafka broker.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "a test that cannot go on fails")]

#[path = "log/kafka.rs"]
mod kafka;
#[path = "log/local.rs"]
mod local;

use cubelog_memory::Timestamp;

/// The wall clock, for the log's `recorded_at`.
#[expect(clippy::disallowed_methods, reason = "the edge of this test: real time is what it is about")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    Timestamp(since.as_micros() as i64)
}

/// Small deterministic random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
