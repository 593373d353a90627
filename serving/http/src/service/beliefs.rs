//! Beliefs: what is believed in a cube, and the settling of what contradicts.

use cubelog_api::Problem;
use cubelog_api::beliefs::{Belief, BeliefLine, BeliefsRequest, BeliefsResponse, Cited, Doubt, ResolveBeliefRequest};
use cubelog_api::memories::WriteResponse;
use cubelog_memory::BeliefOutcome;
use cubelog_runner::{Caller, Held, Settlement};

use super::problems::problem;
use super::{Service, convert, parse};

impl Service {
    /// What is believed in a cube at a moment.
    pub async fn beliefs(&self, caller: &Caller, request: BeliefsRequest) -> Result<BeliefsResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let moment = parse::moment(["at", "valid_at"], request.at.as_deref(), request.valid_at.as_deref())?;
        let about = request.about.as_deref().map(str::trim);
        if about.is_some_and(str::is_empty) {
            return Err(Problem::invalid("about", "is empty; leave it out for everybody"));
        }
        self.wait(request.token.as_deref()).await?;
        let answer = self.cubelog().beliefs(caller, &cube, about, &moment).await.map_err(problem)?;
        let lines = answer.lines.iter().map(|line| BeliefLine {
            subject: line.subject.clone(),
            attribute: line.attribute.clone(),
            current: line.current.iter().map(belief).collect(),
            history: if request.history { line.history.iter().map(belief).collect() } else { Vec::new() },
        });
        let doubts = answer.doubts.iter().map(|doubt| Doubt {
            subject: doubt.subject.clone(),
            attribute: doubt.attribute.clone(),
            earlier: doubt.earlier.as_ref().map(cited),
            later: cited(&doubt.later),
            reason: doubt.reason.clone(),
        });
        Ok(BeliefsResponse {
            tenant: cube.tenant.to_string(),
            cube: cube.cube.to_string(),
            // Where nothing is believed any more, only the history has something to tell.
            beliefs: lines.filter(|line| request.history || !line.current.is_empty()).collect(),
            review: doubts.collect(),
            reflected: answer.reflected.to_string(),
        })
    }

    /// Settles which of several memories is believed.
    pub async fn resolve_belief(
        &self,
        caller: &Caller,
        request: ResolveBeliefRequest,
        key: Option<&str>,
    ) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let settlement = Settlement {
            memory: cubelog_memory::VersionRef {
                memory: parse::memory("memory.memory", &request.memory.memory)?,
                version: request.memory.version,
            },
            over: parse::version_refs("over", &request.over)?,
            outcome: match request.outcome.as_deref() {
                None => BeliefOutcome::Replaces,
                Some(word) => parse::word("outcome", word, BeliefOutcome::from_word, BeliefOutcome::ALL)?,
            },
            since: parse::optional_time("since", request.since.as_deref())?,
            reason: request.reason,
        };
        if settlement.over.is_empty() {
            return Err(Problem::invalid("over", "name at least one memory that it is decided over"));
        }
        self.change(caller, cube, None, settlement.change().map_err(problem)?, key).await
    }
}

fn belief(held: &Held) -> Belief {
    Belief {
        value: held.value.clone(),
        since: convert::time(held.since),
        until: held.until.map(convert::time),
        confidence: held.confidence,
        withdrawn: held.withdrawn,
        displaced: held.displaced.as_ref().map(|(word, _)| (*word).to_owned()),
        reason: held.displaced.as_ref().map(|(_, reason)| reason.clone()),
        cited: held.cited.iter().map(cited).collect(),
    }
}

fn cited(cited: &cubelog_runner::Cited) -> Cited {
    Cited {
        memory: cited.memory.to_string(),
        version: cited.version,
        speaker: cited.speaker.clone(),
        said_at: convert::time(cited.said_at),
        value: cited.value.clone(),
    }
}
