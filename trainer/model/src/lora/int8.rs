//! Cold adapters in 8 bits: every row of a factor as whole numbers from -127 to 127 and the size of one of them.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::error::AdapterError;
use super::plain::{Pair, Plain};
use super::{Part, peft};
use crate::DecoderConfig;
use crate::weights::read_small;

/// What the metadata of a file of this form say it is.
const FORM: &str = "cubelog-lora-int8/1";

/// Numbers in 8 bits, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// [rows, width].
    pub numbers: Vec<i8>,
    /// What each row's numbers are multiplied by: [rows].
    pub sizes: Vec<f32>,
}

/// One linear layer's factors in 8 bits. Rows are those that share a size: one for each of the rank's directions, so A is
/// kept as [rank, inputs] and B as [rank, outputs].
#[derive(Debug, Clone, PartialEq)]
pub struct Packed8 {
    /// A, transposed.
    pub a: Rows,
    /// B.
    pub b: Rows,
}

/// An adapter in 8 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain8 {
    /// What every product is multiplied by.
    pub scale: f64,
    /// The factors by layer and part.
    pub pairs: BTreeMap<(usize, Part), Packed8>,
}

impl Rows {
    fn pack<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut numbers, mut sizes) = (Vec::new(), Vec::new());
        for row in rows {
            let most = row.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            let size = most / 127.0;
            sizes.push(size);
            numbers.extend(row.iter().map(|x| if size > 0.0 { (x / size).round() as i8 } else { 0 }));
        }
        Self { numbers, sizes }
    }

    fn unpack(&self) -> Vec<f32> {
        let width = self.numbers.len() / self.sizes.len().max(1);
        let rows = self.numbers.chunks_exact(width.max(1)).zip(&self.sizes);
        rows.flat_map(|(row, size)| row.iter().map(move |x| f32::from(*x) * size)).collect()
    }
}

impl Plain8 {
    /// Packs an adapter; [`loss`](super::compose::loss) against [`plain`](Self::plain) says what it cost.
    pub fn pack(plain: &Plain) -> Self {
        let pack = |pair: &Pair| {
            let a = super::plain::transposed(&pair.a, pair.inputs(), pair.rank);
            Packed8 {
                a: Rows::pack(a.chunks_exact(pair.inputs().max(1))),
                b: Rows::pack(pair.b.chunks_exact(pair.outputs().max(1))),
            }
        };
        Self { scale: plain.scale, pairs: plain.pairs.iter().map(|(place, pair)| (*place, pack(pair))).collect() }
    }

    /// The adapter again, as near as 8 bits are.
    pub fn plain(&self) -> Plain {
        let unpack = |packed: &Packed8| {
            let rank = packed.a.sizes.len();
            let a = packed.a.unpack();
            let inputs = a.len() / rank.max(1);
            Pair { rank, a: super::plain::transposed(&a, rank, inputs), b: packed.b.unpack() }
        };
        Plain { scale: self.scale, pairs: self.pairs.iter().map(|(place, packed)| (*place, unpack(packed))).collect() }
    }

    /// Bytes of the numbers.
    pub fn bytes(&self) -> usize {
        let rows = |rows: &Rows| rows.numbers.len() + 4 * rows.sizes.len();
        self.pairs.values().map(|pair| rows(&pair.a) + rows(&pair.b)).sum()
    }

