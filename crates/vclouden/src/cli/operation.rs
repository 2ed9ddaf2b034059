//! `vclouden operation`: what was done to installations, step by step, and what to do when something is stuck.

use std::time::{Duration, Instant};

use clap::Subcommand;
use domain::state::OperationState;
use domain::{InstallationName, OperationId};
use nimbus_api::{Direction, StepReport};
use plane::wire::{Nothing, Operation};

use super::installation::print_log;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::human::{date, duration, moment, now, printable};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};

/// Longest wait for another try of what is stuck; an application may take minutes to start.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(250);

/// What can be done with operations.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List operations, newest first
    #[command(visible_alias = "ls")]
    #[command(after_help = example!(
        "vclouden operation list --stuck",
        "vclouden operation list --installation acme -n 10",
    ))]
    List {
        /// Only those that a person must look at: neither finished nor undone
        #[arg(long)]
        stuck: bool,
        /// Only in this state: running, stuck, finished or undone
        #[arg(long, conflicts_with = "stuck")]
        state: Option<OperationState>,
        /// Only of this installation
        #[arg(long)]
        installation: Option<InstallationName>,
        /// At most this many
        #[arg(long = "number", short = 'n', value_name = "N", default_value_t = 50)]
        count: usize,
    },
    /// Show an operation with every step that was done and undone, and when
    #[command(after_help = example!("vclouden operation show 0190f3a2-7c1e-7000-8000-000000000001"))]
    Show(One),
    /// Show what an application wrote that made an operation fail; kept for 48 hours
    #[command(after_help = example!("vclouden operation logs 0190f3a2-7c1e-7000-8000-000000000001 -n 50"))]
    Logs {
        #[command(flatten)]
        one: One,
        /// The last lines
        #[arg(long, short = 'n', default_value_t = 1000, value_parser = super::whole_number)]
        lines: u32,
    },
    /// Take up a stuck operation again, after the cause was mended
    #[command(after_help = example!("vclouden operation retry 0190f3a2-7c1e-7000-8000-000000000001"))]
    Retry {
        #[command(flatten)]
        one: One,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
}

/// Which operation.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its id
    #[arg(value_name = "OPERATION")]
    id: OperationId,
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List { stuck, state, installation, count } => {
                let state = if stuck { Some(OperationState::Stuck) } else { state };
                list(&api, state, installation, count, context).await
            }
            Noun::Show(one) => {
                let operation: Operation = api.get(&format!("/operations/{}", one.id), &[]).await?;
                if context.json {
                    return json(&operation);
                }
                print_one(&operation);
                Ok(())
            }
            Noun::Logs { one, lines } => {
                let query = [("lines", lines.to_string())];
                print_log(api.lines(&format!("/operations/{}/log", one.id), &query).await?, context).await
            }
            Noun::Retry { one, no_wait } => retry(&api, one.id, no_wait, context).await,
        }
    }
}

async fn list(
    api: &Api,
    state: Option<OperationState>,
    installation: Option<InstallationName>,
    count: usize,
    context: &Context,
) -> Outcome {
    let mut query = Vec::new();
    query.extend(state.map(|state| ("state", state.to_string())));
    query.extend(installation.map(|name| ("installation", name.to_string())));
    let operations: Vec<Operation> = api.first("/operations", &query, count).await?;
    if context.json {
        return json_list(&operations);
    }
    let now = now();
    let mut table = Table::new(&["OPERATION", "WHAT", "INSTALLATION", "STATE", "TOOK", "WHEN"]);
    for operation in &operations {
        let took = operation.ended_at.map(|end| duration(end.saturating_sub(operation.requested_at)));
        table.row([
            operation.id.to_string().into(),
            operation.verb.as_str().into(),
            operation.name.as_str().into(),
            Cell::state(operation.state),
            Cell::number(took.unwrap_or_else(|| "-".into())),
            Cell::time(operation.requested_at, now),
        ]);
    }
    let stuck = state == Some(OperationState::Stuck);
    table.print(match state {
        Some(OperationState::Stuck) => "Nothing is stuck.",
        Some(_) => "No operation is in that state.",
        None => "No operations yet.",
    });
    if stuck && !operations.is_empty() {
        line("\nWhy: vclouden operation show OPERATION. After mending the cause: vclouden operation retry OPERATION");
    }
    Ok(())
}

