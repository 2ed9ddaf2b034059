//! `vclouden customer`.

use std::path::PathBuf;

use clap::Subcommand;
use plane::wire::{ChangeCustomer, CreateCustomer, Customer};

use super::download::to_file;
use super::named::Named;
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{bytes, date, now, printable};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};

/// What can be done with customers.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Create a customer
    #[command(after_help = example!("vclouden customer create acme --name \"Acme Ltd\""))]
    Create {
        /// Its short name, for ever: 1 to 30 lower-case letters, digits and hyphens
        customer: Named,
        /// Its name for people [default: the short name]
        #[arg(long)]
        name: Option<String>,
    },
    /// List all customers
    #[command(visible_alias = "ls", after_help = example!("vclouden customer list", "vclouden customer list --search panader"))]
    List {
        /// Only those whose short name or name has this in it
        #[arg(long)]
        search: Option<String>,
    },
    /// Show one customer
    #[command(after_help = example!("vclouden customer show acme"))]
    Show {
        /// Its short name
        customer: Named,
    },
    /// Call a customer otherwise; its short name stays
    #[command(after_help = example!("vclouden customer rename acme \"Acme Ltd\""))]
    Rename {
        /// Its short name
        customer: Named,
        /// Its name for people
        name: String,
    },
    /// Write everything that a customer has to a file, a zip: data, tickets with their files, people, usage
    #[command(after_help = example!("vclouden customer download acme", "vclouden customer download acme -o acme.zip"))]
    Download {
        /// Its short name
        customer: Named,
        /// The file [default: CUSTOMER.zip]
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Delete a customer that has no installations
    #[command(after_help = example!("vclouden customer delete acme"))]
    Delete {
        /// Its short name
        customer: Named,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { customer, name } => {
                let Named { publisher, slug } = customer.clone();
                let body = CreateCustomer { publisher, slug, name };
                let created: Customer = api.post("/customers", &body).await?;
                if context.json {
                    return json(&created);
                }
                line(format!("Created {customer}. Install for it: vclouden install APP --customer {customer}"));
            }
            Noun::List { search } => {
                let query: Vec<_> = search.map(|text| ("q", text)).into_iter().collect();
                let customers: Vec<Customer> = api.list("/customers", &query).await?;
                if context.json {
                    return json_list(&customers);
                }
                let mut table = Table::new(&["CUSTOMER", "NAME", "INSTALLATIONS", "CREATED"]);
                for customer in &customers {
                    table.row([
                        customer.slug.as_str().into(),
                        customer.name.as_str().into(),
                        Cell::number(customer.installations),
                        Cell::time(customer.created_at, now()),
                    ]);
                }
                table.print("No customers yet. Create one: vclouden customer create NAME");
            }
            Noun::Show { customer } => {
                let customer: Customer = api.get(&format!("/customers/{customer}"), &[]).await?;
                if context.json {
                    return json(&customer);
                }
                Facts::new()
                    .fact("Customer", customer.slug.as_str())
                    .fact("Name", customer.name.as_str())
                    .fact("Installations", customer.installations.to_string())
                    .fact("Created", date(customer.created_at))
                    .print();
            }
            Noun::Rename { customer, name } => {
                let body = ChangeCustomer { name: Some(name) };
                let now: Customer = api.post(&format!("/customers/{customer}"), &body).await?;
                if context.json {
                    return json(&now);
                }
                line(format!("Customer {customer} is called {} now.", printable(&now.name)));
            }
            Noun::Download { customer, output } => {
                let output = output.unwrap_or_else(|| PathBuf::from(format!("{}.zip", customer.slug)));
                let size = to_file(&api, &format!("/customers/{customer}/archive"), &[], &output).await?;
                if context.json {
                    return json(&serde_json::json!({ "file": output, "archive_bytes": size }));
                }
                line(format!("Wrote {}, {}.", output.display(), bytes(size)));
            }
            Noun::Delete { customer } => {
                api.delete::<serde_json::Value>(&format!("/customers/{customer}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": customer }));
                }
                line(format!("Deleted customer {customer}."));
            }
        }
        Ok(())
    }
}
