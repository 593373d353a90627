//! Keys and values of consecutive tokens in memory.

use half::bf16;

use super::shape::{Shape, ShapeError};
use crate::logical::{Dtype, Match, Payload};

/// A number of a key or a value.
pub trait Number: Copy + Default + Send + Sync + 'static {
    const DTYPE: Dtype;
    /// The nearest number.
    fn of(number: f32) -> Self;
    fn get(self) -> f32;
    /// Appends little-endian bytes.
    fn write(numbers: &[Self], bytes: &mut Vec<u8>);
    /// Reads as many numbers as there are.
    fn read(bytes: &[u8], numbers: &mut [Self]);
    fn wrap(numbers: Vec<Self>) -> Numbers;
    /// `None` if they are of the other kind.
    fn of_numbers(numbers: &Numbers) -> Option<&[Self]>;
}

impl Number for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn of(number: f32) -> Self {
        number
    }
    fn get(self) -> f32 {
        self
    }
    fn write(numbers: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    fn read(bytes: &[u8], numbers: &mut [Self]) {
        for (bytes, number) in bytes.as_chunks::<4>().0.iter().zip(numbers) {
            *number = f32::from_le_bytes(*bytes);
        }
    }
    fn wrap(numbers: Vec<Self>) -> Numbers {
        Numbers::F32(numbers)
    }
    fn of_numbers(numbers: &Numbers) -> Option<&[Self]> {
        match numbers {
            Numbers::F32(numbers) => Some(numbers),
            Numbers::Bf16(_) => None,
        }
    }
}

impl Number for bf16 {
    const DTYPE: Dtype = Dtype::Bf16;
    fn of(number: f32) -> Self {
        bf16::from_f32(number)
    }
    fn get(self) -> f32 {
        self.to_f32()
    }
    fn write(numbers: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    fn read(bytes: &[u8], numbers: &mut [Self]) {
        for (bytes, number) in bytes.as_chunks::<2>().0.iter().zip(numbers) {
            *number = bf16::from_le_bytes(*bytes);
        }
    }
    fn wrap(numbers: Vec<Self>) -> Numbers {
        Numbers::Bf16(numbers)
    }
    fn of_numbers(numbers: &Numbers) -> Option<&[Self]> {
        match numbers {
            Numbers::Bf16(numbers) => Some(numbers),
            Numbers::F32(_) => None,
        }
    }
}

#[derive(Clone, PartialEq)]
pub enum Numbers {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
}

/// Keys and values of `tokens` consecutive tokens: `[layers, 2, kv_heads, tokens, head_dim]`.
#[derive(Clone, PartialEq)]
pub struct KvSpan {
    shape: Shape,
    tokens: usize,
    numbers: Numbers,
}

impl KvSpan {
    pub fn new(shape: Shape, tokens: usize, numbers: Numbers) -> Result<Self, ShapeError> {
        shape.check(tokens)?;
        let (length, wanted) = (numbers.len(), shape.numbers(tokens));
        if length != wanted {
            return Err(ShapeError::Length { numbers: length, wanted, tokens, shape });
        }
        Ok(Self { shape, tokens, numbers })
    }
    pub fn shape(&self) -> Shape {
        self.shape
    }
    pub fn tokens(&self) -> usize {
        self.tokens
    }
    pub fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::F32(_) => Dtype::F32,
            Numbers::Bf16(_) => Dtype::Bf16,
        }
    }
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// One layer, `[2, kv_heads, tokens, head_dim]`; `None` if the numbers are of the other kind or there is no such layer.
    pub fn layer<N: Number>(&self, layer: usize) -> Option<&[N]> {
        let length = self.shape.layer(self.tokens).numbers();
        N::of_numbers(&self.numbers)?.chunks_exact(length).nth(layer)
    }

    /// A copy of the first `tokens` tokens: what an extended tail begins with. `None` unless there are so many.
    pub fn first(&self, tokens: usize) -> Option<KvSpan> {
        self.slice(0, tokens)
    }

    /// A copy of `tokens` tokens from `start` on. `None` unless there are so many, and at least one.
    pub fn slice(&self, start: usize, tokens: usize) -> Option<KvSpan> {
        if tokens == 0 || start.checked_add(tokens)? > self.tokens {
            return None;
        }
        let numbers = match &self.numbers {
            Numbers::F32(numbers) => Numbers::F32(self.rows(numbers, start, tokens)),
            Numbers::Bf16(numbers) => Numbers::Bf16(self.rows(numbers, start, tokens)),
        };
        Some(KvSpan { shape: self.shape, tokens, numbers })
    }

    fn rows<N: Number>(&self, numbers: &[N], start: usize, tokens: usize) -> Vec<N> {
        let width = self.shape.head_dim;
        let mut rows = Vec::with_capacity(self.shape.numbers(tokens));
        for head in numbers.chunks_exact(self.tokens * width) {
            rows.extend_from_slice(&head[start * width..(start + tokens) * width]);
        }
        rows
    }
}

impl Numbers {
    pub fn len(&self) -> usize {
        match self {
            Numbers::F32(numbers) => numbers.len(),
            Numbers::Bf16(numbers) => numbers.len(),
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Payload for KvSpan {
    fn bytes(&self) -> u64 {
        (self.numbers.len() * self.dtype().bytes()) as u64
    }
}

impl std::fmt::Debug for KvSpan {
    /// Tells no numbers: content can be read out of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KvSpan({} tokens of {:?} in {})", self.tokens, self.shape, self.dtype().as_str())
    }
}

/// Joins one layer of spans that follow each other: `[2, kv_heads, tokens of all, head_dim]`, of each span its first `used` tokens.
/// `None` if a span is of another shape or kind or has fewer tokens, or there is no such layer.
pub fn join_layer<N: Number>(spans: &[(&KvSpan, usize)], shape: Shape, layer: usize) -> Option<Vec<N>> {
    let width = shape.head_dim;
    let tokens: usize = spans.iter().map(|(_, used)| used).sum();
    let layers: Option<Vec<(&[N], usize, usize)>> = spans
        .iter()
        .map(|(span, used)| {
            let fits = span.shape == shape && *used <= span.tokens;
            span.layer::<N>(layer).filter(|_| fits).map(|numbers| (numbers, span.tokens * width, used * width))
        })
        .collect();
    let layers = layers?;
    let mut joined = Vec::with_capacity(shape.layer(tokens).numbers());
    for head in 0..2 * shape.kv_heads {
        for (numbers, stride, used) in &layers {
            joined.extend_from_slice(&numbers[head * stride..head * stride + used]);
        }
    }
    Some(joined)
}

impl Match<KvSpan> {
    /// The spans of a match with the tokens used of each, for [`join_layer`]; `None` while some lie on disk only.
    pub fn spans(&self) -> Option<Vec<(&KvSpan, usize)>> {
        self.blocks.iter().map(|found| found.block.payload().map(|span| (span, found.used))).collect()
    }
}
