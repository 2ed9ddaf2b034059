//! Every page, grouped by who it is for.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use crate::Plane;
use crate::router::Routes;
use crate::web::Path;
use crate::web::announcements::dismiss;
use crate::web::design::styleguide::{self, Samples};
use crate::web::design::{self, View};
use crate::web::entry::{account, api, code, device, join, login, mail, password, security, signup, sso, start};
use crate::web::{console, people, portal as inside};

/// To come in, and what is one's own: the same everywhere.
fn both() -> Routes {
    Routes::below("")
        .get("/", start::show)
        .get("/login", login::show)
        .post("/login", login::send)
        .get("/login/code", code::show)
        .post("/login/code", code::send)
        .post("/login/passkey", login::passkey)
        .post("/login/code/passkey", code::passkey)
        .get("/signup", signup::show)
        .post("/signup", signup::send)
        .get("/join/{link}", join::show)
        .post("/join/{link}", join::send)
        .get("/password", password::show)
        .post("/password", password::ask)
        .get("/password/{link}", password::choose)
        .post("/password/{link}", password::reset)
        .post("/announcements/{announcement}/dismiss", dismiss)
        .post("/logout", login::log_out)
        .get("/api", api::show)
        .get("/account", account::show)
        .post("/account", account::change)
        .post("/account/password", account::password)
        .post("/account/mail", mail::ask)
        .get("/account/mail/{link}", mail::show)
        .post("/account/mail/{link}", mail::take)
        .get("/device", device::show)
        .post("/device", device::send)
        .get("/account/security", security::show)
        .get("/account/security/app", security::app)
        .post("/account/security/app", security::set_up)
        .post("/account/security/app/off", security::turn_off)
        .post("/account/security/codes", security::codes)
        .post("/account/security/passkeys", security::add_passkey)
        .post("/account/security/passkeys/{passkey}/name", security::rename_passkey)
        .post("/account/security/passkeys/{passkey}/remove", security::remove_passkey)
        .post("/account/sessions/end", account::end_others)
        .post("/account/sessions/{session}/end", account::end)
        .get("/assets/{hash}/{name}", asset)
        .get(nimbus_api::pass::KEYS_PATH, pass_keys)
}

