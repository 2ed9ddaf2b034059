//! `vclouden backup`.

use clap::Subcommand;
use domain::{BackupId, InstallationName};
use plane::wire::{Accepted, Backup, Installation, Nothing, Operation};

use super::install::accepted_only;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::human::{date, now, relative};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with backups.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Keep a copy of an installation's data until it is deleted
    #[command(after_help = example!("vclouden backup create acme"))]
    Create {
        /// The installation
        installation: InstallationName,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
    /// List an installation's backups
    #[command(visible_alias = "ls", after_help = example!("vclouden backup list acme"))]
    List {
        /// The installation
        installation: InstallationName,
    },
    /// Put an installation's data back to a backup; what it replaces is kept for 48 hours
    #[command(after_help = example!("vclouden backup restore acme 0190f3a2-7c1e-7000-8000-000000000001"))]
    Restore(One),
    /// Delete a backup
    #[command(after_help = example!("vclouden backup delete acme 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete(One),
}

/// Which backup.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The installation
    installation: InstallationName,
    /// The backup's id, as `vclouden backup list` shows it
    #[arg(value_parser = backup_id)]
    backup: BackupId,
    /// Return as soon as it is accepted
    #[arg(long)]
    no_wait: bool,
}

fn backup_id(text: &str) -> Result<BackupId, String> {
    text.parse().map_err(|_| "that is not the id of a backup; `vclouden backup list INSTALLATION` shows them".into())
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { installation, no_wait } => create(&api, installation.as_str(), no_wait, context).await,
            Noun::List { installation } => list(&api, installation.as_str(), context).await,
            Noun::Restore(One { installation, backup, no_wait }) => {
                let path = format!("/installations/{installation}/backups/{backup}/restore");
                let accepted: Accepted = api.post(&path, &Nothing {}).await?;
                if no_wait {
                    return accepted_only(&accepted, context);
                }
                let operation = wait(&api, &accepted, context).await?;
                if context.json {
                    let path = format!("/installations/{}", accepted.installation.id);
                    return json(&api.get::<Installation>(&path, &[]).await?);
                }
                line(format!("Restored the data of {installation} in {}.", follow::took(&operation)));
                Ok(())
            }
            Noun::Delete(One { installation, backup, no_wait }) => {
                let accepted: Option<Accepted> =
                    api.delete(&format!("/installations/{installation}/backups/{backup}")).await?;
                if let Some(accepted) = accepted {
                    if no_wait {
                        return accepted_only(&accepted, context);
                    }
                    wait(&api, &accepted, context).await?;
                }
                if context.json {
                    return json(&serde_json::json!({ "deleted": backup }));
                }
                line(format!("Deleted backup {backup} of {installation}."));
                Ok(())
            }
        }
    }
}

/// Waits for the end of the operation; an end that is not good is a failure.
async fn wait(api: &Api, accepted: &Accepted, context: &Context) -> Outcome<Operation> {
    let name = accepted.installation.name.as_str();
    let operation = follow::operation(api, &mut context.progress(), accepted.operation, name).await?;
    if let Err(failure) = follow::judge(&operation, name) {
        if context.json {
            json(&operation)?;
        }
        return Err(failure);
    }
    Ok(operation)
}

async fn backups(api: &Api, installation: &str) -> Outcome<Vec<Backup>> {
    api.list(&format!("/installations/{installation}/backups"), &[]).await
}

async fn create(api: &Api, installation: &str, no_wait: bool, context: &Context) -> Outcome {
    let accepted: Accepted = api.post(&format!("/installations/{installation}/backups"), &Nothing {}).await?;
    if no_wait {
        return accepted_only(&accepted, context);
    }
    let operation = wait(api, &accepted, context).await?;
    let made = backups(api, installation).await?.into_iter().find(|backup| Some(backup.id) == accepted.backup);
    let made = made.ok_or_else(|| {
        Failure::refused(format!("the backup of {installation} was made, but the API does not list it. Look again"))
    })?;
    if context.json {
        return json(&made);
    }
    line(format!("Backup {} of {installation} in {}.", made.id, follow::took(&operation)));
    Ok(())
}

async fn list(api: &Api, installation: &str, context: &Context) -> Outcome {
    let backups = backups(api, installation).await?;
    if context.json {
        return json_list(&backups);
    }
    let mut table = Table::new(&["BACKUP", "VERSION", "TAKEN", ""]);
    for backup in &backups {
        let taken = backup.taken_at;
        let age = Cell::dim(relative(taken, now()));
        table.row([backup.id.to_string().into(), Cell::number(backup.version), date(taken).into(), age]);
    }
    table.print(&format!("No backups. Make one: vclouden backup create {installation}"));
    Ok(())
}
