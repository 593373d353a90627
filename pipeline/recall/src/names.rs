//! Names as small numbers: cubes, speakers and sessions repeat in every row.

use std::collections::HashMap;
use std::sync::Arc;

/// Only ever grows; a name keeps its number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (number, name) = (self.names.len() as u32, Arc::<str>::from(name));
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// The number of a name that occurs.
    pub fn known(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Numbers of the names `prefix/...`.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = u32> + 'a {
        let is_below = move |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        self.names.iter().enumerate().filter(move |(_, name)| is_below(name)).map(|(number, _)| number as u32)
    }

    /// `None` for numbers that were never given.
    pub fn name(&self, number: u32) -> Option<&Arc<str>> {
        self.names.get(number as usize)
    }
}
