//! People's accounts, and what they are where.

use domain::{Key, PersonId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, from_word, get, maybe_big, maybe_number, maybe_text, number, one, parse};
use super::{factors, run, text};
use crate::access::{Reach, Role};
use crate::wire::word;

/// An account as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Its id.
    pub id: PersonId,
    /// The publisher whose portal it is for; absent for the console.
    pub realm: Option<Slug>,
    /// In lower case.
    pub mail: String,
    /// The name for people.
    pub name: String,
    /// The password's argon2id hash; absent until one is chosen.
    pub password: Option<String>,
    /// Such as `es`.
    pub language: String,
    /// Such as `America/Bogota`.
    pub time_zone: String,
    /// When the address was proven.
    pub verified_at: Option<Millis>,
    /// When it was made.
    pub created_at: Millis,
}

/// What a person is somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// What.
    pub role: Role,
    /// Where.
    pub reach: Reach,
}

/// What a person is somewhere, for those who look after that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub person: PersonRow,
    /// What they are.
    pub role: Role,
    /// When they became it.
    pub since: Millis,
    /// How many second factors they have.
    pub factors: u64,
}

const COLUMNS: &str = "p.id, p.realm, p.mail, p.name, p.password, p.language, p.time_zone, p.verified_at, p.created_at";

fn read(row: &QueryResult) -> Result<PersonRow> {
    let realm: String = get(row, "realm")?;
    Ok(PersonRow {
        id: parse(row, "id")?,
        realm: if realm.is_empty() { None } else { Some(parse(row, "realm")?) },
        mail: get(row, "mail")?,
        name: get(row, "name")?,
        password: get(row, "password")?,
        language: get(row, "language")?,
        time_zone: get(row, "time_zone")?,
        verified_at: maybe_number(row, "verified_at")?,
        created_at: number(row, "created_at")?,
    })
}

/// What a row's role, publisher and customer say.
pub(super) fn read_membership(row: &QueryResult) -> Result<Membership> {
    let (publisher, customer): (String, String) = (get(row, "publisher")?, get(row, "customer")?);
    let reach = match (publisher.is_empty(), customer.is_empty()) {
        (true, _) => Reach::All,
        (false, true) => Reach::Publisher(parse(row, "publisher")?),
        (false, false) => Reach::Customer(Key::new(parse(row, "publisher")?, parse(row, "customer")?)),
    };
    Ok(Membership { role: from_word(row, "role")?, reach })
}

/// Publisher and customer as columns have them.
pub fn columns_of(reach: &Reach) -> (String, String) {
    match reach {
        Reach::All => (String::new(), String::new()),
        Reach::Publisher(publisher) => (publisher.to_string(), String::new()),
        Reach::Customer(key) => (key.publisher.to_string(), key.slug.to_string()),
    }
}

fn realm_column(realm: Option<&Slug>) -> String {
    realm.map(ToString::to_string).unwrap_or_default()
}

