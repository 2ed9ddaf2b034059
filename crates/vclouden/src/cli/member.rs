//! `vclouden member`.

use clap::Subcommand;
use plane::wire::{ChangeRole, Member, word};

use super::place::{Place, RoleName};
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::now;
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List who is what at a publisher or for a customer
    #[command(visible_alias = "ls", after_help = example!(
        "vclouden member list --publisher acme",
        "vclouden member list --customer sol",
    ))]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make somebody something else
    #[command(after_help = example!("vclouden member role ana@acme.example owner --publisher acme"))]
    Role {
        /// Their mail address or id
        member: String,
        /// What they are to be
        role: RoleName,
        #[command(flatten)]
        place: Place,
    },
    /// Forget the second factor of somebody who lost theirs, for operators; they are logged out
    #[command(after_help = example!("vclouden member reset-second-factor ana@acme.example --publisher acme"))]
    ResetSecondFactor {
        /// Their mail address or id
        member: String,
        #[command(flatten)]
        place: Place,
    },
    /// Take somebody's place away, with the tokens they made there
    #[command(after_help = example!("vclouden member remove ana@acme.example --publisher acme"))]
    Remove {
        /// Their mail address or id
        member: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List { place } => {
                let all: Vec<Member> = api.list("/members", &place.query()).await?;
                if context.json {
                    return json_list(&all);
                }
                let mut table = Table::new(&["MAIL", "NAME", "ROLE", "SECOND FACTOR", "SINCE"]);
                for one in &all {
                    table.row([
                        one.mail.as_str().into(),
                        one.name.as_str().into(),
                        word(&one.role).into(),
                        match one.second_factor {
                            Some(true) => "yes".into(),
                            Some(false) => Cell::dim("no"),
                            None => Cell::dim("-"),
                        },
                        Cell::time(one.since, now()),
                    ]);
                }
                table.print("Nobody there. Invite somebody: vclouden invitation create MAIL --role ROLE");
            }
            Noun::Role { member, role, place } => {
                let role = role.0;
                let changed: Member = api.post(&path(&member, "", &place), &ChangeRole { role }).await?;
                if context.json {
                    return json(&changed);
                }
                line(format!("{member} is {} now.", word(&role)));
            }
            Noun::ResetSecondFactor { member, place } => {
                api.delete::<serde_json::Value>(&path(&member, "/second-factor", &place)).await?;
                if context.json {
                    return json(&serde_json::json!({ "reset": member }));
                }
                line(format!("{member} is logged out and comes in with the password alone."));
            }
            Noun::Remove { member, place } => {
                api.delete::<serde_json::Value>(&path(&member, "", &place)).await?;
                if context.json {
                    return json(&serde_json::json!({ "removed": member }));
                }
                line(format!("{member} has no place there any more."));
            }
        }
        Ok(())
    }
}

/// Short names, ids and addresses need no escapes; what is in an address that does is no address.
fn path(member: &str, what: &str, place: &Place) -> String {
    let query: Vec<String> = place.query().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    let question = if query.is_empty() { "" } else { "?" };
    format!("/members/{member}{what}{question}{}", query.join("&"))
}
