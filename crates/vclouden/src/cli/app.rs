//! `vclouden app`.

use clap::Subcommand;
use plane::wire::{App, CreateApp};

use super::named::Named;
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{date, now};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};

/// What can be done with applications.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Create an application; its versions are published afterwards
    #[command(after_help = example!("vclouden app create radicale --name \"Radicale calendar\""))]
    Create {
        /// Its short name, for ever: 1 to 30 lower-case letters, digits and hyphens
        app: Named,
        /// Its name for people [default: the short name]
        #[arg(long)]
        name: Option<String>,
    },
    /// List all applications
    #[command(visible_alias = "ls", after_help = example!("vclouden app list", "vclouden --json app list"))]
    List,
    /// Show one application
    #[command(after_help = example!("vclouden app show radicale"))]
    Show {
        /// Its short name
        app: Named,
    },
    /// Delete an application that has no installations, with all its versions
    #[command(after_help = example!("vclouden app delete radicale"))]
    Delete {
        /// Its short name
        app: Named,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { app, name } => {
                let Named { publisher, slug } = app.clone();
                let body = CreateApp { publisher, slug, name };
                let created: App = api.post("/apps", &body).await?;
                if context.json {
                    return json(&created);
                }
                line(format!("Created {app}. Publish its first version: vclouden version publish DIR"));
            }
            Noun::List => {
                let apps: Vec<App> = api.list("/apps", &[]).await?;
                if context.json {
                    return json_list(&apps);
                }
                print_list(&apps);
            }
            Noun::Show { app } => {
                let app: App = api.get(&format!("/apps/{app}"), &[]).await?;
                if context.json {
                    return json(&app);
                }
                print_one(&app);
            }
            Noun::Delete { app } => {
                api.delete::<serde_json::Value>(&format!("/apps/{app}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": app }));
                }
                line(format!("Deleted {app}."));
            }
        }
        Ok(())
    }
}

fn print_list(apps: &[App]) {
    let now = now();
    let mut table = Table::new(&["APP", "NAME", "NEWEST", "VERSIONS", "INSTALLATIONS", "CREATED"]);
    for app in apps {
        table.row([
            app.slug.as_str().into(),
            app.name.as_str().into(),
            Cell::number(app.newest_version.map_or("-".into(), |n| n.to_string())),
            Cell::number(app.versions),
            Cell::number(app.installations),
            Cell::time(app.created_at, now),
        ]);
    }
    table.print("No applications yet. Create one: vclouden app create NAME");
}

fn print_one(app: &App) {
    Facts::new()
        .fact("App", app.slug.as_str())
        .fact("Name", app.name.as_str())
        .fact("Newest version", app.newest_version.map_or("none yet".into(), |n| n.to_string()))
        .fact("Versions", app.versions.to_string())
        .fact("Installations", app.installations.to_string())
        .fact("Created", date(app.created_at))
        .print();
}
