//! The page of a deployment: a lane for each server. However many take part, it shows those to look at, and some of the rest.

use domain::DeploymentId;
use domain::state::DeploymentStepState;
use minijinja::{Value, context};

use super::value;
use crate::Plane;
use crate::problem::Answer;
use crate::progress::HowFar;
use crate::store::deployments::{Count, counts_by_server, first_steps};
use crate::web::design::Language;
use crate::web::{steps, view};
use crate::wire::{DeploymentKind, DeploymentStep, word};

/// Installations of one state that a lane shows.
const SHOWN: u64 = 50;

/// For how many it is counted that they can be undone.
const COUNTED: u64 = 250;

/// What is shown to whom.
pub struct Lanes<'a> {
    pub plane: &'a Plane,
    pub language: Language,
    pub base: String,
    pub may_make: bool,
}

impl Lanes<'_> {
    /// Whether the deployment has ended, and what its page shows.
    pub async fn values(&self, id: DeploymentId) -> Answer<(bool, Value)> {
        let db = self.plane.store.read();
        let (deployment, mut counts) = tokio::try_join!(view::undoable_deployment(self.plane, id, COUNTED), async {
            Ok(counts_by_server(db, id).await?)
        })?;
        let verb = if deployment.kind == DeploymentKind::Deploy { "switch" } else { "rollback" };
        let mut lanes = Vec::new();
        counts.sort_by_key(|count| count.server);
        for server in counts.chunk_by(|one, other| one.server == other.server) {
            lanes.push(self.lane(id, verb, server).await?);
        }
        let in_state = |state| move |count: &&Count| count.state == state;
        let ended = deployment.state.is_final();
        let values = context! {
            base => self.base.as_str(),
            may_make => self.may_make,
            keep_hours => self.plane.keep_hours(),
            deployment => value(&deployment),
            kind => word(&deployment.kind),
            ended,
            total => counts.iter().map(|count| count.count).sum::<u64>(),
            done => counts.iter().map(|count| count.ended).sum::<u64>(),
            longest_hold => counts.iter().filter_map(|count| count.longest_hold).max(),
            failures => counts.iter().filter(in_state(DeploymentStepState::Undone)).map(|count| count.count).sum::<u64>(),
            lanes,
            undo => deployment.undo.as_ref().map(value),
            counted => COUNTED,
        };
        Ok((ended, values))
    }

    /// One server's installations: those to look at, and those that are through.
    async fn lane(&self, id: DeploymentId, verb: &str, counts: &[Count]) -> Answer<Value> {
        let (mut rows, mut through) = (Vec::new(), Vec::new());
        for count in counts {
            let some = first_steps(self.plane.store.read(), id, count, SHOWN).await?;
            let to = if count.state == DeploymentStepState::Finished { &mut through } else { &mut rows };
            to.extend(some.into_iter().map(|row| view::step(self.plane, row)));
        }
        rows.sort_by_key(|row| row.position);
        let all: u64 = counts.iter().map(|count| count.count).sum();
        let finished = counts.iter().filter(|count| count.state == DeploymentStepState::Finished);
        let finished: u64 = finished.map(|count| count.count).sum();
        Ok(context! {
            server => counts.first().map(|count| count.host.clone().unwrap_or_else(|| count.server.to_string())),
            done => counts.iter().map(|count| count.ended).sum::<u64>(),
            total => all,
            rest => all - finished - rows.len() as u64,
            finished,
            finished_rest => finished - through.len() as u64,
            rows => rows.iter().map(|row| self.row(verb, row)).collect::<Vec<_>>(),
            more => through.iter().map(|row| self.row(verb, row)).collect::<Vec<_>>(),
        })
    }

    fn row(&self, verb: &str, step: &DeploymentStep) -> Value {
        let under_way = step.began_at.filter(|_| step.ended_at.is_none());
        let doing = under_way.map(|_| HowFar::of(verb, &step.steps));
        let lines: Vec<String> = step.error.iter().flat_map(|error| error.lines()).map(str::to_owned).collect();
        context! {
            name => step.name.as_str(),
            href => format!("{}/installations/{}", self.base, step.name),
            state => step.state.to_string(),
            step => doing.and_then(|far| steps::now(self.plane, self.language, &far)),
            canary => step.canary,
            since => under_way,
            took => step.began_at.zip(step.ended_at).map(|(from, to)| to.saturating_sub(from)),
            held => step.held_ms,
            lines,
        }
    }
}
