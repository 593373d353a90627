//! Context for a prompt: the best memories for a query, packed into so many tokens, in an order that stays the same, with citations.

use cubelog_memory::context::{Piece, pack};
use cubelog_memory::limits::HITS_MAX;
use cubelog_memory::{Cut, Purpose, Timestamp};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::ports::Embedder;
use crate::types::{Hit, SearchRequest};

/// Memories that are considered for a prompt.
const CONSIDERED: usize = 200;

/// Memories in a prompt, and where each came from.
#[derive(Debug, Clone)]
pub struct Context {
    /// What goes into the prompt.
    pub text: String,
    /// What it takes there.
    pub tokens: usize,
    /// The memories in the order in which they stand; the first is cited as `[1]`.
    pub cited: Vec<Hit>,
    /// Memories that were considered and did not fit.
    pub left_out: usize,
    pub reflected: Cut,
    pub query_cut: bool,
}

impl Cubelog {
    /// The best memories for a query in at most `budget` tokens of the encoder's tokenizer. `k` of the request is the most memories.
    pub async fn context(&self, caller: &Caller, request: SearchRequest, budget: usize) -> Result<Context, RunError> {
        let wanted = SearchRequest { k: request.k.min(CONSIDERED).min(HITS_MAX), ..request };
        let answer = self.search_for(caller, wanted, Purpose::Context).await?;
        let embedder = self.shared().embedder.clone();
        let lines: Vec<Option<String>> = answer.hits.iter().map(line).collect();
        let pieces: Vec<Piece> =
            answer.hits.iter().zip(&lines).map(|(hit, line)| piece(hit, line.as_deref(), embedder.as_ref())).collect();
        // Content that nobody can read any more takes no place.
        let readable: Vec<usize> = (0..pieces.len()).filter(|place| lines[*place].is_some()).collect();
        let packed = pack(&readable.iter().map(|place| pieces[*place].clone()).collect::<Vec<_>>(), budget);
        let order: Vec<usize> = packed.order.iter().map(|place| readable[*place]).collect();
        let mut text = String::new();
        for (number, place) in order.iter().enumerate() {
            if let Some(line) = &lines[*place] {
                text.push_str(&format!("[{}] {line}\n", number + 1));
            }
        }
        let cited = order.into_iter().map(|place| answer.hits[place].clone()).collect();
        Ok(Context {
            tokens: embedder.tokens(&text),
            text,
            cited,
            left_out: packed.left_out,
            reflected: answer.reflected,
            query_cut: answer.query_cut,
        })
    }
}

/// `2023-05-07 Ana: text [caption]` on one line; `None` for erased content.
fn line(hit: &Hit) -> Option<String> {
    let content = hit.row.content.clear()?;
    let mut line = day(hit.row.memory.valid.from);
    if let Some(speaker) = &content.speaker {
        line.push(' ');
        line.push_str(speaker);
    }
    line.push_str(": ");
    line.push_str(&content.text);
    if let Some(caption) = &content.caption {
        line.push_str(&format!(" [{caption}]"));
    }
    // A memory is one line: nothing in it can look like another memory.
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn day(at: Timestamp) -> String {
    cubelog_language::dates::day_of(at.micros()).to_string()
}

fn piece(hit: &Hit, line: Option<&str>, embedder: &dyn Embedder) -> Piece {
    let memory = &hit.row.memory;
    Piece {
        memory: memory.id,
        cube: hit.row.cube.clone(),
        semantic: memory.descriptive.semantic,
        priority: memory.governance.priority,
        stream_index: memory.stream_index,
        valid_from: memory.valid.from,
        // The citation in front takes about four: a bracket on either side, a number, a line break.
        tokens: line.map_or(0, |line| embedder.tokens(line) + CITATION_TOKENS),
    }
}

const CITATION_TOKENS: usize = 4;
