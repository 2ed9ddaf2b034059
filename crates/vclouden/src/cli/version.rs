//! `vclouden version`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use futures_util::TryStreamExt;
use plane::wire::{App, Version};
use reqwest::StatusCode;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::download::to_file;
use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output::human::{bytes, cpus, date, now};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};
use crate::package::Package;
use crate::sending::{Sending, answer};

/// What can be done with versions.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Publish a package as the next version of its application; nothing is deployed yet
    #[command(after_help = example!(
        "vclouden version publish ./my-app --create",
        "vclouden version publish my-app.tar.gz --notes \"Faster search\"",
    ))]
    Publish {
        /// A directory with a vclouden.toml, or a tar.gz of one
        #[arg(default_value = ".", value_name = "DIR|FILE.tar.gz")]
        path: PathBuf,
        /// The application [default: the slug in the manifest]
        #[arg(long)]
        app: Option<Named>,
        /// What is new in it
        #[arg(long)]
        notes: Option<String>,
        /// Create the application if it does not exist
        #[arg(long)]
        create: bool,
    },
    /// List an application's versions, newest first
    #[command(visible_alias = "ls", after_help = example!("vclouden version list radicale"))]
    List {
        /// The application
        app: Named,
    },
    /// Show one version
    #[command(after_help = example!("vclouden version show radicale 3"))]
    Show(One),
    /// Download a version's archive, byte for byte as it was published
    #[command(after_help = example!("vclouden version download radicale 3 -o radicale.tar.gz"))]
    Download {
        #[command(flatten)]
        one: One,
        /// The file to write, `-` for standard output [default: APP-NUMBER.tar.gz]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the picture that a version's manifest names to a file
    #[command(after_help = example!("vclouden version logo radicale 3 -o radicale.svg"))]
    Logo {
        #[command(flatten)]
        one: One,
        /// The file to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Delete a version that no installation and no rollback needs
    #[command(after_help = example!("vclouden version delete radicale 3"))]
    Delete(One),
}

/// Which version.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The application
    app: Named,
    /// The version's number
    #[arg(value_parser = super::version_number)]
    number: u32,
}

impl One {
    fn path(&self) -> String {
        format!("/apps/{}/versions/{}", self.app, self.number)
    }
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        match self {
            Noun::Publish { path, app, notes, create } => publish(&path, app, notes, create, context).await,
            Noun::List { app } => {
                let versions: Vec<Version> = context.api()?.list(&format!("/apps/{app}/versions"), &[]).await?;
                if context.json {
                    return json_list(&versions);
                }
                print_list(&app, &versions);
                Ok(())
            }
            Noun::Show(one) => {
                let version: Version = context.api()?.get(&one.path(), &[]).await?;
                if context.json {
                    return json(&version);
                }
                print_one(&version);
                Ok(())
            }
            Noun::Download { one, output } => download(&one, output, context).await,
            Noun::Logo { one, output } => {
                let size = to_file(&context.api()?, &format!("{}/logo", one.path()), &[], &output).await?;
                if context.json {
                    return json(&serde_json::json!({ "file": output, "bytes": size }));
                }
                line(format!("Wrote {}, {}.", output.display(), bytes(size)));
                Ok(())
            }
            Noun::Delete(one) => {
                context.api()?.delete::<serde_json::Value>(&one.path()).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": { "app": one.app, "number": one.number } }));
                }
                line(format!("Deleted version {} of {}. Its number is not used again.", one.number, one.app));
                Ok(())
            }
        }
    }
}

async fn publish(path: &Path, app: Option<Named>, notes: Option<String>, create: bool, context: &Context) -> Outcome {
    let package = Package::open(path)?;
    let slug = &package.manifest.slug;
    if let Some(other) = app.as_ref().filter(|app| app.slug != *slug) {
        return Err(Failure::refused(format!(
            "the manifest of {} says slug = \"{slug}\", but --app says {other}. Leave --app out to publish it as \
             {slug}, or correct {}",
            path.display(),
            archive::MANIFEST
        )));
    }
    package.warn();
    let app = app.unwrap_or_else(|| Named { publisher: None, slug: slug.clone() });
    let api = context.api()?;
    if !create && api.find::<App>(&format!("/apps/{app}")).await?.is_none() {
        return Err(Failure::refused(format!(
            "there is no application {app}. Create it with `vclouden app create {app}`, or say --create"
        )));
    }
    let mut query: Vec<(&str, String)> = Vec::new();
    query.extend(notes.map(|notes| ("notes", notes)));
    query.extend(create.then(|| ("create", "true".to_owned())));
    let (status, version) = upload(&api, &package, &app, &query, context).await?;
    if context.json {
        return json(&version);
    }
    let Version { number, .. } = version;
    if status == StatusCode::OK {
        line(format!("This is version {number} of {app} already: nothing was published."));
    } else {
        line(format!("Published version {number} of {app}, {}.", bytes(version.archive_bytes)));
    }
    match api.get::<App>(&format!("/apps/{app}"), &[]).await?.installations {
        0 => line(format!("Install it: vclouden install {app} --customer CUSTOMER")),
        _ => line(format!("Bring it to every installation: vclouden deploy {app}")),
    }
    Ok(())
}

