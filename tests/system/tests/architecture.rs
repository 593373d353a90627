//! The invariants of ARCHITECTURE.md, held against the manifests and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Package name to the names of its ordinary dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let ordinary = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            let names = ordinary.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

/// Everything that a package reaches within the workspace, itself included.
fn reach(all: &BTreeMap<String, BTreeSet<String>>, package: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::from([package.to_owned()]);
    let mut open = vec![package.to_owned()];
    while let Some(next) = open.pop() {
        for dependency in all.get(&next).into_iter().flatten() {
            if all.contains_key(dependency) && reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    reached
}

const LANCE: &[&str] = &["lance", "lancedb", "arrow", "datafusion"];
const BURN: &[&str] = &["burn", "cubecl"];

fn is_of(family: &[&str], dependency: &str) -> bool {
    family.iter().any(|name| dependency == *name || dependency.starts_with(&format!("{name}-")))
}

#[test]
fn the_domain_knows_no_io_no_serde_no_arrow_no_tensor() {
    let names = &dependencies()["cubelog-memory"];
    let allowed = BTreeSet::from(["thiserror".to_owned(), "uuid".to_owned()]);
    assert!(names.is_subset(&allowed), "cubelog-memory depends on {names:?}");
}

#[test]
fn the_reading_of_text_knows_nothing_but_language_and_the_calendar() {
    let names = &dependencies()["cubelog-language"];
    let allowed = ["frostem", "jiff", "unicode-normalization", "unicode-segmentation", "xxhash-rust"].map(str::to_owned).into();
    assert!(names.is_subset(&allowed), "cubelog-language depends on {names:?}");
}

#[test]
fn beliefs_know_nothing_but_the_domain() {
    let names = &dependencies()["cubelog-beliefs"];
    assert_eq!(names, &BTreeSet::from(["cubelog-memory".to_owned()]));
}

#[test]
fn each_heavy_family_has_one_home() {
    let homes: &[(&[&str], &[&str])] = &[
        (&["rdkafka"], &["cubelog-log"]),
        // The log's store, and the cache of vectors beside the encoder.
        (&["redb"], &["cubelog-log", "cubelog-model"]),
        (LANCE, &["cubelog-views"]),
        (BURN, &["cubelog-model", "cubelog-trainer"]),
        (&["apache-avro"], &["cubelog-schemas"]),
        (&["aws-lc-rs"], &["cubelog-keyring"]),
        (&["axum"], &["cubelog-http"]),
        // The client of a server of ours, and of a language model.
        (&["reqwest"], &["cubelog-cli", "cubelog-extract"]),
    ];
    for (package, names) in dependencies() {
        for name in names {
            for (family, home) in homes {
                if is_of(family, &name) {
                    assert!(home.contains(&package.as_str()), "{package} names {name}; its home is {home:?}");
                }
            }
        }
    }
}

#[test]
fn lance_and_burn_meet_only_in_the_binary() {
    let all = dependencies();
    for package in all.keys() {
        let reached = reach(&all, package);
        let meets = |family: &[&str]| reached.iter().any(|package| all[package].iter().any(|name| is_of(family, name)));
        if meets(LANCE) && meets(BURN) {
            assert_eq!(package, "cubelog-cli", "both families are reached from {package}");
        }
    }
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 50, "the sources were not found");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(text.starts_with("//!"), "{} does not open with what it is for", path.display());
        assert!(lines <= 700, "{} has {lines} lines; split it so that a reader finds the way in", path.display());
    }
}

#[test]
fn every_crate_is_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for package in dependencies().keys() {
        assert!(map.contains(package.as_str()), "ARCHITECTURE.md does not mention {package}");
    }
}