fn print_one(operation: &Operation) {
    let mut facts = Facts::new();
    facts.fact("Operation", operation.id.to_string()).fact("What", operation.verb.as_str());
    facts.fact("Installation", operation.name.as_str()).fact("State", Cell::state(operation.state));
    facts.maybe("Deployment", operation.deployment.map(|id| id.to_string()));
    facts.fact("By", operation.requested_by.as_str()).fact("Asked for", date(operation.requested_at));
    facts.maybe("Ended", operation.ended_at.map(date));
    let took = operation.ended_at.map(|end| duration(end.saturating_sub(operation.requested_at)));
    facts.maybe("Took", took).maybe("Waits for", operation.waiting_for.clone()).print();
    if !operation.steps.is_empty() {
        let mut table = Table::new(&["STEP", "DIRECTION", "BEGAN", "ENDED", "TOOK", "RESULT"]);
        operation.steps.iter().for_each(|step| table.row(row(step)));
        line("");
        table.print("");
    }
    if let Some(error) = &operation.error {
        line(format!("\n{}", printable(error)));
    }
    if quotes_log(operation.error.as_deref()) {
        line(format!("\nAll that it wrote: vclouden operation logs {}", operation.id));
    }
    if operation.state == OperationState::Stuck {
        line(format!("\nMend the cause, then take it up again: vclouden operation retry {}", operation.id));
    }
}

/// Whether an error ends with the last lines of an application: then there are more of them.
pub fn quotes_log(error: Option<&str>) -> bool {
    error.is_some_and(|error| error.contains("its last lines:\n"))
}

fn row(step: &StepReport) -> [Cell; 6] {
    let ended = step.ended_at;
    let took = ended.map_or_else(|| "-".into(), |end| duration(end.saturating_sub(step.began_at)));
    let (direction, result) = match (step.direction, &step.error, ended) {
        (Direction::Do, None, Some(_)) => ("do", Cell::state_as("finished", "done")),
        (Direction::Undo, None, Some(_)) => ("undo", Cell::state_as("wave", "undone")),
        (Direction::Do, None, None) => ("do", Cell::state_as("wave", "under way")),
        (Direction::Undo, None, None) => ("undo", Cell::state_as("wave", "being undone")),
        (direction, Some(error), _) => {
            let word = if direction == Direction::Do { "do" } else { "undo" };
            (word, Cell::state_as("failed", format!("failed: {}", first_line(error))))
        }
    };
    [
        step.name.as_str().into(),
        direction.into(),
        moment(step.began_at).into(),
        ended.map_or_else(|| "-".into(), moment).into(),
        Cell::number(took),
        result,
    ]
}

/// The beginning of an error; the whole of it stands below the table.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().chars().take(80).collect()
}

async fn retry(api: &Api, id: OperationId, no_wait: bool, context: &Context) -> Outcome {
    let path = format!("/operations/{id}");
    let before: Operation = api.post(&format!("{path}/retry"), &Nothing {}).await?;
    let name = before.name.to_string();
    if no_wait {
        if context.json {
            return json(&before);
        }
        line(format!("It is tried again. See: vclouden operation show {id}"));
        return Ok(());
    }
    let progress = context.progress();
    progress.say(&format!("{} of {name} is tried again ...", before.verb));
    let begin = Instant::now();
    let after = loop {
        let now: Operation = api.get(&path, &[]).await?;
        // Stuck until its server tells how it went; then it has ended, or tells of further steps.
        if now.state.is_final() || now.steps != before.steps {
            break now;
        }
        if begin.elapsed() > PATIENCE {
            return Err(Failure::refused(format!(
                "nothing is known of another try of {} of {name} yet. See: vclouden operation show {id}",
                before.verb
            )));
        }
        tokio::time::sleep(PAUSE).await;
    };
    if context.json {
        json(&after)?;
    }
    follow::judge(&after, &name)?;
    if !context.json {
        line(format!("Finished: {} of {name}.", after.verb));
    }
    Ok(())
}
