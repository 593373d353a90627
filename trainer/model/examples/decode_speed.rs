//! Measures a decoder: `cargo run --example decode_speed -- [MODEL [PROMPT [ANSWER [ROUNDS]]]]` reads PROMPT tokens (512) and
//! then says ANSWER more (64), ROUNDS times (5), and prints how many tokens that was in a second.

use std::error::Error;
use std::time::Instant;

use burn::tensor::Device;
use cubelog_model::decoder::Span;
use cubelog_model::{Decoder, KvCache, Step, Worn, locate};

// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let model = arguments.first().map_or("SmolLM2-135M-Instruct", String::as_str);
    let number = |n: usize, default: usize| arguments.get(n).map_or(Ok(default), |text| text.parse());
    let (prompt, answer, rounds) = (number(1, 512)?, number(2, 64)?, number(3, 5)?);

    let start = Instant::now();
    let decoder = Decoder::load(&locate()?.join(model), &Device::flex())?;
    println!("loaded {model} in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let vocabulary = decoder.config().vocabulary;
    let ids: Vec<u32> = (0..prompt).map(|n| (n * 7919 % vocabulary) as u32).collect();
    let mut cache = decoder.cache(prompt + answer);
    let (mut reads, mut says, mut four, mut tensors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let hidden = decoder.extend(&mut [Span { ids: &ids, start: 0, cache: &mut cache, adapter: None }])?;
        let logits = decoder.score(&hidden[hidden.len() - decoder.config().hidden..])?;
        reads.push(prompt as f64 / start.elapsed().as_secs_f64());

        let mut next = cubelog_model::decoder::most_likely(&logits);
        let start = Instant::now();
        for n in 0..answer {
            let span = Span { ids: &[next], start: prompt + n, cache: &mut cache, adapter: None };
            let hidden = decoder.extend(&mut [span])?;
            next = cubelog_model::decoder::most_likely(&decoder.score(&hidden)?);
        }
        says.push(answer as f64 / start.elapsed().as_secs_f64());

        let short = &ids[..16];
        let start = Instant::now();
        decoder.continue_greedily(&[(short, None); 4], answer, &[])?;
        four.push((4 * answer) as f64 / start.elapsed().as_secs_f64());
    }
    let start = Instant::now();
    let step = Step::padded(&[&ids]);
    let mut cache = KvCache::new(decoder.config(), 1, prompt, decoder.device());
    decoder.forward(&step, Some(&mut cache), &Worn::none())?.try_into_data()?;
    tensors.push(prompt as f64 / start.elapsed().as_secs_f64());
    println!("tokens in a second, median and best of {rounds}");
    for (what, mut rates) in [
        (format!("read, {prompt} at once"), reads),
        ("said after them".into(), says),
        ("said by four sequences side by side".into(), four),
        ("read in tensor operations".into(), tensors),
    ] {
        rates.sort_by(f64::total_cmp);
        println!("{:8.1} {:8.1}  {what}", rates[rates.len() / 2], rates[rates.len() - 1]);
    }
    Ok(())
}
