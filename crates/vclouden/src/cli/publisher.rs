//! `vclouden publisher`.

use clap::Subcommand;
use domain::Slug;
use plane::wire::{ChangePublisher, ChangeSignIn, CreatePublisher, Publisher, SignIn};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{date, now};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};

/// What can be done with publishers.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Create a publisher
    #[command(after_help = example!("vclouden publisher create acme --name \"Acme Software\""))]
    Create {
        /// Its short name, for ever: 1 to 30 lower-case letters, digits and hyphens
        publisher: Slug,
        /// Its name for people [default: the short name]
        #[arg(long)]
        name: Option<String>,
    },
    /// List all publishers
    #[command(visible_alias = "ls", after_help = example!("vclouden publisher list"))]
    List,
    /// Show one publisher
    #[command(after_help = example!("vclouden publisher show acme"))]
    Show {
        /// Its short name
        publisher: Slug,
    },
    /// Show how a publisher's members come in, or change it
    #[command(after_help = example!(
        "vclouden publisher sign-in acme",
        "vclouden publisher sign-in acme --second-factor required",
    ))]
    SignIn {
        /// Its short name
        publisher: Slug,
        /// Whether members must have a second factor: required or optional
        #[arg(long, value_parser = ["required", "optional"])]
        second_factor: Option<String>,
    },
    /// Change what its owners decide
    #[command(after_help = example!("vclouden publisher set acme --developers-exec allowed"))]
    Set {
        /// Its short name
        publisher: Slug,
        /// Its name for people
        #[arg(long)]
        name: Option<String>,
        /// Whether its developers may run programs in installations: allowed or refused
        #[arg(long, value_parser = ["allowed", "refused"])]
        developers_exec: Option<String>,
    },
    /// Delete a publisher that has no applications and no customers
    #[command(after_help = example!("vclouden publisher delete acme"))]
    Delete {
        /// Its short name
        publisher: Slug,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { publisher, name } => {
                let body = CreatePublisher { slug: publisher.clone(), name };
                let created: Publisher = api.post("/publishers", &body).await?;
                if context.json {
                    return json(&created);
                }
                line(format!("Created {publisher}. Its first application: vclouden app create {publisher}:NAME"));
            }
            Noun::List => {
                let publishers: Vec<Publisher> = api.list("/publishers", &[]).await?;
                if context.json {
                    return json_list(&publishers);
                }
                let mut table = Table::new(&["PUBLISHER", "NAME", "APPS", "CUSTOMERS", "INSTALLATIONS", "CREATED"]);
                for publisher in &publishers {
                    table.row([
                        publisher.slug.as_str().into(),
                        publisher.name.as_str().into(),
                        Cell::number(publisher.apps),
                        Cell::number(publisher.customers),
                        Cell::number(publisher.installations),
                        Cell::time(publisher.created_at, now()),
                    ]);
                }
                table.print("No publishers yet. Create one: vclouden publisher create NAME");
            }
            Noun::Show { publisher } => {
                let publisher: Publisher = api.get(&format!("/publishers/{publisher}"), &[]).await?;
                if context.json {
                    return json(&publisher);
                }
                print(&publisher);
            }
            Noun::Set { publisher, name, developers_exec } => {
                let body = ChangePublisher { name, developers_exec: developers_exec.map(|how| how == "allowed") };
                let publisher: Publisher = api.post(&format!("/publishers/{publisher}"), &body).await?;
                if context.json {
                    return json(&publisher);
                }
                print(&publisher);
            }
            Noun::SignIn { publisher, second_factor } => {
                let path = format!("/publishers/{publisher}/sign-in");
                let all: SignIn = match second_factor {
                    None => api.get(&path, &[]).await?,
                    Some(how) => api.post(&path, &ChangeSignIn { second_factor: Some(how == "required") }).await?,
                };
                if context.json {
                    return json(&all);
                }
                Facts::new().fact("Second factor", if all.second_factor { "required" } else { "optional" }).print();
            }
            Noun::Delete { publisher } => {
                api.delete::<serde_json::Value>(&format!("/publishers/{publisher}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": publisher }));
                }
                line(format!("Deleted publisher {publisher}."));
            }
        }
        Ok(())
    }
}

fn print(publisher: &Publisher) {
    Facts::new()
        .fact("Publisher", publisher.slug.as_str())
        .fact("Name", publisher.name.as_str())
        .fact("Applications", publisher.apps.to_string())
        .fact("Customers", publisher.customers.to_string())
        .fact("Installations", publisher.installations.to_string())
        .fact("Developers inside", if publisher.developers_exec { "allowed" } else { "refused" })
        .fact("Created", date(publisher.created_at))
        .print();
}
