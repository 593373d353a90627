//! Tables of an older program get the columns that came since: all null, so nothing is rewritten, and null says what every row
//! of theirs would say. A table that is opened for reading only stays as it is.

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use lance::dataset::NewColumnTransform;

use crate::error::ViewError;
use crate::fault;
use crate::recovery::Recovered;
use crate::tables::Table;

/// Adds what is missing; answers whether anything was. A crash in between leaves a table ahead of its pointer, which recovery
/// sets back before it comes here again.
pub async fn grow(recovered: &mut Recovered, dim: Option<usize>) -> Result<bool, ViewError> {
    let mut grown = false;
    for table in Table::ALL {
        let dataset = &mut recovered.tables[table.index()];
        let schema = table.schema(dim);
        let missing: Vec<Arc<Field>> =
            schema.fields().iter().filter(|field| dataset.schema().field(field.name()).is_none()).cloned().collect();
        if missing.is_empty() {
            continue;
        }
        tracing::info!(table = table.name(), columns = missing.len(), "adding columns that came with this version");
        let mut larger = (**dataset).clone();
        let nulls = NewColumnTransform::AllNulls(Arc::new(Schema::new(missing)));
        let fence = &recovered.fences[table.index()];
        let added = larger.add_columns(nulls, None, None).await;
        added.map_err(|source| fault::commit("add columns to", table, fence, source))?;
        fence.advance(larger.version().version);
        *dataset = Arc::new(larger);
        grown = true;
    }
    Ok(grown)
}

#[cfg(test)]
mod tests {
    use cubelog_memory::{Kind, Timestamp};
    use lance::Dataset;

    use super::*;
    use crate::compare::{CompareOptions, compare};
    use crate::conformance::carried;
    use crate::conformance::script::{DIM, Script, cube};
    use crate::recovery::{self, Expected, recover};
    use crate::store::{LanceViews, ViewOptions};
    use crate::{ViewStore, layout};

    fn options(read_only: bool) -> ViewOptions {
        ViewOptions {
            embedder: "made-up".to_owned(),
            dim: Some(DIM),
            now: Arc::new(|| Timestamp(1_700_000_000_000_000)),
            read_only,
            held_max: crate::HELD_MAX,
        }
    }

    /// Makes the tables what the first version made them: without what came later.
    async fn shrink(dir: &std::path::Path) {
        let expected = Expected { embedder: "made-up".to_owned(), dim: Some(DIM) };
        let mut recovered = recover(dir, &expected, &layout::session()).await.unwrap();
        let later = ["tier", "carrier", "pinned", "half_life_s", "superseded_by", "modules", "blocks", "reviews"];
        for table in Table::ALL {
            let dataset = &mut recovered.tables[table.index()];
            let there: Vec<&str> = later.into_iter().filter(|name| dataset.schema().field(name).is_some()).collect();
            if !there.is_empty() {
                let mut smaller: Dataset = (**dataset).clone();
                smaller.drop_columns(&there).await.unwrap();
                *dataset = Arc::new(smaller);
            }
        }
        recovered.pointer.sequence += 1;
        recovery::rewrite(dir, &mut recovered).unwrap();
    }

    /// A directory of the first version opens, goes on, takes the new kinds of events, and equals a fresh replay.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn views_of_the_first_version_grow_and_equal_a_fresh_replay() {
        let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let home = cube("acme", "home");
        let mut script = Script::default();
        script.create(&home, "ana");
        for number in 1..20 {
            script.turn(&home, number, "ana", &format!("turn {number}"));
        }
        let mut batches = vec![script.batch()];
        let store = LanceViews::open(dir.path(), options(false)).await.unwrap();
        store.commit(batches[0].clone()).await.unwrap();
        drop(store);
        shrink(dir.path()).await;

        let reader = LanceViews::open(dir.path(), options(true)).await.unwrap();
        assert_eq!(reader.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home), "read as it is");
        drop(reader);

        let store = LanceViews::open(dir.path(), options(false)).await.unwrap();
        assert_eq!(store.reflected(), script.cut(), "nothing was lost");
        carried(&mut script, &home);
        batches.push(script.batch());
        store.commit(batches[1].clone()).await.unwrap();
        let state = store.load_cube(&home).await.unwrap().unwrap();
        assert_eq!(Some(&state), script.states.get(&home));
        assert!(state.memories.values().any(|memory| memory.tier() == Kind::Parametric));

        let replayed = LanceViews::open(fresh.path(), options(false)).await.unwrap();
        for batch in batches {
            replayed.commit(batch).await.unwrap();
        }
        assert_eq!(compare(&store, &replayed, CompareOptions::default()).await.unwrap(), vec![]);
        drop(store);
        let again = LanceViews::open(dir.path(), options(false)).await.unwrap();
        assert_eq!(again.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home));
    }
}
