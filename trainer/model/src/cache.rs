//! A cache of vectors on disk, addressed by encoder and text, so that a replay embeds nothing twice.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use redb::{Database, DatabaseError, Durability, ReadableDatabase, ReadableTableMetadata, StorageError, TableDefinition};

use crate::ModelError;

/// Key to the vector's numbers, 4 bytes each, little-endian.
const VECTORS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("vectors");
/// Memory that redb may keep pages in. Lookups are spread evenly over the file, so a larger one would help little.
const PAGE_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// Vectors after which a commit waits for the disk. What was added since the last such commit is lost with the process,
/// and would only have to be embedded again.
const UNSYNCED_VECTORS_MAX: usize = 4096;
/// Most vectors kept where there is no file; at 384 numbers, about 100 MB.
const MEMORY_VECTORS_MAX: usize = 65_536;

/// Address of a vector: a hash over the encoder's identity and the text. The text cannot be read from it; that someone
/// who has the file can test a guess is one reason why the file belongs to its owner alone, the vectors are another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a text under an encoder's [identity](crate::Encoder::identity).
    pub fn new(identity: &str, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The length keeps (identity, text) pairs apart that would read the same one after the other.
        hasher.update(&(identity.len() as u64).to_le_bytes()).update(identity.as_bytes()).update(text.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

/// Vectors by [`Key`], in one file that one process uses at a time.
///
/// It is only a cache, and never a reason to stop: a damaged file is moved aside and a new one begun; where there can be
/// no file (another process holds it, the disk is full or read-only), it works in memory. Both are logged as warnings.
///
/// May be used from several threads. Locks are taken in this order: `store`, then what is inside it.
pub struct VectorCache {
    store: RwLock<Store>,
    unsynced: AtomicUsize,
}

enum Store {
    File { path: PathBuf, database: Database },
    Memory(Mutex<HashMap<Key, Vec<f32>>>),
}

/// Why a file cannot be used: because of what is in it, or for a reason that a new file would not change.
enum Refusal {
    Damaged(String),
    Unavailable(String),
}

impl VectorCache {
    /// Opens the cache at `path`, making it and its directory if needed.
    pub fn open(path: &Path) -> Self {
        let store = match open(path) {
            Ok(database) => Store::File { path: path.into(), database },
            Err(Refusal::Unavailable(reason)) => {
                tracing::warn!(path = %path.display(), reason, "vector cache cannot be used; vectors are kept in memory");
                return Self::in_memory();
            }
            Err(Refusal::Damaged(reason)) => {
                tracing::warn!(path = %path.display(), reason, "vector cache is damaged; a new one is begun");
                set_aside(path);
                match open(path) {
                    Ok(database) => Store::File { path: path.into(), database },
                    Err(Refusal::Damaged(reason) | Refusal::Unavailable(reason)) => {
                        tracing::warn!(path = %path.display(), reason, "no new vector cache; vectors are kept in memory");
                        return Self::in_memory();
                    }
                }
            }
        };
        Self { store: RwLock::new(store), unsynced: AtomicUsize::new(0) }
    }

    /// A cache that ends with the process, of at most 65,536 vectors.
    pub fn in_memory() -> Self {
        Self { store: RwLock::new(Store::Memory(Mutex::default())), unsynced: AtomicUsize::new(0) }
    }

    /// Whether vectors outlive the process.
    pub fn is_on_disk(&self) -> bool {
        matches!(*self.read(), Store::File { .. })
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.with(|database| Ok(database.begin_read()?.open_table(VECTORS)?.len()? as usize), |vectors| vectors.len())
            .unwrap_or(0)
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector of every key that has one, in the order of the keys.
    pub fn get_many(&self, keys: &[Key]) -> Vec<Option<Vec<f32>>> {
        self.with(
            |database| {
                let table = database.begin_read()?.open_table(VECTORS)?;
                keys.iter().map(|key| Ok(table.get(&key.0)?.and_then(|value| numbers(value.value())))).collect()
            },
            |vectors| keys.iter().map(|key| vectors.get(key).cloned()).collect(),
        )
        .unwrap_or_else(|_| vec![None; keys.len()])
    }

    /// Adds or replaces vectors, which must have length 1: what does not is taken for damage when it is read.
    pub fn put_many(&self, entries: &[(Key, &[f32])]) {
        if entries.is_empty() {
            return;
        }
        // Several threads may pass the limit at once; then more than one of them waits for the disk, which is harmless.
        let sync = self.unsynced.fetch_add(entries.len(), Ordering::Relaxed) + entries.len() >= UNSYNCED_VECTORS_MAX;
        if sync {
            self.unsynced.store(0, Ordering::Relaxed);
        }
        // A failure was logged by `with`, and the vectors will be embedded again.
        let _ = self.with(
            |database| {
                commit(database, if sync { Durability::Immediate } else { Durability::None }, |table| {
                    for (key, vector) in entries {
                        table.insert(&key.0, bytes(vector).as_slice())?;
                    }
                    Ok(())
                })
            },
            |vectors| {
                // Full: everything goes. Keeping an order of use would cost more than embedding anew.
                if vectors.len() + entries.len() > MEMORY_VECTORS_MAX {
                    vectors.clear();
                }
                vectors.extend(entries.iter().take(MEMORY_VECTORS_MAX).map(|(key, vector)| (*key, vector.to_vec())));
            },
        );
    }

    /// Removes vectors, waiting for the disk. The numbers may remain readable in freed pages of the file until those are
    /// used again; [`clear`](Self::clear) removes the file itself.
    ///
    /// # Errors
    /// [`ModelError::NotForgotten`] if the removal may not have happened.
    pub fn remove_many(&self, keys: &[Key]) -> Result<(), ModelError> {
        self.with(
            |database| {
                commit(database, Durability::Immediate, |table| {
                    for key in keys {
                        table.remove(&key.0)?;
                    }
                    Ok(())
                })
            },
            |vectors| keys.iter().for_each(|key| drop(vectors.remove(key))),
        )
        .map_err(|(path, reason)| ModelError::NotForgotten { path, reason })
    }

    /// Removes every vector, and the file that held them; a new one is begun.
    ///
    /// # Errors
    /// [`ModelError::NotForgotten`] if the file cannot be removed.
    pub fn clear(&self) -> Result<(), ModelError> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if let Store::File { path, .. } = &*store {
            let path = path.clone();
            *store = Store::Memory(Mutex::default()); // closes the file
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(ModelError::NotForgotten { path, reason: error.to_string() });
                }
                _ => {}
            }
            match open(&path) {
                Ok(database) => *store = Store::File { path, database },
                Err(Refusal::Damaged(reason) | Refusal::Unavailable(reason)) => {
                    tracing::warn!(path = %path.display(), reason, "no new vector cache; vectors are kept in memory");
                }
            }
        } else {
            *store = Store::Memory(Mutex::default());
        }
        Ok(())
    }

    /// Waits until everything added so far is on the disk. Dropping the cache does the same.
    pub fn flush(&self) {
        self.unsynced.store(0, Ordering::Relaxed);
        let _ = self.with(|database| commit(database, Durability::Immediate, |_| Ok(())), |_| ());
    }

    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one operation on the file or on the memory that stands in for it. If the file fails, it is set aside, and the
    /// error names it.
    fn with<T>(
        &self,
        on_file: impl FnOnce(&Database) -> Result<T, redb::Error>,
        in_memory: impl FnOnce(&mut HashMap<Key, Vec<f32>>) -> T,
    ) -> Result<T, (PathBuf, String)> {
        let (path, reason) = match &*self.read() {
            Store::Memory(vectors) => return Ok(in_memory(&mut lock(vectors))),
            // redb asserts on some kinds of damage.
            Store::File { path, database } => match catch_unwind(AssertUnwindSafe(|| on_file(database))) {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => (path.clone(), error.to_string()),
                Err(_) => (path.clone(), "the file contradicts itself".into()),
            },
        };
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have met the same error first.
        if matches!(*store, Store::File { .. }) {
            tracing::warn!(path = %path.display(), reason, "vector cache failed; vectors are kept in memory until the next start");
            let failed = std::mem::replace(&mut *store, Store::Memory(Mutex::default()));
            // Closing writes, and may assert as well.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(failed)));
            set_aside(&path);
        }
        Err((path, reason))
    }
}

