//! Everything that a person can ask for, one file per verb. Each checks, does, and writes the audit, in one
//! transaction; what takes longer is accepted here and brought about by a reconciler.

use domain::state::InstallationState;
use domain::{BackupId, InstallationId, InstallationName, Key, OperationId, PersonId, Slug};
use nimbus_api::{Millis, SnapshotReason, SnapshotReport, Work};
use sea_orm::ConnectionTrait;
use serde_json::{Value as Json, json};

use crate::Plane;
use crate::access::{Reach, Role};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, New as Event};
use crate::store::installations::{self, InstallationRow};
use crate::store::people::{Membership, PersonRow};
use crate::store::tokens::{self, TokenRow};
use crate::store::{self, Tx, apps, customers, publishers};
use crate::whence;
use crate::wire::{Outcome, RollbackTarget, Token};

pub mod accept_invitation;
pub mod announce;
pub mod answer_ticket;
pub mod attach;
pub mod change_branding;
pub mod change_customer;
pub mod change_document;
pub mod change_environment;
pub mod change_limits;
pub mod change_mail;
pub mod change_password;
pub mod change_publisher;
pub mod change_role;
pub mod change_settings;
pub mod change_sign_in;
pub mod change_ticket;
pub mod create_app;
pub mod create_customer;
pub mod create_document;
pub mod create_publisher;
pub mod create_token;
pub mod delete_app;
pub mod delete_backup;
pub mod delete_customer;
pub mod delete_document;
pub mod delete_image;
pub mod delete_publisher;
pub mod delete_token;
pub mod delete_version;
pub mod deploy;
pub mod device_login;
pub mod documents;
pub mod download;
pub mod download_customer;
pub mod end_session;
pub mod end_token;
pub mod exec;
pub mod find_deployment;
pub mod host;
pub mod install;
pub mod invite;
pub mod keep_answer;
pub mod keep_image;
pub mod leave;
pub mod log_in;
pub mod make_backup;
pub mod open;
pub mod open_by_mail;
pub mod open_ticket;
pub mod passkeys;
pub mod prove_host;
pub mod publish_version;
pub mod receive_mail;
pub mod remove;
pub mod reset_password;
pub mod restart;
pub mod restore;
pub mod retry;
pub mod rollback;
pub mod second_factor;
pub mod see_ticket;
pub mod show_code;
pub mod sign_on;
pub mod start;
pub mod stop;
pub mod stop_deployment;
pub mod tell;
mod tell_admins;
pub mod terminal;
pub mod ticket;
pub mod update_profile;
pub mod webhooks;
pub mod withdraw_invitation;

/// The publisher that is there from the beginning: an operator's own.
pub fn first_publisher() -> Slug {
    "main".parse().expect("it is a slug")
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What tells one from another, whatever they are called.
    pub id: String,
    /// The name, as the audit has it.
    pub name: String,
    /// The person, unless it is a token that belongs to nobody in particular.
    pub(crate) person: Option<PersonId>,
    /// What they are.
    pub role: Role,
    /// Whose things they can know of.
    pub reach: Reach,
    /// What the token may be used for that they show, if they show one.
    pub scopes: Option<Vec<String>>,
}

impl Actor {
    /// Whoever shows a token that nobody in particular made.
    pub fn of_token(token: &TokenRow) -> Self {
        let Membership { role, reach } = token.membership.clone();
        Self {
            id: format!("token:{}", token.id),
            // A token may be called like somebody.
            name: if token.id == tokens::OPERATOR { token.name.clone() } else { format!("token {}", token.name) },
            person: None,
            role,
            reach,
            scopes: Some(token.scopes.clone()),
        }
    }

    /// A person as what they are somewhere.
    pub fn of_person(person: &PersonRow, membership: Membership) -> Self {
        let Membership { role, reach } = membership;
        Self {
            id: format!("person:{}", person.id),
            name: person.mail.clone(),
            person: Some(person.id),
            role,
            reach,
            scopes: None,
        }
    }

