//! Which statements are let through: one, and only if it reads.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement as EngineStatement};
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::error::{SqlError, one_line};
use super::{EXPRESSION_DEPTH_MAX, SOURCES_MAX, SQL_BYTES_MAX};

/// Parses one statement and refuses everything but reading.
pub(super) fn parse(sql: &str) -> Result<EngineStatement, SqlError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(SqlError::TooLong { bytes: sql.len() });
    }
    let syntax = |error: datafusion::common::DataFusionError| SqlError::planning(&error, 0);
    let mut statements =
        DFParserBuilder::new(tokens(sql)?).build().and_then(|mut parser| parser.parse_statements()).map_err(syntax)?;
    match (statements.pop_front(), statements.len()) {
        (None, _) => Err(SqlError::Empty),
        (Some(statement), 0) => check(&statement).map(|()| statement),
        (Some(_), more) => Err(SqlError::Several { count: more + 1 }),
    }
}

/// The words of a statement. `cube` is a column here, so it is a keyword only where a parenthesis follows, as in
/// `GROUP BY CUBE (tenant, cube)`.
fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| SqlError::Syntax { reason: one_line(&error.to_string()) })?;
    let mut before_parenthesis = false;
    for token in tokens.iter_mut().rev().map(|token| &mut token.token) {
        match token {
            Token::Whitespace(_) => continue,
            Token::Word(word) if word.keyword == Keyword::CUBE && !before_parenthesis => word.keyword = Keyword::NoKeyword,
            _ => {}
        }
        before_parenthesis = *token == Token::LParen;
    }
    Ok(tokens)
}

/// Whether the statement yields rows of tables, so that a limit can be put on top of it.
pub(super) fn is_query(statement: &EngineStatement) -> bool {
    matches!(statement, EngineStatement::Statement(statement) if matches!(**statement, Statement::Query(_)))
}

fn check(statement: &EngineStatement) -> Result<(), SqlError> {
    match statement {
        EngineStatement::Statement(statement) => check_standard(statement),
        EngineStatement::Explain(explain) => check(&explain.statement),
        EngineStatement::CreateExternalTable(_) => Err(refused("CREATE EXTERNAL TABLE")),
        EngineStatement::CopyTo(_) => Err(refused("COPY")),
        EngineStatement::Reset(_) => Err(refused("RESET")),
    }
}

fn check_standard(statement: &Statement) -> Result<(), SqlError> {
    match statement {
        Statement::Explain { statement, .. } => check_standard(statement),
        Statement::Query(_)
        | Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. }
        | Statement::ShowVariable { .. } => match statement.visit(&mut Reads::default()) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        },
        other => Err(refused(&leading_keywords(&other.to_string()))),
    }
}

fn refused(what: &str) -> SqlError {
    SqlError::NotAllowed { what: what.to_owned() }
}

/// The words that say what a statement is, for example `INSERT INTO`.
fn leading_keywords(text: &str) -> String {
    let keyword = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
    let words: Vec<_> = text.split_whitespace().take_while(keyword).take(3).collect();
    if words.is_empty() { "this statement".to_owned() } else { one_line(&words.join(" ")) }
}

/// Finds what does not read, anywhere inside a statement: writes in set expressions, `SELECT INTO`, locks, table functions, files.
/// And what would take too long to plan.
#[derive(Default)]
struct Reads {
    depth: usize,
    sources: usize,
}

fn stop(what: impl Into<String>) -> ControlFlow<SqlError> {
    ControlFlow::Break(SqlError::NotAllowed { what: what.into() })
}

impl Reads {
    fn source(&mut self) -> ControlFlow<SqlError> {
        self.sources += 1;
        if self.sources > SOURCES_MAX { ControlFlow::Break(SqlError::TooManySources) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Reads {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        if !query.locks.is_empty() {
            return stop("SELECT FOR UPDATE");
        }
        set_expression(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        if select.into.is_some() {
            return stop("SELECT INTO");
        }
        self.source()
    }

    fn pre_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<SqlError> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX { ControlFlow::Break(SqlError::TooDeep) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<SqlError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<SqlError> {
        match statement {
            Statement::Insert(_) | Statement::Update { .. } | Statement::Delete(_) | Statement::Merge { .. } => {
                stop(leading_keywords(&statement.to_string()))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                stop(format!("the table function {name}"))
            }
            TableFactor::TableFunction { .. } => stop("a table function"),
            _ => self.source(),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<SqlError> {
        let name = relation.to_string();
        let path = name.trim_matches(['"', '\'', '`']).to_lowercase();
        let file = [".parquet", ".csv", ".json", ".jsonl", ".arrow", ".avro", ".txt"].iter().any(|end| path.ends_with(end));
        if file || path.contains(['/', '\\']) { stop(format!("reading the file {name}")) } else { ControlFlow::Continue(()) }
    }
}

fn set_expression(body: &SetExpr) -> ControlFlow<SqlError> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            set_expression(left)?;
            set_expression(right)
        }
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => stop("a write inside a query"),
        _ => ControlFlow::Continue(()),
    }
}
