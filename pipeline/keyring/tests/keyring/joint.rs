//! Keys of artefacts about several people: all of their data keys, or nothing.

use std::collections::BTreeSet;

use cubelog_keyring::*;

use crate::common::{cube, event, subject};

fn people(names: &[&str]) -> BTreeSet<cubelog_memory::SubjectId> {
    names.iter().map(|name| subject(name)).collect()
}

#[test]
fn parts_open_alone_and_only_as_they_were_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let cube = cube("c");
    let context = SealContext { event: event(7), cube: &cube, field: "share" };
    for names in [&["ada"][..], &["ada", "bob"], &["ada", "bob", "cy", "dee"]] {
        let (key, shares) = keyring.joint_key(&people(names), &context).unwrap();
        assert_eq!(shares.len(), names.len());
        let parts: Vec<Vec<u8>> = (0..3)
            .map(|number| {
                let mut part = vec![number as u8; 100];
                key.seal(number, b"about", &mut part).unwrap();
                part
            })
            .collect();
        let Joined::Key(key) = keyring.open_joint_key(&shares, &context).unwrap() else { panic!("all keys are there") };
        assert_eq!(key.open(2, b"about", &mut parts[2].clone()).unwrap(), vec![2; 100]);
        assert!(key.open(1, b"about", &mut parts[2].clone()).is_none(), "another number");
        assert!(key.open(2, b"abouT", &mut parts[2].clone()).is_none(), "about something else");
        let mut altered = parts[0].clone();
        altered[50] ^= 1;
        assert!(key.open(0, b"about", &mut altered).is_none());

        if shares.len() > 1 {
            let Joined::Key(other) = keyring.open_joint_key(&shares[1..], &context).unwrap() else { panic!() };
            assert!(other.open(0, b"about", &mut parts[0].clone()).is_none(), "a share is missing");
        }
        let elsewhere = SealContext { event: event(8), ..context };
        assert!(matches!(keyring.open_joint_key(&shares, &elsewhere), Err(KeyError::Tampered { .. })));
    }
}

#[test]
fn the_first_destroyed_key_takes_the_artefact_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let cube = cube("c");
    let context = SealContext { event: event(7), cube: &cube, field: "share" };
    for gone in ["ada", "bob", "cy"] {
        let (_, shares) = keyring.joint_key(&people(&["ada", "bob", "cy"]), &context).unwrap();
        keyring.destroy([&subject(gone)]).unwrap();
        assert!(matches!(keyring.open_joint_key(&shares, &context).unwrap(), Joined::Erased), "{gone}");
        // The next key of the same subject does not open it either.
        keyring.ensure([&subject(gone)]).unwrap();
        assert!(matches!(keyring.open_joint_key(&shares, &context).unwrap(), Joined::Erased), "{gone}");
    }
}

#[test]
fn nobody_is_no_owner() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let cube = cube("c");
    let context = SealContext { event: event(7), cube: &cube, field: "share" };
    assert!(matches!(keyring.joint_key(&BTreeSet::new(), &context), Err(KeyError::NoSubject)));
    assert!(matches!(keyring.open_joint_key(&[], &context), Err(KeyError::NoSubject)));
}

#[test]
fn a_carried_key_depends_on_secret_and_salt() {
    let mut sealed = b"numbers".to_vec();
    JointKey::of_secret(&[1; 32], &[2; 16]).seal(0, b"", &mut sealed).unwrap();
    assert_eq!(JointKey::of_secret(&[1; 32], &[2; 16]).open(0, b"", &mut sealed.clone()).unwrap(), b"numbers");
    assert!(JointKey::of_secret(&[1; 32], &[3; 16]).open(0, b"", &mut sealed.clone()).is_none());
    assert!(JointKey::of_secret(&[0; 32], &[2; 16]).open(0, b"", &mut sealed.clone()).is_none());
}
