//! `cubes`: one row a cube: owner, grants, policies, holds, erasures.

pub mod row;
pub mod schema;
pub mod table;
