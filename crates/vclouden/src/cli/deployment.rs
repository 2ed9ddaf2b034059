//! `vclouden deployment`.

use clap::Subcommand;
use domain::DeploymentId;
use domain::state::DeploymentStepState;
use plane::wire::{Deployment, DeploymentKind, DeploymentStep, Nothing, Page, Undo};

use super::named::Named;
use super::operation::quotes_log;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::human::{self, date, duration, now, printable};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};
use crate::progress::Progress;

/// What can be done with deployments.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List deployments, newest first
    #[command(visible_alias = "ls", after_help = example!("vclouden deployment list --app radicale"))]
    List {
        /// Only of this application
        #[arg(long)]
        app: Option<Named>,
    },
    /// Show a deployment with every installation's part in it
    #[command(after_help = example!("vclouden deployment show radicale"))]
    Show(Which),
    /// Begin no further installation; what is under way ends
    #[command(after_help = example!("vclouden deployment stop radicale"))]
    Stop(Which),
    /// Follow a deployment until it ends
    #[command(after_help = example!("vclouden deployment watch radicale", "vclouden --json deployment watch radicale"))]
    Watch(Which),
}

/// Which deployment.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Its id, or an application for its newest deployment
    #[arg(value_name = "DEPLOYMENT|APP")]
    which: String,
}

impl Which {
    async fn id(&self, api: &Api) -> Outcome<DeploymentId> {
        if let Ok(id) = self.which.parse() {
            return Ok(id);
        }
        let app: Named = self.which.parse().map_err(|_| {
            Failure::usage(format!("\"{}\" is neither a deployment's id nor an application's name", self.which))
        })?;
        let query = [("app", app.to_string()), ("limit", "1".to_owned())];
        let page: Page<Deployment> = api.get("/deployments", &query).await?;
        let newest = page.items.first().map(|deployment| deployment.id);
        newest.ok_or_else(|| Failure::refused(format!("{app} was never deployed. Deploy it: vclouden deploy {app}")))
    }
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List { app } => {
                let query: Vec<_> = app.map(|app| ("app", app.to_string())).into_iter().collect();
                let deployments: Vec<Deployment> = api.list("/deployments", &query).await?;
                if context.json {
                    return json_list(&deployments);
                }
                print_list(&deployments);
            }
            Noun::Show(which) => {
                let path = format!("/deployments/{}", which.id(&api).await?);
                let deployment: Deployment = api.get(&path, &[]).await?;
                if context.json {
                    return json(&deployment);
                }
                print_one(&deployment);
            }
            Noun::Stop(which) => {
                let path = format!("/deployments/{}/stop", which.id(&api).await?);
                let deployment: Deployment = api.post(&path, &Nothing {}).await?;
                if context.json {
                    return json(&deployment);
                }
                line(stopping(&deployment));
            }
            Noun::Watch(which) => {
                let id = which.id(&api).await?;
                let mut progress = Progress::new(context.json, false);
                let ended = follow::deployment(&api, &mut progress, id, context.json).await?;
                follow::judge_deployment(&ended)?;
                if !context.json {
                    line(format!("Deployment {id} is {}.", ended.state));
                }
            }
        }
        Ok(())
    }
}

/// What stopping means for everybody.
fn stopping(deployment: &Deployment) -> String {
    let of = |state: DeploymentStepState| deployment.counts.get(state.as_str()).map_or(0, |count| *count as usize);
    let done = of(DeploymentStepState::Finished);
    let back = match (done, deployment.kind) {
        (1.., DeploymentKind::Deploy) => format!(" (`vclouden rollback {}` takes them back)", deployment.app),
        _ => String::new(),
    };
    format!(
        "Deployment {} is {}. Under way, will end: {}. Not begun, stay as they are: {}. Done, stay so: {done}{back}.",
        deployment.id,
        deployment.state,
        of(DeploymentStepState::Running),
        of(DeploymentStepState::Waiting),
    )
}

/// `deploy version 3` or `rollback`.
fn what(deployment: &Deployment) -> String {
    match (deployment.kind, deployment.version) {
        (DeploymentKind::Deploy, Some(version)) => format!("version {version}"),
        (DeploymentKind::Deploy, None) => "deploy".into(),
        (DeploymentKind::Rollback, _) => "rollback".into(),
    }
}

fn counts(deployment: &Deployment) -> String {
    let text = |(state, count): (&String, &u64)| format!("{count} {state}");
    deployment.counts.iter().filter(|(_, count)| **count > 0).map(text).collect::<Vec<_>>().join(", ")
}

fn print_list(deployments: &[Deployment]) {
    let now = now();
    let mut table = Table::new(&["DEPLOYMENT", "APP", "WHAT", "STATE", "INSTALLATIONS", "BY", "WHEN"]);
    for deployment in deployments {
        table.row([
            deployment.id.to_string().into(),
            deployment.app.as_str().into(),
            what(deployment).into(),
            Cell::state(deployment.state),
            counts(deployment).into(),
            deployment.requested_by.as_str().into(),
            Cell::time(deployment.created_at, now),
        ]);
    }
    table.print("No deployments yet. Deploy an application: vclouden deploy APP");
}

fn print_one(deployment: &Deployment) {
    let mut facts = Facts::new();
    facts.fact("Deployment", deployment.id.to_string());
    facts.fact("App", deployment.app.as_str()).fact("What", what(deployment));
    facts.fact("State", Cell::state(deployment.state)).fact("By", deployment.requested_by.as_str());
    facts.fact("Asked for", date(deployment.created_at)).maybe("Ended", deployment.ended_at.map(date));
    facts.fact("Canary", deployment.canary.to_string());
    facts.fact("Kept for", format!("{} h", deployment.keep_hours));
    facts.maybe("Can be taken back", deployment.undo.map(undo));
    facts.maybe("Error", deployment.error.clone()).print();
    let steps = deployment.installations.as_deref().unwrap_or_default();
    if steps.is_empty() {
        return;
    }
    let mut table = Table::new(&["INSTALLATION", "SERVER", "FROM", "TO", "STATE", "TOOK", "HELD", "LAST STEP"]);
    for step in steps {
        table.row(row(step));
    }
    line("");
    table.print("");
    for step in steps {
        if let Some(error) = &step.error {
            line(format!("\n{}: {}", step.name, printable(error)));
            if let Some(id) = step.operation.filter(|_| quotes_log(Some(error))) {
                line(format!("All that it wrote: vclouden operation logs {id}"));
            }
        }
    }
}

/// How much of it can be taken back, and for how long.
fn undo(undo: Undo) -> String {
    let count = usize::try_from(undo.installations).unwrap_or(usize::MAX);
    let left = undo.until.map(|until| format!(", {} left", duration(until.saturating_sub(now()))));
    format!("{}{}", human::count(count, "installation"), left.unwrap_or_default())
}

fn row(step: &DeploymentStep) -> [Cell; 8] {
    let took = step.began_at.zip(step.ended_at).map(|(begin, end)| duration(end.saturating_sub(begin)));
    let name = if step.canary { format!("{} (canary)", step.name) } else { step.name.to_string() };
    [
        name.into(),
        step.host.clone().unwrap_or_else(|| step.server.to_string()).into(),
        Cell::number(step.from_version),
        Cell::number(step.to_version),
        Cell::state(step.state),
        Cell::number(took.unwrap_or_else(|| "-".into())),
        Cell::number(step.held_ms.map_or_else(|| "-".into(), duration)),
        Cell::dim(step.steps.last().map(|last| last.name.as_str()).unwrap_or("-")),
    ]
}
