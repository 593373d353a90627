//! What is refused, and that nobody reads what is not theirs.

use super::*;

#[tokio::test]
async fn what_is_refused_and_how() {
    let world = World::new().await;
    let cases = [
        ("", "there is no statement"),
        (" ; ", "there is no statement"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM memories WHERE", "syntax error"),
        ("CREATE TABLE t (x INT)", "CREATE TABLE is not allowed"),
        ("CREATE VIEW v AS SELECT * FROM memories", "CREATE VIEW"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "CREATE EXTERNAL TABLE is not allowed"),
        ("INSERT INTO memories VALUES (1)", "INSERT INTO is not allowed"),
        ("UPDATE memories SET text = ''", "UPDATE is not allowed"),
        ("DELETE FROM memories", "DELETE FROM is not allowed"),
        ("DROP TABLE memories", "DROP TABLE is not allowed"),
        ("TRUNCATE TABLE memories", "TRUNCATE TABLE is not allowed"),
        ("COPY memories TO '/tmp/x.csv'", "COPY is not allowed"),
        ("COPY (SELECT 1) TO '/tmp/x.csv' STORED AS CSV", "COPY is not allowed"),
        ("SET datafusion.execution.batch_size = 1", "SET is not allowed"),
        ("RESET datafusion.execution.batch_size", "RESET is not allowed"),
        ("EXPLAIN INSERT INTO memories SELECT * FROM memories", "INSERT INTO is not allowed"),
        ("EXPLAIN COPY memories TO '/tmp/x.csv'", "COPY is not allowed"),
        ("EXPLAIN ANALYZE DELETE FROM memories", "DELETE FROM is not allowed"),
        ("SELECT * INTO t FROM memories", "SELECT INTO is not allowed"),
        ("WITH t AS (SELECT * INTO u FROM memories) SELECT * FROM t", "SELECT INTO is not allowed"),
        ("SELECT * FROM memories FOR UPDATE", "FOR UPDATE"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
        ("EXECUTE p", "EXECUTE"),
        ("BEGIN", "BEGIN"),
        ("SELECT * FROM read_parquet('/etc/passwd')", "the table function read_parquet is not allowed"),
        ("SELECT * FROM generate_series(1, 10)", "the table function generate_series is not allowed"),
        ("SELECT * FROM '/etc/passwd'", "reading the file"),
        ("SELECT * FROM 'secrets.csv'", "reading the file"),
        ("SELECT * FROM \"s3://bucket/x.parquet\"", "reading the file"),
        ("SELECT * FROM \"file:///etc/passwd\"", "reading the file"),
        ("SELECT * FROM memory", "there is no table memory; you can read big, dead, events, memories"),
        ("SELECT * FROM other.views.memories", "there is no table other.views.memories"),
        ("SELECT * FROM memories.memories", "there is no table memories.memories"),
        ("SELECT txt FROM memories", "there is no column txt; did you mean text?"),
        ("SELECT zzz FROM memories", "there is no column zzz; there are memory, tenant, cube"),
        ("SELECT m.Txt FROM memories m", "did you mean text?"),
        ("SELECT repeat('x', 2000000000)", "repeat"),
        ("SELECT lpad('x', 2000000000)", "lpad"),
        ("SELECT range(0, 100000000000)", "range"),
        ("SELECT CAST(text AS BIGINT) FROM memories", "the query failed"),
        ("SELECT sum(text, 1) FROM memories", "makes no sense"),
    ];
    for (sql, expected) in cases {
        let error = world.ask(sql, SqlOptions::default()).await.map(|answer| to_csv(&answer)).unwrap_err().to_string();
        assert!(error.contains(expected), "{sql}: {error}");
        assert!(!error.contains('\n') && error.len() < 1_000, "{sql}: {error}");
    }
    let long = format!("SELECT '{}'", "x".repeat(SQL_BYTES_MAX));
    assert!(matches!(world.ask(&long, SqlOptions::default()).await, Err(SqlError::TooLong { .. })));
}

#[tokio::test]
async fn nobody_gets_round_the_guard() {
    let world = World::new().await;
    // Statement, and how many rows it yields to a reader of acme/a; none where it does not matter.
    let attempts = [
        ("SELECT * FROM memories", Some(3)),
        ("SELECT * FROM MeMoRiEs", Some(3)),
        ("SELECT * FROM \"memories\"", Some(3)),
        ("SELECT * FROM cubelog.views.memories", Some(3)),
        ("SELECT * FROM memories WHERE tenant = 'umbrella'", Some(0)),
        ("SELECT * FROM memories WHERE tenant = 'acme' OR 1 = 1", Some(3)),
        ("SELECT * FROM memories WHERE tenant <> 'acme' OR tenant = 'acme' OR cube = 'c'", Some(3)),
        ("SELECT * FROM memories WHERE NOT (tenant = 'acme')", Some(0)),
        ("SELECT * FROM memories WHERE cube = 'b'", Some(0)),
        ("SELECT tenant, text FROM memories UNION SELECT tenant, text FROM memories WHERE tenant = 'umbrella'", Some(3)),
        (
            "SELECT tenant, text FROM memories UNION ALL (SELECT tenant, text FROM memories EXCEPT SELECT 'acme', text FROM memories)",
            Some(3),
        ),
        ("WITH memories AS (SELECT * FROM cubelog.views.memories) SELECT * FROM memories", Some(3)),
        (
            "WITH t(tenant, cube, text) AS (SELECT 'umbrella', 'a', 'x') SELECT m.text FROM memories m JOIN t USING (tenant)",
            Some(0),
        ),
        ("SELECT 'acme' AS tenant, 'a' AS cube, text FROM memories", Some(3)),
        ("SELECT (SELECT max(text) FROM memories) AS x", Some(1)),
        ("SELECT * FROM (SELECT text FROM memories ORDER BY tenant DESC) t", Some(3)),
        ("SELECT * FROM memories m WHERE EXISTS (SELECT 1 FROM memories n WHERE n.tenant = 'umbrella')", Some(0)),
        ("SELECT * FROM memories m WHERE m.memory IN (SELECT memory FROM memories WHERE tenant = 'umbrella')", Some(0)),
        ("SELECT * FROM memories a FULL JOIN memories b ON a.tenant <> b.tenant", Some(6)),
        ("SELECT a.text FROM memories a, LATERAL (SELECT * FROM memories b WHERE b.tenant <> a.tenant) c", Some(0)),
        ("SELECT first_value(text) OVER (ORDER BY tenant DESC) FROM memories", Some(3)),
        ("SELECT string_agg(text, ',') FROM memories", Some(1)),
        (
            "WITH RECURSIVE t AS (SELECT tenant FROM memories UNION SELECT m.tenant FROM memories m JOIN t ON true) SELECT * FROM t",
            Some(1),
        ),
        // Errors would quote what they fail on: these must not meet a foreign row at all.
        ("SELECT CAST(text AS BIGINT) FROM memories", Some(3)),
        ("SELECT * FROM memories WHERE CAST(text AS BIGINT) > 0", Some(2)),
        ("SELECT * FROM memories WHERE CAST(text AS BIGINT) > 0 OR tenant = 'acme'", Some(3)),
        ("SELECT * FROM memories WHERE 1 / priority >= 0", Some(3)),
        ("SELECT * FROM memories WHERE 1 / (CASE WHEN tenant = 'umbrella' THEN 0 ELSE 1 END) = 1", Some(3)),
        ("SELECT * FROM memories WHERE tenant = 'acme' AND arrow_cast(text, 'Int8') > 10", Some(1)),
        ("SELECT priority FROM memories GROUP BY priority HAVING min(CAST(text AS INT)) > 10", Some(1)),
        ("SELECT * FROM memories ORDER BY CAST(text AS INT) LIMIT 1", Some(1)),
        ("SELECT * FROM events", Some(14)),
        ("SELECT DISTINCT tenant FROM events", Some(1)),
        ("SELECT * FROM events WHERE tenant = 'umbrella' OR cube = 'a'", Some(14)),
        ("SELECT e.tenant FROM events e JOIN memories m ON e.tenant <> m.tenant", Some(0)),
        ("SELECT table_name FROM information_schema.tables WHERE table_name IN ('dead')", Some(0)),
        ("EXPLAIN VERBOSE SELECT * FROM memories", None),
        ("EXPLAIN ANALYZE VERBOSE SELECT * FROM memories WHERE tenant = 'umbrella'", None),
        ("SHOW ALL", None),
        ("SELECT * FROM information_schema.columns", None),
        ("SELECT * FROM information_schema.views", None),
    ];
    for (sql, rows) in attempts {
        let answer = world.ask(sql, reader()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let shown = to_csv(&answer);
        if let Some(rows) = rows {
            assert_eq!(answer.rows(), rows, "{sql}: {shown}");
            assert!(!shown.contains("umbrella"), "{sql}: {shown}");
        }
        assert!(!shown.contains(SECRET), "{sql}: {shown}");
    }
    let counts = world.rows("SELECT count(*) AS n, count(text) AS t, max(memory) AS m FROM memories", reader()).await;
    assert_eq!(counts, [json!({"n": 3, "t": 2, "m": "m5"})]);
    for hidden in
        ["SELECT * FROM dead", "DESCRIBE dead", "SELECT 1 FROM memories WHERE EXISTS (SELECT * FROM cubelog.views.dead)"]
    {
        let error = world.ask(hidden, reader()).await.unwrap_err();
        assert!(matches!(error, SqlError::UnknownTable { .. }), "{hidden}: {error}");
        assert!(error.to_string().ends_with("you can read big, events, memories"), "{error}");
    }
}

#[tokio::test]
async fn reach_only_narrows() {
    let world = World::new().await;
    let cases = [
        (None, None, 6, 21),
        (Some("acme"), None, 4, 14),
        (Some("nobody"), None, 0, 0),
        (None, Some(vec![cube("acme", "b"), cube("umbrella", "c")]), 2, 0),
        (None, Some(vec![cube("acme", "a"), cube("acme", "b"), cube("umbrella", "a")]), 5, 21),
        (Some("acme"), Some(vec![cube("acme", "a"), cube("umbrella", "a")]), 3, 14),
        (Some("acme"), Some(vec![cube("umbrella", "a")]), 0, 0),
        (Some("acme"), Some(vec![]), 0, 0),
        (None, Some(vec![]), 0, 0),
    ];
    for (tenant_name, cubes, memories, events) in cases {
        let options = SqlOptions { tenant: tenant_name.map(tenant), cubes: cubes.clone(), ..SqlOptions::default() };
        let sql = "SELECT (SELECT count(*) FROM memories) AS m, (SELECT count(*) FROM events) AS e, (SELECT count(text) FROM memories) >= 0 AS t";
        assert_eq!(world.rows(sql, options).await, [json!({"m": memories, "e": events, "t": true})], "{tenant_name:?} {cubes:?}");
    }
}
