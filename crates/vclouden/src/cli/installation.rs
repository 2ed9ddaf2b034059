//! `vclouden installation`.

use std::cmp::Reverse;
use std::io::{BufRead, IsTerminal};

use clap::Subcommand;
use domain::manifest::Limits;
use domain::state::InstallationState;
use domain::{InstallationName, ServerId};
use nimbus_api::{HistoryRange, HistoryReport, LogLine, Phase};
use plane::wire::{Accepted, Installation, Nothing, Opened, word};

use super::install::accepted_only;
use super::named::Named;
use super::{Context, example, exec};
use crate::api::{Api, Lines};
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::human::{self, bytes, date, now, printable, relative};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{Paint, colours, json, json_list, line, ndjson, note};

/// What can be done with installations.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List installations
    #[command(visible_alias = "ls")]
    #[command(after_help = example!(
        "vclouden installation list --app radicale --version 2",
        "vclouden installation list --server 0190f3a2-7c1e-7000-8000-000000000001 --sort disk",
        "vclouden installation list --troubled",
    ))]
    List(Listed),
    /// Show one installation and what its processes do
    #[command(after_help = example!("vclouden installation show acme"))]
    Show(One),
    /// Start a stopped installation
    #[command(after_help = example!("vclouden installation start acme"))]
    Start(Change),
    /// Stop an installation; it stays stopped until it is started
    #[command(after_help = example!("vclouden installation stop acme"))]
    Stop(Change),
    /// Stop and start an installation; requests wait meanwhile
    #[command(after_help = example!("vclouden installation restart acme"))]
    Restart(Change),
    /// Remove an installation with its data, snapshots, backups and logs
    #[command(after_help = example!("vclouden installation remove acme", "vclouden installation remove acme --yes"))]
    Remove {
        #[command(flatten)]
        change: Change,
        /// Do not ask for the name again
        #[arg(long, short)]
        yes: bool,
    },
    /// Show what an installation used over time
    #[command(after_help = example!("vclouden installation history acme --range day"))]
    History {
        #[command(flatten)]
        one: One,
        /// hour by 10 seconds, day by 5 minutes, month by the hour
        #[arg(long, value_parser = range, default_value = "hour")]
        range: HistoryRange,
    },
    /// Show what an installation wrote to standard output and error; of a failed install, too, for 48 hours
    #[command(after_help = example!("vclouden installation logs acme -n 20", "vclouden installation logs acme -f"))]
    Logs {
        #[command(flatten)]
        one: One,
        /// Go on with new lines until Ctrl-C
        #[arg(long, short)]
        follow: bool,
        /// Lines to begin with
        #[arg(long, short = 'n', value_parser = super::whole_number)]
        lines: Option<u32>,
        /// Only those that have this in it, whatever the case; looks through the last 10,000 [lines: 100 otherwise]
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Print the address at which you come into an installation, without a further password where it takes passes
    #[command(after_help = example!("vclouden installation open tareas-sol"))]
    Open(One),
    /// Run a program in an installation's sandbox; ends with its exit status
    #[command(after_help = example!(
        "vclouden installation exec acme -- ls -l /data",
        "vclouden installation exec acme -- sh -c 'cat > /data/note' < note",
        "vclouden installation exec -t acme -- sh",
    ))]
    Exec {
        #[command(flatten)]
        one: One,
        /// Run it in a terminal; whatever was started in it ends when this ends
        #[arg(long, short)]
        terminal: bool,
        /// Program and arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

/// Which installations, in which order.
#[derive(Debug, clap::Args)]
pub struct Listed {
    /// Only of this application
    #[arg(long)]
    app: Option<Named>,
    /// Only of this customer
    #[arg(long, short)]
    customer: Option<Named>,
    /// Only on the server with this id
    #[arg(long)]
    server: Option<ServerId>,
    /// Only in this state: installing, running, stopped, failed or removing
    #[arg(long)]
    state: Option<InstallationState>,
    /// Only those that have this version
    #[arg(long, value_parser = super::version_number)]
    version: Option<u32>,
    /// Only those whose name, application or customer has this in it
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those whose last operation failed, or that need somebody for another reason
    #[arg(long)]
    troubled: bool,
    /// By what: name, or memory or disk in use, the most first
    #[arg(long, default_value = "name", value_parser = ["name", "memory", "disk"])]
    sort: String,
}

impl Listed {
    fn query(&self) -> Vec<(&'static str, String)> {
        let of = |key, value: Option<String>| value.map(|value| (key, value));
        let all = [
            of("app", self.app.as_ref().map(ToString::to_string)),
            of("customer", self.customer.as_ref().map(ToString::to_string)),
            of("server", self.server.map(|id| id.to_string())),
            of("state", self.state.map(|state| state.to_string())),
            of("version", self.version.map(|version| version.to_string())),
            of("q", self.search.clone()),
            of("troubled", self.troubled.then(|| "true".into())),
        ];
        all.into_iter().flatten().collect()
    }
}

fn range(text: &str) -> Result<HistoryRange, String> {
    let all = [HistoryRange::Hour, HistoryRange::Day, HistoryRange::Month];
    all.into_iter().find(|range| range.as_str() == text).ok_or_else(|| "write hour, day or month".into())
}

/// Which installation.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its name or id
    #[arg(value_name = "INSTALLATION")]
    name: InstallationName,
}

