//! What memories claim, and what was stated about contradictions between them.

use cubelog_memory::*;

use super::script::*;
use super::{Store, home};

pub async fn claims_are_held_and_contradictions_kept(store: Store) {
    let mut script = Script::new(0);
    script.turn(&home(), 1, "ana", "I live in Graz.");
    script.turn(&home(), 2, "ana", "I live in Linz.");
    script.turn(&home(), 3, "assistant", "I live in Rome.");
    script.turn(&cube("acme", "work"), 4, "ben", "I live in Wels.");
    script.turn(&home(), 5, "ana", "I live in Enns.");
    script.move_to(&home(), 5, Lifecycle::Archived);
    script.relate(&home(), 2, 1, Relation::Contradicts, false);
    script.relate(&home(), 2, 1, Relation::Supports, false);
    script.relate(&home(), 2, 1, Relation::Contradicts, true);
    store.commit(script.batch()).await.unwrap();
    let mut claims: Vec<_> = store.claims(&home()).await.unwrap().expect("texts are held").into_iter().collect();
    claims.sort_by_key(|(_, claim)| claim.said_at);
    let said: Vec<_> = claims.iter().map(|(id, claim)| (*id, claim.subject.as_str(), claim.answer())).collect();
    assert_eq!(said, [(memory(1), "ana", Some("graz")), (memory(2), "ana", Some("linz"))], "visible, of people, of this cube");
    assert_eq!(claims[0].1.said_at, Timestamp(1_600_000_000_000_001), "said when it became valid");
    let stated = |rows: Vec<crate::rows::EdgeRow>| rows.iter().map(|row| row.edge.withdrawn).collect::<Vec<_>>();
    assert_eq!(stated(store.contradictions(&home()).await.unwrap()), [false, true]);
    assert!(store.contradictions(&cube("acme", "work")).await.unwrap().is_empty());
    assert!(store.claims(&cube("acme", "nowhere")).await.unwrap().expect("held").is_empty());
}
