//! What each route is for and what it answers: one line per route. A route without a line fails a test, as does a line
//! without a route; so does an answer in the tests that is not what its line says.

use http::Method;
use nimbus_api::{HistoryReport, LogLine};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::wire::{
    Accepted, AddressAsked, Announcement, App, Applied, Attachment, Backup, Branding, CannedAnswer,
    CurrentAnnouncement, CurrentLeave, Customer, Delivery, Deployment, DeploymentEvent, DeploymentPlan,
    DeviceLoginBegun, Document, DocumentImage, DocumentRevision, EVENT_STREAM, Event, Hosted, Installation, Invitation,
    MailTaken, Me, Member, NDJSON, NewToken, NewWebhook, Offer, Opened, Operation, Page, PlatformSettings, Publisher,
    Server, SignIn, Snapshot, Status, Ticket, TicketMessage, Token, Usage, Variable, Version, Webhook,
};

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The body of a success.
#[derive(Clone, Copy, Debug)]
enum Gives {
    Nothing,
    Json(SchemaOf),
    Page(SchemaOf),
    Lines(SchemaOf),
    Bytes(&'static str),
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Method and path pattern.
    pub request: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// The media type of what it takes, where that is no JSON.
    pub takes: &'static str,
    statuses: [u16; 2],
    gives: Gives,
    /// What each event is when a stream of them is asked for by `Accept: text/event-stream`.
    stream: Option<SchemaOf>,
}

fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

const fn told(statuses: [u16; 2], gives: Gives, request: &'static str, summary: &'static str) -> Told {
    Told { request, summary, takes: "application/octet-stream", statuses, gives, stream: None }
}

/// 200 with it.
const fn gives<T: JsonSchema>(request: &'static str, summary: &'static str) -> Told {
    told([200; 2], Gives::Json(schema_of::<T>), request, summary)
}

/// 200 with a part of a list.
const fn page<T: JsonSchema>(request: &'static str, summary: &'static str) -> Told {
    told([200; 2], Gives::Page(schema_of::<Page<T>>), request, summary)
}

/// 201 with what was made.
const fn makes<T: JsonSchema>(request: &'static str, summary: &'static str) -> Told {
    told([201; 2], Gives::Json(schema_of::<T>), request, summary)
}

/// 202 with what goes on.
const fn begins<T: JsonSchema>(request: &'static str, summary: &'static str) -> Told {
    told([202; 2], Gives::Json(schema_of::<T>), request, summary)
}

/// 204.
const fn does(request: &'static str, summary: &'static str) -> Told {
    told([204; 2], Gives::Nothing, request, summary)
}

/// 200 with lines of it, perhaps without end.
const fn lines<T: JsonSchema>(request: &'static str, summary: &'static str) -> Told {
    told([200; 2], Gives::Lines(schema_of::<T>), request, summary)
}

/// 200 with bytes of that kind.
const fn bytes(media_type: &'static str, request: &'static str, summary: &'static str) -> Told {
    told([200; 2], Gives::Bytes(media_type), request, summary)
}

impl Told {
    /// It may also be another status, with the same body.
    const fn or(mut self, status: u16) -> Self {
        self.statuses[1] = status;
        self
    }

    /// It takes bytes of that kind.
    const fn takes(mut self, media_type: &'static str) -> Self {
        self.takes = media_type;
        self
    }

    /// By `Accept: text/event-stream` it goes on with events that are each one of that.
    const fn or_stream<T: JsonSchema>(mut self) -> Self {
        self.stream = Some(schema_of::<T>);
        self
    }

    /// Whether it is at hand as a whole, so that it has a tag; the package of a version has one, too.
    pub fn is_whole(&self) -> bool {
        matches!(self.gives, Gives::Json(_) | Gives::Page(_)) || self.request.ends_with("/download")
    }

    /// Whether it is also a stream of events, which goes on where another was cut off.
    pub fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it is one thing rather than a list.
    pub fn is_one(&self) -> bool {
        matches!(self.gives, Gives::Json(_))
    }

