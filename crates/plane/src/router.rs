//! Every route of the API, grouped by noun, and how they stand beside the pages.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::{HeaderValue, Method, StatusCode};
use nimbus_api::edge::NOBODY;
use nimbus_api::proxies;
use tower::ServiceExt;

use crate::Plane;
use crate::doors::{self, Door};
use crate::etag::{self, Things};
use crate::guard;
use crate::problem::Refusal;
use crate::sites;
use crate::strangers::Peer;
use crate::web::api::{
    announcements, answers, apps, backups, branding, catalogue, customers, deployments, devices, documents,
    environment, events, installations, leaves, mail, operations, people, publishers, servers, settings, status,
    tickets, tokens, usage, versions, webhooks,
};
use crate::web::design::preferences;
use crate::web::openapi::{self, Reads};
use crate::web::visit;
use crate::whence;

/// What every path of the API begins with.
pub const PREFIX: &str = "/api/v1";

/// Routes and the list of them, so that a test can walk it.
pub struct Routes {
    prefix: &'static str,
    router: Router<Arc<Plane>>,
    list: Vec<(Method, &'static str)>,
}

impl Routes {
    fn add<H: Handler<T, Arc<Plane>>, T: 'static>(mut self, method: Method, path: &'static str, handler: H) -> Self {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.list.push((method, path));
        self.router = self.router.route(&format!("{}{path}", self.prefix), on(filter, handler));
        self
    }

    pub(crate) fn get<H: Handler<T, Arc<Plane>>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, handler)
    }

    pub(crate) fn post<H: Handler<T, Arc<Plane>>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, handler)
    }

    /// Routes that all begin with `prefix`.
    pub(crate) fn below(prefix: &'static str) -> Self {
        Self { prefix, router: Router::new(), list: Vec::new() }
    }

    /// Method and pattern of each.
    pub fn list(&self) -> &[(Method, &'static str)] {
        &self.list
    }

    /// A site of pages.
    fn into_site(self, plane: Arc<Plane>) -> Router {
        self.router
            .route_layer(middleware::from_fn_with_state(plane.clone(), visit::guard))
            .fallback(sites::unknown_page)
            .method_not_allowed_fallback(sites::unknown_page)
            .layer(middleware::from_fn(preferences))
            .with_state(plane)
    }
}

/// Everything that the control plane answers: its API at every host name, otherwise the console or a publisher's portal.
pub fn everything(plane: Arc<Plane>) -> Router {
    let all = Everything {
        api: routes().into_router(plane.clone()),
        console: sites::console().into_site(plane.clone()),
        portal: sites::portal().into_site(plane.clone()),
        plane,
    };
    Router::new().fallback(choose).with_state(Arc::new(all))
}

struct Everything {
    api: Router,
    console: Router,
    portal: Router,
    plane: Arc<Plane>,
}

async fn choose(State(all): State<Arc<Everything>>, mut request: Request) -> Response {
    let by_edge = doors::by_edge(&all.plane, &mut request);
    // The edge has said it already.
    if let Some(Peer(peer)) = request.extensions().get().copied().filter(|_| !by_edge) {
        let client = proxies::client(&all.plane.trusted_proxies, peer, request.headers());
        request.extensions_mut().insert(Peer(client));
    }
    let door = match all.plane.door(request.headers(), by_edge).await {
        Ok(door) => door,
        Err(error) => return Refusal::from(error).into_response(),
    };
    let path = request.uri().path();
    let api = path == PREFIX || path.starts_with("/api/");
    let router = match &door {
        Door::Nobody => {
            let mut response = Refusal::missing("unknown-host", "there is nothing at this address").into_response();
            response.headers_mut().insert(NOBODY, HeaderValue::from_static("1"));
            return response;
        }
        _ if api => &all.api,
        Door::Portal { .. } => &all.portal,
        Door::Console => &all.console,
    };
    request.extensions_mut().insert(door);
    let from = request.extensions().get().map(|Peer(address)| *address);
    match whence::from(from, router.clone().oneshot(request)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Routes of the API: what each handler reads is part of the document.
pub struct Api {
    routes: Routes,
    described: Vec<openapi::Route>,
}

impl Api {
    fn add<H: Handler<T, Arc<Plane>>, T: Reads + 'static>(
        mut self,
        method: Method,
        path: &'static str,
        handler: H,
    ) -> Self {
        let described = openapi::Route { method, path, id: openapi::id_of::<H>(), reads: T::reads };
        self.routes = self.routes.add(described.method.clone(), path, handler);
        self.described.push(described);
        self
    }

    fn get<H: Handler<T, Arc<Plane>>, T: Reads + 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, handler)
    }

    fn post<H: Handler<T, Arc<Plane>>, T: Reads + 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, handler)
    }

    fn delete<H: Handler<T, Arc<Plane>>, T: Reads + 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, handler)
    }

    /// Method and pattern of each.
    pub fn list(&self) -> &[(Method, &'static str)] {
        self.routes.list()
    }

    /// The OpenAPI document.
    pub fn document(&self) -> serde_json::Value {
        openapi::document(&self.described)
    }

    /// What is not there is told as everything else is. The document is for whoever asks: it tells nothing of anybody.
    fn into_router(self, plane: Arc<Plane>) -> Router {
        let send = on(MethodFilter::GET, |headers| openapi::send(&DOCUMENT, headers));
        let api: Router = self
            .routes
            .router
            .route_layer(middleware::from_fn_with_state(plane.clone(), guard::guard))
            .route(&format!("{PREFIX}{}", openapi::PATH), send)
            .fallback(unknown_path)
            .method_not_allowed_fallback(unknown_method)
            .with_state(plane);
        let things = Things::new(api.clone());
        api.layer(middleware::from_fn_with_state(things, etag::only_if_unchanged))
    }
}

