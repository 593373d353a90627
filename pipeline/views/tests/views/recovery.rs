//! After a crash or damage at any point the views open at exactly one cut, and replaying the tail completes them.

use std::path::{Path, PathBuf};

use cubelog_views::conformance::script::Script;
use cubelog_views::{Batch, LanceViews, ViewError, ViewOptions, ViewStore};

use super::{assert_holds, ingest, open, open_to_read, options};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    found.sort();
    found
}

/// The manifest of the newest version: names count down.
fn head(dir: &Path, table: &str) -> PathBuf {
    files(&dir.join(format!("{table}.lance/_versions")), ".manifest").remove(0)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            let _bytes = std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Ten batches by a script that remembers each, so that a tail can be replayed from any cut.
struct Story {
    script: Script,
    batches: Vec<Batch>,
}

impl Story {
    fn new() -> Self {
        let mut script = Script::default();
        let mut batches = Vec::new();
        script.create(&super::home(), "ana");
        for number in 0..10 {
            script.turn(&super::home(), number, "ana", &format!("turn {number}"));
            if number > 2 {
                let valid = cubelog_memory::Validity::since(cubelog_memory::Timestamp(1_650_000_000_000_000));
                script.revise(&super::home(), number - 3, 1, &format!("revised {number}"), valid);
                script.relate(&super::home(), number, number - 1, cubelog_memory::Relation::Follows, false);
            }
            batches.push(script.batch());
        }
        Self { script, batches }
    }

    /// Commits everything; what is reflected already is skipped by the store.
    async fn replay(&self, store: &LanceViews) {
        let reflected = store.reflected();
        assert!(
            reflected == cubelog_memory::Cut::start() || self.batches.iter().any(|batch| batch.upto == reflected),
            "opened at {reflected}, which is between batches"
        );
        for batch in &self.batches {
            store.commit(batch.clone()).await.unwrap();
        }
        assert_holds(store, &self.script).await;
        assert_holds(&open_to_read(store.dir()).await, &self.script).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reopening_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    for round in 0..3 {
        let store = open(dir.path()).await;
        ingest(&store, &mut script, round * 4, 4).await;
        drop(store);
        assert_holds(&open(dir.path()).await, &script).await;
    }
    assert!(!dir.path().join("quarantine").exists());
}

/// A kill leaves, of one batch, any prefix of the tables committed and no pointer. Every such state is made by hand: the
/// tables of the last batch are cut back one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_stopped_half_way_is_taken_back() {
    let story = Story::new();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for batch in &story.batches[..9] {
        store.commit(batch.clone()).await.unwrap();
    }
    drop(store);
    let before = tempfile::tempdir().unwrap();
    copy(dir.path(), before.path());
    let store = open(dir.path()).await;
    store.commit(story.batches[9].clone()).await.unwrap();
    drop(store);
    let tables = ["versions", "turns", "edges", "memories"];
    for committed in 0..=tables.len() {
        let crashed = tempfile::tempdir().unwrap();
        copy(before.path(), crashed.path());
        for table in &tables[..committed] {
            let name = format!("{table}.lance");
            std::fs::remove_dir_all(crashed.path().join(&name)).unwrap();
            copy(&dir.path().join(&name), &crashed.path().join(&name));
        }
        std::fs::write(crashed.path().join("snapshots/99.tmp"), "half a poin").unwrap();
        let store = open(crashed.path()).await;
        assert_eq!(store.reflected(), story.batches[8].upto);
        story.replay(&store).await;
        drop(store);
        story.replay(&open(crashed.path()).await).await;
    }
}

async fn built(story: &Story) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for batch in &story.batches {
        store.commit(batch.clone()).await.unwrap();
    }
    dir
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_head_manifest_goes_to_quarantine() {
    let story = Story::new();
    let original = built(&story).await;
    for table in ["memories", "versions", "turns", "edges"] {
        let length = std::fs::metadata(head(original.path(), table)).unwrap().len();
        for keep in [0, 1, 17, length / 2, length - 5, length - 1] {
            let dir = tempfile::tempdir().unwrap();
            copy(original.path(), dir.path());
            std::fs::OpenOptions::new().write(true).open(head(dir.path(), table)).unwrap().set_len(keep).unwrap();
            let store = open(dir.path()).await;
            assert_ne!(store.reflected(), story.script.cut(), "{table} cut to {keep}");
            assert_ne!(store.reflected(), cubelog_memory::Cut::start(), "an older version is used");
            assert!(dir.path().join("quarantine").exists());
            story.replay(&store).await;
            drop(store);
            story.replay(&open(dir.path()).await).await;
        }
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        let path = head(dir.path(), table);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(&path, bytes).unwrap();
        story.replay(&open(dir.path()).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_data_files_are_noticed() {
    let story = Story::new();
    let original = built(&story).await;
    for table in ["memories", "versions"] {
        for file in files(&original.path().join(format!("{table}.lance/data")), ".lance") {
            for damage in 0..3 {
                let dir = tempfile::tempdir().unwrap();
                copy(original.path(), dir.path());
                let path = dir.path().join(file.strip_prefix(original.path()).unwrap());
                match damage {
                    0 => std::fs::remove_file(path).unwrap(),
                    1 => std::fs::write(path, "").unwrap(),
                    _ => std::fs::write(&path, vec![0; std::fs::metadata(&path).unwrap().len() as usize]).unwrap(),
                }
                story.replay(&open(dir.path()).await).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_garbled_pointers() {
    let story = Story::new();
    let original = built(&story).await;
    let pointers = files(&original.path().join("snapshots"), ".json");
    assert_eq!(pointers.len(), 3);
    // Which pointers are hit, with what, and whether anything is left.
    let cases: &[(&[usize], &str)] = &[
        (&[2], "remove"),
        (&[2, 1], "remove"),
        (&[2, 1, 0], "remove"),
        (&[2], "garble"),
        (&[2, 1, 0], "garble"),
        (&[2], "empty"),
    ];
    for (hit, how) in cases {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        for place in *hit {
            let path = dir.path().join(pointers[*place].strip_prefix(original.path()).unwrap());
            match *how {
                "remove" => std::fs::remove_file(path).unwrap(),
                "garble" => std::fs::write(path, "{\"format\": 1, \"cut\": \"x").unwrap(),
                _ => std::fs::write(path, "").unwrap(),
            }
        }
        let store = open(dir.path()).await;
        let expected = if hit.len() == 3 { cubelog_memory::Cut::start() } else { story.batches[9 - hit.len()].upto.clone() };
        assert_eq!(store.reflected(), expected, "{hit:?} {how}");
        story.replay(&store).await;
        drop(store);
        story.replay(&open(dir.path()).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_lost_starts_empty() {
    let story = Story::new();
    let dir = built(&story).await;
    for table in ["memories", "versions", "turns", "edges", "cubes", "dead"] {
        for manifest in files(&dir.path().join(format!("{table}.lance/_versions")), ".manifest") {
            std::fs::write(manifest, "").unwrap();
        }
    }
    let store = open(dir.path()).await;
    assert_eq!(store.reflected(), cubelog_memory::Cut::start());
    story.replay(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_others_are_refused_and_left_alone() {
    let story = Story::new();
    let dir = built(&story).await;
    let other = ViewOptions { embedder: "another".to_owned(), ..options() };
    assert!(matches!(LanceViews::open(dir.path(), other).await, Err(ViewError::OtherEmbedder { .. })));
    let other = ViewOptions { dim: Some(4), ..options() };
    assert!(matches!(LanceViews::open(dir.path(), other).await, Err(ViewError::OtherEmbedder { .. })));
    assert_holds(&open(dir.path()).await, &story.script).await;
    let newest = files(&dir.path().join("snapshots"), ".json").pop().unwrap();
    let text = std::fs::read_to_string(&newest).unwrap();
    std::fs::write(&newest, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let error = LanceViews::open(dir.path(), options()).await.err().unwrap();
    assert!(matches!(error, ViewError::NewerFormat { found: 2, known: 1, .. }), "{error}");
    assert!(newest.exists(), "nothing was moved");
}
