//! Keeps an answer for later, and deletes it.

use domain::AnswerId;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::ticket::text_for_people;
use super::{Actor, Thing, line_for_people, record, require_publisher, short};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::answers;
use crate::wire::{CannedAnswer, KeepAnswer};

/// Most answers of a publisher.
const MOST: u64 = 500;

/// Keeps a new one.
pub async fn create_answer(plane: &Plane, actor: &Actor, input: KeepAnswer) -> Answer<CannedAnswer> {
    let publisher = actor.publisher_for(input.publisher.clone())?;
    let tx = plane.store.write().await?;
    require_publisher(&tx, actor, &publisher).await?;
    if answers::count(&*tx, &publisher).await? >= MOST {
        let detail = format!("there are {MOST} answers already; delete one that is not used");
        return Err(Refusal::conflict("too-many-answers", detail));
    }
    let new = CannedAnswer {
        id: AnswerId::new(),
        publisher,
        title: line_for_people("title", &input.title)?,
        text: text_for_people(&input.text)?,
        created_at: plane.now(),
    };
    put(plane, tx, actor, "answer.create", new).await
}

/// Says all of one anew.
pub async fn change_answer(plane: &Plane, actor: &Actor, named: &str, input: KeepAnswer) -> Answer<CannedAnswer> {
    let tx = plane.store.write().await?;
    let old = find_answer(&*tx, &actor.reach, named).await?;
    if input.publisher.is_some_and(|publisher| publisher != old.publisher) {
        return Err(Refusal::invalid("bad-publisher", "an answer stays its publisher's: leave \"publisher\" out"));
    }
    let new =
        CannedAnswer { title: line_for_people("title", &input.title)?, text: text_for_people(&input.text)?, ..old };
    put(plane, tx, actor, "answer.change", new).await
}

async fn put(
    plane: &Plane,
    tx: crate::store::Tx,
    actor: &Actor,
    verb: &'static str,
    new: CannedAnswer,
) -> Answer<CannedAnswer> {
    if !answers::put(&tx, &new).await? {
        let detail = format!("there is an answer \"{}\" already; choose another title", new.title);
        return Err(Refusal::conflict("answer-exists", detail));
    }
    record(plane, &tx, actor, verb, thing(&new), json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(new)
}

/// Deletes one.
pub async fn delete_answer(plane: &Plane, actor: &Actor, named: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let old = find_answer(&*tx, &actor.reach, named).await?;
    answers::delete(&tx, old.id).await?;
    record(plane, &tx, actor, "answer.delete", thing(&old), json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

fn thing(answer: &CannedAnswer) -> Thing<'_> {
    let (id, name) = (answer.id.to_string(), Some(answer.title.clone()));
    Thing { id, name, publisher: Some(&answer.publisher), ..Thing::default() }
}

/// The answer within reach that `text` names.
pub async fn find_answer(db: &impl ConnectionTrait, reach: &Reach, text: &str) -> Answer<CannedAnswer> {
    let unknown = || {
        let detail = format!("there is no answer \"{}\"; list them with `vclouden answer list`", short(text));
        Refusal::missing("unknown-answer", detail)
    };
    let id = text.parse().map_err(|_| unknown())?;
    answers::find(db, reach, id).await?.ok_or_else(unknown)
}
