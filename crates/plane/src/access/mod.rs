//! Who may call what, in one table. A route that is not in it is forbidden to everybody, and a test fails on it.

pub mod forms;
mod pages;

use domain::{Key, Slug};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use pages::{PAGES, Page, Site, Visitors, find_page};

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the platform.
    Operator,
    /// Owns a publisher.
    Owner,
    /// Makes a publisher's applications.
    Developer,
    /// Helps a publisher's customers.
    Support,
    /// Pays a publisher's bills.
    Billing,
    /// Looks after a customer's installations and users.
    CustomerAdmin,
    /// Works with a customer's installations.
    CustomerUser,
}

/// Whose things somebody can know of at all. Everything else does not exist for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's.
    All,
    /// One publisher's.
    Publisher(Slug),
    /// Those of one customer.
    Customer(Key),
}

impl Reach {
    /// The only publisher whose things are within reach.
    pub fn publisher(&self) -> Option<&Slug> {
        match self {
            Reach::All => None,
            Reach::Publisher(publisher) => Some(publisher),
            Reach::Customer(customer) => Some(&customer.publisher),
        }
    }

    /// The only customer whose things are within reach.
    pub fn customer(&self) -> Option<&Slug> {
        match self {
            Reach::Customer(customer) => Some(&customer.slug),
            Reach::All | Reach::Publisher(_) => None,
        }
    }
}

/// What a token may be used for. Everything may be read with any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// To read.
    Read,
    /// To make applications and publish versions.
    Publish,
    /// To deploy and roll back.
    Deploy,
    /// To install, and to act on installations and their backups.
    Operate,
    /// To open and answer tickets.
    Support,
    /// To hand over letters that came in. With this alone nothing can be read.
    Mail,
    /// To change everything else: people, customers, tokens, settings.
    Manage,
}

/// The scope that contains all others.
pub const EVERYTHING: &str = "everything";

impl Scope {
    /// Whether a token with these scopes has it.
    pub fn is_in(self, scopes: &[String]) -> bool {
        let word = crate::wire::word(&self);
        let reads = scopes.iter().any(|scope| *scope != crate::wire::word(&Scope::Mail));
        self == Scope::Read && reads || scopes.iter().any(|scope| *scope == word || scope == EVERYTHING)
    }
}

impl Row {
    /// What a token must be good for to call it.
    pub fn scope(&self) -> Scope {
        let noun = self.verb.split('.').next().unwrap_or("");
        match (noun, self.verb) {
            // Every token may say that it is done.
            ("", _) | (_, "token.end") => Scope::Read,
            (_, "app.rollback" | "installation.rollback") | ("deployment", _) => Scope::Deploy,
            ("app" | "version" | "document", _) => Scope::Publish,
            ("installation" | "backup" | "snapshot" | "operation", _) => Scope::Operate,
            ("ticket" | "attachment" | "answer", _) => Scope::Support,
            ("mail", _) => Scope::Mail,
            _ => Scope::Manage,
        }
    }
}

/// Who may call a route.
pub type Who = &'static [Role];

use Role::{Billing, CustomerAdmin, CustomerUser, Developer, Operator, Owner, Support};

/// Whoever asks, also without a token.
pub const ANYONE: Who = &[];
/// Who runs the platform.
pub const OPERATOR: Who = &[Operator];
/// Who decides about a publisher.
pub const OWNERS: Who = &[Operator, Owner];
/// Who decides about a customer and all that it has.
pub const HOLDERS: Who = &[Operator, Owner, CustomerAdmin];
/// Who makes applications.
pub const MAKERS: Who = &[Operator, Owner, Developer];
/// Who works with customers and their installations.
pub const STAFF: Who = &[Operator, Owner, Developer, Support];
/// Everybody at a publisher.
pub const TEAM: Who = &[Operator, Owner, Developer, Support, Billing];
/// Who acts on installations: staff, and for their own the customer's administrators.
pub const KEEPERS: Who = &[Operator, Owner, Developer, Support, CustomerAdmin];
/// A customer's own people.
pub const CUSTOMERS: Who = &[CustomerAdmin, CustomerUser];
/// Who asks for help, and who gives it.
pub const HELPED: Who = &[Operator, Owner, Developer, Support, CustomerAdmin, CustomerUser];
/// Who decides about a customer's installations and nobody else.
pub const DECIDERS: Who = &[CustomerAdmin];
/// Whoever has a role at all.
pub const EVERYBODY: Who = &[Operator, Owner, Developer, Support, Billing, CustomerAdmin, CustomerUser];

