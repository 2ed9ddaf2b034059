//! `vclouden token`.

use clap::Subcommand;
use plane::wire::{CreateToken, NewToken, Token, word};

use super::place::{Place, RoleName};
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{date, now};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Make a token; its text is shown once
    #[command(after_help = example!(
        "vclouden token create pipeline --role developer --publisher acme --scope publish --scope deploy",
        "vclouden token create my-laptop --days 30",
    ))]
    Create {
        /// What it is for
        name: String,
        /// What it may be used for: publish, deploy, operate, support, manage, read [default: everything]
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Days that it serves
        #[arg(long, default_value_t = 365)]
        days: u32,
        /// What it acts as, as nobody in particular [default: as you]
        #[arg(long)]
        role: Option<RoleName>,
        #[command(flatten)]
        place: Place,
    },
    /// List tokens
    #[command(visible_alias = "ls", after_help = example!("vclouden token list"))]
    List,
    /// Delete a token: from now on it lets nobody in
    #[command(after_help = example!("vclouden token delete 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete {
        /// Its id
        token: String,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { name, scopes, days, role, place } => {
                let customer = place.customer.map(|customer| customer.slug);
                let role = role.map(|role| role.0);
                let body = CreateToken { name, scopes, days: Some(days), role, publisher: place.publisher, customer };
                let made: NewToken = api.post("/tokens", &body).await?;
                if context.json {
                    return json(&made);
                }
                line(made.secret);
                if let Some(at) = made.token.expires_at {
                    line(format!("It is shown this once and serves until {}.", date(at)));
                }
            }
            Noun::List => {
                let all: Vec<Token> = api.list("/tokens", &[]).await?;
                if context.json {
                    return json_list(&all);
                }
                print_list(&all);
            }
            Noun::Delete { token } => {
                api.delete::<serde_json::Value>(&format!("/tokens/{token}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": token }));
                }
                line("The token lets nobody in any more.");
            }
        }
        Ok(())
    }
}

fn print_list(all: &[Token]) {
    let mut table = Table::new(&["TOKEN", "NAME", "ACTS AS", "SCOPES", "MADE", "USED"]);
    for one in all {
        let place: Vec<&str> =
            [&one.publisher, &one.customer].into_iter().flatten().map(|slug| slug.as_str()).collect();
        table.row([
            one.id.as_str().into(),
            one.name.as_str().into(),
            format!("{} {}", word(&one.role), place.join(":")).trim().into(),
            one.scopes.join(" ").as_str().into(),
            Cell::time(one.created_at, now()),
            one.used_at.map_or_else(|| Cell::dim("never"), |at| Cell::time(at, now())),
        ]);
    }
    table.print("No tokens yet. Make one: vclouden token create NAME");
}
