//! Tickets, their texts, and the addresses at which they are answered by mail.

use domain::state::TicketState;
use domain::{InstallationId, Key, MessageId, PersonId, Slug, TicketId};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::people::columns_of;
use super::{
    PRUNED_AT_ONCE, Result, Rows, StoreError, Tx, all, big, containing, from_word, get, maybe_parse, maybe_text,
    number, one, parse, run, text,
};
use crate::access::Reach;
use crate::wire::{Side, Ticket, TicketMessage, word};

const COLUMNS: &str = "t.id, t.number, t.publisher, t.customer, c.name AS customer_name, t.installation, \
    i.name AS installation_name, t.subject, t.state, t.opened_by, a.id AS assignee, a.name AS assignee_name, \
    t.last_from, t.created_at, t.updated_at FROM tickets t \
    JOIN customers c ON c.publisher = t.publisher AND c.slug = t.customer \
    LEFT JOIN installations i ON i.id = t.installation \
    LEFT JOIN memberships m ON m.person = t.assignee AND m.publisher = t.publisher AND m.customer = '' \
    LEFT JOIN people a ON a.id = m.person";

fn read(row: &QueryResult) -> Result<Ticket> {
    Ok(Ticket {
        id: parse(row, "id")?,
        number: number(row, "number")?,
        publisher: parse(row, "publisher")?,
        customer: parse(row, "customer")?,
        customer_name: get(row, "customer_name")?,
        installation: maybe_parse(row, "installation")?,
        installation_name: maybe_parse(row, "installation_name")?,
        subject: get(row, "subject")?,
        state: parse(row, "state")?,
        opened_by: get(row, "opened_by")?,
        assignee: maybe_parse(row, "assignee")?,
        assignee_name: get(row, "assignee_name")?,
        last_from: from_word(row, "last_from")?,
        created_at: number(row, "created_at")?,
        updated_at: number(row, "updated_at")?,
        unread: false,
    })
}

/// A ticket to be kept.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: TicketId,
    /// Whose it is.
    pub customer: &'a Key,
    /// The installation that it is about.
    pub installation: Option<InstallationId>,
    /// What it is about.
    pub subject: &'a str,
    /// Its state.
    pub state: TicketState,
    /// Who opens it.
    pub opened_by: &'a str,
    /// Of which side they are.
    pub side: Side,
    /// When.
    pub at: Millis,
}

/// Keeps a new ticket; its number.
pub async fn create(tx: &Tx, new: &New<'_>) -> Result<u64> {
    let publisher = &new.customer.publisher;
    let sql = "UPDATE publishers SET tickets = tickets + 1 WHERE slug = $1 RETURNING tickets";
    let row = one(&**tx, sql, [text(publisher)]).await?;
    let row = row.ok_or_else(|| StoreError::Row { what: "publisher", why: format!("{publisher} is missing") })?;
    let count: u64 = number(&row, "tickets")?;
    let sql = "INSERT INTO tickets (id, publisher, number, customer, installation, subject, state, opened_by, last_from, \
               created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    let values = [
        text(new.id),
        text(publisher),
        big(count),
        text(&new.customer.slug),
        maybe_text(new.installation),
        text(new.subject),
        text(new.state),
        text(new.opened_by),
        text(word(&new.side)),
        big(new.at),
    ];
    run(&**tx, sql, values).await?;
    Ok(count)
}

/// The ticket of that id within reach.
pub async fn find(db: &impl ConnectionTrait, reach: &Reach, id: TicketId) -> Result<Option<Ticket>> {
    let mut values = vec![text(id)];
    let mine = reach.sql("t.publisher", "t.customer", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE t.id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// The ticket within reach that has that number at that publisher.
pub async fn numbered(
    db: &impl ConnectionTrait,
    reach: &Reach,
    publisher: &Slug,
    count: u64,
) -> Result<Option<Ticket>> {
    let mut values = vec![text(publisher), big(count)];
    let mine = reach.sql("t.publisher", "t.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} WHERE t.publisher = $1 AND t.number = $2{mine}");
    one(db, &sql, values).await?.map(|row| read(&row)).transpose()
}

/// Who looks after the tickets that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// This person.
    To(PersonId),
    /// Nobody.
    ToNobody,
}

/// Which tickets are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only in this state.
    pub state: Option<TicketState>,
    /// Only those that somebody looks after, or nobody.
    pub assigned: Option<Assigned>,
    /// Only of this customer.
    pub customer: Option<Key>,
    /// Only about this installation.
    pub installation: Option<InstallationId>,
    /// Only those in whose subject or texts this is, or whose number it is.
    pub text: Option<String>,
}

