//! Rows, time, memory and depth are bounded, and a query that hits a bound fails alone.

use super::*;

#[tokio::test]
async fn an_answer_has_at_most_so_many_rows() {
    let world = World::new().await;
    for (rows_max, sql, rows, truncated) in [
        (5, "SELECT n FROM big", 5, true),
        (5, "SELECT n FROM big LIMIT 5", 5, false),
        (5, "SELECT n FROM big LIMIT 4", 4, false),
        (0, "SELECT n FROM big", 0, true),
        (0, "SELECT n FROM big WHERE n < 0", 0, false),
        (19_999, "SELECT n FROM big", 19_999, true),
        (20_000, "SELECT n FROM big", 20_000, false),
        (2, "DESCRIBE memories", 2, true),
    ] {
        let answer = world.ask(sql, SqlOptions { rows_max, ..SqlOptions::default() }).await.unwrap();
        assert_eq!((answer.rows(), answer.truncated), (rows, truncated), "{rows_max} {sql}");
    }
    let first = world.rows("SELECT n FROM big ORDER BY n DESC", SqlOptions { rows_max: 1, ..SqlOptions::default() }).await;
    assert_eq!(first, [json!({"n": 19_999})]);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "measures that a limit is kept")]
async fn a_query_ends_when_its_time_is_up() {
    let world = World::new().await;
    // Each would run for minutes at least. There are more of them than may run at once: a query that was stopped in name only would
    // keep its slot and the next one would be told that others are running.
    let bombs = [
        "SELECT count(*) FROM big a, big b, big c, big d",
        "SELECT count(*) FROM big a JOIN big b ON a.tenant = b.tenant AND a.n + b.n < -1 JOIN big c ON b.tenant = c.tenant",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
        "SELECT count(*) FROM big a JOIN big b ON levenshtein(concat(a.n, 'kitten sitting'), concat(b.n, 'sitting kitten')) < 0",
        "SELECT count(*) FROM big a, big b, big c UNION ALL SELECT count(*) FROM big a, big b, big c",
    ];
    for bomb in bombs {
        let start = Instant::now();
        let error = world.ask(bomb, quick(700)).await.unwrap_err();
        let took = start.elapsed();
        assert_eq!(error, SqlError::Timeout { limit_ms: 700 }, "{bomb}");
        assert!(took < Duration::from_secs(3), "{bomb}: {took:?}");
    }
    let start = Instant::now();
    assert_eq!(world.rows("SELECT count(*) AS n FROM big", SqlOptions::default()).await, [json!({"n": 20_000})]);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_query_that_needs_too_much_memory_fails_alone() {
    let world = World::new().await;
    for sql in [
        "SELECT count(*) FROM (SELECT DISTINCT a.n * 20000 + b.n FROM big a, big b)",
        "SELECT a.n, b.n FROM big a, big b",
        "SELECT a.n FROM big a, big b ORDER BY a.n + b.n",
    ] {
        let options = SqlOptions { memory_bytes_max: 4 << 20, rows_max: 100_000_000, ..SqlOptions::default() };
        assert_eq!(world.ask(sql, options).await.unwrap_err(), SqlError::Memory { limit_bytes: 4 << 20 }, "{sql}");
    }
}

#[tokio::test]
async fn statements_that_nest_too_deep_are_refused_and_no_stack_overflows() {
    let world = World::new().await;
    let ors = |n: usize| format!("SELECT count(*) AS n FROM memories WHERE priority = 1{}", " OR priority=-1".repeat(n));
    assert_eq!(world.rows(&ors(500), SqlOptions::default()).await, [json!({"n": 1})]);
    let sources = |n: usize| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(n));
    assert_eq!(world.rows(&sources(100), SqlOptions::default()).await.len(), 101);
    for (sql, error) in [
        (ors(513), SqlError::TooDeep),
        (ors(4_000), SqlError::TooDeep),
        (format!("SELECT 1{} AS n", "+1".repeat(30_000)), SqlError::TooDeep),
        (sources(3_000), SqlError::TooManySources),
        (format!("SELECT * FROM memories{}", ", memories".repeat(6_000)), SqlError::TooManySources),
    ] {
        assert_eq!(world.ask(&sql, SqlOptions::default()).await.unwrap_err(), error, "{}", &sql[..60]);
    }
    for (open, inner, close, n) in
        [("(", "1", ")", 30_000), ("- ", "1", "", 30_000), ("NOT ", "true", "", 15_000), ("[", "1", "]", 30_000)]
    {
        let nested = format!("SELECT {}{inner}{}", open.repeat(n), close.repeat(n));
        assert!(world.ask(&nested, SqlOptions::default()).await.is_err(), "{open}");
    }
    let selects = format!("SELECT * FROM {}memories{}", "(SELECT * FROM ".repeat(3_000), ")".repeat(3_000));
    assert!(world.ask(&selects, SqlOptions::default()).await.is_err());
}

#[tokio::test]
async fn a_value_cannot_be_blown_up() {
    let world = World::new().await;
    // Each level makes four times or more out of the one below.
    for (grown, first) in [
        ("x || x || x || x", "'0123456789'"),
        ("concat(x, x, x, x)", "'0123456789'"),
        ("concat_ws(x, x, x, x)", "'0123456789'"),
        ("replace(x, '0', '00000000')", "'0000'"),
        ("replace(x, '', '00000000')", "'0000'"),
        ("regexp_replace(x, '0', '0000', 'g')", "'0000'"),
        ("array_to_string([x, x, x, x], x)", "'0'"),
        ("[x, x, x, x]", "[1]"),
        ("array_concat(x, x, x, x)", "[1]"),
    ] {
        for table in ["", " FROM memories"] {
            let mut sql = format!("WITH t0 AS (SELECT {first} AS x{table})");
            for level in 0..24 {
                sql.push_str(&format!(", t{} AS (SELECT {grown} AS x FROM t{level})", level + 1));
            }
            let options = SqlOptions { memory_bytes_max: 16 << 20, ..SqlOptions::default() };
            let error = world.ask(&format!("{sql} SELECT count(x) FROM t24"), options).await.unwrap_err();
            assert_eq!(error, SqlError::Memory { limit_bytes: 16 << 20 }, "{grown}");
        }
    }
    let sql = "SELECT text || '-' || priority AS a, 'x' || NULL AS b, concat(text, NULL, 'y') AS c, replace(text, '1', '22') AS d, text || text FROM memories WHERE text = '10'";
    assert_eq!(
        world.rows(sql, SqlOptions::default()).await,
        [json!({"a": "10-1", "b": null, "c": "10y", "d": "220", "memories.text || memories.text": "1010"})]
    );
    assert_eq!(
        world.rows("SELECT [1] || [2] AS x, array_append([1], 2) AS y", SqlOptions::default()).await,
        [json!({"x": [1, 2], "y": [1, 2]})]
    );
}