    /// What the document says of its answers.
    pub fn responses(&self, schemas: &mut SchemaGenerator) -> Value {
        let mut content = match self.gives {
            Gives::Nothing => None,
            Gives::Json(schema_of) | Gives::Page(schema_of) => {
                Some(json!({ "application/json": { "schema": schema_of(schemas) } }))
            }
            // A reader of schemas would take all lines for one value: what a line is has a place of its own.
            Gives::Lines(schema_of) => Some(json!({ NDJSON: { "x-line-schema": schema_of(schemas) } })),
            Gives::Bytes(media_type) => Some(json!({ media_type: {} })),
        };
        if let (Some(content), Some(schema_of)) = (&mut content, self.stream) {
            content[EVENT_STREAM] = json!({ "x-event-schema": schema_of(schemas) });
        }
        let mut all = Map::new();
        for status in self.statuses {
            let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            let mut response = json!({ "description": reason.unwrap_or("") });
            if let Some(content) = &content {
                response["content"] = content.clone();
            }
            all.insert(status.to_string(), response);
        }
        if self.request.starts_with("GET ") && self.is_whole() {
            let tag = json!({ "ETag": { "$ref": "#/components/headers/ETag" } });
            all["200"]["headers"] = tag.clone();
            all.insert("304".into(), json!({ "description": "It is what `If-None-Match` names.", "headers": tag }));
        }
        for range in ["4XX", "5XX"] {
            all.insert(range.into(), json!({ "$ref": "#/components/responses/Problem" }));
        }
        all.into()
    }
}

/// The line of a route.
pub fn find(method: &Method, path: &str) -> Option<&'static Told> {
    ANSWERS.iter().find(|told| told.request.split_once(' ') == Some((method.as_str(), path)))
}

/// What the parts of paths name.
pub const PLACES: &[(&str, &str)] = &[
    ("app", "Its slug; `publisher:slug` where several publishers are within reach."),
    ("customer", "Its slug; `publisher:slug` where several publishers are within reach."),
    ("installation", "Its name or its id."),
    ("snapshot", "The name of any kept copy."),
    ("ticket", "Its number or its id; `publisher:number` where several publishers are within reach."),
    ("server", "Its id or its host name."),
];

/// By which the routes are grouped, each after the module of its handlers.
pub const NOUNS: &[(&str, &str)] = &[
    ("publishers", "Who makes applications and has customers."),
    ("branding", "How a publisher's portal looks."),
    ("apps", "Applications."),
    ("versions", "What of an application is published, each once."),
    ("documents", "What customers read about an application."),
    ("deployments", "A version brought to every installation, and taken back."),
    ("catalogue", "What customers are offered."),
    ("customers", "Whom a publisher's applications are for."),
    ("installations", "One customer's copy of an application."),
    ("environment", "What programs find in their environment."),
    ("backups", "Kept copies of an installation's data."),
    ("operations", "Work on one installation."),
    ("tickets", "What customers ask and publishers answer."),
    ("answers", "Answers that a publisher keeps for later."),
    ("mail", "Letters that came in."),
    ("leaves", "Customers' leave for support to open an installation."),
    ("people", "Who is what where, and who is invited to be."),
    ("tokens", "Keys to this API."),
    ("devices", "Command lines that log in by a person's browser."),
    ("events", "Who did what and when; what servers report."),
    ("webhooks", "Where a publisher is told of events as they happen."),
    ("usage", "What installations used, by month."),
    ("servers", "What installations run on."),
    ("status", "Everything at a glance."),
    ("announcements", "What everybody is told on every page."),
    ("settings", "What the operator decides."),
    ("openapi", "The API itself."),
];

