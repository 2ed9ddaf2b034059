//! The order of an answer: static file, the author's routes, the declared ones, a worker, nothing.

use std::{rc::Rc, sync::Arc};

use http::{HeaderValue, Method, StatusCode, header};

use super::{Body, Request, Response, cors, problem, static_files::Found};
use crate::app::App;

/// One loaded application as the thread of connections serves it.
pub struct Site {
    app: Arc<App>,
}

impl Site {
    /// A site of this application.
    pub fn new(app: Arc<App>) -> Rc<Self> {
        Rc::new(Self { app })
    }

    /// The application.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers one request.
    pub async fn answer(&self, request: &mut Request) -> Response {
        if let Some(response) = cors::preflight(&self.app.config.cors, request) {
            return response;
        }
        if let Some(response) = self.public(request) {
            return response;
        }
        problem::not_found()
    }

    fn public(&self, request: &Request) -> Option<Response> {
        if request.method != Method::GET && request.method != Method::HEAD {
            return None;
        }
        let mut response = Response::empty(StatusCode::OK);
        match self.app.public.find(request.uri.path())? {
            Found::File(path) => response.body = Body::File(path.into()),
            Found::Directory => {
                response.status = StatusCode::PERMANENT_REDIRECT;
                let place = HeaderValue::from_str(&format!("{}/", request.uri.path())).ok()?;
                response.headers.insert(header::LOCATION, place);
            }
        }
        Some(response)
    }
}
