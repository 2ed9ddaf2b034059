//! `vclouden announcement`.

use clap::Subcommand;
use nimbus_api::Millis;
use plane::wire::{Announcement, Audience, CreateAnnouncement, CurrentAnnouncement, Level, word};

use super::events::moment;
use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::output::human::{now, printable};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with announcements.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List them, those to come too
    #[command(visible_alias = "ls", after_help = example!("vclouden announcement list"))]
    List,
    /// List what the platform tells you now
    #[command(after_help = example!("vclouden announcement current"))]
    Current,
    /// Tell everybody something on every page until they dismiss it
    #[command(after_help = example!(
        "vclouden announcement create --en \"Restart at 18:00 UTC\" --es \"Reinicio a las 18:00 UTC\" --hours 8",
        "vclouden announcement create --en \"Restart\" --from 2026-11-30T18:00:00Z --hours 2",
        "vclouden announcement create --level bad --to console --en \"The disk is being replaced\"",
    ))]
    Create {
        /// What it says in English [default: the Spanish text]
        #[arg(long)]
        en: Option<String>,
        /// What it says in Spanish [default: the English text]
        #[arg(long)]
        es: Option<String>,
        /// How it looks: info, warn or bad
        #[arg(long, default_value = "info", value_parser = ["info", "warn", "bad"])]
        level: String,
        /// Who is shown it: everybody, console or portals
        #[arg(long, default_value = "everybody", value_parser = ["everybody", "console", "portals"])]
        to: String,
        /// From when on, such as 2026-11-23 or 2026-11-23T14:00:00Z [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<Millis>,
        /// Hours after its begin when it is over [default: when it is deleted]
        #[arg(long)]
        hours: Option<u64>,
    },
    /// Delete one
    #[command(after_help = example!("vclouden announcement delete 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete {
        /// Its id
        announcement: String,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List => {
                let all: Vec<Announcement> = api.list("/announcements", &[]).await?;
                if context.json {
                    return json_list(&all);
                }
                let mut table = Table::new(&["ANNOUNCEMENT", "LEVEL", "TO", "FROM", "UNTIL", "TEXT"]);
                for one in &all {
                    table.row([
                        one.id.as_str().into(),
                        word(&one.level).into(),
                        word(&one.audience).into(),
                        Cell::time(one.from, now()),
                        one.until.map_or_else(|| "-".into(), |until| Cell::time(until, now())),
                        printable(&one.en).into(),
                    ]);
                }
                table.print("Nothing is announced.");
            }
            Noun::Current => {
                let all: Vec<CurrentAnnouncement> = api.list("/announcements/current", &[]).await?;
                if context.json {
                    return json_list(&all);
                }
                let mut table = Table::new(&["LEVEL", "UNTIL", "TEXT"]);
                for one in &all {
                    table.row([
                        word(&one.level).into(),
                        one.until.map_or_else(|| "-".into(), |until| Cell::time(until, now())),
                        printable(&one.en).into(),
                    ]);
                }
                table.print("Nothing is announced.");
            }
            Noun::Create { en, es, level, to, from, hours } => {
                let until = hours.map(|hours| from.unwrap_or_else(now).saturating_add(hours.saturating_mul(3_600_000)));
                let wanted = CreateAnnouncement { from, ..body(en, es, &level, &to, until)? };
                let made: Announcement = api.post("/announcements", &wanted).await?;
                if context.json {
                    return json(&made);
                }
                line(format!("Announced. To end it: vclouden announcement delete {}", made.id));
            }
            Noun::Delete { announcement } => {
                api.delete::<serde_json::Value>(&format!("/announcements/{announcement}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": announcement }));
                }
                line("It is not shown any more.");
            }
        }
        Ok(())
    }
}

fn body(
    en: Option<String>,
    es: Option<String>,
    level: &str,
    to: &str,
    until: Option<Millis>,
) -> Outcome<CreateAnnouncement> {
    let wrong = |error: serde_json::Error| Failure::usage(error.to_string());
    let level: Level = serde_json::from_value(level.into()).map_err(wrong)?;
    let audience: Audience = serde_json::from_value(to.into()).map_err(wrong)?;
    Ok(CreateAnnouncement { level, audience, en, es, from: None, until })
}
