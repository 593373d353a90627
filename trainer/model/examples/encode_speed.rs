//! Measures the encoder: `cargo run --example encode_speed -- FILE.jsonl [TEXTS [ROUNDS]]` embeds the "text" fields of the
//! first TEXTS lines (512) ROUNDS times (5) and prints the median number of texts in a second.

use std::error::Error;
use std::time::Instant;

use cubelog_model::{MiniLm, locate};

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a file of JSON lines with a \"text\" field each")?;
    let count = arguments.next().map_or(Ok(512), |n| n.parse())?;
    let rounds = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let value: serde_json::Value = serde_json::from_str(line)?;
        texts.extend(value["text"].as_str().map(String::from));
        if texts.len() == count {
            break;
        }
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

    let start = Instant::now();
    let encoder = MiniLm::load(&locate()?.join(MiniLm::NAME))?;
    println!("loaded {} in {:.0} ms", encoder.identity(), start.elapsed().as_secs_f64() * 1e3);
    encoder.encode(&texts[..texts.len().min(32)])?;

    let mut rates: Vec<f64> = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        encoder.encode(&texts)?;
        rates.push(texts.len() as f64 / start.elapsed().as_secs_f64());
    }
    let mut times: Vec<f64> = Vec::new();
    for text in texts.iter().take(64) {
        let start = Instant::now();
        encoder.encode(&[text])?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("{:.1} texts/s over {} texts (median of {})", median(&mut rates), texts.len(), rates.len());
    println!("{:.2} ms for one text alone (median of {})", median(&mut times), times.len());
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
