//! `vclouden leave`.

use clap::Subcommand;
use domain::InstallationName;
use plane::wire::{CurrentLeave, Leave, Nothing, Opened};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::moment;
use crate::output::{json, line};

/// What can be done with leave.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Show whether support may open an installation
    #[command(after_help = example!("vclouden leave show till-acme"))]
    Show {
        /// The installation
        installation: InstallationName,
    },
    /// Print where support comes into an installation, by its customer's leave
    #[command(after_help = example!("vclouden leave open till-acme"))]
    Open {
        /// The installation
        installation: InstallationName,
    },
    /// Take it back
    #[command(after_help = example!("vclouden leave end till-acme"))]
    End {
        /// The installation
        installation: InstallationName,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Show { installation } => {
                let current: CurrentLeave = api.get(&format!("/installations/{installation}/leave"), &[]).await?;
                if context.json {
                    return json(&current);
                }
                line(match current.leave {
                    Some(leave) => told(&leave),
                    None => "Support may not open it: its customer lets them in the portal, on its page.".into(),
                });
            }
            Noun::Open { installation } => {
                let path = format!("/installations/{installation}/open-as-support");
                let opened: Opened = api.post(&path, &Nothing {}).await?;
                if context.json {
                    return json(&opened);
                }
                line(opened.url);
            }
            Noun::End { installation } => {
                api.delete::<serde_json::Value>(&format!("/installations/{installation}/leave")).await?;
                if context.json {
                    return json(&serde_json::json!({ "ended": installation }));
                }
                line("Support may not open it any more.");
            }
        }
        Ok(())
    }
}

fn told(leave: &Leave) -> String {
    format!("{} lets support open it until {}.", leave.granted_by, moment(leave.until))
}
