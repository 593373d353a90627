//! Domain values into the forms of the interface.

use cubelog_api::cubes::{Cube, Grant, Hold};
use cubelog_api::memories::WriteResponse;
use cubelog_api::{Memory, MemoryVersion, Validity, VersionRef};
use cubelog_memory::{CubeKey, Fingerprint, Lifespan, Timestamp};
use cubelog_recall::{Spoken, place};
use cubelog_runner::{Effect, Outcome};
use cubelog_views::{CubeRow, MemoryRow, Shown, VersionRow};

/// RFC 3339 with `Z` and as many digits of the second as it has.
pub(crate) fn time(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.micros()) {
        Ok(instant) => instant.to_string(),
        // Outside the years -9999 to 9999 there is no RFC 3339 form; the number still tells.
        Err(_) => format!("{}us", time.micros()),
    }
}

pub(crate) fn fingerprint(fingerprint: &Fingerprint) -> String {
    hex::encode(fingerprint.0)
}

pub(crate) fn version_ref(reference: &cubelog_memory::VersionRef) -> VersionRef {
    VersionRef { memory: reference.memory.to_string(), version: reference.version }
}

fn validity(valid: cubelog_memory::Validity) -> Validity {
    Validity { from: time(valid.from), to: valid.to.map(time) }
}

/// Everything of a memory that does not depend on which version's content is shown.
fn base(cube: &CubeKey, memory: &cubelog_memory::Memory, content: &Shown) -> Memory {
    let clear = content.clear();
    Memory {
        tenant: cube.tenant.to_string(),
        cube: cube.cube.to_string(),
        memory: memory.id.to_string(),
        version: memory.current,
        current: memory.current,
        text: clear.map(|content| content.text.clone()),
        erased: clear.is_none(),
        speaker: clear.and_then(|content| content.speaker.clone()),
        caption: clear.and_then(|content| content.caption.clone()),
        session: clear.and_then(|content| content.session.clone()),
        source: clear.and_then(|content| content.source.clone()),
        subject: memory.subject.to_string(),
        actor: String::new(),
        occurred_at: String::new(),
        valid: validity(memory.valid),
        kind: memory.kind.word().to_owned(),
        lifecycle: memory.lifecycle.word().to_owned(),
        semantic: memory.descriptive.semantic.word().to_owned(),
        path: memory.descriptive.path.as_ref().map(ToString::to_string),
        path_derived: false,
        tags: memory.descriptive.tags.iter().map(ToString::to_string).collect(),
        sensitivity: memory.governance.sensitivity.word().to_owned(),
        trust: memory.governance.trust.word().to_owned(),
        priority: memory.governance.priority,
        expires: match memory.governance.lifespan {
            Lifespan::Keep | Lifespan::Decay { .. } => None,
            Lifespan::Until(until) => Some(time(until)),
        },
        half_life_s: match memory.governance.lifespan {
            Lifespan::Decay { half_life_s } => Some(half_life_s),
            Lifespan::Keep | Lifespan::Until(_) => None,
        },
        pinned: memory.governance.pinned,
        tier: memory.tier().word().to_owned(),
        superseded_by: memory.superseded.map(|superseded| superseded.by.to_string()),
        watermark: memory.governance.watermark.as_ref().map(ToString::to_string),
        origin: memory.origin.word().to_owned(),
        stream_index: memory.stream_index,
        siblings: memory.siblings.iter().map(|sibling| sibling.version).collect(),
        merged_into: memory.merged_into.map(|into| into.to_string()),
        expired_at: memory.expired_at.map(time),
        created_at: time(memory.created_at),
        changed_at: time(memory.changed_at),
    }
}

pub(crate) fn memory(row: &MemoryRow) -> Memory {
    let path = path(row);
    Memory {
        actor: row.actor.to_string(),
        occurred_at: time(row.occurred_at),
        path_derived: path.is_some() && row.memory.descriptive.path.is_none(),
        path,
        ..base(&row.cube, &row.memory, &row.content)
    }
}

/// Where a memory belongs: where somebody put it, else what its content tells.
pub(crate) fn path(row: &MemoryRow) -> Option<String> {
    let derived = || {
        let content = row.content.clear()?;
        let (text, semantic) = (content.text.as_str(), row.memory.descriptive.semantic.word());
        let (caption, speaker) = (content.caption.as_deref(), content.speaker.as_deref());
        Some(place(&Spoken { text, caption, speaker, semantic }).join("/"))
    };
    row.memory.descriptive.path.as_ref().map(ToString::to_string).or_else(derived)
}

pub(crate) fn version(row: &VersionRow) -> MemoryVersion {
    MemoryVersion {
        memory: Memory {
            version: row.version,
            subject: row.subject.to_string(),
            actor: row.actor.to_string(),
            occurred_at: time(row.occurred_at),
            valid: validity(row.valid),
            ..base(&row.cube, &row.memory, &row.content)
        },
        event: row.event.to_string(),
        change: row.change.clone(),
        recorded_at: time(row.recorded_at),
        position: row.position.to_string(),
        parents: row.parents.iter().map(version_ref).collect(),
        conflict: row.conflict,
        fingerprint: fingerprint(&row.fingerprint),
        reason: row.reason.clone(),
    }
}

pub(crate) fn cube(row: &CubeRow) -> Cube {
    let state = &row.state;
    Cube {
        tenant: state.key.tenant.to_string(),
        cube: state.key.cube.to_string(),
        owner: state.owner.as_ref().map(ToString::to_string),
        visibility: state.visibility.word().to_owned(),
        auditable: state.auditable,
        grants: state
            .grants
            .iter()
            .map(|(principal, right)| Grant { principal: principal.to_string(), right: right.word().to_owned() })
            .collect(),
        policies: state.policies.iter().map(|(name, document)| (name.to_string(), document.clone())).collect(),
        holds: state
            .holds
            .iter()
            .map(|(hold, memory)| Hold { hold: hold.to_string(), memory: memory.map(|memory| memory.to_string()) })
            .collect(),
        created_at: state.created_at.map(time),
        changed_at: time(row.changed_at),
        changed: row.changed.to_string(),
    }
}

pub(crate) fn outcome(outcome: &Outcome) -> WriteResponse {
    WriteResponse {
        event: outcome.event.to_string(),
        position: outcome.position.to_string(),
        recorded_at: time(outcome.recorded_at),
        effect: match &outcome.effect {
            Effect::Applied => "applied",
            Effect::Repeated => "repeated",
            Effect::Conflict => "conflict",
            Effect::Refused(_) => "refused",
        }
        .to_owned(),
        memory: outcome.memory.map(|memory| memory.to_string()),
        version: outcome.version,
        token: outcome.token.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_772_357_400_000_000, "2026-03-01T09:30:00Z"),
            (1_500_000, "1970-01-01T00:00:01.5Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (i64::MAX, "9223372036854775807us"),
        ] {
            assert_eq!(time(Timestamp(micros)), text);
        }
    }
}