/// What the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing is read.
    None,
    /// JSON of at most [`JSON_LIMIT`] bytes.
    Json,
    /// Passed on as it comes; the handler limits it.
    Stream,
}

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 256 << 10;

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// HTTP method.
    pub method: Method,
    /// Path pattern below `/api/v1`.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
    /// The keys its query may have, each once.
    pub query: &'static [&'static str],
    /// What its body is.
    pub body: Body,
    /// What it is called in the audit, for everything that changes something.
    pub verb: &'static str,
}

const fn get(who: Who, path: &'static str, query: &'static [&'static str]) -> Row {
    Row { method: Method::GET, path, who, query, body: Body::None, verb: "" }
}

const fn post(who: Who, path: &'static str, verb: &'static str) -> Row {
    Row { method: Method::POST, path, who, query: &[], body: Body::Json, verb }
}

const fn delete(who: Who, path: &'static str, verb: &'static str) -> Row {
    Row { method: Method::DELETE, path, who, query: &[], body: Body::Json, verb }
}

const fn stream(who: Who, path: &'static str, query: &'static [&'static str], verb: &'static str) -> Row {
    Row { method: Method::POST, path, who, query, body: Body::Stream, verb }
}

/// Changes something of a place that the query names.
const fn at_place(method: Method, who: Who, path: &'static str, verb: &'static str) -> Row {
    Row { method, path, who, query: &["publisher", "customer"], body: Body::Json, verb }
}

const PAGE: &[&str] = &["limit", "cursor"];
const NAMED: &[&str] = &["q", "limit", "cursor"];
const PLACE: &[&str] = &["publisher", "customer", "limit", "cursor"];

const INSTALLATIONS: &[&str] = &["app", "customer", "server", "state", "version", "q", "troubled", "limit", "cursor"];

const EVENTS: &[&str] = &[
    "after",
    "before",
    "installation",
    "app",
    "actor",
    "address",
    "verb",
    "outcome",
    "text",
    "since",
    "until",
    "limit",
    "cursor",
];

/// The table.
pub const TABLE: &[Row] = &[
    get(TEAM, "/publishers", NAMED),
    post(OPERATOR, "/publishers", "publisher.create"),
    get(TEAM, "/publishers/{publisher}", &[]),
    post(OWNERS, "/publishers/{publisher}", "publisher.change"),
    post(OPERATOR, "/publishers/{publisher}/limits", "publisher.limits"),
    delete(OPERATOR, "/publishers/{publisher}", "publisher.delete"),
    get(TEAM, "/publishers/{publisher}/sign-in", &[]),
    post(OWNERS, "/publishers/{publisher}/sign-in", "publisher.sign-in"),
    get(TEAM, "/publishers/{publisher}/branding", &[]),
    post(OWNERS, "/publishers/{publisher}/branding", "branding.change"),
    post(OWNERS, "/publishers/{publisher}/branding/prove-host", "branding.host-proved"),
    get(TEAM, "/publishers/{publisher}/branding/images/{image}", &[]),
    stream(OWNERS, "/publishers/{publisher}/branding/images/{image}", &[], "branding.image"),
    delete(OWNERS, "/publishers/{publisher}/branding/images/{image}", "branding.image"),
    get(TEAM, "/apps", PAGE),
    post(MAKERS, "/apps", "app.create"),
    get(TEAM, "/apps/{app}", &[]),
    delete(MAKERS, "/apps/{app}", "app.delete"),
    get(TEAM, "/apps/{app}/versions", PAGE),
    stream(MAKERS, "/apps/{app}/versions", &["notes", "create"], "version.publish"),
    get(TEAM, "/apps/{app}/versions/{number}", &[]),
    delete(MAKERS, "/apps/{app}/versions/{number}", "version.delete"),
    get(MAKERS, "/apps/{app}/versions/{number}/download", &[]),
    get(EVERYBODY, "/apps/{app}/versions/{number}/logo", &[]),
    post(MAKERS, "/apps/{app}/deployments", "deployment.create"),
    get(TEAM, "/apps/{app}/plan", &["version"]),
    post(MAKERS, "/apps/{app}/rollback", "app.rollback"),
    stream(MAKERS, "/apps/{app}/host", &["memory", "disk"], "app.host"),
    get(STAFF, "/apps/{app}/environment", PAGE),
    post(MAKERS, "/apps/{app}/environment", "app.configure"),
    post(MAKERS, "/apps/{app}/environment/apply", "app.configure"),
    get(EVERYBODY, "/apps/{app}/documents", &["search", "limit", "cursor"]),
    post(STAFF, "/apps/{app}/documents", "document.create"),
    get(EVERYBODY, "/apps/{app}/documents/{document}", &[]),
    post(STAFF, "/apps/{app}/documents/{document}", "document.change"),
    delete(STAFF, "/apps/{app}/documents/{document}", "document.delete"),
    get(TEAM, "/apps/{app}/documents/{document}/revisions", PAGE),
    get(TEAM, "/apps/{app}/documents/{document}/revisions/{number}", &[]),
    get(TEAM, "/apps/{app}/images", PAGE),
    stream(STAFF, "/apps/{app}/images", &["name"], "document.image"),
    get(EVERYBODY, "/apps/{app}/images/{image}", &[]),
    delete(STAFF, "/apps/{app}/images/{image}", "document.image-delete"),
    get(KEEPERS, "/catalogue", PAGE),
    get(EVERYBODY, "/documents", &["publisher", "search", "limit", "cursor"]),
    get(TEAM, "/customers", NAMED),
    post(STAFF, "/customers", "customer.create"),
    get(TEAM, "/customers/{customer}", &[]),
    post(STAFF, "/customers/{customer}", "customer.change"),
    delete(OWNERS, "/customers/{customer}", "customer.delete"),
    get(HOLDERS, "/customers/{customer}/archive", &[]),
    get(EVERYBODY, "/installations", INSTALLATIONS),
    post(KEEPERS, "/installations", "installation.install"),
    get(EVERYBODY, "/installations/{installation}", &[]),
    delete(KEEPERS, "/installations/{installation}", "installation.remove"),
    post(KEEPERS, "/installations/{installation}/start", "installation.start"),
    post(KEEPERS, "/installations/{installation}/stop", "installation.stop"),
    post(KEEPERS, "/installations/{installation}/restart", "installation.restart"),
    post(CUSTOMERS, "/installations/{installation}/open", "installation.open"),
    post(STAFF, "/installations/{installation}/rollback", "installation.rollback"),
    get(STAFF, "/installations/{installation}/environment", PAGE),
    post(MAKERS, "/installations/{installation}/environment", "installation.configure"),
    get(KEEPERS, "/installations/{installation}/logs", &["lines", "search", "follow"]),
    get(EVERYBODY, "/installations/{installation}/history", &["range"]),
    stream(MAKERS, "/installations/{installation}/exec", &[], "installation.exec"),
    get(KEEPERS, "/installations/{installation}/archive", &["copy"]),
    get(KEEPERS, "/installations/{installation}/snapshots", PAGE),
    post(KEEPERS, "/installations/{installation}/snapshots/{snapshot}/restore", "snapshot.restore"),
    get(KEEPERS, "/installations/{installation}/backups", PAGE),
    post(KEEPERS, "/installations/{installation}/backups", "backup.create"),
    delete(KEEPERS, "/installations/{installation}/backups/{backup}", "backup.delete"),
    post(KEEPERS, "/installations/{installation}/backups/{backup}/restore", "backup.restore"),
    get(KEEPERS, "/installations/{installation}/leave", &[]),
    delete(DECIDERS, "/installations/{installation}/leave", "leave.end"),
    get(HELPED, "/tickets", &["state", "assignee", "customer", "installation", "q", "limit", "cursor"]),
    post(HELPED, "/tickets", "ticket.open"),
    get(HELPED, "/tickets/{ticket}", &[]),
    post(HELPED, "/tickets/{ticket}", "ticket.change"),
    post(HELPED, "/tickets/{ticket}/seen", "ticket.see"),
    get(HELPED, "/tickets/{ticket}/messages", PAGE),
    post(HELPED, "/tickets/{ticket}/messages", "ticket.answer"),
    get(HELPED, "/tickets/{ticket}/attachments/{attachment}", &[]),
    stream(HELPED, "/attachments", &["name"], "attachment.create"),
    stream(OPERATOR, "/mail", &[], "mail.receive"),
    post(STAFF, "/installations/{installation}/open-as-support", "installation.open"),
    get(STAFF, "/answers", PAGE),
    post(STAFF, "/answers", "answer.create"),
    post(STAFF, "/answers/{answer}", "answer.change"),
    delete(STAFF, "/answers/{answer}", "answer.delete"),
    get(TEAM, "/deployments", &["app", "limit", "cursor"]),
    get(TEAM, "/deployments/{deployment}", &[]),
    post(MAKERS, "/deployments/{deployment}/stop", "deployment.stop"),
    post(MAKERS, "/deployments/{deployment}/rollback", "deployment.rollback"),
    get(TEAM, "/deployments/{deployment}/events", &[]),
    get(EVERYBODY, "/operations", &["state", "installation", "limit", "cursor"]),
    get(EVERYBODY, "/operations/{operation}", &["wait", "seen"]),
    get(KEEPERS, "/operations/{operation}/log", &["lines"]),
    post(OPERATOR, "/operations/{operation}/retry", "operation.retry"),
    post(ANYONE, "/device-logins", "device.begin"),
    post(ANYONE, "/device-logins/token", "device.token"),
    get(EVERYBODY, "/me", &[]),
    post(EVERYBODY, "/me", "person.update"),
    post(EVERYBODY, "/me/mail", "person.mail-request"),
    delete(EVERYBODY, "/me/token", "token.end"),
    get(EVERYBODY, "/members", PLACE),
    at_place(Method::POST, KEEPERS, "/members/{member}", "member.role"),
    at_place(Method::DELETE, EVERYBODY, "/members/{member}", "member.remove"),
    at_place(Method::DELETE, OPERATOR, "/members/{member}/second-factor", "member.second-factor"),
    get(KEEPERS, "/invitations", PLACE),
    post(KEEPERS, "/invitations", "invitation.create"),
    delete(KEEPERS, "/invitations/{invitation}", "invitation.delete"),
    get(OPERATOR, "/announcements", PAGE),
    get(EVERYBODY, "/announcements/current", PAGE),
    post(OPERATOR, "/announcements", "announcement.create"),
    delete(OPERATOR, "/announcements/{announcement}", "announcement.delete"),
    get(OPERATOR, "/settings", &[]),
    post(OPERATOR, "/settings", "settings.change"),
    get(EVERYBODY, "/tokens", PAGE),
    post(EVERYBODY, "/tokens", "token.create"),
    delete(EVERYBODY, "/tokens/{token}", "token.delete"),
    get(OPERATOR, "/servers", PAGE),
    get(OPERATOR, "/servers/{server}", &[]),
    get(TEAM, "/status", &[]),
    get(MAKERS, "/webhooks", PAGE),
    post(MAKERS, "/webhooks", "webhook.create"),
    get(MAKERS, "/webhooks/{webhook}", &[]),
    post(MAKERS, "/webhooks/{webhook}", "webhook.change"),
    delete(MAKERS, "/webhooks/{webhook}", "webhook.delete"),
    post(MAKERS, "/webhooks/{webhook}/test", "webhook.test"),
    get(MAKERS, "/webhooks/{webhook}/deliveries", PAGE),
    get(MAKERS, "/webhooks/{webhook}/deliveries/{delivery}", &[]),
    post(MAKERS, "/webhooks/{webhook}/deliveries/{delivery}/resend", "webhook.send"),
    get(EVERYBODY, "/usage", &["month", "by", "customer", "former", "installation", "limit", "cursor"]),
    get(KEEPERS, "/events", EVENTS),
];

/// The row of a route; `path` is its pattern with or without `/api/v1`.
pub fn find(method: &Method, path: &str) -> Option<&'static Row> {
    let path = path.strip_prefix(crate::router::PREFIX).unwrap_or(path);
    // Whoever may get something may ask about it.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    TABLE.iter().find(|row| row.method == *method && row.path == path)
}