    /// The person, unless it is a token that belongs to nobody in particular.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// Whether they decide about people and tokens where they are.
    pub fn decides(&self) -> bool {
        matches!(self.role, Role::Operator | Role::Owner | Role::CustomerAdmin)
    }

    /// The name, as the audit has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name for letters: a person's is their address, that of a token could hold anything.
    fn name_in_letters(&self) -> String {
        if self.person.is_some() { self.name.clone() } else { crate::letters::plain(&self.name) }
    }

    /// The publisher that something new is for.
    pub(crate) fn publisher_for(&self, wanted: Option<Slug>) -> Answer<Slug> {
        match (self.reach.publisher(), wanted) {
            (None, wanted) => Ok(wanted.unwrap_or_else(first_publisher)),
            (Some(own), Some(wanted)) if *own != wanted => Err(unknown_publisher(wanted)),
            (Some(own), _) => Ok(own.clone()),
        }
    }
}

/// The key that `text` may name to this actor, `slug` or `publisher:slug`; with only the slug where it can be at several
/// publishers.
fn named_key(actor: &Actor, text: &str) -> Option<Result<Key, Slug>> {
    if text.contains(':') {
        let key: Key = text.parse().ok()?;
        let within = actor.reach.publisher().is_none_or(|own| *own == key.publisher);
        return within.then_some(Ok(key));
    }
    let slug: Slug = text.parse().ok()?;
    Some(match actor.reach.publisher() {
        Some(own) => Ok(Key::new(own.clone(), slug)),
        None => Err(slug),
    })
}

/// The one of several publishers; when there is none, the first publisher's, which the caller will not find either.
fn the_only(mut publishers: Vec<Slug>, slug: Slug, what: &str) -> Answer<Key> {
    match (publishers.pop(), publishers.pop()) {
        (None, _) => Ok(Key::new(first_publisher(), slug)),
        (Some(publisher), None) => Ok(Key::new(publisher, slug)),
        (Some(other), Some(one)) => {
            let detail = format!(
                "several publishers have {what} \"{slug}\"; say whose you mean, such as {one}:{slug} or {other}:{slug}"
            );
            Err(Refusal::conflict("ambiguous", detail))
        }
    }
}

/// The application that `text` names to this actor: `slug`, or `publisher:slug`. Whether there is one is not said.
pub async fn app_key(db: &impl ConnectionTrait, actor: &Actor, text: &str) -> Answer<Key> {
    match named_key(actor, text).ok_or_else(|| unknown_app(text))? {
        Ok(key) => Ok(key),
        Err(slug) => the_only(apps::publishers_of(db, &actor.reach, &slug).await?, slug, "an application"),
    }
}

/// The customer that `text` names to this actor: `slug`, or `publisher:slug`. Whether there is one is not said.
pub async fn customer_key(db: &impl ConnectionTrait, actor: &Actor, text: &str) -> Answer<Key> {
    let unknown = || delete_customer::unknown_customer(text);
    let key = match named_key(actor, text).ok_or_else(unknown)? {
        Ok(key) => key,
        Err(slug) => the_only(customers::publishers_of(db, &actor.reach, &slug).await?, slug, "a customer")?,
    };
    match &actor.reach {
        Reach::Customer(own) if *own != key => Err(unknown()),
        _ => Ok(key),
    }
}

/// What an operation was accepted as.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// The operation.
    pub operation: OperationId,
    /// The installation.
    pub installation: InstallationId,
    /// The backup.
    pub backup: Option<BackupId>,
}

