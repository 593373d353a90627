//! Between Rust values and Arrow columns: batches are built and read by column name, never by place.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Int32Array, PrimitiveArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use cubelog_memory::{CubeKey, CubeName, EventId, Fingerprint, MemoryId, Position, Tag, TenantId, Timestamp};

use crate::error::ViewError;

/// All instants are microseconds in UTC.
pub const UTC: &str = "UTC";

pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

pub fn tags_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

pub fn vector_type(dim: usize) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, true)), dim as i32)
}

/// A column that always has a value.
pub fn some(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// A column that may be null.
pub fn maybe(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// Collects columns in any order and puts them into the order of the schema.
pub struct BatchWriter {
    schema: SchemaRef,
    columns: Vec<Option<ArrayRef>>,
}

impl BatchWriter {
    pub fn new(schema: SchemaRef) -> Self {
        let columns = vec![None; schema.fields().len()];
        Self { schema, columns }
    }

    pub fn put(&mut self, name: &str, column: ArrayRef) {
        if let Ok(index) = self.schema.index_of(name) {
            self.columns[index] = Some(column);
        } else {
            debug_assert!(false, "no column {name}");
        }
    }

    pub fn text<S: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = S>) {
        self.put(name, Arc::new(StringArray::from_iter_values(values)));
    }

    pub fn maybe_text<S: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = Option<S>>) {
        self.put(name, Arc::new(values.collect::<StringArray>()));
    }

    pub fn binary<B: AsRef<[u8]>>(&mut self, name: &str, values: impl Iterator<Item = Option<B>>) {
        self.put(name, Arc::new(values.collect::<BinaryArray>()));
    }

    pub fn maybe_flag(&mut self, name: &str, values: impl Iterator<Item = Option<bool>>) {
        self.put(name, Arc::new(values.collect::<BooleanArray>()));
    }

    pub fn flag(&mut self, name: &str, values: impl Iterator<Item = bool>) {
        self.put(name, Arc::new(BooleanArray::from(values.collect::<Vec<_>>())));
    }

    pub fn u32(&mut self, name: &str, values: impl Iterator<Item = u32>) {
        self.put(name, Arc::new(UInt32Array::from_iter_values(values)));
    }

    pub fn u64(&mut self, name: &str, values: impl Iterator<Item = u64>) {
        self.put(name, Arc::new(UInt64Array::from_iter_values(values)));
    }

    pub fn maybe_u64(&mut self, name: &str, values: impl Iterator<Item = Option<u64>>) {
        self.put(name, Arc::new(values.collect::<UInt64Array>()));
    }

    pub fn i32(&mut self, name: &str, values: impl Iterator<Item = i32>) {
        self.put(name, Arc::new(Int32Array::from_iter_values(values)));
    }

    pub fn f32(&mut self, name: &str, values: impl Iterator<Item = f32>) {
        self.put(name, Arc::new(Float32Array::from_iter_values(values)));
    }

    pub fn time(&mut self, name: &str, values: impl Iterator<Item = Timestamp>) {
        let array = TimestampMicrosecondArray::from_iter_values(values.map(Timestamp::micros));
        self.put(name, Arc::new(array.with_timezone(UTC)));
    }

    pub fn maybe_time(&mut self, name: &str, values: impl Iterator<Item = Option<Timestamp>>) {
        let array: TimestampMicrosecondArray = values.map(|time| time.map(Timestamp::micros)).collect();
        self.put(name, Arc::new(array.with_timezone(UTC)));
    }

    pub fn tags<'a, T: AsRef<str> + 'a>(&mut self, name: &str, values: impl Iterator<Item = impl Iterator<Item = T>>) {
        let mut list = ListBuilder::new(StringBuilder::new());
        for tags in values {
            for tag in tags {
                list.values().append_value(tag.as_ref());
            }
            list.append(true);
        }
        self.put(name, Arc::new(list.finish()));
    }

    /// Vectors of `dim` numbers; the caller has checked their lengths.
    pub fn vectors<'a>(&mut self, name: &str, dim: usize, values: impl Iterator<Item = Option<&'a [f32]>>) {
        let mut list = FixedSizeListBuilder::new(Float32Builder::new(), dim as i32);
        for vector in values {
            match vector {
                Some(vector) => {
                    list.values().append_slice(vector);
                    list.append(true);
                }
                None => {
                    list.values().append_nulls(dim);
                    list.append(false);
                }
            }
        }
        self.put(name, Arc::new(list.finish()));
    }

    pub fn cube<'a>(&mut self, cubes: impl Iterator<Item = &'a CubeKey> + Clone) {
        self.text("tenant", cubes.clone().map(|cube| cube.tenant.as_str()));
        self.text("cube", cubes.map(|cube| cube.cube.as_str()));
    }

    pub fn position(&mut self, positions: impl Iterator<Item = Position> + Clone) {
        self.u32("log_partition", positions.clone().map(|position| position.partition));
        self.u64("log_offset", positions.map(|position| position.offset));
    }

    pub fn finish(self, table: &'static str) -> Result<RecordBatch, ViewError> {
        let fail = |reason: String| ViewError::Damaged { table: table.to_owned(), reason };
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.into_iter().zip(self.schema.fields()) {
            columns.push(column.ok_or_else(|| fail(format!("column {} was not written", field.name())))?);
        }
        RecordBatch::try_new(self.schema, columns).map_err(|error| fail(error.to_string()))
    }
}

