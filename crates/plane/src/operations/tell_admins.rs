//! Writes to the administrators of a customer about who comes in there, so that nobody of the publisher does unseen.

use domain::{Key, PersonId};

use crate::Plane;
use crate::access::{Reach, Role};
use crate::letters;
use crate::problem::Answer;
use crate::store::people::{self, PersonRow};
use crate::store::{Tx, customers};
use crate::wire::word;

/// Writes to all of them but one. Whoever commits wakes the sender of letters.
pub(super) async fn tell_admins(
    plane: &Plane,
    tx: &Tx,
    customer: &Key,
    but: Option<PersonId>,
    key: &str,
    values: &[(&str, &str)],
) -> Answer<()> {
    let name = customers::find(&**tx, customer).await?.map_or_else(|| customer.slug.to_string(), |found| found.name);
    let values = [values, &[("customer", name.as_str()), ("slug", customer.slug.as_str())]].concat();
    let members = people::members(&**tx, &Reach::Customer(customer.clone())).await?;
    for member in members {
        if member.role == Role::CustomerAdmin && Some(member.person.id) != but {
            letters::tell(plane, tx, &member.person, key, &values).await?;
        }
    }
    Ok(())
}

/// Writes to them that somebody became something there, or is nothing there any more.
pub(super) async fn tell_of_member(
    plane: &Plane,
    tx: &Tx,
    reach: &Reach,
    person: &PersonRow,
    role: Option<Role>,
    by: &str,
) -> Answer<()> {
    let Reach::Customer(customer) = reach else { return Ok(()) };
    let role = role.map_or_else(|| "none".into(), |role| word(&role));
    // They chose it themselves.
    let who = Some(letters::plain(&person.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| person.mail.clone());
    let values = [("who", who.as_str()), ("mail", &person.mail), ("role", &role), ("by", by)];
    tell_admins(plane, tx, customer, Some(person.id), "letter-member", &values).await
}
