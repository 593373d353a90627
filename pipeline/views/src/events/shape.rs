//! How a decoded Avro value becomes a column that reads well in SQL, and how sealed bytes are kept out of it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, ListArray, StringBuilder, StructArray, make_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;
use serde_json::Value;

/// The form that a value of the Avro schema takes in the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// As decoded.
    Keep,
    /// Sixteen bytes as the text of a UUID.
    Uuid,
    /// Fixed bytes as lower-case hexadecimal.
    Hex,
    /// The number of bytes in their place: bytes on the log are ciphertext and never reach a query.
    Length,
    Record(Vec<(String, Shape)>),
    List(Box<Shape>),
}

/// The name of the record that holds ciphertext.
const SEALED: &str = "dev.cubelog.Sealed";
const ID: &str = "dev.cubelog.Id";

/// Shapes of the fields of the record `Event`, in schema order, with whether a field is one of the nullable bodies.
pub(super) fn of_event(schema: &Value) -> Result<Vec<(String, Shape, bool)>, String> {
    let mut names = HashMap::new();
    let Shape::Record(fields) = shape(schema, "", &mut names)? else {
        return Err("the schema of events is not a record".into());
    };
    let is_body = |shape: &Shape| matches!(shape, Shape::Record(_));
    Ok(fields
        .into_iter()
        .map(|(name, shape)| {
            let body = is_body(&shape);
            (name, shape, body)
        })
        .collect())
}

fn shape(schema: &Value, namespace: &str, names: &mut HashMap<String, Shape>) -> Result<Shape, String> {
    match schema {
        Value::String(name) => match name.as_str() {
            "bytes" => Ok(Shape::Length),
            "null" | "boolean" | "int" | "long" | "float" | "double" | "string" => Ok(Shape::Keep),
            name => {
                let full = full_name(name, namespace);
                names.get(&full).or_else(|| names.get(name)).cloned().ok_or_else(|| format!("unknown type {full}"))
            }
        },
        Value::Array(branches) => {
            let mut used = branches.iter().filter(|branch| branch.as_str() != Some("null"));
            match (used.next(), used.next()) {
                (Some(branch), None) => shape(branch, namespace, names),
                _ => Err("a union other than [null, type]".into()),
            }
        }
        Value::Object(object) => match &object["type"] {
            Value::String(kind) => match kind.as_str() {
                "record" => record(object, namespace, names),
                "fixed" => {
                    let (full, _) = declared_name(object, namespace)?;
                    let shape = if full == ID { Shape::Uuid } else { Shape::Hex };
                    names.insert(full, shape.clone());
                    Ok(shape)
                }
                "array" => {
                    let items = object.get("items").ok_or("an array without items")?;
                    Ok(Shape::List(Box::new(shape(items, namespace, names)?)))
                }
                "enum" | "map" => Err(format!("type {kind} has no place in the table of events")),
                other => shape(&Value::String(other.to_owned()), namespace, names),
            },
            nested => shape(nested, namespace, names),
        },
        other => Err(format!("{other} is no Avro type")),
    }
}

fn record(object: &serde_json::Map<String, Value>, namespace: &str, names: &mut HashMap<String, Shape>) -> Result<Shape, String> {
    let (full, inner) = declared_name(object, namespace)?;
    let mut fields = Vec::new();
    for field in object.get("fields").and_then(Value::as_array).ok_or("a record without fields")? {
        let name = field["name"].as_str().ok_or("a field without a name")?;
        let shape = shape(&field["type"], &inner, names)?;
        if full == SEALED && name == "nonce" {
            continue; // Of no use to a reader, and half of what a ciphertext needs.
        }
        fields.push((name.to_owned(), shape));
    }
    let shape = Shape::Record(fields);
    names.insert(full, shape.clone());
    Ok(shape)
}

