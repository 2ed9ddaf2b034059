//! Waits for the end of what the API accepted, and shows how it goes.

use std::time::Duration;

use domain::DeploymentId;
use domain::OperationId;
use domain::state::{DeploymentState, DeploymentStepState, OperationState};
use plane::wire::{Deployment, DeploymentEvent, DeploymentStep, Operation};

use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output::human::{self, count, duration};
use crate::output::{Paint, ndjson};
use crate::progress::Progress;

/// Seconds that one request waits for news.
const WAIT_SECONDS: u64 = 30;
/// Times that a broken stream is taken up again, half a second apart: the control plane may be restarting.
const RECONNECTS: u32 = 60;
/// Installations of which a deployment that failed tells the reason.
const REASONS: usize = 5;

/// Waits for an operation's end; `name` is whom it concerns. The operation may have failed: see [`judge`].
pub async fn operation(api: &Api, progress: &mut Progress, id: OperationId, name: &str) -> Outcome<Operation> {
    let hint = format!("vclouden installation show {name}");
    let follow = async {
        let mut seen = 0;
        let mut waiting_for = None;
        loop {
            let query = [("wait", WAIT_SECONDS.to_string()), ("seen", seen.to_string())];
            let operation: Operation = api.get(&format!("/operations/{id}"), &query).await?;
            progress.steps(name, &operation.steps);
            seen = operation.steps.len();
            if operation.waiting_for.is_some() && operation.waiting_for != waiting_for {
                waiting_for = operation.waiting_for.clone();
                progress.say(&format!("{name}: waits for {}", waiting_for.as_deref().unwrap_or_default()));
            }
            if operation.state != OperationState::Running {
                return Ok(operation);
            }
        }
    };
    let operation = interruptible(follow, &hint).await;
    progress.clear();
    operation
}

/// An operation that did not finish is a failure that says why.
pub fn judge(operation: &Operation, name: &str) -> Outcome {
    let error = operation.error.as_deref().unwrap_or("the server gave no reason");
    let verb = &operation.verb;
    match operation.state {
        OperationState::Finished | OperationState::Running => Ok(()),
        OperationState::Undone => {
            Err(Failure::Undone(format!("{verb} of {name} failed, everything is as it was before. {error}")))
        }
        OperationState::Stuck => Err(Failure::refused(format!(
            "{verb} of {name} failed and could not be undone. {error}\n\
             Mend the cause, then: vclouden operation retry {}",
            operation.id
        ))),
    }
}

/// How long an operation took, in words.
pub fn took(operation: &Operation) -> String {
    duration(operation.ended_at.unwrap_or_else(human::now).saturating_sub(operation.requested_at))
}

/// Waits for a deployment's end. With `events` every line of the API's stream is printed as it comes.
pub async fn deployment(api: &Api, progress: &mut Progress, id: DeploymentId, events: bool) -> Outcome<Deployment> {
    let begun: Deployment = api.get(&format!("/deployments/{id}"), &[]).await?;
    begun.installations.iter().flatten().for_each(|step| progress.widen(step.name.as_str()));
    let hint = format!("vclouden deployment watch {id}`, stop it with `vclouden deployment stop {id}");
    let ended = interruptible(deployment_stream(api, progress, id, events), &hint).await;
    progress.clear();
    ended?;
    api.get(&format!("/deployments/{id}"), &[]).await
}

