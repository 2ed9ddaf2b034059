//! `vclouden events`.

use domain::{InstallationName, Slug};
use plane::wire::{Event, Outcome as Went};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{date, printable};
use crate::output::{Paint, colours, json_list, line, ndjson};

/// Which events.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden events", "vclouden events -f --app radicale", "vclouden --json events -f"))]
pub struct Args {
    /// Go on with new events until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only events after the one with this sequence number
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Only of this application
    #[arg(long)]
    app: Option<Slug>,
    /// Only of this installation
    #[arg(long)]
    installation: Option<InstallationName>,
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let mut query = Vec::new();
    query.extend(args.after.map(|after| ("after", after.to_string())));
    query.extend(args.app.map(|app| ("app", app.to_string())));
    query.extend(args.installation.map(|name| ("installation", name.to_string())));
    if !args.follow {
        let events: Vec<Event> = api.list("/events", &query).await?;
        if context.json {
            return json_list(&events);
        }
        events.iter().for_each(print);
        return Ok(());
    }
    query.push(("follow", "true".into()));
    let mut lines = api.lines("/events", &query).await?;
    while let Some(event) = lines.next::<Event>().await? {
        if context.json {
            ndjson(&event)?;
        } else {
            print(&event);
        }
    }
    Ok(())
}

fn print(event: &Event) {
    let (word, paint) = match event.outcome {
        Went::Done => ("done", Paint::Good),
        Went::Accepted => ("accepted", Paint::Plain),
        Went::Refused => ("refused", Paint::Busy),
        Went::Failed => ("failed", Paint::Bad),
    };
    let name = event.name.as_deref().unwrap_or(&event.id);
    let word = paint.apply(word, colours(&std::io::stdout()));
    let detail = match &event.detail {
        serde_json::Value::Null => String::new(),
        serde_json::Value::Object(map) => {
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("  {key}={}", text(value)))
                .collect()
        }
        other => format!("  {other}"),
    };
    let text = format!("{:>6}  {}  {}  {}  {name}  ", event.sequence, date(event.at), event.actor, event.verb);
    line(format!("{}{word}{}", printable(&text), printable(&detail.replace('\n', " | "))));
}