/// The OpenAPI document.
pub static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| routes().document());

/// What the command line does at each route: method and path, and the command as it is typed.
pub fn commands() -> &'static [(&'static str, &'static str)] {
    openapi::cli::COMMANDS
}

/// Every route that is told of in the document, as method and path.
pub fn answers() -> impl Iterator<Item = &'static str> {
    openapi::answers::ANSWERS.iter().map(|told| told.request)
}

/// Every route of the API.
pub fn routes() -> Api {
    Api { routes: Routes::below(PREFIX), described: Vec::new() }
        .get("/publishers", publishers::list)
        .post("/publishers", publishers::create)
        .get("/publishers/{publisher}", publishers::show)
        .post("/publishers/{publisher}", publishers::update)
        .post("/publishers/{publisher}/limits", publishers::limit)
        .delete("/publishers/{publisher}", publishers::delete)
        .get("/publishers/{publisher}/sign-in", publishers::sign_in)
        .post("/publishers/{publisher}/sign-in", publishers::change_sign_in)
        .get("/publishers/{publisher}/branding", branding::show)
        .post("/publishers/{publisher}/branding", branding::change)
        .post("/publishers/{publisher}/branding/prove-host", branding::prove_host)
        .get("/publishers/{publisher}/branding/images/{image}", branding::image)
        .post("/publishers/{publisher}/branding/images/{image}", branding::put_image)
        .delete("/publishers/{publisher}/branding/images/{image}", branding::delete_image)
        .get("/apps", apps::list)
        .post("/apps", apps::create)
        .get("/apps/{app}", apps::show)
        .delete("/apps/{app}", apps::delete)
        .get("/apps/{app}/versions", versions::list)
        .post("/apps/{app}/versions", versions::publish)
        .get("/apps/{app}/versions/{number}", versions::show)
        .delete("/apps/{app}/versions/{number}", versions::delete)
        .get("/apps/{app}/versions/{number}/download", versions::download)
        .get("/apps/{app}/versions/{number}/logo", versions::logo)
        .post("/apps/{app}/deployments", deployments::create)
        .get("/apps/{app}/plan", deployments::plan)
        .post("/apps/{app}/rollback", deployments::rollback_app)
        .post("/apps/{app}/host", versions::host)
        .get("/apps/{app}/environment", environment::list_app)
        .post("/apps/{app}/environment", environment::change_app)
        .post("/apps/{app}/environment/apply", environment::apply)
        .get("/apps/{app}/documents", documents::list)
        .post("/apps/{app}/documents", documents::create)
        .get("/apps/{app}/documents/{document}", documents::show)
        .post("/apps/{app}/documents/{document}", documents::change)
        .delete("/apps/{app}/documents/{document}", documents::delete)
        .get("/apps/{app}/documents/{document}/revisions", documents::revisions)
        .get("/apps/{app}/documents/{document}/revisions/{number}", documents::revision)
        .get("/apps/{app}/images", documents::images)
        .post("/apps/{app}/images", documents::add_image)
        .get("/apps/{app}/images/{image}", documents::image)
        .delete("/apps/{app}/images/{image}", documents::remove_image)
        .get("/catalogue", catalogue::list)
        .get("/documents", documents::list_all)
        .get("/customers", customers::list)
        .post("/customers", customers::create)
        .get("/customers/{customer}", customers::show)
        .post("/customers/{customer}", customers::change)
        .delete("/customers/{customer}", customers::delete)
        .get("/customers/{customer}/archive", customers::archive)
        .get("/installations", installations::list)
        .post("/installations", installations::create)
        .get("/installations/{installation}", installations::show)
        .delete("/installations/{installation}", installations::remove)
        .post("/installations/{installation}/start", installations::start)
        .post("/installations/{installation}/stop", installations::stop)
        .post("/installations/{installation}/restart", installations::restart)
        .post("/installations/{installation}/open", installations::open)
        .post("/installations/{installation}/rollback", deployments::rollback_installation)
        .get("/installations/{installation}/environment", environment::list)
        .post("/installations/{installation}/environment", environment::change)
        .get("/installations/{installation}/logs", installations::logs)
        .get("/installations/{installation}/history", installations::history)
        .post("/installations/{installation}/exec", installations::exec)
        .get("/installations/{installation}/archive", backups::archive)
        .get("/installations/{installation}/snapshots", backups::snapshots)
        .post("/installations/{installation}/snapshots/{snapshot}/restore", backups::restore_snapshot)
        .get("/installations/{installation}/backups", backups::list)
        .post("/installations/{installation}/backups", backups::create)
        .delete("/installations/{installation}/backups/{backup}", backups::delete)
        .post("/installations/{installation}/backups/{backup}/restore", backups::restore)
        .get("/installations/{installation}/leave", leaves::show)
        .delete("/installations/{installation}/leave", leaves::end)
        .get("/tickets", tickets::list)
        .post("/tickets", tickets::create)
        .get("/tickets/{ticket}", tickets::show)
        .post("/tickets/{ticket}", tickets::change)
        .post("/tickets/{ticket}/seen", tickets::see)
        .get("/tickets/{ticket}/messages", tickets::messages)
        .post("/tickets/{ticket}/messages", tickets::answer)
        .get("/tickets/{ticket}/attachments/{attachment}", tickets::download)
        .post("/attachments", tickets::attach)
        .post("/mail", mail::receive)
        .post("/installations/{installation}/open-as-support", leaves::open)
        .get("/answers", answers::list)
        .post("/answers", answers::create)
        .post("/answers/{answer}", answers::change)
        .delete("/answers/{answer}", answers::delete)
        .get("/deployments", deployments::list)
        .get("/deployments/{deployment}", deployments::show)
        .post("/deployments/{deployment}/stop", deployments::stop)
        .post("/deployments/{deployment}/rollback", deployments::rollback)
        .get("/deployments/{deployment}/events", deployments::events)
        .get("/operations", operations::list)
        .get("/operations/{operation}", operations::show)
        .get("/operations/{operation}/log", operations::log)
        .post("/operations/{operation}/retry", operations::retry)
        .post("/device-logins", devices::begin)
        .post("/device-logins/token", devices::token)
        .get("/me", people::me)
        .post("/me", people::change_me)
        .post("/me/mail", people::change_mail)
        .delete("/me/token", tokens::end)
        .get("/members", people::members)
        .post("/members/{member}", people::change)
        .delete("/members/{member}", people::remove)
        .delete("/members/{member}/second-factor", people::reset_second_factor)
        .get("/invitations", people::invitations)
        .post("/invitations", people::create)
        .delete("/invitations/{invitation}", people::withdraw)
        .get("/announcements", announcements::list)
        .get("/announcements/current", announcements::current)
        .post("/announcements", announcements::create)
        .delete("/announcements/{announcement}", announcements::delete)
        .get("/settings", settings::show)
        .post("/settings", settings::change)
        .get("/tokens", tokens::list)
        .post("/tokens", tokens::create)
        .delete("/tokens/{token}", tokens::delete)
        .get("/servers", servers::list)
        .get("/servers/{server}", servers::show)
        .get("/status", status::show)
        .get("/webhooks", webhooks::list)
        .post("/webhooks", webhooks::create)
        .get("/webhooks/{webhook}", webhooks::show)
        .post("/webhooks/{webhook}", webhooks::change)
        .delete("/webhooks/{webhook}", webhooks::delete)
        .post("/webhooks/{webhook}/test", webhooks::test)
        .get("/webhooks/{webhook}/deliveries", webhooks::deliveries)
        .get("/webhooks/{webhook}/deliveries/{delivery}", webhooks::show_delivery)
        .post("/webhooks/{webhook}/deliveries/{delivery}/resend", webhooks::resend)
        .get("/usage", usage::list)
        .get("/events", events::list)
}

async fn unknown_path(request: Request) -> Refusal {
    let detail = format!("there is nothing at {}; every path begins with {PREFIX}", request.uri().path());
    Refusal::missing("unknown-path", detail)
}

async fn unknown_method(request: Request) -> Refusal {
    let detail = format!("{} cannot be done to {}", request.method(), request.uri().path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "unknown-method", detail)
}
