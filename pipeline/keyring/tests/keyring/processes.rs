//! One keyring in several threads and several processes.

use std::process::{Command, Stdio};
use std::sync::Barrier;

use cubelog_keyring::*;
use tempfile::tempdir;

use crate::common::*;

const DIR: &str = "CUBELOG_KEYRING_TEST_DIR";
const SUBJECTS: usize = 40;

#[test]
fn threads_that_need_the_same_key_make_it_once() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for n in 0..SUBJECTS {
                    let sealed = seal(&keyring, &format!("s{n}"), b"text");
                    assert_eq!(sealed.key, 1);
                    assert_eq!(unseal(&keyring, &sealed), clear(b"text"));
                }
            });
        }
    });
    assert_eq!(Keyring::open(dir.path()).unwrap().subjects().len(), SUBJECTS);
}

/// Not a test by itself: what the processes of the next one run.
#[test]
fn as_another_process() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let keyring = Keyring::open(&dir).unwrap();
    for n in 0..SUBJECTS {
        let sealed = seal(&keyring, &format!("s{n}"), b"text");
        // The erasing process takes some of them away at any moment; then it is erased, and never anything else.
        assert!([clear(b"text"), Opened::Erased].contains(&unseal(&keyring, &sealed)));
        let kept = seal(&keyring, "kept", b"text");
        assert_eq!((kept.key, unseal(&keyring, &kept)), (1, clear(b"text")));
    }
}

#[test]
fn processes_append_and_destroy_at_the_same_time() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let kept = seal(&keyring, "kept", b"mine");
    let spawn = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::as_another_process"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [spawn(), spawn(), spawn()];
    let mut destroyed = 0;
    for round in 0..SUBJECTS {
        destroyed += keyring.destroy([&subject(&format!("s{round}"))]).unwrap().len();
        assert_eq!(unseal(&keyring, &kept), clear(b"mine"));
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    keyring.refresh().unwrap();
    let fresh = Keyring::open(dir.path()).unwrap();
    assert_eq!((keyring.subjects(), keyring.destroyed()), (fresh.subjects(), fresh.destroyed()));
    assert_eq!(fresh.generation(), 1 + destroyed as u64);
    assert_eq!(fresh.generation(), keyring.generation());
    assert_eq!(unseal(&fresh, &kept), clear(b"mine"));
}