/// The installation within reach that `text` names: its name, or else its id.
pub async fn find_installation(db: &impl ConnectionTrait, reach: &Reach, text: &str) -> Answer<InstallationRow> {
    if let Ok(name) = text.parse::<InstallationName>()
        && let Some(row) = installations::named_within(db, reach, &name).await?
    {
        return Ok(row);
    }
    if let Ok(id) = text.parse::<InstallationId>()
        && let Some(row) = installations::find_within(db, reach, id).await?
    {
        return Ok(row);
    }
    Err(Refusal::missing(
        "unknown-installation",
        format!("there is no installation \"{}\"; list them with `vclouden installation list`", short(text)),
    ))
}

/// There is no such application.
pub fn unknown_app(app: impl std::fmt::Display) -> Refusal {
    let detail = format!("there is no application \"{}\"; list them with `vclouden app list`", short(&app.to_string()));
    Refusal::missing("unknown-app", detail)
}

/// There is no such publisher.
pub fn unknown_publisher(text: impl std::fmt::Display) -> Refusal {
    let text = short(&text.to_string());
    let detail = format!("there is no publisher \"{text}\"; list them with `vclouden publisher list`");
    Refusal::missing("unknown-publisher", detail)
}

/// That something new is for a publisher which there is.
async fn require_publisher(tx: &Tx, actor: &Actor, slug: &Slug) -> Answer<()> {
    let found = publishers::name(&**tx, &actor.reach, slug).await?;
    found.map(|_| ()).ok_or_else(|| unknown_publisher(slug))
}

/// There is no such version.
pub fn unknown_version(app: &Slug, number: impl std::fmt::Display) -> Refusal {
    let number = short(&number.to_string());
    let detail = format!("{app} has no version {number}; list them with `vclouden version list {app}`");
    Refusal::missing("unknown-version", detail)
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The names of some installations, for people.
fn names_of(rows: &[InstallationRow]) -> String {
    let mut names: Vec<String> = rows.iter().take(5).map(|row| row.name.to_string()).collect();
    if rows.len() > names.len() {
        names.push(format!("{} more", rows.len() - names.len()));
    }
    names.join(", ")
}

/// A name for people: the given one or the slug.
fn name_for_people(given: Option<String>, slug: &Slug) -> Answer<String> {
    let Some(name) = given else { return Ok(slug.to_string()) };
    line_for_people("name", &name)
}

/// A short text for people that is the value of `key`: one line.
fn line_for_people(key: &str, text: &str) -> Answer<String> {
    if text.trim().is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        let detail = format!("key \"{key}\" must have 1 to 100 characters and no control characters");
        return Err(Refusal { code: format!("bad-{key}").into(), ..Refusal::invalid("", detail) });
    }
    Ok(text.trim().to_owned())
}

/// A token as it is shown.
pub fn token_shown(row: TokenRow) -> Token {
    let Membership { role, reach } = row.membership;
    Token {
        id: row.id,
        name: row.name,
        role,
        publisher: reach.publisher().cloned(),
        customer: reach.customer().cloned(),
        personal: row.person.is_some(),
        scopes: row.scopes,
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
    }
}

/// A thing that is no installation, as the audit names it.
#[derive(Debug, Default)]
struct Thing<'a> {
    id: String,
    name: Option<String>,
    publisher: Option<&'a Slug>,
    customer: Option<&'a Slug>,
    app: Option<&'a Slug>,
}

impl<'a> Thing<'a> {
    /// Something of an application.
    fn of_app(app: &'a Key, id: String, name: Option<String>) -> Self {
        Self { id, name, publisher: Some(&app.publisher), customer: None, app: Some(&app.slug) }
    }

    /// Something without a name at a place.
    fn at(reach: &'a Reach) -> Self {
        Self { publisher: reach.publisher(), customer: reach.customer(), ..Self::default() }
    }

    /// A customer.
    fn customer(customer: &'a Key, name: Option<String>) -> Self {
        let (publisher, slug) = (&customer.publisher, &customer.slug);
        Self { id: slug.to_string(), name, publisher: Some(publisher), customer: Some(slug), app: None }
    }
}

