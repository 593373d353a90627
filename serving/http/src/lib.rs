//! The HTTP edge: the verbs as a service, keys, routes, and the server that carries them.

pub mod keys;
mod metrics;
mod openapi;
mod routes;
mod serve;
mod service;
#[cfg(test)]
mod tests;

pub use keys::{ApiKeys, CreatedKey, KeyFile, KeyFileError, KeyInfo, KeyRefusal, NewKey};
pub use openapi::document as openapi_document;
pub use routes::{HttpOptions, router};
pub use serve::{ServeError, serve};
pub use service::{Service, SqlLimits, SqlRows, SqlRunner, SqlScope, extracted};
