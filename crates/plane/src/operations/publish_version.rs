//! Publishes a version: reads the archive, checks its manifest and the files that names, stores it by its content,
//! gives it the next number. Nothing reaches a server yet.
//!
//! The archive is a stranger's: it is opened by `archive` only, in this unprivileged process, within limits.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use archive::{ArchiveError, Contents, Kind, Limits};
use domain::manifest::EntryKind;
use domain::{ArtifactHash, Key, Manifest};
use http::StatusCode;
use serde_json::json;

use super::change_branding::media_type;
use super::{Actor, Thing, record, require_publisher, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{self, apps, logos, versions};
use crate::wire::Version;

/// What is published.
pub struct Input {
    /// The application.
    pub app: Key,
    /// Whether to create the application when there is none.
    pub create: bool,
    /// What its publisher says of it.
    pub notes: Option<String>,
    /// The archive, received whole.
    pub received: PathBuf,
}

/// Publishes it; `false` when it is the newest version already.
pub async fn publish_version(plane: &Plane, actor: &Actor, input: Input) -> Answer<(Version, bool)> {
    let app = input.app;
    let (path, limits) = (input.received.clone(), plane.archive_limits.clone());
    let (contents, manifest, logo) =
        tokio::task::spawn_blocking(move || examine(&path, &limits)).await.map_err(Refusal::internal)??;
    if manifest.slug != app.slug {
        let detail = format!(
            "the package's manifest says slug = \"{}\" but it is being published as {}; publish it there, or \
             correct vclouden.toml",
            manifest.slug, app.slug
        );
        return Err(Refusal::invalid("other-app", detail));
    }
    let artifact = contents.hash.parse::<ArtifactHash>().map_err(Refusal::internal)?;

    let _files = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    let at = plane.now();
    if !store::lock_app(&tx, &app).await? {
        if !input.create {
            let mut refusal = unknown_app(&app.slug);
            refusal.detail = format!(
                "there is no application \"{0}\" yet; create it with `vclouden app create {0}`, or publish with \
                 `?create=true`",
                app.slug
            );
            return Err(refusal);
        }
        require_publisher(&tx, actor, &app.publisher).await?;
        apps::create(&tx, &app, &manifest.name, at).await?;
        let thing = Thing::of_app(&app, app.slug.to_string(), Some(manifest.name.clone()));
        record(plane, &tx, actor, "app.create", thing, json!({})).await?;
    }
    if let Some(newest) = versions::newest(&*tx, &app).await?
        && newest.artifact == artifact
    {
        return Ok((newest, false));
    }
    let number = apps::next_number(&tx, &app).await?.ok_or_else(|| unknown_app(&app.slug))?;
    let version = Version {
        publisher: app.publisher.clone(),
        app: app.slug.clone(),
        number,
        artifact: artifact.clone(),
        archive_bytes: contents.archive_bytes,
        unpacked_bytes: contents.unpacked_bytes,
        entries: contents.entries,
        notes: input.notes,
        manifest,
        published_at: at,
        published_by: actor.name().to_owned(),
        installations: 0,
        withdrawn: false,
        logo: logo.is_some(),
    };
    versions::create(&tx, &version).await?;
    if let Some((media_type, content)) = &logo {
        logos::put(&tx, &app, number, media_type, content).await?;
    }
    let detail = json!({ "artifact": artifact, "archive_bytes": version.archive_bytes, "notes": version.notes });
    let thing = Thing::of_app(&app, format!("{}/{number}", app.slug), None);
    record(plane, &tx, actor, "version.publish", thing, detail).await?;
    // The file first: a row must never name content that is not there.
    plane.artifacts.keep(&input.received, &artifact).map_err(Refusal::internal)?;
    tx.commit().await?;
    plane.progress.changed();
    Ok((version, true))
}

/// Most bytes of a logo.
const LOGO: usize = 256 << 10;

/// A picture: its type and content.
type Logo = (&'static str, Vec<u8>);

/// What the archive holds, what its manifest says, and the logo that it names.
fn examine(path: &Path, limits: &Limits) -> Answer<(Contents, Manifest, Option<Logo>)> {
    let file = File::open(path).map_err(Refusal::internal)?;
    let contents = archive::inspect(BufReader::with_capacity(256 << 10, file), limits).map_err(bad_archive)?;
    let manifest = Manifest::parse(&contents.manifest).map_err(|errors| bad_manifest(&errors))?;
    let at = |path: &str| {
        contents.find(path).and_then(|node| match node.kind {
            Kind::File { executable } => Some(EntryKind::File { executable }),
            Kind::Directory => Some(EntryKind::Directory),
            Kind::Link { .. } => None,
        })
    };
    manifest.check_package(at).map_err(|errors| bad_manifest(&errors.with_lines(&contents.manifest)))?;
    let logo = match &manifest.logo {
        Some(named) => Some(logo_of(path, limits, &contents, named)?),
        None => None,
    };
    Ok((contents, manifest, logo))
}

/// The picture that a manifest names, which must be one: what its name says is worth nothing.
fn logo_of(path: &Path, limits: &Limits, contents: &Contents, named: &str) -> Answer<Logo> {
    let bad = |why: String| {
        let problem = format!("vclouden.toml: logo: {named:?} {why}");
        Refusal::invalid("bad-manifest", format!("the package cannot be accepted: {problem}"))
            .with_errors(vec![problem])
    };
    if let Some(node) = contents.find(named).filter(|node| node.size > LOGO as u64) {
        return Err(bad(format!("has {} bytes; a logo has at most {LOGO}", node.size)));
    }
    let file = BufReader::with_capacity(256 << 10, File::open(path).map_err(Refusal::internal)?);
    let content = archive::pick(file, limits, contents, named, LOGO).map_err(bad_archive)?.unwrap_or_default();
    let found = media_type(&content).ok_or_else(|| bad("is no picture; name a PNG, JPEG, WebP or SVG".into()))?;
    Ok((found, content))
}

pub(super) fn bad_archive(error: ArchiveError) -> Refusal {
    if !error.is_refusal() {
        return Refusal::internal(error);
    }
    let status = match &error {
        ArchiveError::Limit { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Refusal::new(status, "bad-archive", format!("the package cannot be accepted: {error}"))
}

fn bad_manifest(errors: &domain::manifest::ManifestErrors) -> Refusal {
    let all: Vec<String> = errors.problems.iter().map(|problem| format!("vclouden.toml: {problem}")).collect();
    let first = all.first().map_or("vclouden.toml", String::as_str);
    let detail = match all.len() {
        0 | 1 => format!("the package cannot be accepted: {first}"),
        count => format!("the package cannot be accepted: {first} (and {} more)", count - 1),
    };
    Refusal::invalid("bad-manifest", detail).with_errors(all)
}