/// Which installation to change.
#[derive(Debug, clap::Args)]
pub struct Change {
    #[command(flatten)]
    one: One,
    /// Return as soon as it is accepted
    #[arg(long)]
    no_wait: bool,
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List(listed) => list(&api, &listed, context).await,
            Noun::History { one, range } => history(&api, &one, range, context).await,
            Noun::Show(one) => {
                let installation: Installation = api.get(&format!("/installations/{}", one.name), &[]).await?;
                if context.json {
                    return json(&installation);
                }
                print_one(&installation);
                Ok(())
            }
            Noun::Start(change) => act(&api, change, "start", "Started", context).await,
            Noun::Stop(change) => act(&api, change, "stop", "Stopped", context).await,
            Noun::Restart(change) => act(&api, change, "restart", "Restarted", context).await,
            Noun::Remove { change, yes } => remove(&api, change, yes, context).await,
            Noun::Logs { one, follow, lines, search } => {
                let mut query = vec![("follow", follow.to_string())];
                let lines = lines.or(search.is_none().then_some(100));
                query.extend(lines.map(|lines| ("lines", lines.to_string())));
                query.extend(search.map(|text| ("search", text)));
                print_log(api.lines(&format!("/installations/{}/logs", one.name), &query).await?, context).await
            }
            Noun::Open(one) => {
                let opened: Opened = api.post(&format!("/installations/{}/open", one.name), &Nothing {}).await?;
                if context.json {
                    return json(&opened);
                }
                line(opened.url);
                Ok(())
            }
            Noun::Exec { one, terminal, command } => exec::run(&api, one.name.as_str(), command, terminal).await,
        }
    }
}

async fn list(api: &Api, listed: &Listed, context: &Context) -> Outcome {
    let query = listed.query();
    let mut installations: Vec<Installation> = api.list("/installations", &query).await?;
    match listed.sort.as_str() {
        "memory" => installations.sort_by_key(|one| Reverse(one.memory)),
        "disk" => installations.sort_by_key(|one| Reverse(one.disk)),
        _ => {}
    }
    if context.json {
        return json_list(&installations);
    }
    let now = now();
    let sizes = listed.sort != "name";
    let used = |used: Option<u64>| Cell::number(used.map_or_else(|| "-".into(), bytes));
    let mut table = Table::new(match sizes {
        true => &["INSTALLATION", "APP", "VERSION", "CUSTOMER", "STATE", "MEMORY", "DISK", "URL", "CREATED"],
        false => &["INSTALLATION", "APP", "VERSION", "CUSTOMER", "STATE", "URL", "CREATED"],
    });
    for i in &installations {
        let first = [
            i.name.as_str().into(),
            i.app.as_str().into(),
            Cell::number(i.version),
            i.customer.as_str().into(),
            state(i),
        ];
        let last = [i.url.as_deref().unwrap_or("-").into(), Cell::time(i.created_at, now)];
        let between = [used(i.memory), used(i.disk)].into_iter().filter(|_| sizes);
        table.row(first.into_iter().chain(between).chain(last));
    }
    table.print(match query.is_empty() {
        true => "No installations. Install an application: vclouden install APP --customer CUSTOMER",
        false => "No installation is like that. See all: vclouden installation list",
    });
    Ok(())
}

async fn history(api: &Api, one: &One, range: HistoryRange, context: &Context) -> Outcome {
    let query = [("range", range.as_str().to_owned())];
    let report: HistoryReport = api.get(&format!("/installations/{}/history", one.name), &query).await?;
    if context.json {
        return json(&report);
    }
    let millis = |value: Option<f64>| Cell::number(value.map_or_else(|| "-".into(), |value| format!("{value:.1} ms")));
    let mut table =
        Table::new(&["WHEN", "AWAKE", "MEMORY", "PEAK", "CPU", "DISK", "REQUESTS", "FAILED", "HALF IN", "95 % IN"]);
    for point in &report.points {
        table.row([
            date(point.at).into(),
            Cell::number(human::duration(point.awake_seconds * 1000)),
            Cell::number(bytes(point.memory)),
            Cell::number(bytes(point.memory_peak)),
            Cell::number(human::duration(point.cpu_ms)),
            Cell::number(if point.disk == 0 { "-".into() } else { bytes(point.disk) }),
            Cell::number(point.requests),
            Cell::number(point.classes[4]),
            millis(point.p50_ms),
            millis(point.p95_ms),
        ]);
    }
    table.print("Nothing is known of that time. An installation is looked at every few seconds while it is awake.");
    Ok(())
}

/// What it is for its owner, and what its processes do if that is not what they should.
fn state(i: &Installation) -> Cell {
    match i.phase {
        Some(phase) if i.state == InstallationState::Running && phase != Phase::Healthy => {
            let phase = word(&phase);
            Cell::state_as(&phase, format!("{} ({phase})", i.state))
        }
        _ => Cell::state(i.state),
    }
}

