//! Names as small numbers: cubes, speakers and sessions repeat in every row.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Only ever grows; a name keeps its number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    /// Those that are cubes: few among many sessions.
    cubes: BTreeSet<u32>,
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

    /// The number of a cube, `tenant/cube`.
    pub fn cube(&mut self, name: &str) -> u32 {
        let number = self.number(name);
        self.cubes.insert(number);
        number
    }

    /// The number of a name that occurs.
    pub fn known(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The cubes of a tenant.
    pub fn cubes_of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = u32> + 'a {
        let is_of = move |number: &&u32| {
            let name = self.names.get(**number as usize);
            name.and_then(|name| name.strip_prefix(tenant)).is_some_and(|rest| rest.starts_with('/'))
        };
        self.cubes.iter().filter(is_of).copied()
    }

    /// `None` for numbers that were never given.
    pub fn name(&self, number: u32) -> Option<&Arc<str>> {
        self.names.get(number as usize)
    }
}
