//! Who may see which page and send which form, in one table. A page that is not in it is nobody's, and a test fails on it.

use http::Method;

use super::{CUSTOMERS, DECIDERS, EVERYBODY, KEEPERS, MAKERS, OPERATOR, OWNERS, STAFF, TEAM, Who};

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// In the console, and in every portal alike: to come in, and what is one's own.
    Both,
    /// In the console of publishers and operators.
    Console,
    /// In the portals of publishers' customers.
    Portal,
}

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitors {
    /// Whoever comes.
    Anyone,
    /// Whoever is logged in.
    Person,
    /// Whoever has one of these roles at the place that the path names.
    Roles(Who),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub site: Site,
    /// GET, or POST for a form.
    pub method: Method,
    /// Path pattern.
    pub path: &'static str,
    /// Who may.
    pub who: Visitors,
    /// Whether the body is a file, passed on as it comes; otherwise it is a form of at most
    /// [`super::JSON_LIMIT`] bytes.
    pub file: bool,
}

use Visitors::{Anyone, Person, Roles};

const fn see(site: Site, who: Visitors, path: &'static str) -> Page {
    Page { site, method: Method::GET, path, who, file: false }
}

const fn upload(site: Site, who: Visitors, path: &'static str) -> Page {
    Page { site, method: Method::POST, path, who, file: true }
}

const fn send(site: Site, who: Visitors, path: &'static str) -> Page {
    Page { site, method: Method::POST, path, who, file: false }
}

use Site::{Both, Console, Portal};

