//! Makes of an invitation what it offers: an account if there is none, and what its owner is to be.

use domain::{Key, PersonId, Slug};
use serde_json::json;

use super::tell_admins::tell_of_member;
use super::{Thing, line_for_people, record_as};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::passwords::Passwords;
use crate::problem::{Answer, Refusal};
use crate::secret;
use crate::store::invitations::{self, InvitationRow};
use crate::store::people::{self, Membership, PersonRow};
use crate::store::{Tx, customers, installations, publishers};
use crate::wire::word;

/// What a new person says of themself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Their name.
    pub name: String,
    /// Their password.
    pub password: String,
    /// Such as `es`.
    pub language: String,
    /// Such as `America/Bogota`.
    pub time_zone: String,
    /// What they call the publisher or customer that they found, when they sign up.
    pub organisation: String,
}

/// The invitation of a link, while it is good.
pub async fn find(plane: &Plane, link: &str) -> Answer<InvitationRow> {
    let found = invitations::find(plane.store.read(), &secret::sha256(link)).await?;
    found.filter(|row| row.expires_at > plane.now()).ok_or_else(|| {
        let detail = "this invitation was used already or is too old; ask for another one";
        Refusal::missing("unknown-invitation", detail)
    })
}

/// Accepts it: as `known`, who is logged in and whose address it was sent to, or as somebody new.
pub async fn accept(plane: &Plane, link: &str, known: Option<&PersonRow>, input: About) -> Answer<PersonRow> {
    let invitation = find(plane, link).await?;
    let new = match known {
        Some(person) if person.mail == invitation.mail && person.realm == invitation.realm() => None,
        Some(_) => {
            let detail = "this invitation is for another address than the one you are logged in with; log out first";
            return Err(Refusal::conflict("another-address", detail));
        }
        None => Some(newcomer(plane, &invitation, &input).await?),
    };
    let tx = plane.store.write().await?;
    // Of two who click at the same moment one comes too late.
    if !invitations::delete(&tx, invitation.id).await? {
        return Err(Refusal::missing("unknown-invitation", "this invitation was used already"));
    }
    let person = match (known, new) {
        (Some(person), _) => person.clone(),
        (None, Some(person)) => {
            if !people::create(&tx, &person).await? {
                let detail = "this address has an account already; log in with it and open the link again";
                return Err(Refusal::conflict("account-exists", detail));
            }
            person
        }
        (None, None) => return Err(Refusal::internal("nobody accepts the invitation")),
    };
    require_no_staff(&tx, &invitation).await?;
    let membership = place(plane, &tx, &invitation, &input.organisation).await?;
    let before = people::memberships(&*tx, person.id).await?;
    if let Some(already) = before.iter().find(|one| one.reach == membership.reach) {
        // Nobody loses a role by accepting another.
        let detail = format!("you are {} there already; whoever decides there can change that", word(&already.role));
        return Err(Refusal::conflict("member-already", detail));
    }
    people::join(&tx, person.id, &membership, plane.now()).await?;
    let thing = Thing { id: person.id.to_string(), name: Some(person.mail.clone()), ..Thing::at(&membership.reach) };
    record_as(plane, &tx, &person.mail, "member.join", thing, json!({ "role": membership.role })).await?;
    if invitation.membership.reach == membership.reach {
        let (role, by) = (Some(membership.role), invitation.invited_by.as_str());
        tell_of_member(plane, &tx, &membership.reach, &person, role, by).await?;
    }
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(person)
}

/// Who works at a publisher is nobody of its customers: they would let themselves in. Their own customer, to try the
/// portal out, anybody may found there.
async fn require_no_staff(tx: &Tx, invitation: &InvitationRow) -> Answer<()> {
    let Reach::Customer(customer) = &invitation.membership.reach else { return Ok(()) };
    if !people::works_at(&**tx, &customer.publisher, &invitation.mail).await? {
        return Ok(());
    }
    let detail = "this address works at the publisher, and cannot be one of its customers' people; to try the portal \
                  out, sign up there or use another address";
    Err(Refusal::new(http::StatusCode::FORBIDDEN, "works-there", detail))
}

