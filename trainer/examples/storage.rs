//! What a published module loses when it is stored smaller: its size, how far it is from the original, and what it still recalls.
//!
//! `cargo run -p cubelog-trainer --example storage MODEL MODULE`: directories of the base model and of the module.

use std::path::PathBuf;

use cubelog_model::lora::compose::{Compact, compact, loss};
use cubelog_model::lora::int8::Plain8;
use cubelog_model::lora::peft::{self, Stored, WEIGHTS};
use cubelog_model::lora::{AdapterError, Plain};
use cubelog_trainer::cpu::weights::Merged;
use cubelog_trainer::evaluate::{Asked, contains};
use cubelog_trainer::{Model, Talk, factors, publish};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(module)) = (arguments.next(), arguments.next()) else {
        return Err("name the directories of the base model and of the module".into());
    };
    let manifest = publish::open(&module)?;
    let Model { base, tokenizer, .. } = Model::read(&model)?;
    let talk = Talk::new(&tokenizer);
    let whole = peft::read(&module, &base.shape)?;
    let bytes = |plain: &Plain, stored| -> Result<usize, AdapterError> {
        Ok(peft::write(plain, "", &Default::default(), stored)?.weights.len())
    };
    // What is read back is what serves, so it is that which is measured.
    let dir = tempfile::tempdir()?;
    let stored = |plain: &Plain, how| -> Result<Plain, Box<dyn std::error::Error>> {
        let files = peft::write(plain, "", &Default::default(), how)?;
        std::fs::write(dir.path().join(peft::CONFIG), files.config)?;
        std::fs::write(dir.path().join(WEIGHTS), files.weights)?;
        Ok(peft::read(dir.path(), &base.shape)?)
    };
    let packed = Plain8::pack(&whole);
    let mut forms = vec![
        ("32 bits".to_owned(), bytes(&whole, Stored::F32)?, whole.clone()),
        ("16 bits".to_owned(), bytes(&whole, Stored::F16)?, stored(&whole, Stored::F16)?),
        ("8 bits".to_owned(), packed.to_bytes().len(), packed.plain()),
    ];
    for how in [Compact::Energy(0.99), Compact::Rank(8), Compact::Rank(4), Compact::Rank(2)] {
        let less = compact(&whole, how)?;
        forms.push((format!("{how:?}, 16 bits"), bytes(&less, Stored::F16)?, stored(&less, Stored::F16)?));
    }
    let (questions, values): (Vec<String>, Vec<String>) = manifest.questions().into_iter().unzip();
    println!("form | rank | bytes | loss | recall");
    for (name, bytes, plain) in forms {
        let (layout, numbers) = factors(&plain, &base.shape)?;
        let mut merged = Merged::default();
        merged.update(&base, &[(&layout, &numbers)]);
        let said = Asked { base: &base, matrices: &merged.0, talk: &talk }.answer(&questions)?;
        let right = said.iter().zip(&values).filter(|(said, value)| contains(said, value)).count();
        let recall = 100.0 * right as f64 / values.len().max(1) as f64;
        println!("{name} | {} | {bytes} | {:.4} | {recall:.1} %", layout.rank, loss(&whole, &plain)?);
    }
    Ok(())
}
