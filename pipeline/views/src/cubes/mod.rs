//! `cubes`: one row a cube: owner, grants, policies, holds, erasures.

mod carriers;
pub mod row;
pub mod schema;
pub mod table;