async fn newcomer(plane: &Plane, invitation: &InvitationRow, input: &About) -> Answer<PersonRow> {
    let name = line_for_people("name", &input.name)?;
    Passwords::check(&input.password, &invitation.mail, &name)?;
    let at = plane.now();
    Ok(PersonRow {
        id: PersonId::new(),
        realm: invitation.realm(),
        mail: invitation.mail.clone(),
        name,
        password: Some(plane.passwords.hash(input.password.clone()).await?),
        language: input.language.clone(),
        time_zone: input.time_zone.clone(),
        // The link was sent to it, or handed over by who invited; without mail whoever signs up proves nothing.
        verified_at: (plane.mail_is_set_up() || invitation.invited_by != invitation.mail).then_some(at),
        created_at: at,
    })
}

/// Where they are to be: there already, or founded now.
async fn place(plane: &Plane, tx: &Tx, invitation: &InvitationRow, organisation: &str) -> Answer<Membership> {
    let role = invitation.membership.role;
    let reach = match (&invitation.membership.reach, role) {
        (Reach::All, Role::Owner) => {
            let name = line_for_people("organisation", organisation)?;
            Reach::Publisher(found_publisher(plane, tx, &invitation.mail, &name).await?)
        }
        (Reach::Publisher(publisher), Role::CustomerAdmin) => {
            let name = line_for_people("organisation", organisation)?;
            Reach::Customer(found_customer(plane, tx, publisher, &invitation.mail, &name).await?)
        }
        (reach, _) => reach.clone(),
    };
    // It may have been deleted since.
    let there = match &reach {
        Reach::All => true,
        Reach::Publisher(slug) => publishers::name(&**tx, &Reach::All, slug).await?.is_some(),
        Reach::Customer(key) => customers::find(&**tx, key).await?.is_some(),
    };
    if !there {
        return Err(Refusal::missing("unknown-invitation", "what this invitation leads to is no more"));
    }
    Ok(Membership { role, reach })
}

async fn found_publisher(plane: &Plane, tx: &Tx, by: &str, name: &str) -> Answer<Slug> {
    for slug in slugs(name) {
        // Its portal would have the host name of an installation.
        let host = slug.as_str().parse().map_err(Refusal::internal)?;
        if installations::named(&**tx, &host).await?.is_none()
            && !plane.names_console(slug.as_str())
            && publishers::create(tx, &slug, name, plane.now()).await?
        {
            let thing =
                Thing { id: slug.to_string(), name: Some(name.to_owned()), publisher: Some(&slug), ..Thing::default() };
            publishers::set_limits(tx, &slug, &plane.settings.get().publisher_limits).await?;
            record_as(plane, tx, by, "publisher.create", thing, json!({})).await?;
            return Ok(slug);
        }
    }
    Err(Refusal::conflict("name-taken", "every short name like this one is taken; choose another name"))
}

async fn found_customer(plane: &Plane, tx: &Tx, publisher: &Slug, by: &str, name: &str) -> Answer<Key> {
    for slug in slugs(name) {
        let key = Key::new(publisher.clone(), slug);
        if customers::create(tx, &key, name, plane.now()).await? {
            let thing = Thing::customer(&key, Some(name.to_owned()));
            record_as(plane, tx, by, "customer.create", thing, json!({})).await?;
            return Ok(key);
        }
    }
    Err(Refusal::conflict("name-taken", "every short name like this one is taken; choose another name"))
}

/// Short names that a name may get, the best first.
fn slugs(name: &str) -> impl Iterator<Item = Slug> {
    let plain = |c: char| match c.to_lowercase().next().unwrap_or(c) {
        'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let text: String = name.chars().map(plain).collect();
    let words: Vec<&str> = text.split('-').filter(|word| !word.is_empty()).collect();
    let base = words.join("-");
    let base = if base.is_empty() { "company".to_owned() } else { base };
    (1..=1000_u32).filter_map(move |count| {
        let suffix = if count == 1 { String::new() } else { format!("-{count}") };
        let base: String = base.chars().take(Slug::MAX - suffix.len()).collect();
        format!("{}{suffix}", base.trim_end_matches('-')).parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::slugs;

    #[test]
    fn short_names_are_made_of_names() {
        let first = |name: &str| slugs(name).next().unwrap().to_string();
        assert_eq!(first("Pérez & Ñandú, S.A.S."), "perez-nandu-s-a-s");
        assert_eq!(first("日本"), "company");
        assert_eq!(first(&"x".repeat(99)).len(), 30);
        let second = slugs(&"x".repeat(99)).nth(1).unwrap().to_string();
        assert!(second.ends_with("x-2") && second.len() == 30, "{second}");
    }
}