/// Reads the columns of one batch by name.
pub struct BatchReader<'a> {
    table: &'static str,
    batch: &'a RecordBatch,
}

impl<'a> BatchReader<'a> {
    pub fn new(table: &'static str, batch: &'a RecordBatch) -> Self {
        Self { table, batch }
    }

    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn damaged(&self, reason: impl std::fmt::Display) -> ViewError {
        ViewError::Damaged { table: self.table.to_owned(), reason: reason.to_string() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.batch.column_by_name(name).is_some()
    }

    fn column(&self, name: &str) -> Result<&'a ArrayRef, ViewError> {
        self.batch.column_by_name(name).ok_or_else(|| self.damaged(format_args!("column {name} is missing")))
    }

    pub fn text(&self, name: &str) -> Result<&'a StringArray, ViewError> {
        let column = self.column(name)?;
        column.as_string_opt::<i32>().ok_or_else(|| self.damaged(format_args!("column {name} is no text")))
    }

    pub fn binary(&self, name: &str) -> Result<&'a BinaryArray, ViewError> {
        self.column(name)?.as_binary_opt::<i32>().ok_or_else(|| self.damaged(format_args!("column {name} is not binary")))
    }

    pub fn flag(&self, name: &str) -> Result<&'a BooleanArray, ViewError> {
        self.column(name)?.as_boolean_opt().ok_or_else(|| self.damaged(format_args!("column {name} is no boolean")))
    }

    fn numbers<T: arrow_array::ArrowPrimitiveType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>, ViewError> {
        let column = self.column(name)?;
        column.as_primitive_opt::<T>().ok_or_else(|| self.damaged(format_args!("column {name} has another type")))
    }

    pub fn u32(&self, name: &str) -> Result<&'a UInt32Array, ViewError> {
        self.numbers::<UInt32Type>(name)
    }

    pub fn u64(&self, name: &str) -> Result<&'a UInt64Array, ViewError> {
        self.numbers::<UInt64Type>(name)
    }

    pub fn i32(&self, name: &str) -> Result<&'a Int32Array, ViewError> {
        self.numbers::<Int32Type>(name)
    }

    pub fn f32(&self, name: &str) -> Result<&'a Float32Array, ViewError> {
        self.numbers::<Float32Type>(name)
    }

    pub fn time(&self, name: &str) -> Result<TimeColumn<'a>, ViewError> {
        self.numbers::<TimestampMicrosecondType>(name).map(TimeColumn)
    }

    pub fn ids(&self, name: &str) -> Result<IdColumn<'a>, ViewError> {
        Ok(IdColumn { table: self.table, column: self.text(name)? })
    }

    /// The texts of one list value.
    pub fn tags(&self, name: &str) -> Result<TagColumn<'a>, ViewError> {
        let column = self.column(name)?;
        let list = column.as_list_opt::<i32>().ok_or_else(|| self.damaged(format_args!("column {name} is no list")))?;
        Ok(TagColumn { table: self.table, list })
    }

    /// The vector of each row, `None` where it is null; a batch without the column has none.
    pub fn vectors(&self, name: &str) -> Result<Option<VectorColumn<'a>>, ViewError> {
        let Some(column) = self.batch.column_by_name(name) else { return Ok(None) };
        let list = column.as_fixed_size_list_opt().ok_or_else(|| self.damaged(format_args!("column {name} is no vector")))?;
        let numbers = list.values().as_primitive_opt::<Float32Type>();
        let numbers = numbers.ok_or_else(|| self.damaged(format_args!("column {name} is no vector of f32")))?;
        Ok(Some(VectorColumn { list, numbers }))
    }

    pub fn cubes(&self) -> Result<CubeColumn<'a>, ViewError> {
        Ok(CubeColumn { table: self.table, tenant: self.text("tenant")?, cube: self.text("cube")?, last: None })
    }

    pub fn positions(&self) -> Result<PositionColumn<'a>, ViewError> {
        Ok(PositionColumn { partition: self.u32("log_partition")?, offset: self.u64("log_offset")? })
    }
}