impl Drop for VectorCache {
    fn drop(&mut self) {
        self.flush();
    }
}

fn open(path: &Path) -> Result<Database, Refusal> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Refusal::Unavailable(error.to_string()))?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| Refusal::Unavailable(error.to_string()))?;

    let mut builder = Database::builder();
    builder.set_cache_size(PAGE_CACHE_BYTES);
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = builder.create_file(file).map_err(refusal)?;
        // The table exists from the start, so that reading needs no special case.
        commit(&database, Durability::Immediate, |_| Ok(())).map_err(|error| Refusal::Damaged(error.to_string()))?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(Refusal::Damaged("the file contradicts itself".into())))
}

fn refusal(error: DatabaseError) -> Refusal {
    let damaged = match &error {
        DatabaseError::DatabaseAlreadyOpen => return Refusal::Unavailable("another process holds it".into()),
        DatabaseError::Storage(StorageError::Io(io)) => {
            matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput)
        }
        _ => true,
    };
    if damaged { Refusal::Damaged(error.to_string()) } else { Refusal::Unavailable(error.to_string()) }
}

/// Gives a file another name beside it, for somebody to look at; of several, the last is kept.
fn set_aside(path: &Path) {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    if let Err(error) = fs::rename(path, &name) {
        tracing::warn!(path = %path.display(), %error, "damaged vector cache could not be moved aside; remove it by hand");
    }
}

fn commit(
    database: &Database,
    durability: Durability,
    change: impl FnOnce(&mut redb::Table<'_, &[u8; 32], &[u8]>) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    // Otherwise a start after a crash walks the whole file; it costs a second fsync, once in thousands of vectors.
    transaction.set_quick_repair(matches!(durability, Durability::Immediate));
    change(&mut transaction.open_table(VECTORS)?)?;
    transaction.commit()?;
    Ok(())
}

fn lock(vectors: &Mutex<HashMap<Key, Vec<f32>>>) -> MutexGuard<'_, HashMap<Key, Vec<f32>>> {
    vectors.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The inverse of [`bytes`]. Checksums are not verified on reading, so a value that no encoder made counts as absent.
fn numbers(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let vector: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>();
    (rest.is_empty() && (norm - 1.0).abs() < 1e-3).then_some(vector)
}