/// Writes into the audit what was done to a thing that is no installation.
async fn record(
    plane: &Plane,
    tx: &Tx,
    actor: &Actor,
    verb: &'static str,
    thing: Thing<'_>,
    detail: Json,
) -> Answer<()> {
    record_as(plane, tx, actor.name(), verb, thing, detail).await
}

/// The same for somebody who has no role there, or not yet.
async fn record_as(
    plane: &Plane,
    tx: &Tx,
    who: &str,
    verb: &'static str,
    thing: Thing<'_>,
    detail: Json,
) -> Answer<()> {
    events::record(tx, &thing_event(plane, who, verb, thing, Outcome::Done, detail)).await?;
    Ok(())
}

/// Writes into the audit what was not done.
async fn record_refused(
    plane: &Plane,
    tx: &Tx,
    who: &str,
    verb: &'static str,
    thing: Thing<'_>,
    detail: Json,
) -> Answer<()> {
    events::record(tx, &thing_event(plane, who, verb, thing, Outcome::Refused, detail)).await?;
    Ok(())
}

fn thing_event(
    plane: &Plane,
    who: &str,
    verb: &'static str,
    thing: Thing<'_>,
    outcome: Outcome,
    detail: Json,
) -> Event {
    Event {
        at: plane.now(),
        actor: who.to_owned(),
        address: whence::address(),
        verb,
        kind: verb.split('.').next().unwrap_or(""),
        id: thing.id,
        name: thing.name,
        publisher: thing.publisher.cloned(),
        customer: thing.customer.cloned(),
        app: thing.app.cloned(),
        installation: None,
        outcome,
        detail,
    }
}

/// What a piece of work is called in the audit.
pub fn audit_verb(work: &Work) -> &'static str {
    match work {
        Work::Install { .. } => "installation.install",
        Work::Start => "installation.start",
        Work::Stop => "installation.stop",
        Work::Restart => "installation.restart",
        Work::Configure { .. } => "installation.configure",
        Work::Switch { .. } => "installation.switch",
        Work::Rollback { .. } => "installation.rollback",
        Work::Backup { .. } => "backup.create",
        Work::Restore { .. } => "snapshot.restore",
        Work::ForgetBackup { .. } => "backup.delete",
        Work::Remove => "installation.remove",
    }
}

/// What is asked of a server, and what belongs to it.
#[derive(Debug)]
struct Asked {
    /// What its server is told. Variables are put into it on the way.
    work: Work,
    /// The installation's variables from its end on, sealed.
    variables: Option<String>,
    /// With which others it is done one after the other.
    batch: Option<String>,
    /// What the audit has of it besides.
    detail: Json,
}

impl From<Work> for Asked {
    fn from(work: Work) -> Self {
        let detail = match &work {
            Work::Install { version, .. } => json!({ "version": version.number }),
            Work::Restore { snapshot, code, .. } => json!({ "snapshot": snapshot, "code": code }),
            _ => json!({}),
        };
        Self { work, variables: None, batch: None, detail }
    }
}

/// Accepts work on an installation that is running or stopped: one at a time.
async fn accept(plane: &Plane, tx: Tx, actor: &Actor, row: &InstallationRow, asked: impl Into<Asked>) -> Answer<Begun> {
    let asked = asked.into();
    if !matches!(row.state, InstallationState::Running | InstallationState::Stopped) {
        return Err(not_in_that_state(row));
    }
    let operation = OperationId::new();
    if !installations::begin(&tx, row.id, operation).await? {
        return Err(busy(row));
    }
    let backup = match &asked.work {
        Work::Backup { backup } | Work::ForgetBackup { backup } => Some(*backup),
        _ => None,
    };
    create_operation(plane, &tx, actor, row, operation, asked).await?;
    tx.commit().await?;
    wake(plane);
    Ok(Begun { operation, installation: row.id, backup })
}

