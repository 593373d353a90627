//! What a counterfactual replay leaves out.

use cubelog_memory::Event;
use cubelog_views::Shown;

use crate::types::Without;

/// A predicate over events; the default leaves nothing out.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    without: Without,
}

impl Filter {
    pub fn new(without: Without) -> Self {
        Self { without }
    }

    pub fn leaves_out(&self, event: &Event, content: Option<&Shown>) -> bool {
        let without = &self.without;
        let envelope = &event.envelope;
        without.events.contains(&envelope.id)
            || without.origins.contains(&envelope.origin)
            || without.principals.contains(&envelope.actor)
            || without.sources.iter().any(|source| is_from(source, event, content))
    }
}

/// Whether content of the event came from `source`: a cube (`tenant/cube` or `cube`), or one session of it (`.../session`).
/// The cube's own events (its creation, its grants) do not count as content.
fn is_from(source: &str, event: &Event, content: Option<&Shown>) -> bool {
    if event.body.content().is_none() {
        return false;
    }
    let cube = &event.envelope.cube;
    let full = cube.to_string();
    let rest = match source.strip_prefix(&full).or_else(|| source.strip_prefix(cube.cube.as_str())) {
        Some("") => return true,
        Some(rest) => rest,
        None => return false,
    };
    let session = content.and_then(Shown::clear).and_then(|content| content.session.as_deref());
    rest.strip_prefix('/').is_some_and(|wanted| session == Some(wanted))
}
