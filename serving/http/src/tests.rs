//! The routes driven in process over a real store: local log, views in memory, no encoder.

mod auth;
mod beliefs;
mod changes;
mod learn;
mod limits;
mod openapi;
mod quiet;
mod reads;
mod server;
mod upkeep;
mod world;
