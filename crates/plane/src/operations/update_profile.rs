//! Changes how a person wants to be called and addressed.

use serde_json::json;

use super::{Thing, line_for_people, record_as};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::people::{self, PersonRow};

/// Changes it.
pub async fn update_profile(
    plane: &Plane,
    person: &PersonRow,
    name: &str,
    language: &str,
    time_zone: &str,
) -> Answer<PersonRow> {
    let name = line_for_people("name", name)?;
    if jiff::tz::TimeZone::get(time_zone).is_err() {
        return Err(Refusal::invalid("bad-time-zone", "this is no time zone; write one such as America/Bogota"));
    }
    let mut person = person.clone();
    (person.name, person.language, person.time_zone) = (name, language.to_owned(), time_zone.to_owned());
    let tx = plane.store.write().await?;
    people::update_profile(&tx, &person).await?;
    let thing = Thing { id: person.id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_as(plane, &tx, &person.mail, "person.update", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(person)
}
