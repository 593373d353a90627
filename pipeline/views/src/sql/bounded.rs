//! Functions that can make much out of little, with a bound on what one call may make. The engine counts what operators hold, not
//! what an expression builds on its way, and ten nested doublings would end the process rather than the query.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, plan_err, resources_datafusion_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// What a function makes of its arguments, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// All arguments one after the other.
    Sum,
    /// The first argument with every character replaced by the longest of the others.
    Product,
}

fn growth(function: &str) -> Option<Growth> {
    match function {
        "concat" | "concat_ws" | "make_array" | "array_concat" | "array_append" | "array_prepend" => Some(Growth::Sum),
        "replace" | "regexp_replace" | "overlay" | "translate" | "array_to_string" => Some(Growth::Product),
        "array_replace" | "array_replace_n" | "array_replace_all" => Some(Growth::Product),
        _ => None,
    }
}

/// Puts the bound on every function and every `||` of a plan that was just made from a statement.
pub(super) fn bounded(plan: LogicalPlan, bytes_max: usize) -> Result<LogicalPlan> {
    let bound = |expr: Expr| -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::ScalarFunction(ScalarFunction { func, args }) => match growth(func.name()) {
                Some(growth) => {
                    let bounded = Bounded { inner: func, growth, bytes_max };
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(bounded.into()), args)))
                }
                None => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
            },
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let joined = Joined { signature: Signature::user_defined(Volatility::Immutable), bytes_max };
                Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(joined.into()), vec![*left, *right])))
            }
            other => Transformed::no(other),
        })
    };
    let rewritten = plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(bound)?.update_data(|expr| name.restore(expr)))
        })?
        .transform_data(|plan| plan.recompute_schema().map(Transformed::yes))
    })?;
    Ok(rewritten.data)
}

/// A function that refuses to make more than `bytes_max` bytes at a time. Simplifications of the original are left out: they would
/// compute constants without asking.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
    bytes_max: usize,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(self.name(), self.growth, &args, self.bytes_max)?;
        self.inner.invoke_with_args(args)
    }
}

/// `||` on text: null if either side is.
#[derive(Debug)]
struct Joined {
    signature: Signature,
    bytes_max: usize,
}

impl PartialEq for Joined {
    fn eq(&self, other: &Self) -> bool {
        self.bytes_max == other.bytes_max
    }
}

impl Eq for Joined {}

impl Hash for Joined {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes_max.hash(state);
    }
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "||"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.iter().find(|data_type| data_type.is_nested() || data_type.is_binary()) {
            Some(other) => plan_err!("|| joins texts, not values of type {other}"),
            None => Ok(vec![DataType::Utf8; types.len()]),
        }
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check("||", Growth::Sum, &args, self.bytes_max)?;
        let all_scalars = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else { return plan_err!("|| takes two texts") };
        let joined: ArrayRef = Arc::new(concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?);
        if all_scalars {
            ScalarValue::try_from_array(&joined, 0).map(ColumnarValue::Scalar)
        } else {
            Ok(ColumnarValue::Array(joined))
        }
    }
}

fn check(name: &str, growth: Growth, args: &ScalarFunctionArgs, bytes_max: usize) -> Result<()> {
    let whole = |arg: &ColumnarValue| match arg {
        ColumnarValue::Array(array) => array.to_data().get_slice_memory_size().unwrap_or(usize::MAX),
        ColumnarValue::Scalar(value) => value.size().saturating_mul(args.number_rows.max(1)),
    };
    let bytes = match (growth, args.args.split_first()) {
        (_, None) => 0,
        (Growth::Sum, _) => args.args.iter().map(whole).fold(0, usize::saturating_add),
        (Growth::Product, Some((first, others))) => {
            whole(first).saturating_mul(others.iter().map(longest).max().unwrap_or(1).max(1))
        }
    };
    if bytes > bytes_max {
        return Err(resources_datafusion_err!("{name} could make {bytes} bytes"));
    }
    Ok(())
}

/// Bytes of the longest single value.
fn longest(arg: &ColumnarValue) -> usize {
    match arg {
        ColumnarValue::Scalar(ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text)) => {
            text.as_ref().map_or(0, String::len)
        }
        ColumnarValue::Scalar(value) => value.size(),
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().offsets().lengths().max().unwrap_or(0),
            DataType::LargeUtf8 => array.as_string::<i64>().offsets().lengths().max().unwrap_or(0),
            DataType::Utf8View => array.as_string_view().lengths().max().unwrap_or(0) as usize,
            data_type if data_type.is_primitive() || *data_type == DataType::Boolean => 16,
            _ => array.to_data().get_slice_memory_size().unwrap_or(usize::MAX),
        },
    }
}
