//! What is sealed opens where it was sealed for and nowhere else; pseudonyms and fingerprints are stable.

use cubelog_keyring::*;
use cubelog_memory::Sealed;
use tempfile::tempdir;

use crate::common::*;

#[test]
fn sealed_content_opens_in_this_keyring_and_when_it_is_opened_again() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    for text in [&b""[..], b"a", "I take the aisle seat – 座席".as_bytes(), &[7; 100_000]] {
        let sealed = seal(&keyring, "anna", text);
        assert_eq!((sealed.key, sealed.ciphertext.len()), (1, text.len() + 16));
        assert_eq!(unseal(&keyring, &sealed), clear(text));
        assert_eq!(unseal(&Keyring::open(dir.path()).unwrap(), &sealed), clear(text));
    }
    assert_ne!(seal(&keyring, "anna", b"same").ciphertext, seal(&keyring, "anna", b"same").ciphertext);
}

#[test]
fn content_is_bound_to_its_event_cube_field_and_bytes() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let sealed = seal(&keyring, "anna", b"secret");
    seal(&keyring, "bert", b"another one with a key");
    let (home, away) = (cube("c"), cube("d"));
    let context = |event, cube, field| SealContext { event, cube, field };
    let altered = |alter: fn(&mut Sealed)| {
        let mut copy = sealed.clone();
        alter(&mut copy);
        copy
    };
    let cases = [
        ("another event", sealed.clone(), context(event(2), &home, "content")),
        ("another cube", sealed.clone(), context(event(1), &away, "content")),
        ("another field", sealed.clone(), context(event(1), &home, "output")),
        ("another subject", altered(|sealed| sealed.subject = subject("bert")), context(event(1), &home, "content")),
        ("ciphertext", altered(|sealed| sealed.ciphertext[0] ^= 1), context(event(1), &home, "content")),
        ("tag", altered(|sealed| *sealed.ciphertext.last_mut().unwrap() ^= 1), context(event(1), &home, "content")),
        ("cut", altered(|sealed| sealed.ciphertext.truncate(3)), context(event(1), &home, "content")),
        ("nonce", altered(|sealed| sealed.nonce[11] ^= 1), context(event(1), &home, "content")),
    ];
    for (what, sealed, context) in cases {
        assert!(matches!(keyring.unseal(&sealed, &context), Err(KeyError::Tampered { .. })), "{what}");
    }
    let other_number = altered(|sealed| sealed.key = 2);
    assert_eq!(unseal(&keyring, &other_number), Opened::Erased);
    assert_eq!(unseal(&keyring, &sealed), clear(b"secret"));
}

#[test]
fn pseudonyms_are_stable_and_tell_people_cubes_and_keyrings_apart() {
    let (dir, other_dir) = (tempdir().unwrap(), tempdir().unwrap());
    let keyring = Keyring::create(dir.path()).unwrap();
    let anna = keyring.subject_of(&cube("c"), "anna");
    assert!(anna.as_str().starts_with("s-") && anna.as_str().len() == 34);
    assert!(!anna.as_str().contains("anna"));
    assert_ne!(anna, keyring.subject_of(&cube("c"), "bert"));
    assert_ne!(anna, keyring.subject_of(&cube("canna"), ""));
    assert_ne!(anna, Keyring::create(other_dir.path()).unwrap().subject_of(&cube("c"), "anna"));

    keyring.ensure([&anna]).unwrap();
    let query = keyring.query_fingerprint(&cube("c"), "anna");
    keyring.destroy([&anna]).unwrap();
    let again = Keyring::open(dir.path()).unwrap();
    assert_eq!(anna, again.subject_of(&cube("c"), "anna"));
    assert_eq!(query, again.query_fingerprint(&cube("c"), "anna"));
    assert_ne!(query, again.query_fingerprint(&cube("d"), "anna"));
    assert_eq!(keyring.id(), again.id());
}

#[test]
fn fingerprints_compare_content_of_one_subject() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let (anna, bert) = (subject("anna"), subject("bert"));
    let first = keyring.fingerprint(&anna, b"text").unwrap();
    assert_eq!(first, Keyring::open(dir.path()).unwrap().fingerprint(&anna, b"text").unwrap());
    assert_ne!(first, keyring.fingerprint(&anna, b"text2").unwrap());
    assert_ne!(first, keyring.fingerprint(&bert, b"text").unwrap());
    keyring.destroy([&anna]).unwrap();
    assert_ne!(first, keyring.fingerprint(&anna, b"text").unwrap());
}

#[test]
fn one_write_makes_many_keys() {
    let dir = tempdir().unwrap();
    let keyring = Keyring::create(dir.path()).unwrap();
    let many: Vec<_> = (0..3_000).map(|n| subject(&format!("s{n:04}"))).collect();
    keyring.ensure(many.iter().chain(&many)).unwrap();
    let length = std::fs::metadata(keys_file(dir.path())).unwrap().len();
    keyring.ensure(&many).unwrap();
    assert_eq!(std::fs::metadata(keys_file(dir.path())).unwrap().len(), length);
    assert_eq!(Keyring::open(dir.path()).unwrap().subjects(), many);
    assert!(many.iter().all(|one| keyring.has_key(one)));
    keyring.destroy(&many[..1]).unwrap();
    assert_eq!(Keyring::open(dir.path()).unwrap().subjects(), many[1..]);
}

#[test]
fn nothing_secret_is_printed() {
    let dir = tempdir().unwrap();
    let (keyring, entropy) = recorded(dir.path());
    let sealed = seal(&keyring, "anna", b"aisle seat");
    let printed = format!("{keyring:?} {:?} {sealed:?}", unseal(&keyring, &sealed));
    assert!(!printed.contains("aisle") && printed.contains("Clear(10 bytes)"), "{printed}");
    for secret in entropy.secrets() {
        assert!(!printed.contains(&secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>()));
        assert!(!printed.contains(&format!("{secret:?}")));
    }
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    struct Dry;
    impl Entropy for Dry {
        fn fill(&self, _bytes: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError)
        }
    }
    let dir = tempdir().unwrap();
    Keyring::create(dir.path()).unwrap().ensure([&subject("anna")]).unwrap();
    let dry = Keyring::open_with(&dir.path().into(), std::sync::Arc::new(Dry)).unwrap();
    let cube = cube("c");
    let context = SealContext { event: event(1), cube: &cube, field: "content" };
    assert!(matches!(dry.seal(&subject("anna"), &context, b"text"), Err(KeyError::Entropy(_))));
    assert!(matches!(dry.ensure([&subject("bert")]), Err(KeyError::Entropy(_))));
    assert!(matches!(dry.destroy([&subject("anna")]), Err(KeyError::Entropy(_))));
    assert!(Keyring::open(dir.path()).unwrap().has_key(&subject("anna")));
}
