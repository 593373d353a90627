//! The factors of one adapter, as parameters that an optimiser can train.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::decoder::DecoderConfig;

/// A linear layer that an adapter can add to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `self_attn.q_proj`.
    Q,
    /// `self_attn.k_proj`.
    K,
    /// `self_attn.v_proj`.
    V,
    /// `self_attn.o_proj`.
    O,
    /// `mlp.gate_proj`.
    Gate,
    /// `mlp.up_proj`.
    Up,
    /// `mlp.down_proj`.
    Down,
}

impl Part {
    /// All seven, in the order in which a layer computes them.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// The name that PEFT and transformers use: `q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The part of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// The block within a layer that holds it: `self_attn` or `mlp`.
    pub fn block(self) -> &'static str {
        if matches!(self, Self::Q | Self::K | Self::V | Self::O) { "self_attn" } else { "mlp" }
    }

    /// Numbers in and out of it.
    pub fn widths(self, config: &DecoderConfig) -> (usize, usize) {
        match self {
            Self::Q => (config.hidden, config.q_width()),
            Self::K | Self::V => (config.hidden, config.kv_width()),
            Self::O => (config.q_width(), config.hidden),
            Self::Gate | Self::Up => (config.hidden, config.feed_forward),
            Self::Down => (config.feed_forward, config.hidden),
        }
    }
}

/// What is added to one linear layer: x A B, to be scaled.
#[derive(Module, Debug)]
pub struct Factor {
    /// [inputs, rank].
    pub a: Param<Tensor<2>>,
    /// [rank, outputs].
    pub b: Param<Tensor<2>>,
}

impl Factor {
    /// A factor of given numbers: `a` [inputs, rank] and `b` [rank, outputs], row after row.
    pub fn from_numbers(a: Vec<f32>, b: Vec<f32>, [inputs, rank, outputs]: [usize; 3], device: &Device) -> Self {
        let tensor = |numbers: Vec<f32>, shape: [usize; 2]| Tensor::from_data(TensorData::new(numbers, shape), device);
        Self { a: Param::from_tensor(tensor(a, [inputs, rank])), b: Param::from_tensor(tensor(b, [rank, outputs])) }
    }

    /// Its rank.
    pub fn rank(&self) -> usize {
        self.a.val().dims()[1]
    }
}

/// The factors of one transformer layer; a part without one is the base's alone.
#[derive(Module, Debug)]
pub struct LayerFactors {
    /// `q_proj`.
    pub q: Option<Factor>,
    /// `k_proj`.
    pub k: Option<Factor>,
    /// `v_proj`.
    pub v: Option<Factor>,
    /// `o_proj`.
    pub o: Option<Factor>,
    /// `gate_proj`.
    pub gate: Option<Factor>,
    /// `up_proj`.
    pub up: Option<Factor>,
    /// `down_proj`.
    pub down: Option<Factor>,
}

impl LayerFactors {
    /// A layer whose factors are made one by one.
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn try_new<E>(mut make: impl FnMut(Part) -> Result<Option<Factor>, E>) -> Result<Self, E> {
        Ok(Self {
            q: make(Part::Q)?,
            k: make(Part::K)?,
            v: make(Part::V)?,
            o: make(Part::O)?,
            gate: make(Part::Gate)?,
            up: make(Part::Up)?,
            down: make(Part::Down)?,
        })
    }

    /// The factor of a part.
    pub fn get(&self, part: Part) -> Option<&Factor> {
        match part {
            Part::Q => self.q.as_ref(),
            Part::K => self.k.as_ref(),
            Part::V => self.v.as_ref(),
            Part::O => self.o.as_ref(),
            Part::Gate => self.gate.as_ref(),
            Part::Up => self.up.as_ref(),
            Part::Down => self.down.as_ref(),
        }
    }
}

/// One LoRA adapter over a decoder.
#[derive(Module, Debug)]
pub struct Adapter {
    /// One for each layer of the decoder.
    pub layers: Vec<LayerFactors>,
    /// What every product is multiplied by: alpha / rank, or alpha / sqrt(rank) with rsLoRA.
    pub scale: f64,
}

impl Adapter {
    /// A fresh adapter of a rank over the given parts of all layers: A drawn evenly as PEFT does (Kaiming's uniform with
    /// a = sqrt 5, so within 1 / sqrt(inputs)), B zero, so that it changes nothing yet.
    ///
    /// Numbers are drawn from `draw`, which gives numbers evenly from [0, 1): the same draws make the same adapter. With an
    /// autodiff device the adapter can be trained.
    pub fn fresh(
        config: &DecoderConfig,
        parts: &[Part],
        rank: usize,
        alpha: f64,
        mut draw: impl FnMut() -> f32,
        device: &Device,
    ) -> Self {
        let mut factor = |part: Part| {
            let (inputs, outputs) = part.widths(config);
            let bound = 1.0 / (inputs as f32).sqrt();
            let a = (0..inputs * rank).map(|_| (2.0 * draw() - 1.0) * bound).collect();
            Factor::from_numbers(a, vec![0.0; rank * outputs], [inputs, rank, outputs], device)
        };
        let mut layer = || {
            let made =
                LayerFactors::try_new(|part| Ok::<_, std::convert::Infallible>(parts.contains(&part).then(|| factor(part))));
            made.unwrap_or_else(|never| match never {})
        };
        Self { layers: (0..config.layers).map(|_| layer()).collect(), scale: alpha / rank.max(1) as f64 }
    }

    /// Every factor with its layer and part, in order.
    pub fn factors(&self) -> impl Iterator<Item = (usize, Part, &Factor)> {
        self.layers
            .iter()
            .enumerate()
            .flat_map(|(n, layer)| Part::ALL.into_iter().filter_map(move |part| layer.get(part).map(|factor| (n, part, factor))))
    }
}
