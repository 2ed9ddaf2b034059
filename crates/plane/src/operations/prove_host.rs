//! Shows that a host name is a publisher's own: a TXT record of DNS says so, which only who has the domain can make.
//! Until then a claim reserves nothing; whoever proves it has the name.

use domain::Slug;
use futures_util::{StreamExt, stream};
use nimbus_api::Millis;
use serde_json::json;

use super::change_branding::shown;
use super::{Actor, Thing, record_as, unknown_publisher};
use crate::Plane;
use crate::dns::{self, DnsError};
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::host_claims::{self, ClaimRow};
use crate::store::{Tx, brands, publishers};
use crate::wire::{Branding, HostProof, HostState};

/// Characters of a token.
const TOKEN: usize = 32;

/// Most characters of a host name: before it stands what its record begins with, and a name has at most 253.
pub(super) const HOST: usize = 253 - BEGIN.len();

const BEGIN: &str = "_vclouden.";

/// Milliseconds for which a claim is looked at by itself; later on its publisher asks for it.
const LASTS: Millis = 7 * 24 * 3600 * 1000;

/// What the audit calls whoever looks at DNS by itself.
const ITSELF: &str = "control-plane";

/// The name of the record that proves a host name.
fn record_of(host: &str) -> String {
    format!("{BEGIN}{host}")
}

/// What is to stand in it.
fn text_of(row: &ClaimRow) -> String {
    format!("vclouden={}", row.token)
}

/// The proof of a claim as it is shown.
pub fn proof(plane: &Plane, row: &ClaimRow, served: Option<&str>) -> HostProof {
    let served = served == Some(row.host.as_str());
    let state = if served && row.proved_at.is_some() { HostState::Proved } else { HostState::Pending };
    let watched = state == HostState::Pending && row.created_at > plane.now().saturating_sub(LASTS);
    let (record, text) = (record_of(&row.host), text_of(row));
    HostProof { state, served, record, text, checked_at: row.checked_at, watched }
}

/// Writes down that a publisher says that a name is its own, besides the one that is served. Who says so again has the
/// same record to make.
pub async fn claim(plane: &Plane, tx: &Tx, publisher: &Slug, host: &str, served: Option<&str>) -> Answer<()> {
    host_claims::forget_but(tx, publisher, [Some(host), served]).await?;
    let token: String = Secret::new("").text.chars().take(TOKEN).collect();
    Ok(host_claims::put(tx, publisher, host, &token, plane.now()).await?)
}

/// The texts of the record that proves a host name.
async fn texts_of(plane: &Plane, host: &str) -> Answer<Vec<String>> {
    dns::texts(plane.name_server, &record_of(host)).await.map_err(|error| match error {
        DnsError::Name(_) => Refusal::invalid("dns-name", format!("{error}; choose another host name")),
        _ => Refusal::conflict("dns", format!("{error}; try again in a while")),
    })
}

fn proves(texts: &[String], row: &ClaimRow) -> bool {
    texts.iter().any(|text| text.trim() == text_of(row))
}

/// Looks for the record of a claim; the name is served from then on if it is there. Whether it is.
pub async fn look(plane: &Plane, row: &ClaimRow, who: &str) -> Answer<bool> {
    let texts = texts_of(plane, &row.host).await?;
    let tx = plane.store.write().await?;
    host_claims::checked(&tx, row, plane.now()).await?;
    // It may have been withdrawn while nobody looked.
    let Some(row) = host_claims::of(&*tx, &row.publisher, &row.host).await?.filter(|now| proves(&texts, now)) else {
        tx.commit().await?;
        return Ok(false);
    };
    serve(plane, &tx, &row, &texts, who).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(true)
}

/// Has a portal answer at a name that is proved, and nobody else's.
async fn serve(plane: &Plane, tx: &Tx, row: &ClaimRow, texts: &[String], who: &str) -> Answer<()> {
    let host = &row.host;
    if let Some(holder) = brands::with_host(&**tx, host).await?.filter(|holder| *holder != row.publisher) {
        require_given_up(tx, &holder, host, texts).await?;
        let mut brand = brands::of(&**tx, &holder).await?;
        brand.host = None;
        brands::put(tx, &brand).await?;
        // Who has it now is none of their business.
        record_as(plane, tx, ITSELF, "branding.host-lost", thing(&holder), json!({ "host": host })).await?;
    }
    if row.proved_at.is_none() {
        host_claims::proved(tx, row, plane.now()).await?;
        record_as(plane, tx, who, "branding.host-proved", thing(&row.publisher), json!({ "host": host })).await?;
    }
    let mut brand = brands::of(&**tx, &row.publisher).await?;
    if brand.host.as_ref() != Some(host) {
        brand.host = Some(host.clone());
        brands::put(tx, &brand).await?;
        host_claims::forget_but(tx, &row.publisher, [Some(host), None]).await?;
    }
    Ok(())
}

fn thing(publisher: &Slug) -> Thing<'_> {
    Thing { id: publisher.to_string(), publisher: Some(publisher), ..Thing::default() }
}

/// That who has the name so far does not prove it any more: a domain may have been sold, or a name was given to
/// whoever said so first.
async fn require_given_up(tx: &Tx, holder: &Slug, host: &str, texts: &[String]) -> Answer<()> {
    let claim = host_claims::of(&**tx, holder, host).await?;
    if !claim.is_some_and(|claim| proves(texts, &claim)) {
        return Ok(());
    }
    let detail = format!("{host} is another portal's, whose record is still there; take that record out of DNS first");
    Err(Refusal::conflict("host-still-proved", detail))
}

/// Looks for the record of a publisher's claim now.
pub async fn prove_host(plane: &Plane, actor: &Actor, publisher: &Slug) -> Answer<Branding> {
    let db = plane.store.read();
    publishers::name(db, &actor.reach, publisher).await?.ok_or_else(|| unknown_publisher(publisher))?;
    let claim = host_claims::wanted(db, publisher).await?.ok_or_else(|| {
        Refusal::conflict("no-host", "there is no host name of the portal's own to be proved; set one first")
    })?;
    if !look(plane, &claim, actor.name()).await? {
        let (name, text) = (record_of(&claim.host), text_of(&claim));
        let detail = format!("DNS has no TXT record {name} with the text {text} yet; make it, and look again later");
        return Err(Refusal::conflict("host-not-proved", detail));
    }
    shown(plane, db, brands::of(db, publisher).await?).await
}

/// Looks for the records of so many claims that wait, by itself: all at once, since to be answered takes a while.
pub async fn look_at_some(plane: &Plane, limit: usize) -> Answer<()> {
    let since = plane.now().saturating_sub(LASTS);
    let rows = host_claims::pending(plane.store.read(), since, limit as u64).await?;
    let looks = stream::iter(rows).map(|row| async move {
        let Err(refusal) = look(plane, &row, ITSELF).await else { return Answer::Ok(()) };
        tracing::debug!(host = row.host, why = %refusal.detail, "a host name is not proved");
        let tx = plane.store.write().await?;
        host_claims::checked(&tx, &row, plane.now()).await?;
        Ok(tx.commit().await?)
    });
    let done: Vec<_> = looks.buffer_unordered(limit).collect().await;
    done.into_iter().collect()
}
