//! The models on the CPU: training a LoRA module, and a decoder reading and writing, each beside its peer on the same cores.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::kit::{Kit, Options};
use crate::result::{Better, Measured, median};

/// The shape of a training step: 8 sequences of 256 tokens, LoRA of rank 16 on all linear layers.
const SEQUENCES: usize = 8;
const TOKENS: usize = 256;
const RANK: usize = 16;
/// Tokens that are read at once, and that are written after them.
const PROMPT: usize = 512;
const ANSWER: usize = 64;
/// The small decoder, if it is installed.
const MODEL: &str = "SmolLM2-135M-Instruct";

/// What a peer's script prints: rates in tokens per second, the process's peak in MiB.
#[derive(Debug, Deserialize)]
struct Training {
    f32: f64,
    /// In bfloat16, which processors with AMX multiply several times faster.
    bf16: f64,
    peak_mib: f64,
}

#[derive(Debug, Deserialize)]
struct Decoding {
    prefill: f64,
    decode: f64,
    peak_mib: f64,
}

pub async fn training(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let steps = if options.quick { 1 } else { options.runs.max(3) };
    // Everything is made on the thread that measures; only instants come out.
    let mut seconds = Vec::with_capacity(steps + 1);
    let mut step = kit.lora_step(SEQUENCES, TOKENS, RANK)?;
    for _ in 0..=steps {
        let begun = kit.seconds();
        step = tokio::task::spawn_blocking(move || step().map(|()| step)).await??;
        seconds.push(kit.seconds() - begun);
    }
    // The first step also makes the buffers.
    let rates: Vec<f64> = seconds[1..].iter().map(|spent| (SEQUENCES * TOKENS) as f64 / spent).collect();
    let measured = Measured::new("training: tokens through a LoRA step, CPU", median(&rates), "tokens/s")
        .runs(steps)
        .note(format!("135M shape, {SEQUENCES} x {TOKENS} tokens, rank {RANK}, all linear layers, f32, loss on every token"));
    let Some(peer) = script::<Training>(options, include_str!("../peers/training.py"), &[]).await? else {
        return Ok(vec![measured]);
    };
    Ok(vec![
        measured.clone().beside("PEFT, f32", peer.f32).ratio_target(1.0, Better::More),
        Measured { name: "training: the same beside PEFT in bfloat16".to_owned(), ..measured.beside("PEFT, bf16", peer.bf16) },
        Measured::new("training: peak memory of PEFT's process", peer.peak_mib, "MiB"),
    ])
}

pub async fn decoder(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let path = options.models.join(MODEL);
    if !path.is_dir() {
        eprintln!("decoder: skipped, {MODEL} is not installed (deploy/models/fetch smollm2)");
        return Ok(Vec::new());
    }
    let (prompt, answer) = if options.quick { (64, 8) } else { (PROMPT, ANSWER) };
    let mut decoder = kit.decoder(&path)?;
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    // A first round warms the machine up.
    for round in 0..=options.runs {
        let begun = kit.seconds();
        decoder = tokio::task::spawn_blocking(move || decoder.read(prompt, answer).map(|()| decoder)).await??;
        let read = prompt as f64 / (kit.seconds() - begun);
        let begun = kit.seconds();
        decoder = tokio::task::spawn_blocking(move || decoder.write(answer).map(|()| decoder)).await??;
        if round > 0 {
            reads.push(read);
            writes.push(answer as f64 / (kit.seconds() - begun));
        }
    }
    let prefill =
        Measured::new(format!("decoder: {prompt} tokens read at once, CPU"), median(&reads), "tokens/s").runs(options.runs);
    let decode =
        Measured::new("decoder: tokens written after them, one sequence", median(&writes), "tokens/s").runs(options.runs);
    let arguments =
        [gguf(&path)?.into_os_string(), prompt.to_string().into(), answer.to_string().into(), options.runs.to_string().into()];
    Ok(match script::<Decoding>(options, include_str!("../peers/decoder.py"), &arguments).await? {
        None => vec![prefill, decode],
        Some(peer) => vec![
            prefill.beside("llama.cpp, 4 bits", peer.prefill),
            decode.beside("llama.cpp, 4 bits", peer.decode),
            Measured::new("decoder: peak memory of llama.cpp's process", peer.peak_mib, "MiB"),
        ],
    })
}

fn gguf(dir: &Path) -> anyhow::Result<PathBuf> {
    let files = std::fs::read_dir(dir)?.flatten().map(|file| file.path());
    let is_gguf = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "gguf");
    files.into_iter().find(is_gguf).ok_or_else(|| anyhow::anyhow!("{} holds no GGUF file", dir.display()))
}

/// What a peer's script measures; `None` where no Python with the peers is set up, or where it says that its library is missing.
async fn script<T: for<'a> Deserialize<'a>>(
    options: &Options,
    script: &'static str,
    arguments: &[std::ffi::OsString],
) -> anyhow::Result<Option<T>> {
    /// How a script says that its library is not installed.
    const MISSING: i32 = 77;
    let Some(python) = &options.python else { return Ok(None) };
    let mut command = std::process::Command::new(python);
    command.arg("-c").arg(script).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if output.status.code() == Some(MISSING) {
        eprintln!("a peer is left out: {}", String::from_utf8_lossy(&output.stderr).trim());
        return Ok(None);
    }
    if output.status.code().is_none() {
        // A library that was built for other instructions than the machine's ends like that; ours is measured all the same.
        eprintln!("a peer is left out: it crashed ({})", output.status);
        return Ok(None);
    }
    anyhow::ensure!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
    Ok(Some(serde_json::from_str(line)?))
}
