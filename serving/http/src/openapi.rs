//! The description of the interface as OpenAPI 3.1, made from the handlers themselves.

use std::sync::LazyLock;

use cubelog_api::paths::{IDEMPOTENCY_HEADER, TOKEN_HEADER};
use cubelog_api::problem::{PROBLEM_JSON, ProblemBody};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi};

use crate::routes::{
    audit, beliefs, cubes, data_routes, dead, health, ingest, learn, memories, open_routes, read, replay, search, upkeep,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cubelog",
        description = "Memory for LLM agents that is a log: stream conversations in, search them, read any past moment, and prove the views right.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        health::root, health::livez, health::readyz, health::metrics, health::openapi, health::problem, health::status,
        cubes::list, cubes::create, cubes::grant, cubes::revoke,
        beliefs::beliefs, beliefs::resolve, learn::settle, learn::extract,
        ingest::ingest, ingest::end,
        memories::record, memories::revise, memories::merge, memories::relate, memories::move_memory, memories::tag,
        memories::expire, memories::resolve,
        read::get, read::history, read::state, read::diff,
        audit::writes, audit::reads,
        search::search, search::context, search::sql,
        replay::replay, replay::verify, replay::rebuild,
        dead::list, dead::retry, dead::discard,
        upkeep::set_policy, upkeep::place_hold, upkeep::lift_hold, upkeep::forget, upkeep::dedupe, upkeep::undo_merge,
        upkeep::govern,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "ingest", description = "Streams in"),
        (name = "reads", description = "Search, state at any moment, SQL"),
        (name = "memories", description = "Changes to single memories"),
        (name = "cubes", description = "Cubes and their grants"),
        (name = "audit", description = "Who changed and who was shown a memory"),
        (name = "administration", description = "Replay, verify, rebuild, dead letters, status"),
        (name = "server", description = "For monitors and newcomers; no key needed"),
    ),
    modifiers(&Common),
)]
struct Document;

/// What all operations have in common, and single handlers therefore do not say.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("clk_<id>_<secret>").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
        document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
        for (path, item) in &mut document.paths.paths {
            let is_data = path.starts_with("/v1/");
            for (operation, is_change) in [(&mut item.get, false), (&mut item.post, true), (&mut item.delete, true)] {
                let Some(operation) = operation else { continue };
                add_problem(operation);
                if is_data {
                    add_headers(operation, path, is_change);
                }
            }
        }
    }
}

fn add_problem(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description("What went wrong, and what to do next").content(PROBLEM_JSON, content);
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response.build()));
}

fn add_headers(operation: &mut Operation, path: &str, is_change: bool) {
    let mut headers = Vec::new();
    let is_read =
        !is_change || [cubelog_api::paths::SEARCH, cubelog_api::paths::CONTEXT, cubelog_api::paths::SQL].contains(&path);
    if is_read {
        headers.push(header(TOKEN_HEADER, "The answer must see everything below this cut, which a change answered with"));
    } else {
        headers
            .push(header(IDEMPOTENCY_HEADER, "Makes the change safe to send again: the same key has one effect and one answer"));
    }
    let takes_version = [cubelog_api::paths::REVISE, cubelog_api::paths::MERGE, cubelog_api::paths::RESOLVE];
    if takes_version.contains(&path) {
        headers.push(header("if-match", "The version that the change was made over, in quotes"));
    }
    operation.parameters.get_or_insert_default().extend(headers.into_iter().map(RefOr::T));
}

fn header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// The description as JSON.
pub fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut document = Document::openapi();
        env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
        // A description without cycles and with text keys always has a JSON form.
        document.to_json().unwrap_or_else(|_| "{}".to_owned())
    });
    &TEXT
}

/// The templates of all routes.
pub(crate) fn route_names() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut names: Vec<_> = open_routes().list.into_iter().chain(data_routes().list).map(|(_, path)| path).collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    &NAMES
}
