//! Installs an application for a customer.

use domain::state::InstallationState;
use domain::{InstallationId, InstallationName, Key, OperationId, ServerId};
use nimbus_api::{DataSource, Environment, SnapshotReport, VersionSpec, Work};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::change_limits::require_room;
use super::host::own_customer;
use super::restore::find_copy;
use super::{Actor, Asked, Begun, app_key, create_operation, find_installation, installation_event};
use super::{unknown_app, unknown_version, wake};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, InstallationRow};
use crate::store::{self, Tx, apps, events, ports, publishers, versions};
use crate::variables::Owner;
use crate::wire::{CreateInstallation, FromCopy, Outcome, Version};

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
    if customer.slug != own_customer() && apps::find(&*tx, &app).await?.is_some_and(|app| app.own) {
        let detail = format!("{} is for its publisher's own use; customers are not offered it", app.slug);
        return Err(Refusal::conflict("own-app", detail));
    }
    let source = match &input.from {
        Some(from) => Some(find_source(plane, &tx, actor, (&app, &customer), from).await?),
        None => None,
    };
    let version = version_for(&tx, &app, input.version, source.as_ref()).await?;
    require_room(&tx, &app.publisher, &version).await?;
    let name = free_name(plane, &tx, input.name, &app, &customer).await?;
    if let Some(failed) = installations::named(&*tx, &name).await? {
        forget(plane, &tx, actor, failed).await?;
    }
    // A copy is where its installation is.
    let server = source.as_ref().map_or_else(|| plane.servers.place(), |source| Ok(source.row.server))?;
    let id = InstallationId::new();
    let operation = OperationId::new();
    let row = InstallationRow {
        id,
        name: name.clone(),
        publisher: app.publisher,
        app: app.slug,
        customer: customer.slug,
        server,
        host: None,
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
    installations::set_size(&tx, id, &version.manifest.limits).await?;
    let ports = allot_ports(&tx, server, id, &version).await?;
    let mut asked = Asked::from(Work::Install {
        name,
        epoch: row.epoch,
        version: Box::new(version_spec(version)),
        ports,
        environment: Environment::default(),
        from: source.as_ref().map(Source::data),
    });
    if let Some(source) = source {
        let own = plane.variables(&*tx, &Owner::Installation(source.row.id)).await?;
        asked.variables = plane.seal_variables(&Owner::Installation(id), &own)?;
        asked.detail["from"] = json!({ "installation": source.row.name, "snapshot": source.copy.name });
    }
    create_operation(plane, &tx, actor, &row, operation, asked).await?;
    tx.commit().await?;
    wake(plane);
    Ok(Begun { operation, installation: id, backup: None })
}

/// Where the data of a new installation comes from.
struct Source {
    row: InstallationRow,
    copy: SnapshotReport,
}

impl Source {
    fn data(&self) -> DataSource {
        DataSource::Copy { installation: self.row.id, snapshot: self.copy.name.clone() }
    }
}

/// The copy that was asked for, if it is of the same application and the same customer: nobody's data becomes another's.
async fn find_source(
    plane: &Plane,
    tx: &Tx,
    actor: &Actor,
    (app, customer): (&Key, &Key),
    from: &FromCopy,
) -> Answer<Source> {
    let row = find_installation(&**tx, &actor.reach, &from.installation).await?;
    if row.app_key() != *app || row.customer_key() != *customer {
        let detail = format!(
            "installation {} is of {} for {}; a new installation begins with data of the same application and customer",
            row.name, row.app, row.customer
        );
        return Err(Refusal::conflict("foreign-copy", detail));
    }
    let copy = find_copy(&**tx, &row, &from.copy, plane.now()).await?;
    Ok(Source { row, copy })
}

/// The version that is to be installed: the one that was asked for, else that of the copy, else the newest good one.
async fn version_for(tx: &Tx, app: &Key, number: Option<u32>, source: Option<&Source>) -> Answer<Version> {
    if number.is_some() {
        return wanted_version(&**tx, app, number).await;
    }
    if let Some(source) = source
        && let Some(version) = versions::find(&**tx, app, source.copy.version).await?
    {
        return Ok(version);
    }
    newest_good_version(tx, app).await
}

/// What a server needs to know of a version.
pub fn version_spec(version: Version) -> VersionSpec {
    VersionSpec { app: version.app, number: version.number, artifact: version.artifact, manifest: version.manifest }
}

/// The version of that number, or the newest.
pub(super) async fn wanted_version(db: &impl ConnectionTrait, app: &Key, number: Option<u32>) -> Answer<Version> {
    match number {
        Some(number) => versions::find(db, app, number).await?.ok_or_else(|| unknown_version(&app.slug, number)),
        None => versions::newest(db, app).await?.ok_or_else(|| {
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
    let newest = wanted_version(&**tx, app, None).await?.number;
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
    Ok(publishers::name(&**tx, &Reach::All, &slug).await?.is_some())
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