async fn deployment_stream(api: &Api, progress: &mut Progress, id: DeploymentId, events: bool) -> Outcome {
    let mut wave = Wave::default();
    let mut broken = 0;
    loop {
        match deployment_lines(api, progress, id, events, &mut wave).await {
            Ok(true) => return Ok(()),
            Ok(false) | Err(Failure::Unreachable(_)) if broken < RECONNECTS => broken += 1,
            Ok(false) => return Err(Failure::Unreachable(format!("the events of deployment {id} end before it does"))),
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Reads the stream; true when the deployment has ended, false when the stream broke before.
async fn deployment_lines(
    api: &Api,
    progress: &mut Progress,
    id: DeploymentId,
    events: bool,
    wave: &mut Wave,
) -> Outcome<bool> {
    let mut lines = api.lines(&format!("/deployments/{id}/events"), &[]).await?;
    while let Some(event) = lines.next::<DeploymentEvent>().await? {
        if events {
            ndjson(&event)?;
        }
        match event {
            DeploymentEvent::Deployment { deployment } => {
                wave.deployment(progress, &deployment);
                if deployment.state.is_final() {
                    return Ok(true);
                }
            }
            DeploymentEvent::Installation { step } => wave.step(progress, &step),
        }
    }
    Ok(false)
}

/// What was already said of a deployment.
#[derive(Default)]
struct Wave {
    state: Option<DeploymentState>,
    ended: std::collections::HashSet<String>,
    /// How many there are, and what the bar says.
    bar: (u64, String),
}

impl Wave {
    fn deployment(&mut self, progress: &mut Progress, deployment: &Deployment) {
        let all: u64 = deployment.counts.values().sum();
        let of = |state: DeploymentStepState| deployment.counts.get(state.as_str()).copied().unwrap_or(0);
        let open = of(DeploymentStepState::Waiting) + of(DeploymentStepState::Running);
        let undone = of(DeploymentStepState::Undone) + of(DeploymentStepState::Stuck);
        let failed = if undone > 0 { format!(", {undone} failed") } else { String::new() };
        let text = format!("{}: {} under way{failed}", deployment.state, of(DeploymentStepState::Running));
        progress.total(all.saturating_sub(open), all, &text);
        self.bar = (all, text);
        if self.state.replace(deployment.state) != Some(deployment.state) && !deployment.state.is_final() {
            let time = human::clock(human::now());
            let (total, all) = (all, count(all as usize, "installation"));
            let text = match deployment.state {
                DeploymentState::Canary if u64::from(deployment.canary) >= total => {
                    format!("canary: {all}, that is all")
                }
                DeploymentState::Canary => format!("canary: {} of {all} first", deployment.canary),
                DeploymentState::Wave if open < total => format!("wave: the other {open}"),
                DeploymentState::Wave => format!("wave: {all}"),
                DeploymentState::Stopping => "stopping: what is under way ends, nothing new is begun".to_owned(),
                other => other.to_string(),
            };
            progress.tell(&time, deployment.app.as_str(), &text);
        }
    }

    fn step(&mut self, progress: &mut Progress, step: &DeploymentStep) {
        let name = step.name.as_str();
        progress.steps(name, &step.steps);
        let ended = match step.state {
            DeploymentStepState::Waiting | DeploymentStepState::Running => return,
            DeploymentStepState::Finished => {
                let time = step.ended_at.zip(step.began_at).map(|(end, begin)| duration(end.saturating_sub(begin)));
                let held = step.held_ms.map(|ms| format!(", requests held for {}", duration(ms))).unwrap_or_default();
                let took = time.map(|t| format!(" in {t}")).unwrap_or_default();
                (format!("version {} -> {}{took}{held}", step.from_version, step.to_version), Paint::Good)
            }
            DeploymentStepState::Undone => (format!("undone: runs version {} again", step.from_version), Paint::Bad),
            DeploymentStepState::Stuck => ("stuck: a person must look".to_owned(), Paint::Bad),
            DeploymentStepState::Skipped => ("skipped".to_owned(), Paint::Dim),
        };
        if self.ended.insert(name.to_owned()) {
            progress.ended(name, &ended.0, ended.1);
            // Each part is told before what all add up to; the bar need not wait.
            let (all, text) = &self.bar;
            progress.total((self.ended.len() as u64).min(*all), *all, text);
        }
    }
}

/// A deployment that did not bring every installation where it should is a failure that says why.
pub fn judge_deployment(deployment: &Deployment) -> Outcome {
    if !deployment.state.is_final() || deployment.state == DeploymentState::Finished {
        return Ok(());
    }
    let why = deployment.error.as_deref().unwrap_or_default();
    let steps = deployment.installations.as_deref().unwrap_or_default();
    let reasons = steps.iter().filter_map(|step| {
        let error = step.error.as_deref().filter(|error| !why.contains(error))?;
        matches!(step.state, DeploymentStepState::Undone | DeploymentStepState::Stuck)
            .then(|| format!("\n  {}: {}", step.name, error.replace('\n', "\n    ")))
    });
    let reasons: String = reasons.take(REASONS).collect();
    let count = |state: DeploymentStepState| deployment.counts.get(state.as_str()).copied().unwrap_or(0);
    let (id, app) = (deployment.id, &deployment.app);
    if deployment.state == DeploymentState::Stopped {
        return Err(Failure::refused(format!("deployment {id} of {app} was stopped. {why}{reasons}")));
    }
    let stuck = count(DeploymentStepState::Stuck);
    if stuck > 0 {
        return Err(Failure::refused(format!(
            "deployment {id} of {app} failed, and {} could be put neither forward nor back. {why}{reasons}\n\
             Look at what is stuck: vclouden operation list --stuck",
            human::count(stuck as usize, "installation")
        )));
    }
    Err(Failure::Undone(format!(
        "deployment {id} of {app} failed: {} got code and data back, {} kept the new version, {} not touched. \
         {why}{reasons}",
        count(DeploymentStepState::Undone),
        count(DeploymentStepState::Finished),
        count(DeploymentStepState::Skipped),
    )))
}

/// Waits for `work`; Ctrl-C ends the waiting only, and says so.
async fn interruptible<T>(work: impl Future<Output = Outcome<T>>, hint: &str) -> Outcome<T> {
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => {
            crate::output::note(format!("\nIt goes on without this command. Follow it with `{hint}`."));
            Err(Failure::Program(130))
        }
    }
}