/// The table.
pub const ANSWERS: &[Told] = &[
    page::<Publisher>("GET /publishers", "Publishers, by slug."),
    makes::<Publisher>("POST /publishers", "Makes a publisher."),
    gives::<Publisher>("GET /publishers/{publisher}", "One publisher."),
    gives::<Publisher>("POST /publishers/{publisher}", "Changes what is given."),
    gives::<Publisher>("POST /publishers/{publisher}/limits", "Decides what it may have in all."),
    does("DELETE /publishers/{publisher}", "Deletes it; 409 while it has applications or customers."),
    gives::<SignIn>("GET /publishers/{publisher}/sign-in", "How its members come in."),
    gives::<SignIn>(
        "POST /publishers/{publisher}/sign-in",
        "Changes that; 409 for an owner who requires a second factor and has none.",
    ),
    gives::<Branding>("GET /publishers/{publisher}/branding", "How its portal looks."),
    gives::<Branding>("POST /publishers/{publisher}/branding", "Changes what is given; what is empty goes."),
    gives::<Branding>(
        "POST /publishers/{publisher}/branding/prove-host",
        "Looks in DNS now whether the host name is proved; 409 `host-not-proved` while it is not.",
    ),
    gives::<Branding>(
        "POST /publishers/{publisher}/branding/images/{image}",
        "Sends a picture: `logo`, `picture`, `icon`.",
    ),
    bytes("image/*", "GET /publishers/{publisher}/branding/images/{image}", "A picture of its brand; 404 without one."),
    gives::<Branding>("DELETE /publishers/{publisher}/branding/images/{image}", "Takes a picture away."),
    page::<App>("GET /apps", "Applications, by slug."),
    makes::<App>("POST /apps", "Makes an application."),
    gives::<App>("GET /apps/{app}", "One application."),
    does("DELETE /apps/{app}", "Deletes it; 409 while it has installations."),
    page::<Version>("GET /apps/{app}/versions", "Its versions, newest first."),
    makes::<Version>("POST /apps/{app}/versions", "Publishes a package, a tar.gz; 200 if it is the newest already.")
        .takes("application/gzip")
        .or(200),
    gives::<Version>("GET /apps/{app}/versions/{number}", "One version with its manifest."),
    does("DELETE /apps/{app}/versions/{number}", "Deletes it; 409 while an installation or a rollback needs it."),
    bytes("application/gzip", "GET /apps/{app}/versions/{number}/download", "The package, byte for byte."),
    bytes("image/*", "GET /apps/{app}/versions/{number}/logo", "The picture that its manifest names; 404 without one."),
    begins::<Deployment>(
        "POST /apps/{app}/deployments",
        "Deploys; 200 if there is nothing to do, 409 while one is live.",
    )
    .or(200),
    gives::<DeploymentPlan>("GET /apps/{app}/plan", "What a deployment of a version would change now."),
    begins::<Deployment>("POST /apps/{app}/rollback", "Takes the last deployment back; 409 if nothing can go back."),
    begins::<Hosted>(
        "POST /apps/{app}/host",
        "Hosts a package or a directory of files, a tar.gz, for the publisher's own use, or replaces it.",
    )
    .takes("application/gzip"),
    page::<Variable>("GET /apps/{app}/environment", "Variables that all its installations have, by name."),
    gives::<Page<Variable>>(
        "POST /apps/{app}/environment",
        "Changes them; new installations have them, others with their next change.",
    ),
    begins::<Applied>("POST /apps/{app}/environment/apply", "Restarts every installation that is not busy with them."),
    page::<Document>(
        "GET /apps/{app}/documents",
        "Pages about an application, without texts; customers see published ones.",
    ),
    makes::<Document>("POST /apps/{app}/documents", "Writes a page."),
    gives::<Document>("GET /apps/{app}/documents/{document}", "A page with its text."),
    gives::<Document>(
        "POST /apps/{app}/documents/{document}",
        "Changes a page: text, place, whether customers see it.",
    ),
    does("DELETE /apps/{app}/documents/{document}", "Deletes a page with its history."),
    page::<DocumentRevision>("GET /apps/{app}/documents/{document}/revisions", "What a page said, newest first."),
    gives::<DocumentRevision>("GET /apps/{app}/documents/{document}/revisions/{number}", "One of its texts."),
    page::<DocumentImage>("GET /apps/{app}/images", "Pictures of an application's pages."),
    makes::<DocumentImage>("POST /apps/{app}/images", "Keeps a picture: PNG, JPEG, WebP or GIF of at most 2 MiB."),
    bytes("image/*", "GET /apps/{app}/images/{image}", "A picture."),
    does("DELETE /apps/{app}/images/{image}", "Deletes a picture."),
    page::<Offer>("GET /catalogue", "Applications that customers are offered, by slug."),
    page::<Document>("GET /documents", "Pages about all applications of a publisher; customers see what is published."),
    page::<Customer>("GET /customers", "Customers, by slug."),
    makes::<Customer>("POST /customers", "Makes a customer."),
    gives::<Customer>("GET /customers/{customer}", "One customer."),
    gives::<Customer>("POST /customers/{customer}", "Changes what it is called."),
    does("DELETE /customers/{customer}", "Deletes it; 409 while it has installations."),
    bytes(
        "application/zip",
        "GET /customers/{customer}/archive",
        "Everything that it has, as a zip that is made while it is sent; 409 while another is.",
    ),
    page::<Installation>("GET /installations", "Installations, by name."),
    begins::<Accepted>("POST /installations", "Installs; 409 if every version is withdrawn and none is named."),
    gives::<Installation>("GET /installations/{installation}", "One installation, and what its processes do."),
    begins::<Accepted>("DELETE /installations/{installation}", "Removes it with its data."),
    begins::<Accepted>("POST /installations/{installation}/start", "Starts it."),
    begins::<Accepted>("POST /installations/{installation}/stop", "Stops it until it is started."),
    begins::<Accepted>("POST /installations/{installation}/restart", "Stops and starts it; requests wait meanwhile."),
    gives::<Opened>(
        "POST /installations/{installation}/open",
        "Where the customer's person who asks comes in; 409 with a token that is nobody's.",
    ),
    begins::<Deployment>(
        "POST /installations/{installation}/rollback",
        "Takes its last deployment back, code and data.",
    ),
    page::<Variable>(
        "GET /installations/{installation}/environment",
        "Variables that it has, its application's too, by name; never the value of a secret.",
    ),
    begins::<Accepted>(
        "POST /installations/{installation}/environment",
        "Changes its own; running, it is restarted once, and not healthy with them gets the former ones back.",
    ),
    lines::<LogLine>(
        "GET /installations/{installation}/logs",
        "What it writes; of a failed install what it had written.",
    ),
    gives::<HistoryReport>(
        "GET /installations/{installation}/history",
        "What it used over an hour, a day or a month: memory, processor, disk, requests.",
    ),
    bytes(
        "application/octet-stream",
        "POST /installations/{installation}/exec",
        "Runs a program in it; see ExecRequest.",
    ),
    bytes("application/gzip", "GET /installations/{installation}/archive", "Its data, or a kept copy, as a tar.gz."),
    page::<Snapshot>("GET /installations/{installation}/snapshots", "Every kept copy of its data, oldest first."),
    begins::<Accepted>(
        "POST /installations/{installation}/snapshots/{snapshot}/restore",
        "Puts the data back to a kept copy; what it replaces is kept.",
    ),
    page::<Backup>("GET /installations/{installation}/backups", "Copies that people asked for."),
    begins::<Accepted>("POST /installations/{installation}/backups", "Makes one."),
    begins::<Accepted>("DELETE /installations/{installation}/backups/{backup}", "Deletes one."),
    begins::<Accepted>("POST /installations/{installation}/backups/{backup}/restore", "Puts the data back to one."),
    gives::<CurrentLeave>("GET /installations/{installation}/leave", "Whether its customer lets support open it."),
    does("DELETE /installations/{installation}/leave", "Takes the leave back; 404 if none serves."),
    page::<Ticket>("GET /tickets", "Tickets, the last changed first."),
    makes::<Ticket>("POST /tickets", "Opens a ticket."),
    gives::<Ticket>("GET /tickets/{ticket}", "One ticket, without its texts."),
    gives::<Ticket>("POST /tickets/{ticket}", "Changes what it is, who looks after it, what it is about."),
    gives::<Ticket>("POST /tickets/{ticket}/seen", "Notes that the person who asks has read it, or has not."),
    page::<TicketMessage>("GET /tickets/{ticket}/messages", "Its texts, oldest first; customers do not get notes."),
    makes::<TicketMessage>("POST /tickets/{ticket}/messages", "Writes in it; 409 when it is closed."),
    bytes(
        "application/octet-stream",
        "GET /tickets/{ticket}/attachments/{attachment}",
        "A file that came with it, always to be saved.",
    ),
    makes::<Attachment>("POST /attachments", "Sends a file, to be named in a text within a day."),
    gives::<MailTaken>(
        "POST /mail",
        "Takes a letter (RFC 5322) that came in; 200 also for one that answers no ticket.",
    )
    .takes("application/octet-stream"),
    gives::<Opened>(
        "POST /installations/{installation}/open-as-support",
        "Where support comes in by the customer's leave; 404 without one.",
    ),
    page::<CannedAnswer>("GET /answers", "Kept answers, by title."),
    makes::<CannedAnswer>("POST /answers", "Keeps an answer for later."),
    gives::<CannedAnswer>("POST /answers/{answer}", "Says all of it anew."),
    does("DELETE /answers/{answer}", "Deletes it."),
    page::<Usage>("GET /usage", "What was used in a month: by installation, by customer or in all."),
    page::<Deployment>("GET /deployments", "Deployments and rollbacks, newest first, without their installations."),
    gives::<Deployment>("GET /deployments/{deployment}", "One, with every installation's part."),
    begins::<Deployment>("POST /deployments/{deployment}/stop", "Begins nothing new; what is under way ends."),
    begins::<Deployment>(
        "POST /deployments/{deployment}/rollback",
        "Takes it back where nothing came after it; 409 if nothing can go back.",
    ),
    lines::<DeploymentEvent>("GET /deployments/{deployment}/events", "Everything about it until it has ended."),
    page::<Operation>("GET /operations", "Operations, newest first."),
    gives::<Operation>("GET /operations/{operation}", "One with its steps; with `wait` as soon as there is news."),
    lines::<LogLine>("GET /operations/{operation}/log", "What the application wrote that made it fail, for 48 hours."),
    begins::<Operation>("POST /operations/{operation}/retry", "Tries again what is stuck; 409 unless it is."),
    makes::<DeviceLoginBegun>("POST /device-logins", "Begins a login that a person approves in a browser."),
    gives::<NewToken>(
        "POST /device-logins/token",
        "Its token once somebody approved; 409 `authorization-pending`, `slow-down`, `access-denied`, `expired-token`.",
    ),
    gives::<Me>("GET /me", "Who you are."),
    gives::<Me>("POST /me", "Changes how you are called and addressed."),
    begins::<AddressAsked>("POST /me/mail", "Sends a link to a new address, which is yours once you open it."),
    does("DELETE /me/token", "Ends the token that the request shows."),
    page::<Member>("GET /members", "Who is what at a place, or at one's own."),
    gives::<Member>("POST /members/{member}", "Changes what somebody is; 409 for the only one who decides."),
    does("DELETE /members/{member}", "Ends it; 409 for the only one who decides."),
    does("DELETE /members/{member}/second-factor", "Forgets what they show besides a password, and logs them out."),
    page::<Invitation>("GET /invitations", "Who is invited."),
    makes::<Invitation>("POST /invitations", "Invites somebody; the answer has the link, which is also sent by mail."),
    does("DELETE /invitations/{invitation}", "Withdraws it."),
    page::<Announcement>("GET /announcements", "Announcements, those to come too."),
    page::<CurrentAnnouncement>("GET /announcements/current", "What the platform tells you now."),
    makes::<Announcement>("POST /announcements", "Makes one; people are shown it until they dismiss it."),
    does("DELETE /announcements/{announcement}", "Deletes it."),
    gives::<PlatformSettings>("GET /settings", "Settings of the platform."),
    gives::<PlatformSettings>("POST /settings", "Changes what is given."),
    page::<Token>("GET /tokens", "One's own tokens; for those who decide all within reach."),
    makes::<NewToken>("POST /tokens", "Makes a token; its text is not shown again."),
    does("DELETE /tokens/{token}", "Ends one."),
    page::<Server>("GET /servers", "Servers."),
    gives::<Server>("GET /servers/{server}", "One server and what it says of itself."),
    gives::<Status>("GET /status", "Everything at a glance."),
    page::<Webhook>("GET /webhooks", "Where events are sent."),
    makes::<NewWebhook>("POST /webhooks", "Makes one; the secret that signs deliveries is not shown again."),
    gives::<Webhook>("GET /webhooks/{webhook}", "One webhook."),
    gives::<Webhook>("POST /webhooks/{webhook}", "Changes what is given; disables it, or enables it again."),
    does("DELETE /webhooks/{webhook}", "Deletes it with its deliveries."),
    begins::<Delivery>("POST /webhooks/{webhook}/test", "Sends it `webhook.test`; 409 while it is disabled."),
    page::<Delivery>("GET /webhooks/{webhook}/deliveries", "What it was sent in 30 days, newest first."),
    gives::<Delivery>("GET /webhooks/{webhook}/deliveries/{delivery}", "One delivery with its body."),
    begins::<Delivery>("POST /webhooks/{webhook}/deliveries/{delivery}/resend", "Sends the same once more."),
    page::<Event>(
        "GET /events",
        "The audit, oldest first; with `before` newest first, by `Accept: text/event-stream` as it happens.",
    )
    .or_stream::<Event>(),
];
