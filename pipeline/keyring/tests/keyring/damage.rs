//! Files that are lost, cut, altered, readable by others or of another keyring: each is told apart, and no key is lost in silence.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cubelog_keyring::*;
use tempfile::{TempDir, tempdir};

use crate::common::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn two_subjects() -> (TempDir, cubelog_memory::Sealed, cubelog_memory::Sealed) {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let sealed = (seal(&keyring, "anna", b"hers"), seal(&keyring, "bert", b"his"));
    (dir, sealed.0, sealed.1)
}

#[test]
fn only_the_owner_may_read_the_files() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("keys");
    let keyring = Keyring::create(&dir).unwrap();
    seal(&keyring, "anna", b"hers");
    keyring.destroy([&subject("anna")]).unwrap();
    assert_eq!(mode(&dir), 0o700);
    assert!(files(&dir).iter().all(|(path, _)| mode(path) == 0o600));

    for others in [0o640, 0o604, 0o660, 0o601] {
        std::fs::set_permissions(master_file(&dir), std::fs::Permissions::from_mode(others)).unwrap();
        let error = Keyring::open(&dir).unwrap_err();
        assert!(matches!(&error, KeyError::Rights { mode, .. } if *mode == others));
        let text = error.to_string();
        assert!(text.contains(&format!("chmod 600 {}", master_file(&dir).display())) && text.contains(&format!("{others:04o}")));
    }
    std::fs::set_permissions(master_file(&dir), std::fs::Permissions::from_mode(0o400)).unwrap();
    Keyring::open(&dir).unwrap();
}

#[test]
fn the_master_key_may_lie_elsewhere() {
    let (dir, vault) = (tempdir().unwrap(), tempdir().unwrap());
    let master = vault.path().join("cubelog.key");
    let options = KeyringOptions { dir: dir.path().to_owned(), master: Some(master.clone()) };
    let keyring = Keyring::create(options.clone()).unwrap();
    let sealed = seal(&keyring, "anna", b"hers");
    seal(&keyring, "bert", b"his");
    keyring.destroy([&subject("bert")]).unwrap();
    assert!(!master_file(dir.path()).exists() && mode(&master) == 0o600);
    assert_eq!(unseal(&Keyring::open(options).unwrap(), &sealed), clear(b"hers"));
    let error = Keyring::open(dir.path()).unwrap_err();
    assert!(matches!(&error, KeyError::MissingMaster { path } if *path == master_file(dir.path())), "{error}");
}

#[test]
fn a_lost_data_key_means_erased_for_every_reader() {
    let (dir, annas, berts) = two_subjects();
    let keys = std::fs::read(keys_file(dir.path())).unwrap();
    let frame = (keys.len() - 98) / 2;
    let reader = Keyring::open(dir.path()).unwrap();
    std::fs::write(keys_file(dir.path()), &keys[..98 + frame]).unwrap();
    for keyring in [&reader, &Keyring::open(dir.path()).unwrap()] {
        assert_eq!(unseal(keyring, &annas), clear(b"hers"));
        assert_eq!(unseal(keyring, &berts), Opened::Erased);
    }
}

#[test]
fn a_torn_tail_is_dropped_and_written_over() {
    let (dir, annas, _) = two_subjects();
    let whole = std::fs::read(keys_file(dir.path())).unwrap();
    let start = 98 + (whole.len() - 98) / 2;
    for cut in start..whole.len() {
        let zeros = vec![0; (whole.len() - cut) % 40];
        let torn = if cut % 2 == 0 { whole[..cut].to_vec() } else { [&whole[..start], &zeros[..]].concat() };
        std::fs::write(keys_file(dir.path()), &torn).unwrap();
        let keyring = Keyring::open(dir.path()).unwrap();
        assert_eq!(keyring.subjects(), [subject("anna")], "cut at {cut}");
        let sealed = seal(&keyring, "cleo", b"new");
        for keyring in [&keyring, &Keyring::open(dir.path()).unwrap()] {
            assert_eq!(keyring.subjects(), [subject("anna"), subject("cleo")]);
            assert_eq!((unseal(keyring, &annas), unseal(keyring, &sealed)), (clear(b"hers"), clear(b"new")));
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (dir, ..) = two_subjects();
    let dir = dir.path();
    for path in [keys_file(dir), master_file(dir)] {
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut damaged = whole.clone();
                damaged[place] ^= flip;
                std::fs::write(&path, &damaged).unwrap();
                let error = Keyring::open(dir).map(|_| ()).unwrap_err();
                let known = matches!(
                    error,
                    KeyError::Damaged { .. }
                        | KeyError::NewerVersion { .. }
                        | KeyError::MasterFormat { .. }
                        | KeyError::Io { .. }
                );
                assert!(known && error.to_string().contains(&*path.to_string_lossy()), "byte {place} ^ {flip:#x}: {error}");
            }
        }
        std::fs::write(&path, &whole).unwrap();
        Keyring::open(dir).unwrap();
    }
}

#[test]
fn a_master_key_that_does_not_fit_is_named() {
    let (dir, ..) = two_subjects();
    let (other, ..) = two_subjects();
    let dir = dir.path();
    let ours = std::fs::read(master_file(dir)).unwrap();

    std::fs::copy(master_file(other.path()), master_file(dir)).unwrap();
    let error = Keyring::open(dir).unwrap_err();
    assert!(matches!(&error, KeyError::WrongMaster { .. }), "{error}");
    assert!(error.to_string().contains("master.key") && error.to_string().contains("subjects.keys"));

    std::fs::write(master_file(dir), &ours).unwrap();
    Keyring::open(dir).unwrap().destroy([&subject("anna")]).unwrap();
    std::fs::write(master_file(dir), &ours).unwrap();
    let error = Keyring::open(dir).unwrap_err();
    assert!(matches!(error, KeyError::WrongEpoch { master_epoch: 1, keys_epoch: 2, .. }), "{error}");

    std::fs::remove_file(master_file(dir)).unwrap();
    assert!(matches!(Keyring::open(dir), Err(KeyError::MissingMaster { .. })));
    assert!(matches!(Keyring::create(dir), Err(KeyError::Exists { .. })));

    std::fs::write(master_file(dir), &ours).unwrap();
    std::fs::remove_file(keys_file(dir)).unwrap();
    assert!(matches!(Keyring::open(dir), Err(KeyError::MissingKeys { .. })));
    assert!(matches!(Keyring::create(dir), Err(KeyError::MissingKeys { .. })));

    let empty = tempdir().unwrap();
    assert!(matches!(Keyring::open(empty.path()), Err(KeyError::Missing { .. })));
    assert!(matches!(Keyring::open(&empty.path().join("nowhere")), Err(KeyError::Missing { .. })));
}
