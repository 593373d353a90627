//! Who changed it, who was shown it.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_read_that_showed_a_memory_is_found() {
    let world = World::new().await;
    let (ana, ben) = (caller("ana"), caller("ben"));
    for (name, auditable) in [("watched", true), ("plain", false)] {
        let key = cube(name);
        created(&world.store, &ana, &key, auditable).await;
        let memory = one(&world.store, &ana, &key, record("the safe opens at nine")).await.unwrap().memory.unwrap();
        let other = one(&world.store, &ana, &key, record("milk is out")).await.unwrap().memory.unwrap();
        let grant = Change::Grant { principal: ben.principal.clone(), right: Right::Read };
        one(&world.store, &ana, &key, grant).await.unwrap();
        world.store.flush().await.unwrap();
        world.store.search(&ben, search(&[key.clone()], "safe")).await.unwrap();
        world.store.get(&ben, None, memory, &Moment::default()).await.unwrap();
        world.store.history(&ana, memory).await.unwrap();
        world.store.state(&ben, &key, &Moment::default(), false).await.unwrap();
        if auditable {
            // On the log before the answer left: the writer of batched ones has nothing to do with it.
            assert_eq!(world.store.status().await.access_pending, 0);
        }
        let reads = world.store.audit_reads(&ana, memory).await.unwrap();
        let who: Vec<(&str, &str)> =
            reads.iter().map(|entry| (entry.access.principal.as_str(), entry.access.purpose.word())).collect();
        assert_eq!(who, [("ben", "search"), ("ben", "get"), ("ana", "history"), ("ben", "state")], "{name}");
        let reads = world.store.audit_reads(&ana, other).await.unwrap();
        assert!(reads.iter().all(|entry| entry.access.purpose != Purpose::Get));
        let writes = world.store.audit_writes(&ana, memory).await.unwrap();
        assert_eq!(writes.iter().map(|row| row.change.as_str()).collect::<Vec<_>>(), ["memory_recorded"]);
    }
    assert_eq!(world.store.status().await.access_dropped, 0);
}
