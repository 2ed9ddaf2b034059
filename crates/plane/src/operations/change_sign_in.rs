//! Decides how a publisher's members come in.

use domain::Slug;
use serde_json::json;

use super::sign_on::{callback, probe, secret_purpose};
use super::{Actor, Thing, record, unknown_publisher};
use crate::Plane;
use crate::access::Role;
use crate::problem::{Answer, Refusal};
use crate::store::sign_on::{self, SignOnRow};
use crate::store::{factors, publishers};
use crate::wire::{ChangeSignIn, ChangeSingleSignOn, SignIn, SingleSignOn, word};
use sea_orm::ConnectionTrait;

/// Most domains of one provider.
const DOMAINS: usize = 20;

/// How they do.
pub async fn sign_in_of(plane: &Plane, db: &impl ConnectionTrait, actor: &Actor, slug: &Slug) -> Answer<SignIn> {
    publishers::name(db, &actor.reach, slug).await?.ok_or_else(|| unknown_publisher(slug))?;
    let shown = |row: SignOnRow| SingleSignOn {
        issuer: row.issuer,
        client: row.client,
        domains: row.domains,
        role: row.role,
        callback: callback(plane),
    };
    let single_sign_on = sign_on::of(db, slug).await?.map(shown);
    Ok(SignIn { second_factor: publishers::second_factor(db, slug).await?, single_sign_on })
}

/// Changes what is given.
pub async fn change_sign_in(plane: &Plane, actor: &Actor, slug: &Slug, input: ChangeSignIn) -> Answer<SignIn> {
    sign_in_of(plane, plane.store.read(), actor, slug).await?;
    let wanted = match input.single_sign_on {
        None => None,
        Some(wanted) if wanted.issuer.is_empty() => Some(None),
        Some(wanted) => Some(Some(checked(plane, slug, wanted).await?)),
    };
    let tx = plane.store.write().await?;
    sign_in_of(plane, &*tx, actor, slug).await?;
    if let Some(required) = input.second_factor {
        // Who shuts themself out cannot take it back.
        let member = actor.person().filter(|_| actor.role != Role::Operator);
        if required
            && let Some(person) = member
            && factors::of(&*tx, person).await? == 0
        {
            let detail = "set up a second factor of your own first; otherwise you shut yourself out";
            return Err(Refusal::conflict("own-factor-first", detail));
        }
        publishers::require_second_factor(&tx, slug, required).await?;
    }
    match wanted {
        None => {}
        Some(None) => sign_on::remove(&tx, slug).await?,
        Some(Some(row)) => sign_on::set(&tx, &row).await?,
    }
    let all = sign_in_of(plane, &*tx, actor, slug).await?;
    let thing = Thing { id: slug.to_string(), publisher: Some(slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.sign-in", thing, json!(&all)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(all)
}

/// A provider that answers as one, and what it is for.
async fn checked(plane: &Plane, slug: &Slug, input: ChangeSingleSignOn) -> Answer<SignOnRow> {
    let bad = |detail: &str| Refusal::invalid("bad-sign-on", detail);
    if input.client.is_empty() || input.client.len() > 500 {
        return Err(bad("the key \"client\" must say what the provider calls us, in at most 500 characters"));
    }
    let domains: Vec<String> = input.domains.iter().map(|domain| domain.trim().to_lowercase()).collect();
    let is_domain = |domain: &String| {
        domain.contains('.')
            && domain.len() <= 253
            && domain.bytes().all(|c| c.is_ascii_alphanumeric() || b".-".contains(&c))
    };
    if domains.is_empty() || domains.len() > DOMAINS || !domains.iter().all(is_domain) {
        return Err(bad("name 1 to 20 domains of mail addresses, such as acme.example"));
    }
    if let Some(role) = input.role.filter(|role| !matches!(role, Role::Developer | Role::Support | Role::Billing)) {
        let detail = format!("newcomers cannot be {}: developer, support or billing", word(&role));
        return Err(Refusal::invalid("bad-sign-on", detail));
    }
    let before = sign_on::of(plane.store.read(), slug).await?;
    // A secret is for the provider that it was given for.
    let kept = before.filter(|row| row.issuer == input.issuer && row.client == input.client).map(|row| row.secret);
    let sealed = input.secret.as_ref().map(|secret| plane.seal.seal(&secret_purpose(slug), secret)).or(kept);
    let secret =
        sealed.ok_or_else(|| bad("the key \"secret\" is missing: the provider shows it where the client is"))?;
    probe(plane, &input.issuer).await?;
    let ChangeSingleSignOn { issuer, client, role, .. } = input;
    Ok(SignOnRow { publisher: slug.clone(), issuer, client, secret, domains, role })
}
