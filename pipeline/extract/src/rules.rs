//! `Rules`: statements from the claims that written rules read, without a model. Precision comes before all that could be found.

use async_trait::async_trait;
use cubelog_beliefs::{Attribute, Claim, Modality, Place, claims};
use cubelog_language::voice::is_assistant;
use cubelog_memory::SemanticType;

use crate::limits::{OUTPUT_BYTES_MAX, RULES_CONFIDENCE_MIN, STATEMENTS_MAX};
use crate::output::{Extracted, write_output};
use crate::port::{ExtractError, Extractor, Output, Turn, Window};
use crate::render::text_of;

/// Reads what people say about themselves and their own, where they say it plainly.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

#[async_trait]
impl Extractor for Rules {
    fn identity(&self) -> &str {
        "rules.1"
    }

    async fn extract(&self, window: &Window) -> Result<Output, ExtractError> {
        let mut raw = write_output(&read(window));
        if raw.len() > OUTPUT_BYTES_MAX {
            raw = write_output(&[]);
        }
        Ok(Output { raw, tokens_in: 0, tokens_out: 0 })
    }
}

fn read(window: &Window) -> Vec<Extracted> {
    let mut found: Vec<Extracted> = Vec::new();
    if is_assistant(&window.about) {
        return found;
    }
    for (index, turn) in window.own().enumerate() {
        for claim in claims(&turn.text, &turn.speaker, turn.said_at).iter().filter(|claim| is_sure(claim, turn)) {
            let (Some(kind), Some(text)) = (kind_of(&claim.attribute), text_of(claim, turn)) else { continue };
            if let Some(known) = found.iter_mut().find(|known| known.text == text) {
                if !known.sources.contains(&index) {
                    known.sources.push(index);
                }
                continue;
            }
            if found.len() == STATEMENTS_MAX {
                return found;
            }
            found.push(Extracted { kind, text, sources: vec![index], from: claim.validity.from, to: claim.validity.to });
        }
    }
    found
}

/// Said plainly, about the speaker or somebody of the speaker's, and not over.
fn is_sure(claim: &Claim, turn: &Turn) -> bool {
    let own =
        claim.subject == claim.speaker || claim.subject.strip_prefix(&claim.speaker).is_some_and(|of| of.starts_with("'s "));
    let lasts = claim.modality == Modality::Asserted && !claim.is_past();
    own && lasts && claim.confidence >= RULES_CONFIDENCE_MIN && claim.span.end <= turn.text.len()
}

/// The sort of statement that a claim makes; `None` for what is no statement about anybody.
fn kind_of(attribute: &Attribute) -> Option<SemanticType> {
    Some(match attribute {
        Attribute::Preference(_) | Attribute::Favourite(_) => SemanticType::Preference,
        Attribute::Event(_) | Attribute::Place(Place::Travel) => SemanticType::Event,
        Attribute::Place(_) | Attribute::Detail(_) | Attribute::Allergy(_) | Attribute::Relation(_) | Attribute::Status(_) => {
            SemanticType::Profile
        }
        Attribute::Habit(_) | Attribute::Count(_) | Attribute::Possession(_) | Attribute::NameOf(_) => SemanticType::Fact,
    })
}
