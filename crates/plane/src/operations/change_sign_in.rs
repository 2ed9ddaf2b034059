//! Decides how a publisher's members come in.

use domain::Slug;
use serde_json::json;

use super::{Actor, Thing, record, unknown_publisher};
use crate::Plane;
use crate::access::Role;
use crate::problem::{Answer, Refusal};
use crate::store::{factors, publishers};
use crate::wire::{ChangeSignIn, SignIn};
use sea_orm::ConnectionTrait;

/// How they do.
pub async fn sign_in_of(db: &impl ConnectionTrait, actor: &Actor, slug: &Slug) -> Answer<SignIn> {
    publishers::find(db, &actor.reach, slug).await?.ok_or_else(|| unknown_publisher(slug))?;
    Ok(SignIn { second_factor: publishers::second_factor(db, slug).await? })
}

/// Changes what is given.
pub async fn change_sign_in(plane: &Plane, actor: &Actor, slug: &Slug, input: ChangeSignIn) -> Answer<SignIn> {
    let tx = plane.store.write().await?;
    sign_in_of(&*tx, actor, slug).await?;
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
    let all = sign_in_of(&*tx, actor, slug).await?;
    let thing = Thing { id: slug.to_string(), publisher: Some(slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.sign-in", thing, json!({ "second_factor": all.second_factor })).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(all)
}
