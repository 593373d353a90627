//! The program itself, run as a user runs it: on temporary directories, with the encoder that needs no model.

mod bad_input;
mod crash;
mod extracts;
mod graphs;
mod kit;
mod server;
mod upkeep;
mod verbs;
