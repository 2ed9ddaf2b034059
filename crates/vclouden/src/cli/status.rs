//! `vclouden status`.

use std::collections::BTreeMap;

use plane::wire::{Need, Status};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{count, now, relative};
use crate::output::table::{Cell, Facts};
use crate::output::{json, line};

/// Nothing to say.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden status", "vclouden --json status"))]
pub struct Args {}

/// Does it.
pub async fn run(Args {}: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let status: Status = api.get("/status", &[]).await?;
    if context.json {
        return json(&status);
    }
    let mut facts = Facts::new();
    let started = relative(status.started_at, now());
    facts.fact("Control plane", format!("{}, version {}, started {started}", api.base(), status.version));
    for server in &status.servers {
        let host = server.host.as_deref().unwrap_or("not seen yet");
        let edge = if server.edge { "edge connected" } else { "edge NOT connected" };
        let text = match (&server.error, &server.nimbus_version) {
            (Some(error), _) => format!("{host}: does not answer: {error}"),
            (None, version) => format!("{host}, version {}, {edge}", version.as_deref().unwrap_or("?")),
        };
        facts.fact("Server", text);
        for warning in &server.warnings {
            facts.fact("Warning", Cell::state_as("failed", warning.message.as_str()));
        }
    }
    facts.fact("Apps", status.apps.to_string()).fact("Customers", status.customers.to_string());
    facts.fact("Installations", installations(&status)).fact("Processes", counts(&status.phases));
    facts.fact("Deployments under way", status.deployments.to_string());
    facts.fact("Operations under way", status.operations.to_string());
    if status.stuck > 0 {
        let what = count(status.stuck as usize, "operation");
        facts.fact("Stuck", Cell::state_as("stuck", what));
    }
    for one in &status.attention {
        let what = match one.need {
            Need::Crashing => "ends again and again, or fails its health check",
            Need::BackupLate => "has no new backup of the last seven days",
            Need::DiskNearlyFull => "nearly fills its disk",
        };
        facts.fact("Needs you", Cell::state_as("failed", format!("{} {what}", one.installation)));
    }
    facts.print();
    if status.stuck > 0 {
        line("\nWhat is stuck needs a person: vclouden operation list --stuck");
    }
    Ok(())
}

/// By state, and how many of those that are to run do not as they should.
fn installations(status: &Status) -> Cell {
    let all = counts(&status.installations);
    let not_well: BTreeMap<String, u64> = status
        .phases
        .iter()
        .filter(|(phase, _)| !matches!(phase.as_str(), "healthy" | "stopped"))
        .map(|(phase, count)| (phase.clone(), *count))
        .collect();
    if not_well.values().all(|count| *count == 0) {
        return all.into();
    }
    let worst = ["failed", "unhealthy", "restarting"].into_iter().find(|phase| not_well.contains_key(*phase));
    Cell::state_as(worst.unwrap_or("starting"), format!("{all} ({} of them)", counts(&not_well)))
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let text: Vec<String> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(state, count)| format!("{count} {state}")).collect();
    if text.is_empty() { "none".into() } else { text.join(", ") }
}
