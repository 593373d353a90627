//! A destroyed key is gone: in every process, in every file, and from whatever moment the destroying was interrupted at.

use std::path::Path;

use cubelog_keyring::*;
use tempfile::tempdir;

use crate::common::*;

#[test]
fn destroyed_content_is_erased_everywhere_and_other_content_stays() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let (annas, berts) = (seal(&keyring, "anna", b"hers"), seal(&keyring, "bert", b"his"));
    let elsewhere = Keyring::open(dir.path()).unwrap();
    assert_eq!(unseal(&elsewhere, &annas), clear(b"hers"));
    let before = (keyring.generation(), elsewhere.generation());

    assert_eq!(keyring.destroy([&subject("anna"), &subject("nobody")]).unwrap(), [subject("anna")]);
    for keyring in [&keyring, &elsewhere, &Keyring::open(dir.path()).unwrap()] {
        assert_eq!(unseal(keyring, &annas), Opened::Erased);
        assert_eq!(unseal(keyring, &berts), clear(b"his"));
        assert!(!keyring.has_key(&subject("anna")) && keyring.has_key(&subject("bert")));
        assert_eq!((keyring.subjects(), keyring.destroyed()), (vec![subject("bert")], vec![subject("anna")]));
    }
    assert!(keyring.generation() > before.0 && elsewhere.generation() > before.1);
    assert_eq!(keyring.destroy([&subject("anna")]).unwrap(), []);
}

#[test]
fn somebody_who_comes_back_gets_a_new_key_and_the_old_content_stays_erased() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let mut erased = Vec::new();
    for number in 1..=3 {
        let sealed = seal(&keyring, "anna", b"hers");
        assert_eq!(sealed.key, number);
        assert_eq!(unseal(&Keyring::open(dir.path()).unwrap(), &sealed), clear(b"hers"));
        keyring.destroy([&subject("anna")]).unwrap();
        erased.push(sealed);
    }
    seal(&keyring, "anna", b"hers");
    for keyring in [&keyring, &Keyring::open(dir.path()).unwrap()] {
        assert!(erased.iter().all(|sealed| unseal(keyring, sealed) == Opened::Erased));
    }
}

#[test]
fn another_process_does_not_seal_under_a_key_that_was_destroyed() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    seal(&keyring, "anna", b"before");
    let elsewhere = Keyring::open(dir.path()).unwrap();
    keyring.destroy([&subject("anna")]).unwrap();
    let sealed = seal(&elsewhere, "anna", b"after");
    assert_eq!(sealed.key, 2);
    assert_eq!(unseal(&keyring, &sealed), clear(b"after"));
}

/// Whether any file of the keyring holds `needle` as bytes or in hexadecimal.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    let hex: String = needle.iter().map(|byte| format!("{byte:02x}")).collect();
    let found = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    files(dir).iter().any(|(_, bytes)| found(bytes, needle) || found(bytes, hex.as_bytes()))
}