/// Full name of a declared type and the namespace of what it contains.
fn declared_name(object: &serde_json::Map<String, Value>, namespace: &str) -> Result<(String, String), String> {
    let name = object.get("name").and_then(Value::as_str).ok_or("a named type without a name")?;
    let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
    let full = full_name(name, namespace);
    let inner = full.rsplit_once('.').map_or("", |(inner, _)| inner).to_owned();
    Ok((full, inner))
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// Name of a field in the table: ciphertext is shown as its number of bytes, and says so.
fn shown_name(name: &str, shape: &Shape) -> String {
    match (name, shape) {
        ("ciphertext", Shape::Length) => "sealed_bytes".into(),
        _ => name.to_owned(),
    }
}

/// The column type for a decoded type. Everything inside a record is nullable, as the record itself is.
pub(super) fn data_type(decoded: &DataType, shape: &Shape) -> Result<DataType, ArrowError> {
    Ok(match (shape, decoded) {
        (Shape::Keep, decoded) => decoded.clone(),
        (Shape::Uuid | Shape::Hex, _) => DataType::Utf8,
        (Shape::Length, _) => DataType::Int64,
        (Shape::Record(shapes), DataType::Struct(fields)) => {
            let mut shown = Vec::with_capacity(shapes.len());
            for (name, shape) in shapes {
                let (_, field) = fields.find(name).ok_or_else(|| missing(name))?;
                shown.push(Field::new(shown_name(name, shape), data_type(field.data_type(), shape)?, true));
            }
            DataType::Struct(Fields::from(shown))
        }
        (Shape::List(shape), DataType::List(item)) => {
            DataType::List(Arc::new(Field::new("item", data_type(item.data_type(), shape)?, true)))
        }
        (shape, decoded) => return Err(ArrowError::SchemaError(format!("{decoded} decoded where {shape:?} was expected"))),
    })
}

/// The column for a decoded array. `outer` are the nulls of the record around it: they are pushed into every field, because
/// reading a field of a null record must give null and not whatever the decoder left there.
pub(super) fn column(array: &ArrayRef, shape: &Shape, outer: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let nulls = NullBuffer::union(outer, array.nulls());
    Ok(match shape {
        Shape::Keep => with_nulls(array, nulls)?,
        Shape::Uuid => text(fixed(array)?, nulls.as_ref(), |bytes, text| {
            if let Ok(id) = uuid::Uuid::from_slice(bytes) {
                text.push_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
            }
        }),
        Shape::Hex => text(fixed(array)?, nulls.as_ref(), |bytes, text| {
            for byte in bytes {
                text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
                text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            }
        }),
        Shape::Length => {
            let bytes = array.as_binary_opt::<i32>().ok_or_else(|| unexpected(array, "bytes"))?;
            Arc::new(Int64Array::new(bytes.offsets().lengths().map(|length| length as i64).collect(), nulls))
        }
        Shape::Record(shapes) => {
            let record = array.as_struct_opt().ok_or_else(|| unexpected(array, "a record"))?;
            let mut fields = Vec::with_capacity(shapes.len());
            let mut columns = Vec::with_capacity(shapes.len());
            for (name, shape) in shapes {
                let inner = record.column_by_name(name).ok_or_else(|| missing(name))?;
                let shown = column(inner, shape, nulls.as_ref())?;
                fields.push(Field::new(shown_name(name, shape), shown.data_type().clone(), true));
                columns.push(shown);
            }
            Arc::new(StructArray::try_new(Fields::from(fields), columns, nulls)?)
        }
        Shape::List(shape) => {
            let list = array.as_list_opt::<i32>().ok_or_else(|| unexpected(array, "an array"))?;
            let values = column(list.values(), shape, None)?;
            let item = Arc::new(Field::new("item", values.data_type().clone(), true));
            Arc::new(ListArray::try_new(item, list.offsets().clone(), values, nulls)?)
        }
    })
}

fn with_nulls(array: &ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    if nulls.as_ref() == array.nulls() {
        return Ok(array.clone());
    }
    Ok(make_array(array.to_data().into_builder().nulls(nulls).build()?))
}

fn fixed(array: &ArrayRef) -> Result<&FixedSizeBinaryArray, ArrowError> {
    array.as_fixed_size_binary_opt().ok_or_else(|| unexpected(array, "fixed bytes"))
}

fn text(bytes: &FixedSizeBinaryArray, nulls: Option<&NullBuffer>, write: impl Fn(&[u8], &mut String)) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(bytes.len(), bytes.len() * 36);
    let mut scratch = String::with_capacity(36);
    for row in 0..bytes.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            builder.append_null();
            continue;
        }
        scratch.clear();
        write(bytes.value(row), &mut scratch);
        builder.append_value(&scratch);
    }
    Arc::new(builder.finish())
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("field {name} was not decoded"))
}

fn unexpected(array: &ArrayRef, expected: &str) -> ArrowError {
    ArrowError::SchemaError(format!("{} decoded where {expected} was expected", array.data_type()))
}