/// The console of publishers and operators.
pub fn console() -> Routes {
    use console::{
        announcements, answers, apps, ask, branding, customers, deployments, documents, environment, events, home,
        hosting, installations, operator, platform, publisher, sign_in, terminal, tickets, tokens, usage, webhooks,
    };
    both()
        .get("/p/{publisher}", home::show)
        .get("/p/{publisher}/apps", apps::list)
        .post("/p/{publisher}/apps", apps::create)
        .get("/p/{publisher}/apps/{app}", apps::show)
        .post("/p/{publisher}/apps/{app}/delete", apps::delete)
        .post("/p/{publisher}/apps/{app}/versions", apps::publish)
        .get("/p/{publisher}/apps/{app}/versions/{number}", apps::version)
        .get("/p/{publisher}/apps/{app}/versions/{number}/download", apps::download)
        .get("/p/{publisher}/apps/{app}/versions/{number}/logo", apps::logo)
        .post("/p/{publisher}/apps/{app}/versions/{number}/delete", apps::delete_one)
        .get("/p/{publisher}/apps/{app}/deploy", deployments::new)
        .post("/p/{publisher}/apps/{app}/deploy", deployments::begin)
        .post("/p/{publisher}/apps/{app}/rollback", deployments::roll_back)
        .get("/p/{publisher}/apps/{app}/environment", environment::show_app)
        .post("/p/{publisher}/apps/{app}/environment", environment::set_app)
        .post("/p/{publisher}/apps/{app}/environment/apply", environment::apply)
        .post("/p/{publisher}/apps/{app}/environment/{variable}/unset", environment::unset_app)
        .get("/p/{publisher}/apps/{app}/docs", documents::list)
        .get("/p/{publisher}/apps/{app}/write", documents::write)
        .post("/p/{publisher}/apps/{app}/write", documents::create)
        .get("/p/{publisher}/apps/{app}/docs/{document}", documents::show)
        .get("/p/{publisher}/apps/{app}/docs/{document}/edit", documents::edit)
        .post("/p/{publisher}/apps/{app}/docs/{document}/edit", documents::change)
        .post("/p/{publisher}/apps/{app}/docs/{document}/{verb}", documents::act)
        .post("/p/{publisher}/apps/{app}/images", documents::add_image)
        .get("/p/{publisher}/apps/{app}/images/{image}", documents::image)
        .post("/p/{publisher}/apps/{app}/images/{image}/delete", documents::remove_image)
        .get("/p/{publisher}/hosting", hosting::list)
        .get("/p/{publisher}/hosting/site", hosting::site)
        .post("/p/{publisher}/hosting/site", hosting::send)
        .get("/p/{publisher}/deployments", deployments::list)
        .get("/p/{publisher}/deployments/{deployment}", deployments::show)
        .get("/p/{publisher}/deployments/{deployment}/live", deployments::live)
        .post("/p/{publisher}/deployments/{deployment}/stop", deployments::stop)
        .post("/p/{publisher}/deployments/{deployment}/rollback", deployments::undo)
        .get("/p/{publisher}/installations", installations::list)
        .post("/p/{publisher}/installations", installations::create)
        .get("/p/{publisher}/installations/{installation}", installations::show)
        .get("/p/{publisher}/installations/{installation}/live", installations::live)
        .get("/p/{publisher}/installations/{installation}/logs", installations::logs)
        .get("/p/{publisher}/installations/{installation}/logs/live", installations::logs_live)
        .get("/p/{publisher}/installations/{installation}/environment", environment::show)
        .post("/p/{publisher}/installations/{installation}/environment", environment::set)
        .post("/p/{publisher}/installations/{installation}/environment/{variable}/unset", environment::unset)
        .get("/p/{publisher}/installations/{installation}/terminal", terminal::show)
        .get("/p/{publisher}/installations/{installation}/terminal/socket", terminal::socket)
        .get("/p/{publisher}/installations/{installation}/data", installations::data)
        .post("/p/{publisher}/installations/{installation}/{verb}", installations::act)
        .post("/p/{publisher}/installations/{installation}/copies/{copy}/{verb}", installations::act_on_copy)
        .get("/p/{publisher}/customers", customers::list)
        .post("/p/{publisher}/customers", customers::create)
        .get("/p/{publisher}/customers/{customer}", customers::show)
        .post("/p/{publisher}/customers/{customer}/delete", customers::delete)
        .get("/p/{publisher}/customers/{customer}/archive", customers::archive)
        .post("/p/{publisher}/customers/{customer}/invitations", customers::invite)
        .post("/p/{publisher}/customers/{customer}/invitations/{invitation}/withdraw", customers::withdraw)
        .post("/p/{publisher}/customers/{customer}/people/{member}/role", customers::change_member)
        .post("/p/{publisher}/customers/{customer}/people/{member}/remove", customers::remove_member)
        .post("/p/{publisher}/customers/{customer}/name", customers::rename)
        .post("/p/{publisher}/name", publisher::rename)
        .get("/p/{publisher}/team", people::show)
        .post("/p/{publisher}/team/invitations", people::invite)
        .post("/p/{publisher}/team/exec", terminal::allow)
        .post("/p/{publisher}/team/{member}/role", people::change)
        .post("/p/{publisher}/team/{member}/remove", people::remove)
        .post("/p/{publisher}/invitations/{invitation}/withdraw", people::withdraw)
        .post("/p/{publisher}/team/{member}/second-factor", people::reset_second_factor)
        .get("/p/{publisher}/sign-in", sign_in::show)
        .post("/p/{publisher}/sign-in", sign_in::change)
        .post("/p/{publisher}/sign-in/sso", sign_in::change_sign_on)
        .get("/login/sso", sso::show)
        .post("/login/sso", sso::send)
        .get("/login/sso/callback", sso::back)
        .get("/login/sso/{publisher}", sso::lead)
        .get("/p/{publisher}/tokens", tokens::show)
        .post("/p/{publisher}/tokens", tokens::create)
        .post("/p/{publisher}/tokens/{token}/delete", tokens::delete)
        .get("/p/{publisher}/webhooks", webhooks::list)
        .post("/p/{publisher}/webhooks", webhooks::create)
        .get("/p/{publisher}/webhooks/{webhook}", webhooks::show)
        .post("/p/{publisher}/webhooks/{webhook}", webhooks::change)
        .post("/p/{publisher}/webhooks/{webhook}/do/{verb}", webhooks::act)
        .post("/p/{publisher}/webhooks/{webhook}/deliveries/{delivery}/resend", webhooks::resend)
        .get("/p/{publisher}/usage", usage::show)
        .get("/p/{publisher}/usage.csv", usage::export)
        .get("/p/{publisher}/events", events::list)
        .get("/p/{publisher}/events.csv", events::export)
        .get("/p/{publisher}/tickets", tickets::list)
        .post("/p/{publisher}/tickets", ask::create)
        .get("/p/{publisher}/tickets/new", ask::new)
        .get("/p/{publisher}/tickets/{ticket}", tickets::show)
        .post("/p/{publisher}/tickets/{ticket}", tickets::answer)
        .post("/p/{publisher}/tickets/{ticket}/change", tickets::change)
        .post("/p/{publisher}/tickets/{ticket}/open", tickets::open)
        .get("/p/{publisher}/tickets/{ticket}/attachments/{attachment}", tickets::download)
        .get("/p/{publisher}/answers", answers::list)
        .post("/p/{publisher}/answers", answers::create)
        .post("/p/{publisher}/answers/{answer}", answers::change)
        .post("/p/{publisher}/answers/{answer}/delete", answers::delete)
        .get("/p/{publisher}/branding", branding::show)
        .post("/p/{publisher}/branding", branding::change)
        .post("/p/{publisher}/branding/prove-host", branding::prove_host)
        .get("/p/{publisher}/branding/preview", branding::preview)
        .get("/p/{publisher}/branding/preview.css", branding::preview_css)
        .get("/p/{publisher}/branding/images/{image}", branding::image)
        .post("/p/{publisher}/branding/images/{image}", branding::put_image)
        .post("/p/{publisher}/branding/images/{image}/delete", branding::delete_image)
        .get("/operator", operator::show)
        .post("/operator/publishers", operator::create)
        .post("/operator/settings", operator::change)
        .post("/operator/retention", operator::retain)
        .get("/operator/servers/{server}", platform::server)
        .get("/operator/installations", platform::all_installations)
        .get("/operator/operations", platform::all_operations)
        .get("/operator/operations/live", platform::operations_live)
        .get("/operator/publishers/{publisher}", platform::publisher)
        .post("/operator/publishers/{publisher}/limits", platform::set_limits)
        .post("/operator/publishers/{publisher}/name", publisher::rename)
        .post("/operator/publishers/{publisher}/delete", publisher::delete)
        .post("/operator/limits", operator::limit)
        .get("/operator/people", people::show)
        .post("/operator/people/invitations", people::invite)
        .post("/operator/people/{member}/role", people::change)
        .post("/operator/people/{member}/remove", people::remove)
        .post("/operator/people/{member}/second-factor", people::reset_second_factor)
        .post("/operator/invitations/{invitation}/withdraw", people::withdraw)
        .get("/operator/tokens", tokens::show)
        .post("/operator/tokens", tokens::create)
        .post("/operator/tokens/{token}/delete", tokens::delete)
        .get("/operator/events", events::list)
        .get("/operator/events.csv", events::export)
        .get("/operator/announcements", announcements::show)
        .post("/operator/announcements", announcements::create)
        .post("/operator/announcements/{announcement}/delete", announcements::delete)
        .post("/operator/operations/{operation}/retry", operator::retry)
        .get("/styleguide", styleguide::components)
        .get("/styleguide/login", styleguide::login)
        .get("/styleguide/shell", styleguide::shell)
        .get("/styleguide/portal", styleguide::portal)
        .get("/styleguide/brand.css", styleguide::brand)
        .get("/styleguide/live", styleguide::live)
        .post("/styleguide/upload", styleguide::upload)
        .get("/styleguide/errors/{status}", styleguide::error)
}

