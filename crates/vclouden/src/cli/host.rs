//! `vclouden host`.

use std::path::PathBuf;

use futures_util::stream;
use http_body_util::BodyExt;
use plane::wire::{Hosted, Installation};
use tokio_util::bytes::Bytes;

use super::named::Named;
use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::{json, line};
use crate::sending::Sending;

/// What to host, and under which name.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden host website ./site",
    "vclouden host website ./site --memory 64 --disk 256",
))]
pub struct Args {
    /// Its name, the beginning of its address
    name: Named,
    /// A website's directory with index.html at its top, or a package's
    directory: PathBuf,
    /// MiB of memory for a website [default: 32]; a package says it in its manifest
    #[arg(long)]
    memory: Option<u64>,
    /// MiB of disk for a website [default: 64]
    #[arg(long)]
    disk: Option<u64>,
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let Args { name, directory, memory, disk } = args;
    let mut packed = Vec::new();
    let done = match directory.join("vclouden.toml").is_file() {
        true => archive::pack(&directory, &mut packed).map(drop),
        false => archive::pack_data(&directory, &archive::Limits::default(), &mut packed),
    };
    done.map_err(|error| Failure::refused(format!("cannot pack {}: {error}", directory.display())))?;
    let query: Vec<(&str, String)> = [("memory", memory), ("disk", disk)]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?.to_string())))
        .collect();
    let sending = Sending {
        path: format!("/apps/{name}/host"),
        content_type: "application/gzip",
        length: Some(packed.len() as u64),
        once: false,
        body: stream::once(async move { Ok(Bytes::from(packed)) }),
    };
    let answer = sending.post(&api, &query).await?.into_body().collect().await;
    let answer = answer.map_err(|error| api.cannot_reach(&error))?.to_bytes();
    let hosted: Hosted = api.parse(&answer)?;
    if let Some(operation) = hosted.operation {
        let ended = follow::operation(&api, &mut context.progress(), operation, hosted.app.as_str()).await?;
        follow::judge(&ended, hosted.app.as_str())?;
    }
    if let Some(deployment) = hosted.deployment {
        let ended = follow::deployment(&api, &mut context.progress(), deployment, false).await?;
        follow::judge_deployment(&ended)?;
    }
    if context.json {
        return json(&hosted);
    }
    if hosted.deployment.is_some() {
        line(format!("Version {} took its place. Back: vclouden rollback --app {}", hosted.version, hosted.app));
    }
    if let Some(id) = hosted.installation {
        let installation: Installation = api.get(&format!("/installations/{id}"), &[]).await?;
        line(format!("Open it: {}", installation.url.unwrap_or_else(|| installation.name.to_string())));
    }
    Ok(())
}
