//! `vclouden publisher`.

use clap::Subcommand;
use domain::Slug;
use plane::wire::{
    ChangePublisher, ChangeSignIn, ChangeSingleSignOn, CreatePublisher, Publisher, PublisherLimits, SignIn, word,
};

use super::place::RoleName;
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{bytes, date, now};
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
    #[command(visible_alias = "ls", after_help = example!("vclouden publisher list", "vclouden publisher list --search soft"))]
    List {
        /// Only those whose short name or name has this in it
        #[arg(long)]
        search: Option<String>,
    },
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
    /// Let members come in by a provider of OpenID Connect; its secret is read from VCLOUDEN_CLIENT_SECRET
    #[command(after_help = example!(
        "vclouden publisher sign-on acme https://id.acme.example --client vclouden --domain acme.example",
        "vclouden publisher sign-on acme none",
    ))]
    SignOn {
        /// The publisher's short name
        publisher: Slug,
        /// What the provider calls itself, its issuer; none to have none any more
        issuer: String,
        /// What the provider calls us
        #[arg(long, default_value = "")]
        client: String,
        /// Of the mail addresses of those who come in by it; may be repeated
        #[arg(long = "domain", value_name = "DOMAIN")]
        domains: Vec<String>,
        /// What newcomers become: developer, support, billing [default: only who is invited comes in]
        #[arg(long)]
        role: Option<RoleName>,
    },
    /// Decide what a publisher may have in all; what is not given has no limit
    #[command(after_help = example!(
        "vclouden publisher limit acme --installations 20 --memory 8192 --disk 102400",
        "vclouden publisher limit acme",
    ))]
    Limit {
        /// Its short name
        publisher: Slug,
        /// Installations
        #[arg(long)]
        installations: Option<u64>,
        /// MiB of memory promised to them
        #[arg(long, value_name = "MIB")]
        memory: Option<u64>,
        /// MiB of disk promised to them
        #[arg(long, value_name = "MIB")]
        disk: Option<u64>,
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
            Noun::List { search } => {
                let query: Vec<_> = search.map(|text| ("q", text)).into_iter().collect();
                let publishers: Vec<Publisher> = api.list("/publishers", &query).await?;
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
            Noun::Limit { publisher, installations, memory, disk } => {
                let bytes = |mib: Option<u64>| mib.map(|mib| mib.saturating_mul(1 << 20));
                let body = PublisherLimits { installations, memory: bytes(memory), disk: bytes(disk) };
                let publisher: Publisher = api.post(&format!("/publishers/{publisher}/limits"), &body).await?;
                if context.json {
                    return json(&publisher);
                }
                print(&publisher);
            }
            Noun::SignIn { publisher, second_factor } => {
                let path = format!("/publishers/{publisher}/sign-in");
                let all: SignIn = match second_factor {
                    None => api.get(&path, &[]).await?,
                    Some(how) => {
                        let wanted = ChangeSignIn { second_factor: Some(how == "required"), single_sign_on: None };
                        api.post(&path, &wanted).await?
                    }
                };
                if context.json {
                    return json(&all);
                }
                print_sign_in(&all);
            }
            Noun::SignOn { publisher, issuer, client, domains, role } => {
                let issuer = if issuer == "none" { String::new() } else { issuer };
                let secret = std::env::var("VCLOUDEN_CLIENT_SECRET").ok().filter(|text| !text.is_empty());
                let role = role.map(|role| role.0);
                let wanted = ChangeSingleSignOn { issuer, client, secret, domains, role };
                let body = ChangeSignIn { second_factor: None, single_sign_on: Some(wanted) };
                let all: SignIn = api.post(&format!("/publishers/{publisher}/sign-in"), &body).await?;
                if context.json {
                    return json(&all);
                }
                print_sign_in(&all);
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
    let of = |taken: String, limit: Option<String>| match limit {
        Some(limit) => format!("{taken} of {limit}"),
        None => taken,
    };
    let limits = &publisher.limits;
    Facts::new()
        .fact("Publisher", publisher.slug.as_str())
        .fact("Name", publisher.name.as_str())
        .fact("Applications", publisher.apps.to_string())
        .fact("Customers", publisher.customers.to_string())
        .fact("Installations", of(publisher.installations.to_string(), limits.installations.map(|n| n.to_string())))
        .fact("Memory promised", of(bytes(publisher.memory), limits.memory.map(bytes)))
        .fact("Disk promised", of(bytes(publisher.disk), limits.disk.map(bytes)))
        .fact("Developers inside", if publisher.developers_exec { "allowed" } else { "refused" })
        .fact("Created", date(publisher.created_at))
        .print();
}

fn print_sign_in(all: &SignIn) {
    let mut facts = Facts::new();
    facts.fact("Second factor", if all.second_factor { "required" } else { "optional" });
    match &all.single_sign_on {
        None => facts.fact("Single sign-on", "none").print(),
        Some(one) => facts
            .fact("Single sign-on", one.issuer.as_str())
            .fact("Client", one.client.as_str())
            .fact("Callback", one.callback.as_str())
            .fact("Domains", one.domains.join(", "))
            .fact("Newcomers", one.role.map_or_else(|| "only who is invited".to_owned(), |role| word(&role)))
            .print(),
    }
}