    /// The adapter as a file: safetensors with numbers as I8 and sizes as F32. The same adapter gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".into(), json!({ "form": FORM, "scale": self.scale.to_string() }));
        let mut data: Vec<u8> = Vec::with_capacity(self.bytes());
        for ((layer, part), pair) in &self.pairs {
            for (factor, rows) in [("a", &pair.a), ("b", &pair.b)] {
                let mut put = |what: &str, dtype: &str, shape: Value, bytes: &mut dyn Iterator<Item = u8>| {
                    let first = data.len();
                    data.extend(bytes);
                    let place = json!({ "dtype": dtype, "shape": shape, "data_offsets": [first, data.len()] });
                    header.insert(name(*layer, *part, factor, what), place);
                };
                let rank = rows.sizes.len();
                let shape = json!([rank, rows.numbers.len() / rank.max(1)]);
                put("sizes", "F32", json!([rank]), &mut rows.sizes.iter().flat_map(|x| x.to_le_bytes()));
                put("numbers", "I8", shape, &mut rows.numbers.iter().map(|x| x.to_le_bytes()[0]));
            }
        }
        peft::framed(header, data)
    }

    /// Reads such a file, for a base of this shape.
    ///
    /// # Errors
    /// [`AdapterError`] if it is absent, cut off, damaged, of another form, or for another base.
    pub fn read(path: &Path, base: &DecoderConfig) -> Result<Self, AdapterError> {
        let damaged = |reason: String| AdapterError::Damaged { path: path.into(), reason };
        let bytes = read_small(path)?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let noted = |key: &str| header.metadata().as_ref().and_then(|notes| notes.get(key).cloned());
        if noted("form").as_deref() != Some(FORM) {
            return Err(damaged(format!("it does not say that it is {FORM}")));
        }
        let scale: Option<f64> = noted("scale").and_then(|scale| scale.parse().ok()).filter(|scale: &f64| scale.is_finite());
        let scale = scale.ok_or_else(|| damaged("its scale is no number".into()))?;
        let mut pairs = BTreeMap::new();
        let mut read = 0;
        for layer in 0..base.layers {
            for part in Part::ALL {
                if tensors.tensor(&name(layer, part, "a", "sizes")).is_err() {
                    continue;
                }
                let (inputs, outputs) = part.widths(base);
                let rows = |factor: &str, width: usize| -> Result<Rows, AdapterError> {
                    let find = |what: &str| {
                        let name = name(layer, part, factor, what);
                        tensors.tensor(&name).map_err(|_| damaged(format!("it has no {name}")))
                    };
                    let (sizes, numbers) = (find("sizes")?, find("numbers")?);
                    let rank = sizes.shape().first().copied().unwrap_or(0);
                    if sizes.dtype() != Dtype::F32 || numbers.dtype() != Dtype::I8 || sizes.shape().len() != 1 || rank == 0 {
                        return Err(damaged(format!("{factor} of {} in layer {layer} has another type", part.name())));
                    }
                    if numbers.shape() != [rank, width] {
                        return Err(AdapterError::AnotherBase {
                            path: path.into(),
                            what: format!("{factor} of {} in layer {layer}", part.name()),
                            found: format!("{:?}", numbers.shape()),
                            expected: format!("{:?}", [rank, width]),
                        });
                    }
                    let (sizes, _) = sizes.data().as_chunks::<4>();
                    let sizes: Vec<f32> = sizes.iter().map(|x| f32::from_le_bytes(*x)).collect();
                    if sizes.iter().any(|size| !size.is_finite()) {
                        return Err(damaged(format!("a size of {} in layer {layer} is no number", part.name())));
                    }
                    Ok(Rows { numbers: numbers.data().iter().map(|x| i8::from_le_bytes([*x])).collect(), sizes })
                };
                let (a, b) = (rows("a", inputs)?, rows("b", outputs)?);
                if a.sizes.len() != b.sizes.len() {
                    return Err(damaged(format!("the factors of {} in layer {layer} differ in rank", part.name())));
                }
                pairs.insert((layer, part), Packed8 { a, b });
                read += 4;
            }
        }
        if read != tensors.len() || read == 0 {
            return Err(damaged(format!("of its {} tensors, {read} belong to this base", tensors.len())));
        }
        Ok(Self { scale, pairs })
    }
}

fn name(layer: usize, part: Part, factor: &str, what: &str) -> String {
    format!("layers.{layer}.{}.{}.{factor}.{what}", part.block(), part.name())
}
