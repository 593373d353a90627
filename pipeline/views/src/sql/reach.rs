//! What a caller may read, as a condition on the columns `tenant` and `cube`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use cubelog_memory::TenantId;
use datafusion::logical_expr::{Expr, ident, lit};

use super::SqlOptions;

const TENANT: &str = "tenant";
const CUBE: &str = "cube";

/// The tenants and cubes that a caller may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Everything,
    /// Every cube of one tenant.
    Tenant(TenantId),
    /// These cubes of these tenants; none at all if empty.
    Cubes(BTreeMap<String, BTreeSet<String>>),
}

impl Reach {
    /// Cubes outside the tenant are left out: options can only narrow each other.
    pub fn new(options: &SqlOptions) -> Self {
        match (&options.tenant, &options.cubes) {
            (None, None) => Reach::Everything,
            (Some(tenant), None) => Reach::Tenant(tenant.clone()),
            (tenant, Some(cubes)) => {
                let mut by_tenant: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
                for key in cubes.iter().filter(|key| tenant.as_ref().is_none_or(|tenant| *tenant == key.tenant)) {
                    by_tenant.entry(key.tenant.to_string()).or_default().insert(key.cube.to_string());
                }
                Reach::Cubes(by_tenant)
            }
        }
    }

    /// Whether a table can be shown: it must carry the columns that the condition speaks of, or belong to nobody in particular
    /// and be asked for without a condition.
    pub fn covers(&self, schema: &Schema) -> bool {
        let text = |name: &str| schema.field_with_name(name).is_ok_and(|field| *field.data_type() == DataType::Utf8);
        match self {
            Reach::Everything => true,
            Reach::Tenant(_) => text(TENANT),
            Reach::Cubes(_) => text(TENANT) && text(CUBE),
        }
    }

    pub fn is_nothing(&self) -> bool {
        matches!(self, Reach::Cubes(tenants) if tenants.is_empty())
    }

    /// The condition; `None` for no condition. Must not be asked of a reach that is nothing.
    pub fn condition(&self) -> Option<Expr> {
        match self {
            Reach::Everything => None,
            Reach::Tenant(tenant) => Some(ident(TENANT).eq(lit(tenant.as_str()))),
            Reach::Cubes(tenants) => {
                let tenants = tenants.iter().map(|(tenant, cubes)| {
                    let cubes = cubes.iter().map(|cube| lit(cube.as_str())).collect();
                    ident(TENANT).eq(lit(tenant.as_str())).and(ident(CUBE).in_list(cubes, false))
                });
                Some(tenants.reduce(Expr::or).unwrap_or_else(|| lit(false)))
            }
        }
    }

    /// The rows of a batch within reach.
    pub fn narrow(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if *self == Reach::Everything {
            return Ok(batch.clone());
        }
        let text = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            column.ok_or_else(|| ArrowError::SchemaError(format!("no column {name} to tell whose the rows are")))
        };
        let (tenants, cubes) = (text(TENANT)?, text(CUBE)?);
        let within = |row: usize| {
            tenants.is_valid(row)
                && match self {
                    Reach::Everything => true,
                    Reach::Tenant(tenant) => tenants.value(row) == tenant.as_str(),
                    Reach::Cubes(by_tenant) => {
                        cubes.is_valid(row)
                            && by_tenant.get(tenants.value(row)).is_some_and(|names| names.contains(cubes.value(row)))
                    }
                }
        };
        filter_record_batch(batch, &(0..batch.num_rows()).map(within).map(Some).collect::<BooleanArray>())
    }

    /// For plans.
    pub fn describe(&self) -> String {
        match self {
            Reach::Everything => "everything".into(),
            Reach::Tenant(tenant) => format!("tenant {tenant}"),
            Reach::Cubes(tenants) => format!("{} cubes", tenants.values().map(BTreeSet::len).sum::<usize>()),
        }
    }
}
