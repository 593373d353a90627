//! The encoder: conversation turns per second.

use crate::corpus::turns;
use crate::kit::{Kit, Options};
use crate::result::{Measured, median};

pub async fn encoder(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let Some(encoder) = kit.encoder() else {
        eprintln!("encoder: skipped, no model is installed (deploy/models/fetch)");
        return Ok(Vec::new());
    };
    let count = if options.quick { 64 } else { 512 };
    let texts: Vec<String> = turns("encoder", 0, count).into_iter().map(|turn| turn.text).collect();
    let mut rates = Vec::new();
    for _ in 0..options.runs {
        let (encoder, texts) = (encoder.clone(), texts.clone());
        let begin = kit.seconds();
        tokio::task::spawn_blocking(move || {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            encoder.embed(&texts)
        })
        .await??;
        rates.push(count as f64 / (kit.seconds() - begin));
    }
    let words = texts.iter().map(|text| text.split_whitespace().count()).sum::<usize>() / texts.len();
    Ok(vec![
        Measured::new("encoder: turns embedded", median(&rates), "turns/s")
            .runs(options.runs)
            .note(format!("{count} made-up turns of {words} words")),
    ])
}
