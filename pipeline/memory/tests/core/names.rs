//! Names, paths, positions and rankings: validation and order.

use cubelog_memory::*;

#[test]
fn names_hold_what_names_may_hold() {
    for good in ["a", "Zoë", "conv-26", "user@example.org", "_internal", "realmem-Adeleke_Okonjo", "東京"] {
        assert!(CubeName::new(good).is_ok(), "{good}");
    }
    for bad in ["", " ", "a b", "a/b", "-a", ".a", "a\n", "a\0", "'; drop", "😀"] {
        assert!(CubeName::new(bad).is_err(), "{bad:?}");
    }
    assert!(CubeName::new("x".repeat(limits::NAME_BYTES_MAX)).is_ok());
    assert!(CubeName::new("x".repeat(limits::NAME_BYTES_MAX + 1)).is_err());
}

#[test]
fn paths_have_one_to_three_segments() {
    assert_eq!(Path::parse("work/cubelog/release").unwrap().to_string(), "work/cubelog/release");
    assert!(Path::parse("a/b/c/d").is_err());
    assert!(Path::parse("a//b").is_err());
    assert!(Path::parse("").is_err());
}

#[test]
fn derived_ids_do_not_run_together() {
    assert_ne!(derive_uuid("turn", &["a", "bc"]), derive_uuid("turn", &["ab", "c"]));
    assert_ne!(derive_uuid("turn", &["a"]), derive_uuid("memory", &["a"]));
    // Written down: if this changes, every file that was ever imported would be imported anew.
    assert_eq!(derive_uuid("turn", &["default", "c", "c", "1"]).to_string(), "c27bb425-d6ce-516b-a669-9c469e9e2011");
}

#[test]
fn cuts_order_and_read_back() {
    let cut: Cut = "0:5,2:7".parse().unwrap();
    assert_eq!(cut.to_string(), "0:5,2:7");
    assert!(cut.covers(Position { partition: 0, offset: 4 }));
    assert!(!cut.covers(Position { partition: 0, offset: 5 }));
    assert!(!cut.covers(Position { partition: 1, offset: 0 }));
    let other: Cut = "1:3".parse().unwrap();
    assert!(!cut.includes(&other) && cut.join(&other).includes(&cut));
    assert_eq!("start".parse::<Cut>().unwrap(), Cut::start());
    for bad in ["", "5", "0:", "a:b", "0:-1", "0:1;2:3"] {
        assert!(bad.parse::<Cut>().is_err(), "{bad:?}");
    }
}