/// A publisher's portal, for its customers.
pub fn portal() -> Routes {
    use inside::{brand, catalogue, documents, events, home, installations, tickets, usage};
    both()
        .get("/brand/{version}/{file}", brand::serve)
        .get("/c/{customer}", home::show)
        .get("/c/{customer}/apps/{app}/{number}/logo", catalogue::logo)
        .get("/c/{customer}/catalogue", catalogue::show)
        .post("/c/{customer}/catalogue/{app}", catalogue::take)
        .get("/c/{customer}/installations/{installation}", installations::show)
        .get("/c/{customer}/installations/{installation}/live", installations::live)
        .get("/c/{customer}/installations/{installation}/logs", installations::show_logs)
        .get("/c/{customer}/installations/{installation}/logs/live", console::installations::logs_live)
        .get("/c/{customer}/installations/{installation}/data", console::installations::data)
        .post("/c/{customer}/installations/{installation}/open", installations::open)
        .post("/c/{customer}/installations/{installation}/{verb}", installations::act)
        .post("/c/{customer}/installations/{installation}/copies/{copy}/{verb}", installations::act_on_copy)
        .post("/c/{customer}/installations/{installation}/leave", installations::grant_leave)
        .post("/c/{customer}/installations/{installation}/leave/end", installations::end_leave)
        .get("/c/{customer}/archive", home::archive)
        .get("/c/{customer}/usage", usage::show)
        .get("/c/{customer}/usage.csv", usage::export)
        .get("/c/{customer}/tickets", tickets::list)
        .get("/c/{customer}/tickets/new", tickets::new)
        .post("/c/{customer}/tickets", tickets::create)
        .get("/c/{customer}/tickets/{ticket}", tickets::show)
        .post("/c/{customer}/tickets/{ticket}", tickets::answer)
        .post("/c/{customer}/tickets/{ticket}/solved", tickets::solved)
        .get("/c/{customer}/tickets/{ticket}/attachments/{attachment}", console::tickets::download)
        .get("/c/{customer}/docs", documents::show)
        .get("/c/{customer}/docs/{app}", documents::first)
        .get("/c/{customer}/docs/{app}/{document}", documents::read)
        .get("/c/{customer}/images/{app}/{image}", documents::image)
        .get("/c/{customer}/events", events::show)
        .get("/c/{customer}/events.csv", console::events::export)
        .get("/c/{customer}/people", people::show)
        .post("/c/{customer}/people/invitations", people::invite)
        .post("/c/{customer}/people/{member}/role", people::change)
        .post("/c/{customer}/people/{member}/remove", people::remove)
        .post("/c/{customer}/invitations/{invitation}/withdraw", people::withdraw)
}

impl FromRef<Arc<Plane>> for Samples {
    fn from_ref(plane: &Arc<Plane>) -> Self {
        Self(plane.pages.clone())
    }
}

async fn asset(
    State(plane): State<Arc<Plane>>,
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    design::asset(&plane.pages, &hash, &name, &headers)
}

/// The public keys of passes into applications.
async fn pass_keys(State(plane): State<Arc<Plane>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, plane.passes.keys().to_string()).into_response()
}

/// The page of what there is not, or cannot be done.
pub async fn unknown_page(State(plane): State<Arc<Plane>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    plane.pages.error(&View::of(&parts, plane.now()), StatusCode::NOT_FOUND, "")
}
