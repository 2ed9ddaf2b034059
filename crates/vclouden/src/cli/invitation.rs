//! `vclouden invitation`.

use clap::Subcommand;
use domain::{InvitationId, Slug};
use plane::wire::{CreateInvitation, Invitation, word};

use super::place::{Place, RoleName};
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::now;
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with invitations.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Offer somebody an account; prints the link that lets them in, which is also mailed where mail is set up
    #[command(after_help = example!(
        "vclouden invitation create me@example.com --role operator",
        "vclouden invitation create ana@acme.example --role owner --publisher acme",
        "vclouden invitation create luz@sol.example --role customer-admin --customer sol",
    ))]
    Create {
        /// Their mail address
        mail: String,
        /// What they are to be
        #[arg(long)]
        role: RoleName,
        #[command(flatten)]
        place: Place,
    },
    /// List open invitations
    #[command(visible_alias = "ls", after_help = example!("vclouden invitation list --publisher acme"))]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Take an invitation back
    #[command(after_help = example!("vclouden invitation withdraw 0190f3a2-7c1e-7000-8000-000000000001"))]
    Withdraw {
        /// Its id
        invitation: InvitationId,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { mail, role, place } => {
                let Place { publisher, customer } = place;
                let customer: Option<Slug> = customer.map(|customer| customer.slug);
                let body = CreateInvitation { mail: mail.clone(), role: role.0, publisher, customer };
                let made: Invitation = api.post("/invitations", &body).await?;
                if context.json {
                    return json(&made);
                }
                let how =
                    if made.mailed == Some(true) { "A letter with this link goes to" } else { "Hand this link to" };
                line(format!("{how} {mail}; it serves for seven days:"));
                line(made.link.unwrap_or_default());
            }
            Noun::List { place } => {
                let all: Vec<Invitation> = api.list("/invitations", &place.query()).await?;
                if context.json {
                    return json_list(&all);
                }
                let mut table = Table::new(&["INVITATION", "MAIL", "ROLE", "BY", "SENT"]);
                for one in &all {
                    table.row([
                        one.id.to_string().into(),
                        one.mail.as_str().into(),
                        word(&one.role).into(),
                        one.invited_by.as_str().into(),
                        Cell::time(one.created_at, now()),
                    ]);
                }
                table.print("No open invitations. Invite somebody: vclouden invitation create MAIL --role ROLE");
            }
            Noun::Withdraw { invitation } => {
                api.delete::<serde_json::Value>(&format!("/invitations/{invitation}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "withdrawn": invitation }));
                }
                line("The invitation was taken back.");
            }
        }
        Ok(())
    }
}