/// Keeps the operation and writes into the audit that it was accepted.
async fn create_operation(
    plane: &Plane,
    tx: &Tx,
    actor: &Actor,
    row: &InstallationRow,
    operation: OperationId,
    asked: impl Into<Asked>,
) -> Answer<()> {
    let Asked { work, variables, batch, mut detail } = asked.into();
    let at = plane.now();
    let new = store::operations::New {
        id: operation,
        installation: row.id,
        deployment: None,
        work: &work,
        variables: variables.as_deref(),
        batch: batch.as_deref(),
        state_before: row.state,
        requested_by: actor.name(),
        at,
    };
    store::operations::create(tx, &new).await?;
    detail["operation"] = json!(operation);
    events::record(tx, &installation_event(at, actor.name(), row, audit_verb(&work), Outcome::Accepted, detail))
        .await?;
    Ok(())
}

/// An event about an installation.
pub fn installation_event(
    at: Millis,
    actor: &str,
    row: &InstallationRow,
    verb: &'static str,
    outcome: Outcome,
    detail: Json,
) -> Event {
    Event {
        at,
        actor: actor.to_owned(),
        address: whence::address(),
        verb,
        kind: "installation",
        id: row.id.to_string(),
        name: Some(row.name.to_string()),
        publisher: Some(row.publisher.clone()),
        customer: Some(row.customer.clone()),
        app: Some(row.app.clone()),
        installation: Some(row.id),
        outcome,
        detail,
    }
}

fn wake(plane: &Plane) {
    plane.progress.operations.notify_one();
    plane.progress.changed();
}

/// Another operation is under way.
fn busy(row: &InstallationRow) -> Refusal {
    let operation = row.operation.map(|id| format!(" (operation {id})")).unwrap_or_default();
    let detail =
        format!("something else is being done to installation {}{operation}; wait until it has ended", row.name);
    Refusal::conflict("busy", detail)
}

/// Neither running nor stopped.
pub fn not_in_that_state(row: &InstallationRow) -> Refusal {
    let name = &row.name;
    let (code, detail) = match row.state {
        InstallationState::Installing => ("busy", format!("installation {name} is still being installed; wait for it")),
        InstallationState::Failed => (
            "not-installed",
            format!("installation {name} is not there: {}. Mend the cause and install it again", failed_install(row)),
        ),
        InstallationState::Removing => ("being-removed", format!("installation {name} is being removed")),
        InstallationState::Removed => {
            ("removed", format!("installation {name} was removed; it cannot be brought back"))
        }
        InstallationState::Running | InstallationState::Stopped => ("busy", format!("installation {name} is busy")),
    };
    Refusal::conflict(code, detail)
}

/// What became of an installation that is only a record.
pub fn failed_install(row: &InstallationRow) -> String {
    let why = row.error.as_deref().unwrap_or("its operation tells why");
    format!("its installation failed and was undone: {}", why.trim_end_matches('.'))
}

/// It is part of a deployment whose turn for it has not ended.
fn refuse_under_deployment(row: &InstallationRow, verb: &str) -> Answer<()> {
    let Some(deployment) = row.deployment else { return Ok(()) };
    let detail = format!(
        "installation {} cannot be {verb} while deployment {deployment} is to change it; wait for that, or stop it \
         with `vclouden deployment stop {deployment}`",
        row.name
    );
    Err(Refusal::conflict("under-deployment", detail))
}

/// What a rollback of an installation would return to, as far as is known.
pub fn rollback_target(snapshots: &[SnapshotReport], now: Millis) -> Option<RollbackTarget> {
    let live = |s: &&SnapshotReport| s.reason == SnapshotReason::BeforeSwitch && s.expires_at.is_none_or(|at| at > now);
    let newest = snapshots.iter().filter(live).max_by_key(|s| s.taken_at)?;
    Some(RollbackTarget { version: newest.version, until: newest.expires_at })
}
