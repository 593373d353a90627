//! How long sealing takes: `cargo test -p cubelog-keyring -p cubelog-cli --test keyring -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use cubelog_keyring::*;
use tempfile::tempdir;

use crate::common::*;

fn timed<T>(what: &str, rounds: u32, mut once: impl FnMut() -> T) {
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let start = Instant::now();
    (0..rounds).for_each(|_| drop(black_box(once())));
    println!("{what}: {:.0} ns", start.elapsed().as_nanos() as f64 / f64::from(rounds));
}

#[test]
#[ignore = "measures, decides nothing"]
fn nanoseconds_per_content_of_300_bytes() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let cube = cube("c");
    let anna = subject("anna");
    let context = SealContext { event: event(1), cube: &cube, field: "content" };
    let text = [b'x'; 300];
    let sealed = keyring.seal(&anna, &context, &text).unwrap();
    const ROUNDS: u32 = 200_000;
    timed("seal", ROUNDS, || keyring.seal(&anna, &context, &text).unwrap());
    timed("unseal", ROUNDS, || keyring.unseal(&sealed, &context).unwrap());
    timed("fingerprint", ROUNDS, || keyring.fingerprint(&anna, &text).unwrap());
    timed("refresh", ROUNDS, || keyring.refresh().unwrap());
    timed("has_key", ROUNDS, || keyring.has_key(&anna));
    timed("subject_of", ROUNDS, || keyring.subject_of(&cube, "anna"));
    let mut bytes = [0; 12];
    timed("random nonce", ROUNDS, || SystemEntropy.fill(black_box(&mut bytes)).unwrap());
    let mut n = 0;
    timed("make one key", 50, || {
        n += 1;
        keyring.ensure([&subject(&format!("s{n}"))]).unwrap();
    });
    let many: Vec<_> = (0..100_000).map(|n| subject(&format!("m{n}"))).collect();
    timed("make 100,000 keys", 1, || keyring.ensure(&many).unwrap());
    timed("open with 100,000 keys", 1, || Keyring::open(dir.path()).unwrap());
    timed("destroy one of 100,000 keys", 1, || keyring.destroy([&anna]).unwrap());
}
