//! Announcements of the platform, shown on every page of whom they concern until they are dismissed.

use serde_json::json;

use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::settings::{NAME, Settings};
use crate::store::settings;
use crate::wire::{Announcement, CreateAnnouncement, word};

/// Most that there can be at a time: nobody reads more.
const MOST: usize = 20;

/// Most characters of a text.
const LONGEST: usize = 500;

/// Makes one. Those that are over are forgotten.
pub async fn announce(plane: &Plane, actor: &Actor, input: CreateAnnouncement) -> Answer<Announcement> {
    let bad = |detail: &str| Err(Refusal::invalid("bad-announcement", detail));
    let text = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (en, es) = match (text(input.en), text(input.es)) {
        (None, None) => return bad("an announcement says something: write a text, in English or in Spanish"),
        (Some(one), None) | (None, Some(one)) => (one.clone(), one),
        (Some(en), Some(es)) => (en, es),
    };
    let wrong = |text: &str| text.chars().count() > LONGEST || text.chars().any(|c| c.is_control() && c != '\n');
    if wrong(&en) || wrong(&es) {
        return bad("a text has at most 500 characters and no control characters");
    }
    let now = plane.now();
    let from = input.from.unwrap_or(now);
    if input.until.is_some_and(|until| until <= from.max(now)) {
        return bad("it would be over before anybody has seen it: give a later end, or none");
    }
    let tx = plane.store.write().await?;
    let mut all: Settings = settings::get(&*tx, NAME).await?.unwrap_or_default();
    all.announcements.retain(|one| one.until.is_none_or(|until| until > now));
    if all.announcements.len() >= MOST {
        let detail = format!("there are {MOST} announcements already; delete one first");
        return Err(Refusal::conflict("too-many-announcements", detail));
    }
    let (level, audience, until) = (input.level, input.audience, input.until);
    let id = uuid::Uuid::now_v7().to_string();
    let new = Announcement { id, level, audience, en, es, from, until, by: actor.name().to_owned() };
    all.announcements.push(new.clone());
    settings::set(&tx, NAME, &all).await?;
    let thing = Thing { id: new.id.clone(), ..Thing::default() };
    let detail = json!({ "level": word(&level), "audience": word(&audience), "en": new.en, "es": new.es });
    record(plane, &tx, actor, "announcement.create", thing, detail).await?;
    tx.commit().await?;
    plane.settings.replace(all);
    plane.progress.changed();
    Ok(new)
}

/// Deletes one: from then on nobody is shown it.
pub async fn delete_announcement(plane: &Plane, actor: &Actor, id: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let mut all: Settings = settings::get(&*tx, NAME).await?.unwrap_or_default();
    let before = all.announcements.len();
    all.announcements.retain(|one| one.id != id);
    if all.announcements.len() == before {
        let detail = format!("there is no announcement \"{}\"", super::short(id));
        return Err(Refusal::missing("unknown-announcement", detail));
    }
    settings::set(&tx, NAME, &all).await?;
    let thing = Thing { id: id.to_owned(), ..Thing::default() };
    record(plane, &tx, actor, "announcement.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.settings.replace(all);
    plane.progress.changed();
    Ok(())
}
