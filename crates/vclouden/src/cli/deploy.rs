//! `vclouden deploy`.

use domain::state::DeploymentState;
use plane::wire::{CreateDeployment, Deployment, DeploymentPlan, Installation};

use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::Outcome;
use crate::follow;
use crate::output::human::{count, duration};
use crate::output::table::{Cell, Table};
use crate::output::{json, line};
use crate::progress::Progress;

/// What to deploy, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden deploy radicale --dry-run",
    "vclouden deploy radicale --version 3 --canary 2 --watch",
))]
pub struct Args {
    /// The application
    app: Named,
    /// Number of the version [default: the newest, withdrawn or not]
    #[arg(long, value_parser = super::version_number)]
    version: Option<u32>,
    /// Installations to switch before all others; 0 for none [default: 1]
    #[arg(long, value_parser = super::whole_number)]
    canary: Option<u32>,
    /// Hours during which code and data can be put back, 1 to 720 [default: 48]
    #[arg(long, value_parser = super::keep_hours)]
    keep_hours: Option<u32>,
    /// Only show which installations it would change now, by server
    #[arg(long, conflicts_with_all = ["canary", "keep_hours", "watch", "no_wait"])]
    dry_run: bool,
    #[command(flatten)]
    wait: Wait,
}

/// How to wait for a deployment.
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// Show every step as a line, also on a terminal; with --json every event as it comes
    #[arg(long)]
    watch: bool,
    /// Return as soon as it is accepted
    #[arg(long, conflicts_with = "watch")]
    no_wait: bool,
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    if args.dry_run {
        return dry_run(&api, &args, context).await;
    }
    let body = CreateDeployment { version: args.version, canary: args.canary, keep_hours: args.keep_hours };
    let deployment: Deployment = api.post(&format!("/apps/{}/deployments", args.app), &body).await?;
    follow_to_end(&api, deployment, &args.wait, context).await
}

/// What it would change.
async fn dry_run(api: &Api, args: &Args, context: &Context) -> Outcome {
    let query: Vec<_> = args.version.map(|version| ("version", version.to_string())).into_iter().collect();
    let plan: DeploymentPlan = api.get(&format!("/apps/{}/plan", args.app), &query).await?;
    if context.json {
        return json(&plan);
    }
    let mut table = Table::new(&["SERVER", "HOST", "INSTALLATIONS", "VERSIONS NOW"]);
    for one in &plan.servers {
        let from = one.from.iter().map(|from| format!("{} × {}", from.version, from.installations));
        table.row([
            one.server.to_string().into(),
            one.host.as_deref().unwrap_or("-").into(),
            Cell::number(one.installations),
            from.collect::<Vec<_>>().join(", ").into(),
        ]);
    }
    table.print(&format!("Version {} of {} would change nothing.", plan.version, plan.app));
    if plan.installations > 0 {
        let changed = count(usize::try_from(plan.installations).unwrap_or(usize::MAX), "installation");
        line(format!("\nVersion {} of {} would change {changed}. Nothing was done.", plan.version, plan.app));
    }
    Ok(())
}

/// Waits for a deployment that was just accepted, as `wait` says.
pub async fn follow_to_end(api: &Api, deployment: Deployment, wait: &Wait, context: &Context) -> Outcome {
    let nothing_to_do = deployment.state == DeploymentState::Finished && deployment.counts.is_empty();
    if nothing_to_do {
        // It was not recorded: there is nothing to follow.
        if context.json {
            return json(&deployment);
        }
        line(nothing(api, &deployment).await?);
        return Ok(());
    }
    if wait.no_wait {
        if context.json {
            return json(&deployment);
        }
        line(format!("Deployment {} is under way. Follow it: vclouden deployment watch {0}", deployment.id));
        return Ok(());
    }
    let mut progress = Progress::new(context.json, wait.watch);
    let events = context.json && wait.watch;
    let ended = follow::deployment(api, &mut progress, deployment.id, events).await?;
    if context.json && !wait.watch {
        json(&ended)?;
    }
    follow::judge_deployment(&ended)?;
    if !context.json {
        line(summary(&ended));
    }
    Ok(())
}

/// Why a deployment had nothing to do.
async fn nothing(api: &Api, deployment: &Deployment) -> Outcome<String> {
    let (app, version) = (&deployment.app, deployment.version.unwrap_or_default());
    let all: Vec<Installation> = api.list("/installations", &[("app", app.to_string())]).await?;
    let running = all.iter().filter(|installation| installation.version == version).count();
    let others = all.len() - running;
    let rest = if others == 0 { String::new() } else { format!(" ({others} failed or being removed)") };
    Ok(match (all.len(), running) {
        (0, _) => format!(
            "Nothing to do: {app} has no installations yet. Install it: vclouden install {app} --customer CUSTOMER"
        ),
        (_, 0) => format!("Nothing to do: no installation of {app} can be brought to version {version}{rest}."),
        _ => format!("Nothing to do: {} of {app} has version {version} already{rest}.", every(running)),
    })
}

fn every(count: usize) -> String {
    if count == 1 { "the only installation".into() } else { format!("each of the {count} installations") }
}

fn summary(deployment: &Deployment) -> String {
    let finished = deployment.counts.get("finished").copied().unwrap_or(0) as usize;
    let took = duration(deployment.ended_at.unwrap_or(deployment.created_at).saturating_sub(deployment.created_at));
    let app = &deployment.app;
    match deployment.version {
        // Whoever was to be changed was removed, or got the version otherwise, before its turn.
        _ if finished == 0 => format!("Nothing was changed: no installation of {app} needed it any more."),
        Some(version) => format!(
            "Deployed {app} version {version} to {} in {took}.\nUndo it within {} h: vclouden rollback {app}",
            count(finished, "installation"),
            deployment.keep_hours
        ),
        None => format!("Rolled back {} of {app}, code and data, in {took}.", count(finished, "installation")),
    }
}
