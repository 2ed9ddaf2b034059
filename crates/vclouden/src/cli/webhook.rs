//! `vclouden webhook`.

use clap::Subcommand;
use domain::Slug;
use plane::wire::{ChangeWebhook, CreateWebhook, Delivery, NewWebhook, Nothing, Webhook};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{now, printable};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Have events sent somewhere; what signs them is shown once
    #[command(after_help = example!(
        "vclouden webhook create https://hooks.example.com/vclouden --event installation.crashed",
        "vclouden webhook create https://hooks.example.com/all",
    ))]
    Create {
        /// Where to: https
        url: String,
        /// Which events [default: all]
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Whose it is [default: your own publisher]
        #[arg(long)]
        publisher: Option<Slug>,
    },
    /// List webhooks
    #[command(visible_alias = "ls", after_help = example!("vclouden webhook list"))]
    List,
    /// Show one webhook
    #[command(after_help = example!("vclouden webhook show 0190f3a2-7c1e-7000-8000-000000000001"))]
    Show(One),
    /// Change where to, or of what; stop sending, or begin again
    #[command(after_help = example!(
        "vclouden webhook change 0190f3a2-7c1e-7000-8000-000000000001 --enable",
        "vclouden webhook change 0190f3a2-7c1e-7000-8000-000000000001 --event version.publish",
    ))]
    Change {
        /// Its id
        webhook: String,
        /// Where to: https
        #[arg(long)]
        url: Option<String>,
        /// Which events, in place of those of before
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Every event
        #[arg(long, conflicts_with = "events")]
        all_events: bool,
        /// Begin again, with what happens from now on
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Send nothing any more
        #[arg(long)]
        disable: bool,
    },
    /// Send it something that says nothing
    #[command(after_help = example!("vclouden webhook test 0190f3a2-7c1e-7000-8000-000000000001"))]
    Test(One),
    /// What it was sent, newest first; with a delivery's id that one in whole
    #[command(after_help = example!(
        "vclouden webhook deliveries 0190f3a2-7c1e-7000-8000-000000000001",
        "vclouden webhook deliveries 0190f3a2-7c1e-7000-8000-000000000001 -n 200",
    ))]
    Deliveries {
        /// Its id
        webhook: String,
        /// One delivery's id
        delivery: Option<String>,
        /// How many
        #[arg(short = 'n', long, default_value_t = 50)]
        count: u32,
    },
    /// Send something once more
    #[command(after_help = example!(
        "vclouden webhook resend 0190f3a2-7c1e-7000-8000-000000000001 0190f3a2-7c1e-7000-8000-000000000002",
    ))]
    Resend {
        /// The webhook's id
        webhook: String,
        /// The delivery's id
        delivery: String,
    },
    /// Delete a webhook with its deliveries
    #[command(after_help = example!("vclouden webhook delete 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete(One),
}

/// Which webhook.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its id
    webhook: String,
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { url, events, publisher } => {
                let made: NewWebhook = api.post("/webhooks", &CreateWebhook { publisher, url, events }).await?;
                if context.json {
                    return json(&made);
                }
                line(made.secret);
                line(format!("It signs what webhook {} is sent, and is shown this once.", made.webhook.id));
            }
            Noun::List => {
                let all: Vec<Webhook> = api.list("/webhooks", &[]).await?;
                if context.json {
                    return json_list(&all);
                }
                print_list(&all);
            }
            Noun::Show(One { webhook }) => {
                show(context, &api.get(&format!("/webhooks/{webhook}"), &[]).await?)?;
            }
            Noun::Change { webhook, url, events, all_events, enable, disable } => {
                let events = (all_events || !events.is_empty()).then_some(events);
                let enabled = (enable || disable).then_some(enable);
                let wanted = ChangeWebhook { url, events, enabled };
                show(context, &api.post(&format!("/webhooks/{webhook}"), &wanted).await?)?;
            }
            Noun::Test(One { webhook }) => {
                let sent: Delivery = api.post(&format!("/webhooks/{webhook}/test"), &Nothing {}).await?;
                return sending(context, &sent);
            }
            Noun::Resend { webhook, delivery } => {
                let path = format!("/webhooks/{webhook}/deliveries/{delivery}/resend");
                let sent: Delivery = api.post(&path, &Nothing {}).await?;
                return sending(context, &sent);
            }
            Noun::Deliveries { webhook, delivery: Some(delivery), .. } => {
                let one: Delivery = api.get(&format!("/webhooks/{webhook}/deliveries/{delivery}"), &[]).await?;
                // It is for programs to read anyway.
                return json(&one);
            }
            Noun::Deliveries { webhook, delivery: None, count } => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let all: Vec<Delivery> = api.first(&format!("/webhooks/{webhook}/deliveries"), &[], count).await?;
                if context.json {
                    return json_list(&all);
                }
                print_deliveries(&all);
            }
            Noun::Delete(One { webhook }) => {
                api.delete::<serde_json::Value>(&format!("/webhooks/{webhook}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": webhook }));
                }
                line("Nothing is sent there any more.");
            }
        }
        Ok(())
    }
}

fn show(context: &Context, webhook: &Webhook) -> Outcome {
    if context.json {
        return json(webhook);
    }
    let mut facts = Facts::new();
    facts.fact("Webhook", webhook.id.to_string());
    facts.fact("Publisher", webhook.publisher.to_string());
    facts.fact("Sent to", printable(&webhook.url));
    facts.fact("Events", chosen(webhook));
    facts.fact("State", state(webhook));
    facts.print();
    Ok(())
}

fn chosen(webhook: &Webhook) -> String {
    if webhook.events.is_empty() { "all".into() } else { webhook.events.join(", ") }
}

fn state(webhook: &Webhook) -> String {
    match (&webhook.disabled_because, webhook.failing_since) {
        (Some(why), _) => format!("disabled: {}", printable(why)),
        (None, Some(_)) => "failing".into(),
        (None, None) => "working".into(),
    }
}

fn sending(context: &Context, sent: &Delivery) -> Outcome {
    if context.json {
        return json(sent);
    }
    line(format!("It is being sent. Look how it went: vclouden webhook deliveries {}", sent.webhook));
    Ok(())
}

fn print_list(all: &[Webhook]) {
    let mut table = Table::new(&["WEBHOOK", "PUBLISHER", "SENT TO", "EVENTS", "STATE"]);
    for one in all {
        table.row([
            one.id.to_string().into(),
            one.publisher.as_str().into(),
            printable(&one.url).into(),
            chosen(one).into(),
            state(one).into(),
        ]);
    }
    table.print("No webhooks yet. Make one: vclouden webhook create https://...");
}

fn print_deliveries(all: &[Delivery]) {
    let mut table = Table::new(&["DELIVERY", "EVENT", "MADE", "ATTEMPTS", "ANSWER", "STATE"]);
    for one in all {
        let state = match (one.delivered_at, one.next_at) {
            (Some(_), _) => "delivered".to_owned(),
            (None, Some(_)) if one.attempts == 0 => "waiting".into(),
            (None, Some(_)) => format!("tried again: {}", printable(one.error.as_deref().unwrap_or("under way"))),
            (None, None) => format!("given up: {}", printable(one.error.as_deref().unwrap_or("not tried"))),
        };
        table.row([
            one.id.to_string().into(),
            one.event.as_str().into(),
            Cell::time(one.created_at, now()),
            one.attempts.to_string().into(),
            one.status.map_or_else(|| Cell::dim("none"), |status| status.to_string().into()),
            state.into(),
        ]);
    }
    table.print("Nothing was sent yet. Try it: vclouden webhook test WEBHOOK");
}
