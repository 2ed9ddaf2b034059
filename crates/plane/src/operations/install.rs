//! Installs an application for a customer.

use domain::state::InstallationState;
use domain::{InstallationId, InstallationName, Key, OperationId, ServerId};
use nimbus_api::{Environment, VersionSpec, Work};
use serde_json::json;

use super::{Actor, Begun, app_key, create_operation, installation_event, unknown_app, unknown_version, wake};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, InstallationRow};
use crate::store::{self, Tx, events, ports, publishers, versions};
use crate::wire::{CreateInstallation, Outcome, Version};

/// Accepts it.
pub async fn install(plane: &Plane, actor: &Actor, input: CreateInstallation) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let app = app_key(&*tx, actor, &input.app).await?;
    if !store::lock_app(&tx, &app).await? {
        return Err(unknown_app(&input.app));
    }
    let customer = Key::new(app.publisher.clone(), input.customer.clone());
    let within = !matches!(&actor.reach, Reach::Customer(own) if *own != customer);
    if !within || store::customers::find(&*tx, &customer).await?.is_none() {
        let detail =
            format!("there is no customer \"{0}\"; create it with `vclouden customer create {0}`", input.customer);
        return Err(Refusal::missing("unknown-customer", detail));
    }
    let version = match input.version {
        None => newest_good_version(&tx, &app).await?,
        number => wanted_version(&tx, &app, number).await?,
    };
    let name = free_name(plane, &tx, input.name, &app, &customer).await?;
    if let Some(failed) = installations::named(&*tx, &name).await? {
        forget(plane, &tx, actor, failed).await?;
    }
    let server = plane.servers.place()?;
    let id = InstallationId::new();
    let operation = OperationId::new();
    let row = InstallationRow {
        id,
        name: name.clone(),
        publisher: app.publisher,
        app: app.slug,
        customer: customer.slug,
        server,
        epoch: 1,
        version: version.number,
        serves_http: version.manifest.http.is_some(),
        state: InstallationState::Installing,
        operation: Some(operation),
        deployment: None,
        error: None,
        created_at: plane.now(),
        removed_at: None,
    };
    installations::create(&tx, &row).await?;
    let ports = allot_ports(&tx, server, id, &version).await?;
    let (environment, from) = (Environment::default(), None);
    let work =
        Work::Install { name, epoch: row.epoch, version: Box::new(version_spec(version)), ports, environment, from };
    create_operation(plane, &tx, actor, &row, operation, work).await?;
    tx.commit().await?;
    wake(plane);
    Ok(Begun { operation, installation: id, backup: None })
}

/// What a server needs to know of a version.
pub fn version_spec(version: Version) -> VersionSpec {
    VersionSpec { app: version.app, number: version.number, artifact: version.artifact, manifest: version.manifest }
}

/// The version of that number, or the newest.
pub(super) async fn wanted_version(tx: &Tx, app: &Key, number: Option<u32>) -> Answer<Version> {
    match number {
        Some(number) => versions::find(&**tx, app, number).await?.ok_or_else(|| unknown_version(&app.slug, number)),
        None => versions::newest(&**tx, app).await?.ok_or_else(|| {
            let detail = format!("{} has no version yet; publish one with `vclouden version publish DIR`", app.slug);
            Refusal::conflict("no-version", detail)
        }),
    }
}

/// The newest version that is not withdrawn: nobody new gets what others were just saved from.
async fn newest_good_version(tx: &Tx, app: &Key) -> Answer<Version> {
    if let Some(version) = versions::newest_good(&**tx, app).await? {
        return Ok(version);
    }
    let newest = wanted_version(tx, app, None).await?.number;
    let app = &app.slug;
    let detail = format!(
        "every version of {app} is withdrawn: its last deployment failed or was rolled back (`vclouden version list \
         {app}`). Publish a better one, or say which to install with --version, such as --version {newest}"
    );
    Err(Refusal::conflict("all-withdrawn", detail))
}

/// Whether only a record of a failed installation of the same application for the same customer has this name.
fn only_a_record(row: &InstallationRow, app: &Key, customer: &Key) -> bool {
    let same = row.app_key() == *app && row.customer_key() == *customer;
    same && row.state == InstallationState::Failed && row.operation.is_none()
}

/// Forgets the record of a failed installation, so that its name is free. Its server has nothing of it any more.
async fn forget(plane: &Plane, tx: &Tx, actor: &Actor, mut row: InstallationRow) -> Answer<()> {
    row.state = row.state.advance(InstallationState::Removing)?.advance(InstallationState::Removed)?;
    row.removed_at = Some(plane.now());
    ports::release(tx, row.id).await?;
    installations::update(tx, &row).await?;
    let detail = json!({ "because": "its installation failed, and its name is used again" });
    let event = installation_event(plane.now(), actor.name(), &row, "installation.remove", Outcome::Done, detail);
    events::record(tx, &event).await?;
    Ok(())
}

/// Public ports for those of the manifest.
pub async fn allot_ports(
    tx: &Tx,
    server: ServerId,
    installation: InstallationId,
    version: &Version,
) -> Answer<std::collections::BTreeMap<String, u16>> {
    let ports = ports::allot(tx, server, installation, &version.manifest.ports).await?;
    ports.ok_or_else(|| {
        let detail = format!(
            "server {server} has no public TCP port left between {} and {}; remove installations that have some",
            ports::RANGE.start(),
            ports::RANGE.end()
        );
        Refusal::conflict("no-free-port", detail)
    })
}

/// Whether a publisher's portal has that host name. Browsers send a host's cookies to every port of it, so that the
/// installation would get the portal's sessions.
async fn names_portal(plane: &Plane, tx: &Tx, name: &InstallationName) -> Answer<bool> {
    if plane.names_console(name.as_str()) {
        return Ok(true);
    }
    let Ok(slug) = name.as_str().parse() else { return Ok(false) };
    Ok(publishers::find(&**tx, &Reach::All, &slug).await?.is_some())
}

/// A name that nobody has, or only the record of a failed try of the same.
async fn free_name(
    plane: &Plane,
    tx: &Tx,
    given: Option<InstallationName>,
    app: &Key,
    customer: &Key,
) -> Answer<InstallationName> {
    if let Some(name) = given {
        let taken = installations::named(&**tx, &name).await?;
        let taken = taken.is_some_and(|row| !only_a_record(&row, app, customer));
        if taken || names_portal(plane, tx, &name).await? {
            let detail = format!("there is an installation \"{name}\" already; choose another name, or give none");
            return Err(Refusal::conflict("name-taken", detail));
        }
        return Ok(name);
    }
    for count in 1..=10_000_u32 {
        let suffix = if count == 1 { String::new() } else { format!("-{count}") };
        let mut text = format!("{}-{}", app.slug, customer.slug);
        text.truncate(InstallationName::MAX - suffix.len());
        let text = format!("{}{suffix}", text.trim_end_matches('-'));
        let Ok(name) = text.parse::<InstallationName>() else { continue };
        let taken = installations::named(&**tx, &name).await?;
        let free = taken.is_none_or(|row| only_a_record(&row, app, customer));
        if free && !names_portal(plane, tx, &name).await? {
            return Ok(name);
        }
    }
    Err(Refusal::conflict("name-taken", format!("every name like {}-{} is taken; give one", app.slug, customer.slug)))
}
