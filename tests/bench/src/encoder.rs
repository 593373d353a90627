//! The encoder: conversation turns per second.

use crate::corpus::turns;
use crate::kit::{Kit, Options};
use crate::result::{Better, Measured, median};

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
    let embedded = Measured::new("encoder: turns embedded", median(&rates), "turns/s")
        .runs(options.runs)
        .note(format!("{count} made-up turns of {words} words"));
    Ok(vec![match peer(options, &texts).await? {
        Some(rate) => embedded.beside("sentence-transformers", rate).ratio_target(1.0, Better::More),
        None => embedded,
    }])
}

/// The median rate of sentence-transformers on the same texts and cores; `None` where it is not installed (`make peers`).
async fn peer(options: &Options, texts: &[String]) -> anyhow::Result<Option<f64>> {
    let Some(python) = &options.python else { return Ok(None) };
    let input = options.scratch.join("encoder-texts.json");
    std::fs::write(&input, serde_json::to_vec(texts)?)?;
    let script = include_str!("../peers/encoder.py");
    let mut command = std::process::Command::new(python);
    command.arg("-c").arg(script).arg(&input).arg(&options.models).arg(options.runs.to_string());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    std::fs::remove_file(&input)?;
    anyhow::ensure!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(String::from_utf8(output.stdout)?.trim().parse()?))
}