/// Keeps a new account; `false` when the address has one in that realm.
pub async fn create(tx: &Tx, new: &PersonRow) -> Result<bool> {
    let sql = "INSERT INTO people (id, realm, mail, name, password, language, time_zone, verified_at, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (realm, mail) DO NOTHING";
    let values = [
        text(new.id),
        text(realm_column(new.realm.as_ref())),
        text(&new.mail),
        text(&new.name),
        maybe_text(new.password.as_ref()),
        text(&new.language),
        text(&new.time_zone),
        maybe_big(new.verified_at),
        big(new.created_at),
    ];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// The account of that id.
pub async fn find(db: &impl ConnectionTrait, id: PersonId) -> Result<Option<PersonRow>> {
    let sql = format!("SELECT {COLUMNS} FROM people p WHERE p.id = $1");
    one(db, &sql, [text(id)]).await?.map(|row| read(&row)).transpose()
}

/// The account of that address, in lower case, in a realm.
pub async fn with_mail(db: &impl ConnectionTrait, realm: Option<&Slug>, mail: &str) -> Result<Option<PersonRow>> {
    let sql = format!("SELECT {COLUMNS} FROM people p WHERE p.realm = $1 AND p.mail = $2");
    one(db, &sql, [text(realm_column(realm)), text(mail)]).await?.map(|row| read(&row)).transpose()
}

/// Keeps how a person wants to be called and addressed.
pub async fn update_profile(tx: &Tx, row: &PersonRow) -> Result<()> {
    let sql = "UPDATE people SET name = $2, language = $3, time_zone = $4 WHERE id = $1";
    run(&**tx, sql, [text(row.id), text(&row.name), text(&row.language), text(&row.time_zone)]).await?;
    Ok(())
}

/// Makes `new` the password's hash in place of `old`; `false` when it is another by now.
pub async fn set_password(tx: &Tx, id: PersonId, old: Option<&str>, new: &str, verified_at: Millis) -> Result<bool> {
    let sql = "UPDATE people SET password = $2, verified_at = COALESCE(verified_at, $4) \
               WHERE id = $1 AND COALESCE(password, '') = $3";
    let values = [text(id), text(new), text(old.unwrap_or_default()), big(verified_at)];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// Gives an account another address, which was proven; `false` when it is not `old` any more or another account has it.
pub async fn set_mail(tx: &Tx, row: &PersonRow, mail: &str, at: Millis) -> Result<bool> {
    let sql = "UPDATE people SET mail = $3, verified_at = $4 WHERE id = $1 AND mail = $2 \
               AND NOT EXISTS (SELECT 1 FROM people other WHERE other.realm = $5 AND other.mail = $3)";
    let values = [text(row.id), text(&row.mail), text(mail), big(at), text(realm_column(row.realm.as_ref()))];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// Forgets who is something at a place that is deleted, for a publisher also at its customers: members, tokens and
/// invitations. Otherwise a later place of the same name would be theirs. The accounts of a portal go with it.
pub async fn forget_place(tx: &Tx, reach: &Reach) -> Result<()> {
    let (publisher, customer) = columns_of(reach);
    if publisher.is_empty() {
        return Ok(());
    }
    for table in ["memberships", "tokens", "invitations"] {
        let sql = format!("DELETE FROM {table} WHERE publisher = $1 AND (customer = $2 OR $2 = '')");
        run(&**tx, &sql, [text(&publisher), text(&customer)]).await?;
    }
    if let (Some(slug), true) = (reach.publisher(), customer.is_empty()) {
        super::sign_on::forget(tx, slug).await?;
    }
    if customer.is_empty() {
        factors::forget_realm(tx, &publisher).await?;
        for table in ["sessions", "links", "memberships"] {
            let sql = format!("DELETE FROM {table} WHERE person IN (SELECT id FROM people WHERE realm = $1)");
            run(&**tx, &sql, [text(&publisher)]).await?;
        }
        run(&**tx, "DELETE FROM people WHERE realm = $1", [text(&publisher)]).await?;
    }
    Ok(())
}

/// Makes somebody something somewhere, in place of what they were there.
pub async fn join(tx: &Tx, id: PersonId, membership: &Membership, at: Millis) -> Result<()> {
    let (publisher, customer) = columns_of(&membership.reach);
    let sql = "INSERT INTO memberships (person, publisher, customer, role, created_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (person, publisher, customer) DO UPDATE SET role = excluded.role";
    run(&**tx, sql, [text(id), text(publisher), text(customer), text(word(&membership.role)), big(at)]).await?;
    Ok(())
}

/// Makes somebody nothing there; `false` when they were nothing.
pub async fn leave(tx: &Tx, id: PersonId, reach: &Reach) -> Result<bool> {
    let (publisher, customer) = columns_of(reach);
    let sql = "DELETE FROM memberships WHERE person = $1 AND publisher = $2 AND customer = $3";
    Ok(run(&**tx, sql, [text(id), text(publisher), text(customer)]).await?.rows_affected() > 0)
}

/// Everything that a person is, operators first.
pub async fn memberships(db: &impl ConnectionTrait, id: PersonId) -> Rows<Membership> {
    let sql = "SELECT role, publisher, customer FROM memberships WHERE person = $1 ORDER BY publisher, customer";
    all(db, sql, [text(id)], read_membership).await
}

/// Everybody who is something exactly there, by address.
pub async fn members(db: &impl ConnectionTrait, reach: &Reach) -> Rows<Member> {
    let (publisher, customer) = columns_of(reach);
    let sql = format!(
        "SELECT {COLUMNS}, m.role, m.created_at AS since, {} AS factors FROM memberships m \
         JOIN people p ON p.id = m.person WHERE m.publisher = $1 AND m.customer = $2 ORDER BY p.mail",
        factors::COUNT
    );
    let read = |row: &QueryResult| {
        let (since, factors) = (number(row, "since")?, number(row, "factors")?);
        Ok(Member { person: read(row)?, role: from_word(row, "role")?, since, factors })
    };
    all(db, &sql, [text(publisher), text(customer)], read).await
}

/// Whether somebody with that address works at a publisher, or runs the platform.
pub async fn works_at(db: &impl ConnectionTrait, publisher: &Slug, mail: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM memberships m JOIN people p ON p.id = m.person \
               WHERE p.realm = '' AND p.mail = $1 AND m.customer = '' AND (m.publisher = $2 OR m.publisher = '')";
    Ok(super::count(db, sql, [text(mail), text(publisher)]).await? > 0)
}

/// How many have that role exactly there.
pub async fn count(db: &impl ConnectionTrait, reach: &Reach, role: Role) -> Result<u64> {
    let (publisher, customer) = columns_of(reach);
    let sql = "SELECT COUNT(*) AS n FROM memberships WHERE publisher = $1 AND customer = $2 AND role = $3";
    super::count(db, sql, [text(publisher), text(customer), text(word(&role))]).await
}