/// Tickets within reach, the last changed first: those after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    filter: &Filter,
    after: Option<(Millis, TicketId)>,
    limit: u64,
) -> Rows<Ticket> {
    let mut sql = format!("SELECT {COLUMNS} WHERE 1 = 1");
    let mut values = vec![big(limit)];
    sql.push_str(&reach.sql("t.publisher", "t.customer", &mut values));
    let mut also = |condition: &str, value| {
        values.push(value);
        sql.push_str(&condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(state) = filter.state {
        also(" AND t.state = ?", text(state));
    }
    if let Some(customer) = &filter.customer {
        also(" AND t.publisher = ?", text(&customer.publisher));
        also(" AND t.customer = ?", text(&customer.slug));
    }
    if let Some(installation) = filter.installation {
        also(" AND t.installation = ?", text(installation));
    }
    if let Some(wanted) = &filter.text {
        // A customer finds nothing by what they may not read.
        let notes = if reach.customer().is_some() { " AND x.internal = 0" } else { "" };
        let found = format!(
            " AND (LOWER(t.subject) LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM ticket_messages x \
             WHERE x.ticket = t.id{notes} AND LOWER(x.body) LIKE ? ESCAPE '\\')"
        );
        also(&found, containing(wanted));
        also(" OR CAST(t.number AS TEXT) = ?)", text(wanted.trim_start_matches('#')));
    }
    match filter.assigned {
        Some(Assigned::To(person)) => also(" AND a.id = ?", text(person)),
        Some(Assigned::ToNobody) => sql.push_str(" AND a.id IS NULL"),
        None => {}
    }
    if let Some((at, id)) = after {
        values.extend([big(at), text(id)]);
        let last = values.len();
        sql.push_str(&format!(" AND (t.updated_at, t.id) < (${}, ${last})", last - 1));
    }
    sql.push_str(" ORDER BY t.updated_at DESC, t.id DESC LIMIT $1");
    all(db, &sql, values, read).await
}

/// Tickets within reach, the last opened first: those of smaller numbers than `before`. Unlike in [`list`], none moves
/// while they are read.
pub async fn by_number(db: &impl ConnectionTrait, reach: &Reach, before: u64, limit: u64) -> Rows<Ticket> {
    let mut values = vec![big(limit), big(before)];
    let mine = reach.sql("t.publisher", "t.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} WHERE t.number < $2{mine} ORDER BY t.number DESC LIMIT $1");
    all(db, &sql, values, read).await
}

/// Open tickets within reach, whoever waits longest first.
pub async fn waiting(db: &impl ConnectionTrait, reach: &Reach, limit: u64) -> Rows<Ticket> {
    let mut values = vec![big(limit)];
    let mine = reach.sql("t.publisher", "t.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} WHERE t.state = 'open'{mine} ORDER BY t.updated_at, t.id LIMIT $1");
    all(db, &sql, values, read).await
}

/// How many within reach are in that state.
pub async fn count(db: &impl ConnectionTrait, reach: &Reach, state: TicketState) -> Result<u64> {
    let mut values = vec![text(state)];
    let mine = reach.sql("publisher", "customer", &mut values);
    super::count(db, &format!("SELECT COUNT(*) AS n FROM tickets WHERE state = $1{mine}"), values).await
}

/// Keeps what changed of a ticket.
pub async fn update(tx: &Tx, row: &Ticket) -> Result<()> {
    let sql = "UPDATE tickets SET state = $2, assignee = $3, installation = $4, last_from = $5, updated_at = $6 \
               WHERE id = $1";
    let values = [
        text(row.id),
        text(row.state),
        maybe_text(row.assignee),
        maybe_text(row.installation),
        text(word(&row.last_from)),
        big(row.updated_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// A text to be kept.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// Its id.
    pub id: MessageId,
    /// Of which ticket.
    pub ticket: TicketId,
    /// Whose it is.
    pub side: Side,
    /// Whether the customer does not see it.
    pub internal: bool,
    /// Who wrote it, if it was a person.
    pub person: Option<PersonId>,
    /// Their name.
    pub author: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The id of the letter that it came by.
    pub mail_id: Option<&'a str>,
    /// When it was written.
    pub at: Millis,
}

/// Keeps a new text.
pub async fn add(tx: &Tx, new: &NewMessage<'_>) -> Result<()> {
    let sql = "INSERT INTO ticket_messages (id, ticket, side, internal, person, author, body, mail_id, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        text(new.id),
        text(new.ticket),
        text(word(&new.side)),
        big(new.internal.into()),
        maybe_text(new.person),
        text(new.author),
        text(new.text),
        maybe_text(new.mail_id),
        big(new.at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Texts of a ticket, oldest first: those after `after`. Without `notes` only what the customer sees.
pub async fn messages(
    db: &impl ConnectionTrait,
    ticket: TicketId,
    notes: bool,
    after: Option<MessageId>,
    limit: u64,
) -> Rows<TicketMessage> {
    let sql = "SELECT id, side, internal, author, body, mail_id, created_at FROM ticket_messages \
               WHERE ticket = $1 AND internal <= $2 AND id > $3 ORDER BY id LIMIT $4";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let found = all(db, sql, [text(ticket), big(notes.into()), text(after), big(limit)], read_message).await?;
    with_files(db, ticket, found).await
}

/// The newest texts of a ticket, oldest first.
pub async fn newest_messages(
    db: &impl ConnectionTrait,
    ticket: TicketId,
    notes: bool,
    limit: u64,
) -> Rows<TicketMessage> {
    let sql = "SELECT id, side, internal, author, body, mail_id, created_at FROM ticket_messages \
               WHERE ticket = $1 AND internal <= $2 ORDER BY id DESC LIMIT $3";
    let mut found = all(db, sql, [text(ticket), big(notes.into()), big(limit)], read_message).await?;
    found.reverse();
    with_files(db, ticket, found).await
}

fn read_message(row: &QueryResult) -> Result<TicketMessage> {
    Ok(TicketMessage {
        id: parse(row, "id")?,
        side: from_word(row, "side")?,
        internal: number::<u64>(row, "internal")? != 0,
        author: get(row, "author")?,
        by_mail: get::<Option<String>>(row, "mail_id")?.is_some(),
        text: get(row, "body")?,
        attachments: Vec::new(),
        created_at: number(row, "created_at")?,
    })
}

async fn with_files(db: &impl ConnectionTrait, ticket: TicketId, mut found: Vec<TicketMessage>) -> Rows<TicketMessage> {
    let files = super::attachments::of_ticket(db, ticket).await?;
    for message in &mut found {
        let own = files.iter().filter(|(owner, _)| *owner == message.id);
        message.attachments = own.map(|(_, file)| file.clone()).collect();
    }
    Ok(found)
}

/// Whether somebody sent that letter before.
pub async fn has_mail(db: &impl ConnectionTrait, person: PersonId, mail_id: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM ticket_messages WHERE person = $1 AND mail_id = $2";
    Ok(super::count(db, sql, [text(person), text(mail_id)]).await? > 0)
}

/// The newest ticket that one of these letters of somebody's became part of.
pub async fn with_mail(db: &impl ConnectionTrait, person: PersonId, mail_ids: &[String]) -> Result<Option<TicketId>> {
    if mail_ids.is_empty() {
        return Ok(None);
    }
    let places: Vec<String> = (0..mail_ids.len()).map(|at| format!("${}", at + 2)).collect();
    let sql = format!(
        "SELECT ticket FROM ticket_messages WHERE person = $1 AND mail_id IN ({}) ORDER BY id DESC LIMIT 1",
        places.join(", ")
    );
    let values: Vec<_> = [text(person)].into_iter().chain(mail_ids.iter().map(text)).collect();
    one(db, &sql, values).await?.map(|row| parse(&row, "ticket")).transpose()
}

/// The persons of one side who have written what both sides see.
pub async fn writers(db: &impl ConnectionTrait, ticket: TicketId, side: Side) -> Rows<PersonId> {
    let sql = "SELECT DISTINCT person FROM ticket_messages \
               WHERE ticket = $1 AND side = $2 AND internal = 0 AND person IS NOT NULL ORDER BY person";
    all(db, sql, [text(ticket), text(word(&side))], |row| parse(row, "person")).await
}

/// What letters of a ticket refer to: each text that both sides see with the id of the letter that it came by, the newest
/// first.
pub async fn thread(db: &impl ConnectionTrait, ticket: TicketId, limit: u64) -> Rows<(MessageId, Option<String>)> {
    let sql = "SELECT id, mail_id FROM ticket_messages WHERE ticket = $1 AND internal = 0 ORDER BY id DESC LIMIT $2";
    all(db, sql, [text(ticket), big(limit)], |row| Ok((parse(row, "id")?, get(row, "mail_id")?))).await
}

/// Where somebody answers a ticket by mail: the sealed secret, if they have one.
pub async fn address_of(db: &impl ConnectionTrait, ticket: TicketId, person: PersonId) -> Result<Option<String>> {
    let sql = "SELECT sealed FROM ticket_addresses WHERE ticket = $1 AND person = $2";
    one(db, sql, [text(ticket), text(person)]).await?.map(|row| get(&row, "sealed")).transpose()
}

/// Gives somebody such an address in place of one that cannot be read.
pub async fn set_address(tx: &Tx, sha256: &str, ticket: TicketId, person: PersonId, sealed: &str) -> Result<()> {
    let sql = "INSERT INTO ticket_addresses (sha256, ticket, person, sealed) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (ticket, person) DO UPDATE SET sha256 = excluded.sha256, sealed = excluded.sealed";
    run(&**tx, sql, [text(sha256), text(ticket), text(person), text(sealed)]).await?;
    Ok(())
}

/// Who answers which ticket at the address of that secret.
pub async fn addressed(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<(TicketId, PersonId)>> {
    let sql = "SELECT ticket, person FROM ticket_addresses WHERE sha256 = $1";
    let row = one(db, sql, [text(sha256)]).await?;
    row.map(|row| Ok((parse(&row, "ticket")?, parse(&row, "person")?))).transpose()
}

/// Deletes the tickets of a place that is deleted. Their files go when somebody looks for what no text has any more.
pub async fn forget(tx: &Tx, reach: &Reach) -> Result<()> {
    let (publisher, customer) = columns_of(reach);
    let those = "SELECT id FROM tickets WHERE publisher = $1 AND (customer = $2 OR $2 = '')";
    delete(tx, those, [text(publisher), text(customer)].to_vec()).await?;
    Ok(())
}

/// Deletes some tickets of which nothing was heard since; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    delete(tx, "SELECT id FROM tickets WHERE updated_at < $1 LIMIT $2", vec![big(before), big(PRUNED_AT_ONCE)]).await
}

async fn delete(tx: &Tx, those: &str, values: Vec<sea_orm::Value>) -> Result<u64> {
    let ids: Vec<String> = all(&**tx, those, values, |row| get(row, "id")).await?;
    for id in &ids {
        let messages = "SELECT id FROM ticket_messages WHERE ticket = $1";
        run(&**tx, &format!("DELETE FROM attachments WHERE message IN ({messages})"), [text(id)]).await?;
        for table in ["ticket_messages", "ticket_addresses", "ticket_unread"] {
            run(&**tx, &format!("DELETE FROM {table} WHERE ticket = $1"), [text(id)]).await?;
        }
        run(&**tx, "DELETE FROM tickets WHERE id = $1", [text(id)]).await?;
    }
    Ok(ids.len() as u64)
}
