//! Shows that a host name is a publisher's own: a TXT record of DNS says so, which only who has the domain can make.
//! Until then a claim reserves nothing; whoever proves it has the name.

use domain::Slug;
use serde_json::json;

use super::change_branding::shown;
use super::{Actor, Thing, record_as, unknown_publisher};
use crate::Plane;
use crate::dns;
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::host_claims::{self, ClaimRow};
use crate::store::{Tx, brands, publishers};
use crate::wire::{Branding, HostProof, HostState};

/// Characters of a token.
const TOKEN: usize = 32;

/// What the audit calls whoever looks at DNS by itself.
const ITSELF: &str = "control-plane";

/// The name of the record that proves a host name.
fn record_of(host: &str) -> String {
    format!("_vclouden.{host}")
}

/// What is to stand in it.
fn text_of(row: &ClaimRow) -> String {
    format!("vclouden={}", row.token)
}

/// The proof of a claim as it is shown.
pub fn proof(row: &ClaimRow, served: Option<&str>) -> HostProof {
    let state = if served == Some(row.host.as_str()) { HostState::Proved } else { HostState::Pending };
    HostProof { state, record: record_of(&row.host), text: text_of(row), checked_at: row.checked_at }
}

/// Writes down that a publisher says that a name is its own. Who says so again has the same record to make.
pub async fn claim(plane: &Plane, tx: &Tx, publisher: &Slug, host: &str) -> Answer<()> {
    if host_claims::of(&**tx, publisher).await?.is_some_and(|row| row.host == host) {
        return Ok(());
    }
    let token: String = Secret::new("").text.chars().take(TOKEN).collect();
    let (publisher, host, created_at) = (publisher.clone(), host.to_owned(), plane.now());
    Ok(host_claims::set(tx, &ClaimRow { publisher, host, token, created_at, checked_at: None }).await?)
}

/// Whether DNS has the record of a claim.
async fn has_record(plane: &Plane, row: &ClaimRow) -> Result<bool, dns::DnsError> {
    let wanted = text_of(row);
    let texts = dns::texts(plane.name_server, &record_of(&row.host)).await?;
    Ok(texts.iter().any(|text| text.trim() == wanted))
}

/// Looks for the record of a claim; the name is served from then on if it is there. Whether it is.
pub async fn look(plane: &Plane, row: &ClaimRow, who: &str) -> Answer<bool> {
    let found = has_record(plane, row)
        .await
        .map_err(|error| Refusal::conflict("dns", format!("{error}; try again in a while")))?;
    let holder = brands::with_host(plane.store.read(), &row.host).await?.filter(|holder| *holder != row.publisher);
    if let (true, Some(holder)) = (found, &holder) {
        require_given_up(plane, holder, &row.host).await?;
    }
    let tx = plane.store.write().await?;
    host_claims::checked(&tx, row, plane.now()).await?;
    // It may have been withdrawn while nobody looked.
    let same = host_claims::of(&*tx, &row.publisher).await?.is_some_and(|now| now.token == row.token);
    if !found || !same {
        tx.commit().await?;
        return Ok(false);
    }
    if let Some(holder) = holder {
        let mut brand = brands::of(&*tx, &holder).await?;
        brand.host = None;
        brands::put(&tx, &brand).await?;
        record_as(plane, &tx, who, "branding.host-lost", thing(&holder), json!({ "host": row.host })).await?;
    }
    let mut brand = brands::of(&*tx, &row.publisher).await?;
    if brand.host.as_deref() != Some(row.host.as_str()) {
        brand.host = Some(row.host.clone());
        brands::put(&tx, &brand).await?;
        record_as(plane, &tx, who, "branding.host-proved", thing(&row.publisher), json!({ "host": row.host })).await?;
    }
    tx.commit().await?;
    plane.progress.changed();
    Ok(true)
}

fn thing(publisher: &Slug) -> Thing<'_> {
    Thing { id: publisher.to_string(), publisher: Some(publisher), ..Thing::default() }
}

/// That who has the name so far does not prove it any more: a domain may have been sold, or a name was given to
/// whoever said so first.
async fn require_given_up(plane: &Plane, holder: &Slug, host: &str) -> Answer<()> {
    let claim = host_claims::of(plane.store.read(), holder).await?.filter(|claim| claim.host == host);
    let proves = match claim {
        // Who cannot be asked just now has lost nothing.
        Some(claim) => has_record(plane, &claim).await.unwrap_or(true),
        None => false,
    };
    if !proves {
        return Ok(());
    }
    let detail = format!("{host} is another portal's, whose record is still there; take that record out of DNS first");
    Err(Refusal::conflict("host-taken", detail))
}

/// Looks for the record of a publisher's claim now.
pub async fn prove_host(plane: &Plane, actor: &Actor, publisher: &Slug) -> Answer<Branding> {
    let db = plane.store.read();
    publishers::name(db, &actor.reach, publisher).await?.ok_or_else(|| unknown_publisher(publisher))?;
    let claim = host_claims::of(db, publisher).await?.ok_or_else(|| {
        Refusal::conflict("no-host", "there is no host name of the portal's own to be proved; set one first")
    })?;
    if !look(plane, &claim, actor.name()).await? {
        let (name, text) = (record_of(&claim.host), text_of(&claim));
        let detail = format!("DNS has no TXT record {name} with the text {text} yet; make it, and look again later");
        return Err(Refusal::conflict("host-not-proved", detail));
    }
    shown(plane, db, brands::of(db, publisher).await?).await
}

/// Looks for the records of some claims that wait, by itself.
pub async fn look_at_some(plane: &Plane, since: nimbus_api::Millis, limit: u64) -> Answer<()> {
    for row in host_claims::pending(plane.store.read(), since, limit).await? {
        if let Err(refusal) = look(plane, &row, ITSELF).await {
            tracing::debug!(host = row.host, why = %refusal.detail, "a host name is not proved");
            let tx = plane.store.write().await?;
            host_claims::checked(&tx, &row, plane.now()).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
