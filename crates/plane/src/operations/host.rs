//! Hosts something of the publisher's own: a package, or a directory of files that Cirrus serves. It is an application that
//! no customer is offered, with one installation for the publisher itself; what is sent again replaces it as any new
//! version does, so that it can be undone.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use archive::ArchiveError;
use domain::{Key, Slug};
use serde_json::json;

use super::create_customer::create_customer;
use super::deploy::{Deploying, deploy};
use super::install::install;
use super::publish_version::{self, publish_version};
use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::Filter;
use crate::store::{apps, customers, installations};
use crate::wire::{CreateCustomer, CreateDeployment, CreateInstallation, Hosted};

/// What an own site may use when nothing is said: MiB of memory and of disk.
const MEMORY: u64 = 32;
const DISK: u64 = 64;

/// What is hosted.
pub struct Input {
    /// Its name: the application's, and the first label of its host name.
    pub app: Key,
    /// MiB of memory and of disk for a directory of files; a package says it itself.
    pub memory: Option<u64>,
    pub disk: Option<u64>,
    /// The archive, received whole.
    pub received: PathBuf,
}

/// The customer that a publisher itself is.
pub fn own_customer() -> Slug {
    "own".parse().expect("it is a slug")
}

/// Publishes it, and installs it or brings it to where it is.
pub async fn host(plane: &Plane, actor: &Actor, input: Input) -> Answer<Hosted> {
    let app = input.app;
    let known = apps::find(plane.store.read(), &app).await?;
    let limits = plane.archive_limits.clone();
    let about = manifest(&app.slug, input.memory.unwrap_or(MEMORY), input.disk.unwrap_or(DISK));
    let (received, incoming) = (input.received, plane.artifacts.incoming().to_owned());
    let wrapped = tokio::task::spawn_blocking(move || wrap(&received, &incoming, &about, &limits));
    let wrapped = wrapped.await.map_err(Refusal::internal)??;
    if known.as_ref().is_some_and(|known| !known.own) {
        let detail = format!("{} is an application for customers; choose another name for what is your own", app.slug);
        return Err(Refusal::conflict("not-own", detail));
    }
    let package =
        publish_version::Input { app: app.clone(), create: true, notes: None, received: wrapped.path.clone() };
    let (version, _) = publish_version(plane, actor, package).await?;
    if known.is_none() {
        make_own(plane, actor, &app).await?;
    }
    let customer = Key::new(app.publisher.clone(), own_customer());
    let filter = Filter { app: Some(app.clone()), customer: Some(customer.clone()), ..Filter::default() };
    let there = installations::list(plane.store.read(), &actor.reach, &filter, "", 10).await?;
    let (number, slug) = (version.number, app.slug.clone());
    let mut hosted = Hosted { app: slug, version: number, installation: None, operation: None, deployment: None };
    let failed = |row: &installations::InstallationRow| row.state == domain::state::InstallationState::Failed;
    if let Some(row) = there.iter().find(|row| !failed(row)) {
        hosted.installation = Some(row.id);
        if let Deploying::Begun(id) = deploy(plane, actor, &app, CreateDeployment::default()).await? {
            hosted.deployment = Some(id);
        }
        return Ok(hosted);
    }
    let wanted = CreateInstallation {
        app: app.to_string(),
        customer: customer.slug,
        name: app.slug.as_str().parse().ok(),
        version: Some(version.number),
        from: None,
    };
    let begun = install(plane, actor, wanted).await?;
    (hosted.installation, hosted.operation) = (Some(begun.installation), Some(begun.operation));
    Ok(hosted)
}

/// Takes it out of what customers are offered, and sees to it that there is the customer that the publisher itself is.
async fn make_own(plane: &Plane, actor: &Actor, app: &Key) -> Answer<()> {
    let tx = plane.store.write().await?;
    apps::make_own(&tx, app).await?;
    record(plane, &tx, actor, "app.host", Thing::of_app(app, app.slug.to_string(), None), json!({})).await?;
    tx.commit().await?;
    let customer = Key::new(app.publisher.clone(), own_customer());
    if customers::find(plane.store.read(), &customer).await?.is_some() {
        return Ok(());
    }
    let name = Some("Own use".to_owned());
    let new = CreateCustomer { publisher: Some(app.publisher.clone()), slug: customer.slug, name };
    match create_customer(plane, actor, new).await {
        Err(refusal) if refusal.code != "customer-exists" => Err(refusal),
        _ => Ok(()),
    }
}

/// What Cirrus needs to know of a directory of files.
fn manifest(name: &Slug, memory: u64, disk: u64) -> String {
    format!(
        "name = \"{name}\"\nslug = \"{name}\"\nengine = \"cirrus\"\n\n[limits]\nmemory = \"{memory} MiB\"\n\
         disk = \"{disk} MiB\"\n\n[http]\nhealth = \"/\"\n\n[network]\negress = \"none\"\n"
    )
}

/// The whole program of a directory of files.
const PROGRAM: &str = "// The files of public/ are served as they are; index.html answers for its directory.\n";

/// What is published; what was made for that is deleted in the end.
struct Package {
    path: PathBuf,
    /// Laid out to be packed.
    directory: Option<PathBuf>,
}

impl Drop for Package {
    fn drop(&mut self) {
        let Some(directory) = &self.directory else { return };
        for result in [std::fs::remove_dir_all(directory), std::fs::remove_file(&self.path)] {
            match result {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %self.path.display(), "what was laid out is left behind");
                }
                _ => {}
            }
        }
    }
}

/// A package as it is; around files without a manifest one that serves them.
fn wrap(received: &Path, incoming: &Path, about: &str, limits: &archive::Limits) -> Answer<Package> {
    let open = || File::open(received).map(BufReader::new).map_err(Refusal::internal);
    match archive::inspect(open()?, limits) {
        Err(ArchiveError::NoManifest) => {}
        Err(error) => return Err(publish_version::bad_archive(error)),
        Ok(_) => return Ok(Package { path: received.to_owned(), directory: None }),
    }
    let directory = incoming.join(uuid::Uuid::now_v7().to_string());
    let package = Package { path: directory.with_extension("tar.gz"), directory: Some(directory.clone()) };
    let public = directory.join("public");
    std::fs::create_dir_all(&public).map_err(Refusal::internal)?;
    archive::unpack_data(open()?, &public, limits).map_err(publish_version::bad_archive)?;
    if !public.join("index.html").is_file() {
        let detail = "there is neither a vclouden.toml nor an index.html at the top of the archive; pack the content of \
                      the directory, such as with tar czf site.tar.gz -C site .";
        return Err(Refusal::invalid("no-index", detail));
    }
    let lay = || -> io::Result<()> {
        std::fs::write(directory.join("vclouden.toml"), about)?;
        std::fs::write(directory.join("app.js"), PROGRAM)
    };
    lay().map_err(Refusal::internal)?;
    let file = File::create_new(&package.path).map_err(Refusal::internal)?;
    archive::pack(&directory, io::BufWriter::new(file)).map_err(publish_version::bad_archive)?;
    Ok(package)
}
