//! `vclouden backup`: backups, and the snapshots that are kept by themselves whenever data is replaced.

use std::path::PathBuf;

use clap::Subcommand;
use domain::{BackupId, InstallationName};
use nimbus_api::SnapshotReason;
use plane::wire::{Accepted, Backup, CreateBackup, Installation, Operation, RestoreSnapshot, Snapshot};

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
    #[command(after_help = example!(
        "vclouden backup create acme",
        "vclouden backup create acme --label \"before the move\"",
    ))]
    Create {
        /// The installation
        installation: InstallationName,
        /// What to call it: one line of at most 100 characters
        #[arg(long)]
        label: Option<String>,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
    /// List an installation's backups, and the snapshots that deployments, rollbacks and restores keep
    #[command(visible_alias = "ls", after_help = example!("vclouden backup list acme"))]
    List {
        /// The installation
        installation: InstallationName,
    },
    /// Put an installation back to a backup or a snapshot; what it replaces is kept for 48 hours
    ///
    /// A backup brings back its data, for the version of now. A snapshot that was kept by itself brings back data and
    /// version, as a rollback does: so a rollback, or a restore, is undone. If the application does not become healthy,
    /// everything goes back.
    #[command(after_help = example!(
        "vclouden backup restore acme 0190f3a2-7c1e-7000-8000-000000000001",
        "vclouden backup restore acme before-rollback-0190f3a2-7c1e-7000-8000-000000000001",
    ))]
    Restore {
        /// The installation
        installation: InstallationName,
        /// The backup or snapshot, as `vclouden backup list` shows it
        #[arg(value_parser = copy_name)]
        name: String,
        /// Bring back the version that it was taken of, too
        #[arg(long)]
        with_version: bool,
        /// Bring back the data only, for the version of now
        #[arg(long, conflicts_with = "with_version")]
        data_only: bool,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
    /// Write an installation's data to a file, a tar.gz: of now, or of a backup or snapshot
    #[command(after_help = example!(
        "vclouden backup download acme",
        "vclouden backup download acme 0190f3a2-7c1e-7000-8000-000000000001 -o before-the-move.tar.gz",
    ))]
    Download {
        /// The installation
        installation: InstallationName,
        /// The backup or snapshot, as `vclouden backup list` shows it [default: the data of now]
        #[arg(value_parser = copy_name)]
        name: Option<String>,
        /// The file [default: INSTALLATION.tar.gz]
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Delete a backup
    #[command(after_help = example!("vclouden backup delete acme 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete {
        /// The installation
        installation: InstallationName,
        /// The backup's id, as `vclouden backup list` shows it
        #[arg(value_parser = backup_id)]
        backup: BackupId,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
}

fn backup_id(text: &str) -> Result<BackupId, String> {
    text.parse().map_err(|_| "that is not the id of a backup; `vclouden backup list INSTALLATION` shows them".into())
}

/// A backup's id or a snapshot's name: a word, a hyphen, an id.
fn copy_name(text: &str) -> Result<String, String> {
    let is_id = |text: &str| text.parse::<BackupId>().is_ok();
    let ends = |word: &str| text.strip_prefix(word).is_some_and(is_id);
    let words = ["backup-", "before-switch-", "before-rollback-", "before-restore-"];
    if is_id(text) || words.into_iter().any(ends) {
        return Ok(text.to_owned());
    }
    Err("that is neither a backup nor a snapshot; `vclouden backup list INSTALLATION` shows them".into())
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::Create { installation, label, no_wait } => {
                create(&api, installation.as_str(), label, no_wait, context).await
            }
            Noun::List { installation } => list(&api, installation.as_str(), context).await,
            Noun::Restore { installation, name, with_version, data_only, no_wait } => {
                let path = format!("/installations/{installation}/snapshots/{name}/restore");
                let code = (with_version || data_only).then_some(with_version);
                let accepted: Accepted = api.post(&path, &RestoreSnapshot { code }).await?;
                if no_wait {
                    return accepted_only(&accepted, context);
                }
                restored(&api, &accepted, context).await
            }
            Noun::Download { installation, name, output } => {
                super::download::data(&installation, name, output, context).await
            }
            Noun::Delete { installation, backup, no_wait } => {
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

/// Waits for the end of a restore and tells what the installation is now.
async fn restored(api: &Api, accepted: &Accepted, context: &Context) -> Outcome {
    let operation = wait(api, accepted, context).await?;
    let now: Installation = api.get(&format!("/installations/{}", accepted.installation.id), &[]).await?;
    if context.json {
        return json(&now);
    }
    let (name, took) = (&now.name, follow::took(&operation));
    line(match accepted.installation.version {
        before if before != now.version => {
            format!("Restored {name}: its data, and version {} instead of {before}, in {took}.", now.version)
        }
        same => format!("Restored the data of {name}, version {same}, in {took}."),
    });
    let copies = copies(api, name.as_str()).await?;
    let replaced = copies.iter().rfind(|copy| copy.report.reason == SnapshotReason::BeforeRestore);
    if let Some(Snapshot { report, .. }) = replaced {
        line(format!("Undo it within 48 h: vclouden backup restore {name} {}", report.name));
    }
    Ok(())
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

async fn create(api: &Api, installation: &str, label: Option<String>, no_wait: bool, context: &Context) -> Outcome {
    let path = format!("/installations/{installation}/backups");
    let accepted: Accepted = api.post(&path, &CreateBackup { label }).await?;
    if no_wait {
        return accepted_only(&accepted, context);
    }
    let operation = wait(api, &accepted, context).await?;
    let all: Vec<Backup> = api.list(&path, &[]).await?;
    let made = all.into_iter().find(|backup| Some(backup.id) == accepted.backup);
    let made = made.ok_or_else(|| {
        Failure::refused(format!("the backup of {installation} was made, but the API does not list it. Look again"))
    })?;
    if context.json {
        return json(&made);
    }
    line(format!("Backup {} of {installation} in {}.", made.id, follow::took(&operation)));
    Ok(())
}

/// Every kept copy, oldest first.
async fn copies(api: &Api, installation: &str) -> Outcome<Vec<Snapshot>> {
    api.list(&format!("/installations/{installation}/snapshots"), &[]).await
}

async fn list(api: &Api, installation: &str, context: &Context) -> Outcome {
    let copies = copies(api, installation).await?;
    if context.json {
        return json_list(&copies);
    }
    let now = now();
    let mut table = Table::new(&["BACKUP OR SNAPSHOT", "KIND", "VERSION", "TAKEN", "", "KEPT UNTIL", "LABEL"]);
    for Snapshot { report, label } in &copies {
        let name = report.backup.map_or_else(|| report.name.clone(), |id| id.to_string());
        let kept = report.expires_at.map_or_else(|| "you delete it".into(), date);
        table.row([
            name.into(),
            kind(report.reason).into(),
            Cell::number(report.version),
            date(report.taken_at).into(),
            Cell::dim(relative(report.taken_at, now)),
            Cell::dim(kept),
            label.as_deref().unwrap_or("-").into(),
        ]);
    }
    table.print(&format!("No backups. Make one: vclouden backup create {installation}"));
    Ok(())
}

/// Why a copy is kept, in words.
fn kind(reason: SnapshotReason) -> &'static str {
    match reason {
        SnapshotReason::BeforeSwitch => "before deployment",
        SnapshotReason::BeforeRollback => "before rollback",
        SnapshotReason::BeforeRestore => "before restore",
        SnapshotReason::Backup => "backup",
    }
}