fn print_one(i: &Installation) {
    let now = now();
    let mut facts = Facts::new();
    facts.fact("Installation", i.name.as_str()).fact("Id", i.id.to_string());
    facts.fact("App", format!("{} version {}", i.app, i.version)).fact("Customer", i.customer.as_str());
    facts.fact("State", state(i)).maybe("URL", i.url.clone());
    for port in &i.ports {
        facts.fact(format!("TCP {}", port.name), port.port.to_string());
    }
    facts.fact("Created", date(i.created_at)).fact(
        "Server",
        match &i.host {
            Some(host) => format!("{host} ({})", i.server),
            None => i.server.to_string(),
        },
    );
    facts.maybe("Operation under way", i.operation.map(|id| id.to_string()));
    facts.maybe("Deployment", i.deployment.map(|id| id.to_string()));
    facts.maybe(
        "Rollback",
        i.rollback.map(|target| match target.until {
            Some(until) => format!("to version {}, ends {}", target.version, relative(until, now)),
            None => format!("to version {}", target.version),
        }),
    );
    if let Some(live) = &i.live {
        facts.fact("Processes", Cell::state(word(&live.phase)));
        facts.fact("Since", relative(live.since, now)).fact("Restarts", live.restarts.to_string());
        facts.maybe("Last exit", live.last_exit.clone());
        facts.maybe("Address", live.address.map(|a| a.to_string())).maybe("Process", live.pid.map(|p| p.to_string()));
        let of = |used: u64, limit: fn(&Limits) -> u64| match &i.limits {
            Some(limits) => format!("{} of {}", bytes(used), bytes(limit(limits))),
            None => bytes(used),
        };
        facts.maybe("Memory", live.memory.map(|used| of(used, |limits| limits.memory)));
        facts.maybe("Data", live.disk.map(|used| of(used, |limits| limits.disk)));
        facts.fact("Snapshots", live.snapshots.len().to_string());
    }
    if i.state == InstallationState::Failed {
        facts.fact("Processes", "none: its installation failed and was undone");
    } else {
        facts.maybe("Processes unknown", i.live_error.clone());
    }
    facts.maybe("Last error", i.error.as_deref().map(|e| e.lines().next().unwrap_or_default().to_owned()));
    facts.print();
    let more = i.error.as_deref().and_then(|e| e.split_once('\n')).map(|(_, rest)| rest);
    if let Some(rest) = more {
        line(printable(rest));
    }
}

async fn act(api: &Api, change: Change, verb: &str, done: &str, context: &Context) -> Outcome {
    let name = change.one.name.as_str();
    let accepted: Accepted = api.post(&format!("/installations/{name}/{verb}"), &Nothing {}).await?;
    if change.no_wait {
        return accepted_only(&accepted, context);
    }
    let name = accepted.installation.name.to_string();
    let operation = follow::operation(api, &mut context.progress(), accepted.operation, &name).await?;
    if let Err(failure) = follow::judge(&operation, &name) {
        if context.json {
            json(&operation)?;
        }
        return Err(failure);
    }
    if context.json {
        return json(&api.get::<Installation>(&format!("/installations/{name}"), &[]).await?);
    }
    line(format!("{done} {name} in {}.", follow::took(&operation)));
    Ok(())
}

async fn remove(api: &Api, change: Change, yes: bool, context: &Context) -> Outcome {
    let name = change.one.name.as_str();
    if !yes {
        confirm(name)?;
    }
    let accepted: Option<Accepted> = api.delete(&format!("/installations/{name}")).await?;
    let Some(accepted) = accepted else { return Ok(()) };
    if change.no_wait {
        return accepted_only(&accepted, context);
    }
    let name = accepted.installation.name.to_string();
    let operation = follow::operation(api, &mut context.progress(), accepted.operation, &name).await?;
    if context.json {
        json(&operation)?;
    }
    follow::judge(&operation, &name)?;
    if !context.json {
        line(format!("Removed {name} with its data in {}.", follow::took(&operation)));
    }
    Ok(())
}

/// Asks a person to type the name again.
fn confirm(name: &str) -> Outcome {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("removing {name} deletes its data for ever: say --yes to mean it")));
    }
    note(format!("This deletes {name} with its data, snapshots, backups and logs for ever. Type its name to go on:"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::refused(format!("cannot read the answer: {error}")))?;
    if answer.trim() == name { Ok(()) } else { Err(Failure::refused("that is not its name; nothing was removed")) }
}

/// Prints lines of log as they come.
pub async fn print_log(mut lines: Lines, context: &Context) -> Outcome {
    let terminal = std::io::stdout().is_terminal();
    let colours = colours(&std::io::stdout());
    while let Some(log) = lines.next::<LogLine>().await? {
        if context.json {
            ndjson(&log)?;
            continue;
        }
        let paint = match log.stream.as_str() {
            "err" => Paint::Busy,
            "keeper" => Paint::Bold,
            _ => Paint::Plain,
        };
        let text = if terminal { printable(&log.text) } else { log.text };
        line(format!("{} {} {text}", human::date(log.at), paint.apply(&format!("{:6}", log.stream), colours)));
    }
    Ok(())
}