async fn upload(
    api: &Api,
    package: &Package,
    app: &Named,
    query: &[(&str, String)],
    context: &Context,
) -> Outcome<(StatusCode, Version)> {
    let size = package.contents.archive_bytes;
    let file = tokio::fs::File::open(package.path()).await;
    let file = file.map_err(|error| Failure::refused(format!("cannot read {}: {error}", package.path().display())))?;
    let bar = context.progress().transfer(app.slug.as_str(), size);
    let sent = bar.clone();
    let sending = Sending {
        path: format!("/apps/{app}/versions"),
        content_type: "application/gzip",
        length: Some(size),
        once: true,
        body: ReaderStream::new(file).inspect_ok(move |part| sent.inc(part.len() as u64)),
    };
    let response = sending.post(api, query).await;
    bar.finish_and_clear();
    answer(api, response?).await
}

async fn download(one: &One, output: Option<PathBuf>, context: &Context) -> Outcome {
    let api = context.api()?;
    let output = output.unwrap_or_else(|| PathBuf::from(format!("{}-{}.tar.gz", one.app, one.number)));
    let version: Version = api.get(&one.path(), &[]).await?;
    let mut response = api.stream(&format!("{}/download", one.path()), &[]).await?;
    let failed = |error: std::io::Error| {
        Failure::refused(format!("cannot write {}: {error}. Give another file with -o", output.display()))
    };
    let to_stdout = output == Path::new("-");
    let beside = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = if to_stdout { NamedTempFile::new() } else { NamedTempFile::new_in(beside) }.map_err(failed)?;
    let mut file = tokio::fs::File::from_std(temporary.reopen().map_err(failed)?);
    let bar = context.progress().transfer(one.app.slug.as_str(), version.archive_bytes);
    let mut hash = Sha256::new();
    let lost = |error| Failure::Unreachable(format!("the connection to {} broke: {error}. Try again", api.base()));
    while let Some(part) = response.chunk().await.map_err(lost)? {
        hash.update(&part);
        file.write_all(&part).await.map_err(failed)?;
        bar.inc(part.len() as u64);
    }
    file.flush().await.map_err(failed)?;
    bar.finish_and_clear();
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if hash != version.artifact.as_str() {
        return Err(Failure::refused(format!(
            "what was received is not version {} of {}: its hash is {hash} instead of {}. Try again",
            one.number, one.app, version.artifact
        )));
    }
    if to_stdout {
        let bytes = std::fs::read(temporary.path()).map_err(failed)?;
        crate::output::raw(&bytes);
        return Ok(());
    }
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temporary.as_file().set_permissions(readable).map_err(failed)?;
    temporary.persist(&output).map_err(|error| failed(error.error))?;
    if context.json {
        return json(&serde_json::json!({ "file": output, "hash": hash, "archive_bytes": version.archive_bytes }));
    }
    line(format!("Wrote {}, {}.", output.display(), bytes(version.archive_bytes)));
    Ok(())
}

fn print_list(app: &Named, versions: &[Version]) {
    let now = now();
    let mut table = Table::new(&["VERSION", "SIZE", "INSTALLATIONS", "STATE", "PUBLISHED", "BY", "NOTES"]);
    for version in versions {
        table.row([
            Cell::number(version.number),
            Cell::number(bytes(version.archive_bytes)),
            Cell::number(version.installations),
            withdrawn(version),
            Cell::time(version.published_at, now),
            version.published_by.as_str().into(),
            version.notes.as_deref().unwrap_or_default().into(),
        ]);
    }
    table.print(&format!("No versions of {app} yet. Publish one: vclouden version publish DIR"));
}

/// Whether it is installed only when asked for.
fn withdrawn(version: &Version) -> Cell {
    if version.withdrawn { Cell::state_as("failed", "withdrawn") } else { Cell::dim("-") }
}

fn print_one(version: &Version) {
    let (manifest, limits) = (&version.manifest, &version.manifest.limits);
    let mut facts = Facts::new();
    facts.fact("App", version.app.as_str()).fact("Version", version.number.to_string());
    let withdrawn = "withdrawn: its last deployment failed or was rolled back";
    facts.maybe("State", version.withdrawn.then(|| Cell::state_as("failed", withdrawn)));
    facts.maybe("For", manifest.description.clone());
    facts.maybe("Notes", version.notes.clone()).fact("Published", date(version.published_at));
    facts.fact("By", version.published_by.as_str()).fact("Installations", version.installations.to_string());
    facts.fact("SHA-256", version.artifact.as_str()).fact("Size", bytes(version.archive_bytes));
    facts.fact("Unpacked", format!("{} in {} files", bytes(version.unpacked_bytes), version.entries));
    facts.fact("Command", manifest.command.join(" "));
    facts.fact("Memory", bytes(limits.memory)).fact("CPUs", cpus(limits.cpus_milli.into()));
    facts.fact("Disk", bytes(limits.disk)).fact("Processes", limits.processes.to_string());
    facts.maybe("HTTP", manifest.http.as_ref().map(|http| format!("port {}", http.port)));
    facts.print();
}