#[test]
fn no_file_holds_the_old_master_key_or_a_form_of_the_destroyed_one() {
    let dir = tempdir().unwrap();
    let (keyring, entropy) = recorded(dir.path());
    seal(&keyring, "bert", b"his");
    let before = std::fs::read(keys_file(dir.path())).unwrap();
    seal(&keyring, "anna", b"hers");
    let annas_frame = std::fs::read(keys_file(dir.path())).unwrap()[before.len()..].to_vec();
    let wrapped = &annas_frame[annas_frame.len() - 60..];
    let [_pepper, old_master, bert, anna] = entropy.secrets().try_into().unwrap();
    assert!(holds(dir.path(), &old_master) && holds(dir.path(), wrapped), "the search finds what is there");

    keyring.destroy([&subject("anna")]).unwrap();
    for secret in [&old_master[..], &anna, &bert, wrapped, &wrapped[12..44]] {
        assert!(!holds(dir.path(), secret));
    }
    let names: Vec<_> = files(dir.path()).into_iter().map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

/// The files as they were at some moment, put back under given names.
fn put(dir: &Path, files: &[(&str, &[u8])]) {
    for (path, _) in crate::common::files(dir) {
        std::fs::remove_file(path).unwrap();
    }
    for (name, bytes) in files {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn destroying_that_was_interrupted_has_happened_or_has_not() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let read = || (std::fs::read(master_file(dir)).unwrap(), std::fs::read(keys_file(dir)).unwrap());
    let (keyring, entropy) = recorded(dir);
    let (annas, berts) = (seal(&keyring, "anna", b"hers"), seal(&keyring, "bert", b"his"));
    let (old_master, old_keys) = read();
    keyring.destroy([&subject("anna")]).unwrap();
    let (new_master, new_keys) = read();
    drop(keyring);
    let old_master_key = entropy.secrets()[1].clone();
    let zeros = vec![0; old_master.len()];

    // Before the decisive step: nothing happened, and destroying again succeeds over what was left behind.
    let half_keys = &new_keys[..new_keys.len() / 2];
    let undone: [&[(&str, &[u8])]; 4] = [
        &[("master.key", &old_master), ("subjects.keys", &old_keys), ("master.key.next", &new_master[..9])],
        &[("master.key", &old_master), ("subjects.keys", &old_keys), ("master.key.next", &new_master)],
        &[
            ("master.key", &old_master),
            ("subjects.keys", &old_keys),
            ("master.key.next", &new_master),
            ("subjects.keys.next", half_keys),
        ],
        &[
            ("master.key", &old_master),
            ("subjects.keys", &old_keys),
            ("master.key.next", &new_master),
            ("subjects.keys.next", &new_keys),
        ],
    ];
    for state in undone {
        put(dir, state);
        let keyring = Keyring::open(dir).unwrap();
        assert_eq!((unseal(&keyring, &annas), unseal(&keyring, &berts)), (clear(b"hers"), clear(b"his")));
        keyring.destroy([&subject("anna")]).unwrap();
        assert_eq!((unseal(&keyring, &annas), unseal(&keyring, &berts)), (Opened::Erased, clear(b"his")));
        assert!(!holds(dir, &old_master_key));
        assert_eq!(files(dir).len(), 3);
    }

    // After it: opening finishes what was begun.
    let done: [&[(&str, &[u8])]; 4] = [
        &[("master.key", &old_master), ("subjects.keys", &new_keys), ("master.key.next", &new_master)],
        &[("master.key", &zeros), ("subjects.keys", &new_keys), ("master.key.next", &new_master)],
        &[("master.key", &zeros[..40]), ("subjects.keys", &new_keys), ("master.key.next", &new_master)],
        &[("subjects.keys", &new_keys), ("master.key.next", &new_master)],
    ];
    for state in done {
        put(dir, state);
        let keyring = Keyring::open(dir).unwrap();
        assert_eq!((unseal(&keyring, &annas), unseal(&keyring, &berts)), (Opened::Erased, clear(b"his")));
        assert!(!holds(dir, &old_master_key));
        assert_eq!(std::fs::read(master_file(dir)).unwrap(), new_master);
        assert_eq!(files(dir).len(), 3);
    }
}

#[test]
fn creating_that_was_interrupted_can_be_finished() {
    let (dir, done) = (tempdir().unwrap(), tempdir().unwrap());
    Keyring::create(done.path()).unwrap();
    let (master, keys) = (std::fs::read(master_file(done.path())).unwrap(), std::fs::read(keys_file(done.path())).unwrap());
    put(dir.path(), &[("master.key.next", &master), ("subjects.keys.next", &keys[..20])]);
    assert!(matches!(Keyring::open(dir.path()), Err(KeyError::Missing { .. })));
    Keyring::create(dir.path()).unwrap();
    put(dir.path(), &[("master.key.next", &master), ("subjects.keys", &keys)]);
    Keyring::open_or_create(dir.path()).unwrap();
    assert!(matches!(Keyring::create(dir.path()), Err(KeyError::Exists { .. })));
}
