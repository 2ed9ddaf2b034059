//! `vclouden events`.

use std::time::Duration;

use domain::InstallationName;
use plane::wire::{Event, Outcome as Went};

use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output::human::{date, printable};
use crate::output::{Paint, colours, json_list, line, ndjson};

/// What a person need not know of a refusal that says why; `--json` has it.
const DRY: [&str; 3] = ["status", "code", "path"];

/// Most characters of one detail of an event.
const DETAIL: usize = 160;

/// How often it is tried to take up a stream that was cut off, and the pause before each: the control plane may be restarting.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// How many are shown unless somebody says otherwise.
const COUNT: usize = 50;

/// Which events.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden events",
    "vclouden events -n 200 --installation acme",
    "vclouden events -f --app radicale",
    "vclouden --json events -f",
    "vclouden events --by ana@acme.example --what session --result refused --since 2026-11-01",
))]
pub struct Args {
    /// Go on with new events until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Show the last N events [default: 50; with --after all; with --follow none]
    #[arg(long = "number", short = 'n', value_name = "N")]
    count: Option<usize>,
    /// Only events after the one with this sequence number
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Only of this application
    #[arg(long)]
    app: Option<Named>,
    /// Only of this installation
    #[arg(long)]
    installation: Option<InstallationName>,
    /// Only by whom this is part of the name
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only from where this is part of the address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only this verb, such as app.create, or every verb of a noun, such as app
    #[arg(long, value_name = "VERB")]
    what: Option<String>,
    /// Only those that went so: done, accepted, failed, refused
    #[arg(long, value_parser = ["done", "accepted", "failed", "refused"])]
    result: Option<String>,
    /// Only where this is part of a thing's name or id
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only from this time on, such as 2026-11-23 or 2026-11-23T14:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,
}

/// A moment in milliseconds since 1970; a day begins at midnight UTC.
pub fn moment(text: &str) -> Result<u64, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let bad = |_| "write a day such as 2026-11-23, or a time such as 2026-11-23T14:00:00Z".to_owned();
    let at = chrono::DateTime::parse_from_rfc3339(&whole).map_err(bad)?;
    u64::try_from(at.timestamp_millis()).map_err(|_| "that is before 1970".to_owned())
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let mut query = Vec::new();
    query.extend(args.app.map(|app| ("app", app.to_string())));
    query.extend(args.installation.map(|name| ("installation", name.to_string())));
    query.extend(args.by.map(|name| ("actor", name)));
    query.extend(args.address.map(|address| ("address", address)));
    query.extend(args.what.map(|verb| ("verb", verb)));
    query.extend(args.result.map(|word| ("outcome", word)));
    query.extend(args.text.map(|text| ("text", text)));
    query.extend(args.since.map(|at| ("since", at.to_string())));
    query.extend(args.until.map(|at| ("until", at.to_string())));
    if !args.follow {
        let count = args.count.unwrap_or(if args.after.is_some() { usize::MAX } else { COUNT });
        let events = newest(&api, query, args.after, count).await?;
        if context.json {
            return json_list(&events);
        }
        if events.is_empty() {
            line("No events.");
        }
        events.iter().for_each(print);
        return Ok(());
    }
    let mut after = args.after;
    if let Some(count) = args.count.filter(|count| *count > 0) {
        let events = newest(&api, query.clone(), after, count).await?;
        after = events.last().map(|event| event.sequence).or(after);
        events.iter().try_for_each(|event| show(event, context))?;
    }
    query.extend(after.map(|after| ("after", after.to_string())));
    follow(&api, &query, context).await
}

/// Goes on with what happens; a stream that is cut off is taken up where it was.
async fn follow(api: &Api, query: &[(&str, String)], context: &Context) -> Outcome {
    let mut events = api.events("/events", query, None).await?;
    let mut tries = 0;
    loop {
        match events.next::<Event>().await {
            Ok(Some(event)) => {
                show(&event, context)?;
                continue;
            }
            Ok(None) | Err(Failure::Unreachable(_)) => tokio::time::sleep(PAUSE).await,
            Err(failure) => return Err(failure),
        }
        match api.events("/events", query, events.last.as_deref()).await {
            Err(Failure::Unreachable(_)) if tries < TRIES => tries += 1,
            again => (events, tries) = (again?, 0),
        }
    }
}

/// The last `count` events after `after`, the oldest of them first.
async fn newest(api: &Api, mut query: Vec<(&str, String)>, after: Option<u64>, count: usize) -> Outcome<Vec<Event>> {
    query.push(("before", "now".into()));
    query.extend(after.map(|after| ("after", after.to_string())));
    let mut events: Vec<Event> = if count == 0 { Vec::new() } else { api.first("/events", &query, count).await? };
    events.reverse();
    Ok(events)
}

fn show(event: &Event, context: &Context) -> Outcome {
    if context.json {
        return ndjson(event);
    }
    print(event);
    Ok(())
}

fn print(event: &Event) {
    let (word, paint) = match event.outcome {
        Went::Done => ("done", Paint::Good),
        Went::Accepted => ("accepted", Paint::Plain),
        Went::Refused => ("refused", Paint::Busy),
        Went::Failed => ("failed", Paint::Bad),
    };
    let name = match (&event.name, &event.app) {
        (Some(name), _) => name.clone(),
        (None, Some(app)) if event.kind == "deployment" => format!("{} ({app})", event.id),
        (None, _) => event.id.clone(),
    };
    let word = paint.apply(word, colours(&std::io::stdout()));
    let detail = match &event.detail {
        serde_json::Value::Null => String::new(),
        serde_json::Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .filter(|(key, _)| event.outcome != Went::Refused || !DRY.contains(&key.as_str()))
            .map(|(key, value)| format!("  {key}={}", short(value)))
            .collect(),
        other => format!("  {}", short(other)),
    };
    let from = event.address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let text = format!("{:>6}  {}  {}{from}  {}  {name}  ", event.sequence, date(event.at), event.actor, event.verb);
    line(format!("{}{word}{}", printable(&text), printable(&detail)));
}

/// The beginning of a detail, on one line; `--json` has the whole.
fn short(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = text.lines().next().unwrap_or_default();
    let begin: String = line.chars().take(DETAIL).collect();
    if begin.len() < text.len() { format!("{begin} ...") } else { begin }
}