/// The table.
pub const PAGES: &[Page] = &[
    see(Both, Anyone, "/assets/{hash}/{name}"),
    see(Both, Anyone, nimbus_api::pass::KEYS_PATH),
    see(Portal, Anyone, "/brand/{version}/{file}"),
    // To come in.
    see(Both, Anyone, "/"),
    see(Both, Anyone, "/api"),
    see(Both, Anyone, "/login"),
    send(Both, Anyone, "/login"),
    see(Both, Anyone, "/login/code"),
    send(Both, Anyone, "/login/code"),
    send(Both, Anyone, "/login/passkey"),
    send(Both, Anyone, "/login/code/passkey"),
    see(Console, Anyone, "/login/sso"),
    send(Console, Anyone, "/login/sso"),
    see(Console, Anyone, "/login/sso/callback"),
    see(Console, Anyone, "/login/sso/{publisher}"),
    see(Both, Anyone, "/signup"),
    send(Both, Anyone, "/signup"),
    see(Both, Anyone, "/join/{link}"),
    send(Both, Anyone, "/join/{link}"),
    see(Both, Anyone, "/password"),
    send(Both, Anyone, "/password"),
    see(Both, Anyone, "/password/{link}"),
    send(Both, Anyone, "/password/{link}"),
    send(Both, Anyone, "/announcements/{announcement}/dismiss"),
    // One's own.
    send(Both, Person, "/logout"),
    see(Both, Person, "/account"),
    send(Both, Person, "/account"),
    send(Both, Person, "/account/password"),
    send(Both, Person, "/account/mail"),
    see(Both, Person, "/account/mail/{link}"),
    send(Both, Person, "/account/mail/{link}"),
    see(Both, Person, "/device"),
    send(Both, Person, "/device"),
    see(Both, Person, "/account/security"),
    see(Both, Person, "/account/security/app"),
    send(Both, Person, "/account/security/app"),
    send(Both, Person, "/account/security/app/off"),
    send(Both, Person, "/account/security/codes"),
    send(Both, Person, "/account/security/passkeys"),
    send(Both, Person, "/account/security/passkeys/{passkey}/name"),
    send(Both, Person, "/account/security/passkeys/{passkey}/remove"),
    send(Both, Person, "/account/sessions/end"),
    send(Both, Person, "/account/sessions/{session}/end"),
    // A publisher's.
    see(Console, Roles(TEAM), "/p/{publisher}"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/delete"),
    upload(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/versions"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}/versions/{number}"),
    see(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/versions/{number}/download"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}/versions/{number}/logo"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/versions/{number}/delete"),
    see(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/deploy"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/deploy"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/rollback"),
    see(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/environment"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/environment"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/environment/apply"),
    send(Console, Roles(MAKERS), "/p/{publisher}/apps/{app}/environment/{variable}/unset"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}/docs"),
    see(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/write"),
    send(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/write"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}/docs/{document}"),
    see(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/docs/{document}/edit"),
    send(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/docs/{document}/edit"),
    send(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/docs/{document}/{verb}"),
    upload(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/images"),
    see(Console, Roles(TEAM), "/p/{publisher}/apps/{app}/images/{image}"),
    send(Console, Roles(STAFF), "/p/{publisher}/apps/{app}/images/{image}/delete"),
    see(Console, Roles(MAKERS), "/p/{publisher}/hosting"),
    see(Console, Roles(MAKERS), "/p/{publisher}/hosting/site"),
    upload(Console, Roles(MAKERS), "/p/{publisher}/hosting/site"),
    see(Console, Roles(TEAM), "/p/{publisher}/deployments"),
    see(Console, Roles(TEAM), "/p/{publisher}/deployments/{deployment}"),
    see(Console, Roles(TEAM), "/p/{publisher}/deployments/{deployment}/live"),
    send(Console, Roles(MAKERS), "/p/{publisher}/deployments/{deployment}/stop"),
    send(Console, Roles(MAKERS), "/p/{publisher}/deployments/{deployment}/rollback"),
    see(Console, Roles(TEAM), "/p/{publisher}/installations"),
    send(Console, Roles(STAFF), "/p/{publisher}/installations"),
    see(Console, Roles(TEAM), "/p/{publisher}/installations/{installation}"),
    see(Console, Roles(TEAM), "/p/{publisher}/installations/{installation}/live"),
    see(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/logs"),
    see(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/logs/live"),
    see(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/environment"),
    send(Console, Roles(MAKERS), "/p/{publisher}/installations/{installation}/environment"),
    send(Console, Roles(MAKERS), "/p/{publisher}/installations/{installation}/environment/{variable}/unset"),
    see(Console, Roles(MAKERS), "/p/{publisher}/installations/{installation}/terminal"),
    see(Console, Roles(MAKERS), "/p/{publisher}/installations/{installation}/terminal/socket"),
    see(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/data"),
    send(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/{verb}"),
    send(Console, Roles(STAFF), "/p/{publisher}/installations/{installation}/copies/{copy}/{verb}"),
    see(Console, Roles(TEAM), "/p/{publisher}/customers"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers"),
    see(Console, Roles(TEAM), "/p/{publisher}/customers/{customer}"),
    send(Console, Roles(OWNERS), "/p/{publisher}/customers/{customer}/delete"),
    see(Console, Roles(OWNERS), "/p/{publisher}/customers/{customer}/archive"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers/{customer}/invitations"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers/{customer}/invitations/{invitation}/withdraw"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers/{customer}/people/{member}/role"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers/{customer}/people/{member}/remove"),
    send(Console, Roles(STAFF), "/p/{publisher}/customers/{customer}/name"),
    send(Console, Roles(OWNERS), "/p/{publisher}/name"),
    see(Console, Roles(TEAM), "/p/{publisher}/team"),
    send(Console, Roles(OWNERS), "/p/{publisher}/team/invitations"),
    send(Console, Roles(STAFF), "/p/{publisher}/invitations/{invitation}/withdraw"),
    send(Console, Roles(OWNERS), "/p/{publisher}/team/exec"),
    send(Console, Roles(OWNERS), "/p/{publisher}/team/{member}/role"),
    send(Console, Roles(TEAM), "/p/{publisher}/team/{member}/remove"),
    send(Console, Roles(OPERATOR), "/p/{publisher}/team/{member}/second-factor"),
    see(Console, Roles(OWNERS), "/p/{publisher}/sign-in"),
    send(Console, Roles(OWNERS), "/p/{publisher}/sign-in"),
    send(Console, Roles(OWNERS), "/p/{publisher}/sign-in/sso"),
    see(Console, Roles(TEAM), "/p/{publisher}/tokens"),
    send(Console, Roles(TEAM), "/p/{publisher}/tokens"),
    send(Console, Roles(TEAM), "/p/{publisher}/tokens/{token}/delete"),
    see(Console, Roles(MAKERS), "/p/{publisher}/webhooks"),
    send(Console, Roles(MAKERS), "/p/{publisher}/webhooks"),
    see(Console, Roles(MAKERS), "/p/{publisher}/webhooks/{webhook}"),
    send(Console, Roles(MAKERS), "/p/{publisher}/webhooks/{webhook}"),
    send(Console, Roles(MAKERS), "/p/{publisher}/webhooks/{webhook}/do/{verb}"),
    send(Console, Roles(MAKERS), "/p/{publisher}/webhooks/{webhook}/deliveries/{delivery}/resend"),
    see(Console, Roles(TEAM), "/p/{publisher}/usage"),
    see(Console, Roles(TEAM), "/p/{publisher}/usage.csv"),
    see(Console, Roles(STAFF), "/p/{publisher}/events"),
    see(Console, Roles(STAFF), "/p/{publisher}/events.csv"),
    see(Console, Roles(STAFF), "/p/{publisher}/tickets"),
    see(Console, Roles(STAFF), "/p/{publisher}/tickets/new"),
    upload(Console, Roles(STAFF), "/p/{publisher}/tickets"),
    see(Console, Roles(STAFF), "/p/{publisher}/tickets/{ticket}"),
    upload(Console, Roles(STAFF), "/p/{publisher}/tickets/{ticket}"),
    send(Console, Roles(STAFF), "/p/{publisher}/tickets/{ticket}/change"),
    send(Console, Roles(STAFF), "/p/{publisher}/tickets/{ticket}/open"),
    see(Console, Roles(STAFF), "/p/{publisher}/tickets/{ticket}/attachments/{attachment}"),
    see(Console, Roles(STAFF), "/p/{publisher}/answers"),
    send(Console, Roles(STAFF), "/p/{publisher}/answers"),
    send(Console, Roles(STAFF), "/p/{publisher}/answers/{answer}"),
    send(Console, Roles(STAFF), "/p/{publisher}/answers/{answer}/delete"),
    see(Console, Roles(OWNERS), "/p/{publisher}/branding"),
    send(Console, Roles(OWNERS), "/p/{publisher}/branding"),
    send(Console, Roles(OWNERS), "/p/{publisher}/branding/prove-host"),
    see(Console, Roles(OWNERS), "/p/{publisher}/branding/preview"),
    see(Console, Roles(OWNERS), "/p/{publisher}/branding/preview.css"),
    see(Console, Roles(OWNERS), "/p/{publisher}/branding/images/{image}"),
    upload(Console, Roles(OWNERS), "/p/{publisher}/branding/images/{image}"),
    send(Console, Roles(OWNERS), "/p/{publisher}/branding/images/{image}/delete"),
    // The operator's.
    see(Console, Roles(OPERATOR), "/operator"),
    send(Console, Roles(OPERATOR), "/operator/publishers"),
    send(Console, Roles(OPERATOR), "/operator/settings"),
    send(Console, Roles(OPERATOR), "/operator/retention"),
    see(Console, Roles(OPERATOR), "/operator/servers/{server}"),
    see(Console, Roles(OPERATOR), "/operator/installations"),
    see(Console, Roles(OPERATOR), "/operator/operations"),
    see(Console, Roles(OPERATOR), "/operator/operations/live"),
    see(Console, Roles(OPERATOR), "/operator/publishers/{publisher}"),
    send(Console, Roles(OPERATOR), "/operator/publishers/{publisher}/limits"),
    send(Console, Roles(OPERATOR), "/operator/publishers/{publisher}/name"),
    send(Console, Roles(OPERATOR), "/operator/publishers/{publisher}/delete"),
    send(Console, Roles(OPERATOR), "/operator/limits"),
    see(Console, Roles(OPERATOR), "/operator/people"),
    send(Console, Roles(OPERATOR), "/operator/people/invitations"),
    send(Console, Roles(OPERATOR), "/operator/people/{member}/role"),
    send(Console, Roles(OPERATOR), "/operator/people/{member}/remove"),
    send(Console, Roles(OPERATOR), "/operator/people/{member}/second-factor"),
    send(Console, Roles(OPERATOR), "/operator/invitations/{invitation}/withdraw"),
    see(Console, Roles(OPERATOR), "/operator/tokens"),
    send(Console, Roles(OPERATOR), "/operator/tokens"),
    send(Console, Roles(OPERATOR), "/operator/tokens/{token}/delete"),
    see(Console, Roles(OPERATOR), "/operator/events"),
    see(Console, Roles(OPERATOR), "/operator/events.csv"),
    see(Console, Roles(OPERATOR), "/operator/announcements"),
    send(Console, Roles(OPERATOR), "/operator/announcements"),
    send(Console, Roles(OPERATOR), "/operator/announcements/{announcement}/delete"),
    send(Console, Roles(OPERATOR), "/operator/operations/{operation}/retry"),
    // What pages are made of.
    see(Console, Person, "/styleguide"),
    see(Console, Person, "/styleguide/login"),
    see(Console, Person, "/styleguide/shell"),
    see(Console, Person, "/styleguide/portal"),
    see(Console, Person, "/styleguide/brand.css"),
    see(Console, Person, "/styleguide/live"),
    upload(Console, Person, "/styleguide/upload"),
    see(Console, Person, "/styleguide/errors/{status}"),
    // A customer's.
    see(Portal, Roles(EVERYBODY), "/c/{customer}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/apps/{app}/{number}/logo"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/catalogue"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/catalogue/{app}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/installations/{installation}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/installations/{installation}/live"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/installations/{installation}/logs"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/installations/{installation}/logs/live"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/installations/{installation}/data"),
    send(Portal, Roles(CUSTOMERS), "/c/{customer}/installations/{installation}/open"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/installations/{installation}/{verb}"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/installations/{installation}/copies/{copy}/{verb}"),
    send(Portal, Roles(DECIDERS), "/c/{customer}/installations/{installation}/leave"),
    send(Portal, Roles(DECIDERS), "/c/{customer}/installations/{installation}/leave/end"),
    see(Portal, Roles(DECIDERS), "/c/{customer}/archive"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/usage"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/usage.csv"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/tickets"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/tickets/new"),
    upload(Portal, Roles(EVERYBODY), "/c/{customer}/tickets"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/tickets/{ticket}"),
    upload(Portal, Roles(EVERYBODY), "/c/{customer}/tickets/{ticket}"),
    send(Portal, Roles(EVERYBODY), "/c/{customer}/tickets/{ticket}/solved"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/tickets/{ticket}/attachments/{attachment}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/docs"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/docs/{app}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/docs/{app}/{document}"),
    see(Portal, Roles(EVERYBODY), "/c/{customer}/images/{app}/{image}"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/events"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/events.csv"),
    see(Portal, Roles(KEEPERS), "/c/{customer}/people"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/people/invitations"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/invitations/{invitation}/withdraw"),
    send(Portal, Roles(KEEPERS), "/c/{customer}/people/{member}/role"),
    send(Portal, Roles(EVERYBODY), "/c/{customer}/people/{member}/remove"),
];

/// The row of a page at a site, which is the console or a portal.
pub fn find_page(site: Site, method: &Method, path: &str) -> Option<&'static Page> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    PAGES.iter().find(|row| (row.site == site || row.site == Both) && row.method == *method && row.path == path)
}
