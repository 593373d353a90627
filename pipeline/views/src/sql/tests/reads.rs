//! What can be asked, and how answers look.

use super::*;

#[tokio::test]
async fn what_can_be_asked() {
    let world = World::new().await;
    let cases = [
        (
            "SELECT text, priority FROM memories WHERE tenant = 'acme' AND cube = 'a' ORDER BY memory LIMIT 2",
            json!([{"text": "10", "priority": 1}, {"text": "11", "priority": 2}]),
        ),
        ("select count(*) as n from memories;", json!([{"n": 6}])),
        ("SELECT changed_at FROM memories WHERE memory = 'm3'", json!([{"changed_at": "1970-01-01T00:00:03Z"}])),
        ("SELECT memory FROM memories WHERE changed_at > '1970-01-01T00:00:04Z'", json!([{"memory": "m5"}])),
        (
            "SELECT memory FROM memories WHERE changed_at BETWEEN '1970-01-01T00:00:01Z' AND '1970-01-01T00:00:02Z' ORDER BY 1 DESC",
            json!([{"memory": "m2"}, {"memory": "m1"}]),
        ),
        ("SELECT memory FROM memories WHERE NOT visible", json!([{"memory": "m1"}])),
        ("SELECT memory FROM memories WHERE visible AND priority IN (1, 3) AND text IS NULL", json!([{"memory": "m5"}])),
        ("SELECT memory FROM memories WHERE text LIKE '1%' AND length(text) = 2 AND priority + 1 > 2", json!([{"memory": "m1"}])),
        (
            "SELECT tenant, count(*) AS n FROM memories GROUP BY tenant ORDER BY n",
            json!([{"tenant": "umbrella", "n": 2}, {"tenant": "acme", "n": 4}]),
        ),
        ("SELECT cube, count(*) AS n FROM memories GROUP BY cube ORDER BY cube LIMIT 1", json!([{"cube": "a", "n": 4}])),
        ("SELECT count(*) AS n FROM memories GROUP BY Cube, tenant HAVING cube = 'c'", json!([{"n": 1}])),
        ("SELECT count(*) AS n FROM (SELECT cube FROM memories GROUP BY CUBE (tenant, cube))", json!([{"n": 10}])),
        ("SELECT vector FROM memories WHERE memory = 'm1'", json!([{"vector": [1.0, null]}])),
        ("WITH t AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT sum(x) AS s FROM t", json!([{"s": 3}])),
        (
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 50) SELECT max(n) AS n FROM t",
            json!([{"n": 50}]),
        ),
        (
            "SELECT a.memory, b.memory FROM memories a JOIN memories b ON a.memory = b.memory WHERE a.memory = 'm0'",
            json!([{"memory": "m0", "memory_2": "m0"}]),
        ),
        ("SELECT unnest([1, 2]) AS x", json!([{"x": 1}, {"x": 2}])),
        ("SHOW TABLES", json!(null)),
        ("DESCRIBE memories", json!(null)),
        ("EXPLAIN SELECT * FROM memories WHERE text = 'x'", json!(null)),
        ("EXPLAIN ANALYZE SELECT count(*) FROM memories", json!(null)),
        ("SHOW COLUMNS FROM memories", json!(null)),
        (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'views' ORDER BY 1",
            json!([{"table_name": "big"}, {"table_name": "dead"}, {"table_name": "events"}, {"table_name": "memories"}]),
        ),
        ("SELECT count(*) AS n FROM cubelog.views.memories", json!([{"n": 6}])),
    ];
    for (sql, expected) in cases {
        let rows = world.rows(sql, SqlOptions::default()).await;
        if expected.is_null() {
            assert!(!rows.is_empty(), "{sql}");
        } else {
            assert_eq!(Value::Array(rows), expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn the_log_as_a_table() {
    let world = World::new().await;
    let ask = async |sql: &str| Value::Array(world.rows(sql, SqlOptions::default()).await);
    let kinds = "SELECT kind, count(*) AS n FROM events WHERE tenant = 'acme' GROUP BY kind ORDER BY kind LIMIT 2";
    assert_eq!(ask(kinds).await, json!([{"kind": "cube_created", "n": 2}, {"kind": "extraction_recorded", "n": 2}]));
    let fields = "SELECT log_offset, turn_received.stream_index AS i, turn_received['content']['sealed_bytes'] AS b, memory_merged['expected'] AS e
                  FROM events WHERE kind = 'turn_received' AND log_offset > 5 ORDER BY log_partition, log_offset";
    assert_eq!(
        ask(fields).await,
        json!([{"log_offset": 11, "i": 41, "b": 32, "e": null}, {"log_offset": 21, "i": 41, "b": 32, "e": null}])
    );
    assert_eq!(ask("SELECT count(*) AS n FROM events WHERE turn_received.stream_index IS NOT NULL").await, json!([{"n": 3}]));
    let times = [
        ("> '1970-01-01T00:00:02.000020Z'", 6),
        (">= '1970-01-01T00:00:02.000020Z'", 7),
        ("< '1970-01-01T00:00:02.000010Z'", 7),
        ("<= '1970-01-01T00:00:02.000010Z'", 8),
        ("= '1970-01-01T00:00:02.000010Z'", 1),
        ("<> '1970-01-01T00:00:02.000010Z'", 20),
        ("BETWEEN '1970-01-01T00:00:02.000010Z' AND '1970-01-01T00:00:02.000020Z'", 8),
    ];
    for (condition, n) in times {
        let sql = format!("SELECT count(*) AS n FROM events WHERE recorded_at {condition}");
        assert_eq!(ask(&sql).await, json!([{"n": n}]), "{sql}");
    }
    assert_eq!(
        ask("SELECT count(*) AS n FROM events WHERE '1970-01-01T00:00:02.000020Z' < recorded_at").await,
        json!([{"n": 6}])
    );
    let answer = world.ask("SELECT count(*) FROM events", SqlOptions::default()).await.unwrap();
    assert_eq!(answer.notes, ["1 records of the log could not be decoded and are missing from events; see the table dead"]);
    let log: Arc<dyn EventScan> = Arc::new(BrokenLog);
    let error = query(vec![], Some(log), "SELECT * FROM events", SqlOptions::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "the query failed: read the log for table events: disk on fire");
}

#[tokio::test]
async fn answers_as_text() {
    let world = World::new().await;
    let sql = "SELECT memory, text AS \"the text\", '' AS empty, 'a \"b\", c' AS quoted, [1, 2] AS list, changed_at, X'00ff' AS bytes, 1.5 AS x
               FROM memories WHERE memory IN ('m0', 'm5') ORDER BY memory";
    let answer = world.ask(sql, SqlOptions::default()).await.unwrap();
    let csv = "memory,the text,empty,quoted,list,changed_at,bytes,x\r\n\
               m0,10,\"\",\"a \"\"b\"\", c\",\"[1,2]\",1970-01-01T00:00:00Z,00ff,1.5\r\n\
               m5,,\"\",\"a \"\"b\"\", c\",\"[1,2]\",1970-01-01T00:00:05Z,00ff,1.5\r\n";
    assert_eq!(to_csv(&answer), csv);
    assert_eq!(to_cells(&answer)[1][1], None);
    assert_eq!(to_json_rows(&answer)[1]["the text"], Value::Null);
    let empty = world.ask("SELECT memory FROM memories WHERE false", SqlOptions::default()).await.unwrap();
    assert_eq!((to_csv(&empty).as_str(), to_json_rows(&empty).len()), ("memory\r\n", 0));
}

#[tokio::test]
async fn all_columns_of_all_rows_can_be_shown() {
    let world = World::new().await;
    let answer = world.ask("SELECT * FROM events", SqlOptions::default()).await.unwrap();
    let rows = to_json_rows(&answer);
    assert_eq!(rows.len(), 21);
    assert!(rows.iter().all(|row| row.len() == answer.schema.fields().len()));
    let mut names: Vec<_> = rows[0].keys().collect();
    names.dedup();
    assert_eq!(names.len(), rows[0].len());
    assert!(!to_csv(&answer).contains("ciphertext-of"));
}
