//! What transformers computes with the same numbers, tokens and template; `fixtures/make_smollm2.py` made the fixture.

use burn::tensor::Tensor;
use cubelog_model::decoder::{Fitted, Span, most_likely};
use cubelog_model::text::Message;
use cubelog_model::{KvCache, Step, Worn};
use serde::Deserialize;

use crate::{model_path, numbers, real};

#[derive(Deserialize)]
struct Fixture {
    answers: Vec<Answer>,
    rows: Vec<Row>,
    texts: Vec<Text>,
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Answer {
    prompt: String,
    ids: Vec<u32>,
    answer: Vec<u32>,
    text: String,
}

#[derive(Deserialize)]
struct Row {
    ids: Vec<u32>,
    position: usize,
    mean: f64,
    rms: f64,
    tokens: Vec<usize>,
    logits: Vec<f32>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    back: String,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Said>,
    rendered: String,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: String,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/smollm2.json")).unwrap()
}

#[test]
fn logits_agree_with_the_reference_implementation() {
    let Some((decoder, _)) = real() else { return };
    let fixture = fixture();
    assert!(fixture.rows.len() >= 20);
    let mut worst = 0.0f64;
    for row in &fixture.rows {
        let hidden = decoder.forward(&Step::padded(&[&row.ids]), None, &Worn::none()).unwrap();
        let hidden: Tensor<2> = hidden.narrow(1, row.position, 1).squeeze_dim(1);
        let logits = numbers(decoder.logits(hidden));
        let mut cache = decoder.cache(row.ids.len());
        let mut span = [Span { ids: &row.ids[..=row.position], start: 0, cache: &mut cache, adapter: None }];
        let hidden = decoder.extend(&mut span).unwrap();
        let fast = decoder.score(&hidden[row.position * decoder.config().hidden..]).unwrap();
        for logits in [logits, fast] {
            let mean = logits.iter().map(|x| f64::from(*x)).sum::<f64>() / logits.len() as f64;
            let rms = (logits.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / logits.len() as f64).sqrt();
            let mut differences = vec![mean - row.mean, rms - row.rms];
            differences.extend(row.tokens.iter().zip(&row.logits).map(|(token, logit)| f64::from(logits[*token] - logit)));
            worst = differences.iter().fold(worst, |worst, difference| worst.max(difference.abs()));
        }
    }
    eprintln!("largest difference from the reference: {worst:e}");
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn answers_are_the_reference_implementations() {
    let Some((decoder, tokenizer)) = real() else { return };
    let fixture = fixture();
    assert_eq!(fixture.answers.len(), 50);
    // All side by side, then the first alone.
    let prompts: Vec<(&[u32], Option<&Fitted>)> = fixture.answers.iter().map(|answer| (&answer.ids[..], None)).collect();
    let said = decoder.continue_greedily(&prompts, 24, tokenizer.ends()).unwrap();
    for (answer, said) in fixture.answers.iter().zip(&said) {
        assert_eq!(*said, answer.answer, "{}", answer.prompt);
        assert_eq!(tokenizer.answer(said), answer.text);
    }
    assert_eq!(decoder.continue_greedily(&prompts[..1], 24, tokenizer.ends()).unwrap(), said[..1]);
}

#[test]
fn answers_in_tensor_operations_are_the_reference_implementations() {
    let Some((decoder, _)) = real() else { return };
    let fixture = fixture();
    // Side by side, of different lengths, in one cache.
    let answers = &fixture.answers[..6];
    let mut cache = KvCache::new(decoder.config(), answers.len(), 160, decoder.device());
    let mut fed: Vec<Vec<u32>> = answers.iter().map(|answer| answer.ids.clone()).collect();
    let mut starts = vec![0; answers.len()];
    for n in 0..12 {
        let rows: Vec<&[u32]> = fed.iter().map(Vec::as_slice).collect();
        let hidden = decoder.forward(&Step::after(&rows, &starts), Some(&mut cache), &Worn::none()).unwrap();
        let last = |row: usize| hidden.clone().narrow(0, row, 1).narrow(1, rows[row].len() - 1, 1).squeeze_dim(1);
        let last: Vec<Tensor<2>> = (0..rows.len()).map(last).collect();
        let logits = numbers(decoder.logits(Tensor::cat(last, 0)));
        for (row, logits) in logits.chunks_exact(decoder.config().vocabulary).enumerate() {
            starts[row] += fed[row].len();
            fed[row] = vec![most_likely(logits)];
            assert!(answers[row].answer.get(n).is_none_or(|token| *token == fed[row][0]), "{}", answers[row].prompt);
        }
    }
}

#[test]
fn tokens_are_the_reference_implementations_and_turn_back_into_the_text() {
    let Some((decoder, tokenizer)) = real() else { return };
    for case in fixture().texts {
        assert_eq!(tokenizer.ids(&case.text).unwrap(), case.ids, "{:?}", case.text);
        assert_eq!(tokenizer.text(&case.ids), case.back);
        // A user's text cannot end its turn; it is still the same text.
        let plain = tokenizer.plain_ids(&case.text).unwrap();
        assert!(plain.iter().all(|id| *id > 16), "{:?}", case.text);
        assert_eq!(tokenizer.text(&plain), case.text);
    }
    assert_eq!((tokenizer.size(), tokenizer.begin(), tokenizer.ends()), (decoder.config().vocabulary, None, &[2][..]));
    assert!(tokenizer.check(&model_path().unwrap(), 49_151).unwrap_err().to_string().contains("49151"));
}

#[test]
fn conversations_are_written_as_the_reference_implementation_does() {
    let Some((_, tokenizer)) = real() else { return };
    let chat = tokenizer.chat().unwrap();
    let now = jiff::civil::DateTime::default();
    for case in fixture().chats {
        let messages: Vec<Message> = case.messages.iter().map(|m| Message::new(&m.role, &m.content)).collect();
        assert_eq!(chat.render(&messages, true, now).unwrap(), case.rendered);
    }
    for answer in fixture().answers.iter().skip(1) {
        let rendered = chat.render(&[Message::new("user", &answer.prompt)], true, now).unwrap();
        assert_eq!(tokenizer.ids(&rendered).unwrap(), answer.ids);
    }
}