fn damaged(table: &'static str, reason: impl std::fmt::Display) -> ViewError {
    ViewError::Damaged { table: table.to_owned(), reason: reason.to_string() }
}

#[derive(Clone, Copy)]
pub struct TimeColumn<'a>(&'a PrimitiveArray<TimestampMicrosecondType>);

impl TimeColumn<'_> {
    pub fn get(&self, row: usize) -> Timestamp {
        Timestamp(self.0.value(row))
    }
    pub fn maybe(&self, row: usize) -> Option<Timestamp> {
        self.0.is_valid(row).then(|| self.get(row))
    }
}

pub struct IdColumn<'a> {
    table: &'static str,
    column: &'a StringArray,
}

impl IdColumn<'_> {
    fn uuid(&self, row: usize) -> Result<uuid::Uuid, ViewError> {
        uuid::Uuid::try_parse(self.column.value(row)).map_err(|error| damaged(self.table, error))
    }
    pub fn memory(&self, row: usize) -> Result<MemoryId, ViewError> {
        self.uuid(row).map(MemoryId::new)
    }
    pub fn maybe_memory(&self, row: usize) -> Result<Option<MemoryId>, ViewError> {
        self.column.is_valid(row).then(|| self.memory(row)).transpose()
    }
    pub fn event(&self, row: usize) -> Result<EventId, ViewError> {
        self.uuid(row).map(EventId::new)
    }
}

pub struct TagColumn<'a> {
    table: &'static str,
    list: &'a arrow_array::ListArray,
}

impl TagColumn<'_> {
    pub fn get(&self, row: usize) -> Result<std::collections::BTreeSet<Tag>, ViewError> {
        let values = self.list.value(row);
        let values = values.as_string_opt::<i32>().ok_or_else(|| damaged(self.table, "tags are no texts"))?;
        values.iter().flatten().map(|tag| Tag::new(tag).map_err(|error| damaged(self.table, error))).collect()
    }
}

pub struct VectorColumn<'a> {
    list: &'a arrow_array::FixedSizeListArray,
    numbers: &'a Float32Array,
}

impl<'a> VectorColumn<'a> {
    pub fn get(&self, row: usize) -> Option<&'a [f32]> {
        let dim = self.list.value_length() as usize;
        let start = self.list.value_offset(row) as usize;
        self.list.is_valid(row).then(|| &self.numbers.values()[start..start + dim])
    }
}

pub struct CubeColumn<'a> {
    table: &'static str,
    tenant: &'a StringArray,
    cube: &'a StringArray,
    last: Option<CubeKey>,
}

impl CubeColumn<'_> {
    /// Rows of a cube tend to stand together, so the last key is remembered.
    pub fn get(&mut self, row: usize) -> Result<CubeKey, ViewError> {
        let (tenant, cube) = (self.tenant.value(row), self.cube.value(row));
        if let Some(last) = &self.last
            && last.tenant.as_str() == tenant
            && last.cube.as_str() == cube
        {
            return Ok(last.clone());
        }
        let tenant = TenantId::new(tenant).map_err(|error| damaged(self.table, error))?;
        let cube = CubeName::new(cube).map_err(|error| damaged(self.table, error))?;
        let key = CubeKey::new(tenant, cube);
        self.last = Some(key.clone());
        Ok(key)
    }
}

#[derive(Clone, Copy)]
pub struct PositionColumn<'a> {
    partition: &'a UInt32Array,
    offset: &'a UInt64Array,
}

impl PositionColumn<'_> {
    pub fn get(&self, row: usize) -> Position {
        Position { partition: self.partition.value(row), offset: self.offset.value(row) }
    }
}

pub fn maybe_text(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// Lower-case hexadecimal, 32 characters.
pub fn fingerprint_text(fingerprint: &Fingerprint) -> String {
    uuid::Uuid::from_bytes(fingerprint.0).simple().to_string()
}

pub fn fingerprint_from(text: &str) -> Option<Fingerprint> {
    uuid::Uuid::try_parse(text).ok().map(|uuid| Fingerprint(*uuid.as_bytes()))
}

/// Joins fields into a schema, in order.
pub fn schema(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.into_iter().collect::<Vec<_>>()))
}
