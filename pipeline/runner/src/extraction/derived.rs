//! What a memory has from the turns that it was extracted from: whose it is, when it holds, how far it may travel.

use cubelog_extract::Extracted;
use cubelog_memory::limits::PARENTS_MAX;
use cubelog_memory::{Governance, Lifespan, SubjectId, Timestamp, Validity, VersionRef};
use cubelog_views::VersionRow;

use super::Scene;

/// What a statement has from its sources.
pub struct OfStatement {
    pub sources: Vec<VersionRef>,
    pub speaker: String,
    pub session: Option<String>,
    pub subject: SubjectId,
    pub governance: Governance,
    /// When the last of the sources was said.
    pub said_at: Timestamp,
}

/// `None` where no source of it is there any more.
pub(super) fn of_statement(scene: &Scene<'_>, sources: &[VersionRef], statement: &Extracted) -> Option<OfStatement> {
    let found: Vec<(VersionRef, &VersionRow)> = statement
        .sources
        .iter()
        .filter_map(|index| sources.get(*index))
        .filter_map(|source| scene.rows.get(&source.memory).map(|row| (*source, row)))
        .filter(|(_, row)| row.content.clear().is_some())
        .take(PARENTS_MAX)
        .collect();
    let (_, last) = found.iter().max_by_key(|(_, row)| row.valid.from)?;
    let content = last.content.clear()?;
    Some(OfStatement {
        speaker: content.speaker.clone().unwrap_or_default(),
        session: content.session.clone(),
        subject: last.memory.subject.clone(),
        governance: governance(found.iter().map(|(_, row)| &row.memory.governance)),
        said_at: last.valid.from,
        sources: found.into_iter().map(|(source, _)| source).collect(),
    })
}

/// Nothing that is derived travels further, is believed more or lives longer than what it is derived from.
fn governance<'a>(sources: impl Iterator<Item = &'a Governance> + Clone) -> Governance {
    let default = Governance::default();
    let until = sources.clone().filter_map(|source| match source.lifespan {
        Lifespan::Until(end) => Some(end),
        Lifespan::Keep | Lifespan::Decay { .. } => None,
    });
    Governance {
        sensitivity: sources.clone().map(|source| source.sensitivity).max().unwrap_or(default.sensitivity),
        trust: sources.clone().map(|source| source.trust).chain([default.trust]).min().unwrap_or(default.trust),
        lifespan: until.min().map_or(Lifespan::Keep, Lifespan::Until),
        watermark: sources.clone().find_map(|source| source.watermark.clone()),
        ..default
    }
}

/// From when it was said, where nothing else was said.
pub fn valid(statement: &Extracted, said_at: Timestamp) -> Validity {
    let from = statement.from.unwrap_or_else(|| statement.to.map_or(said_at, |to| said_at.min(to)));
    Validity { from, to: statement.to.filter(|to| *to > from) }
}
