//! The control plane, as the edge sees it: whoever asks for a host name that no installation has is passed on to it,
//! since it may be the console or a portal.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;

use crate::limits::Limits;
use crate::route::Site;

/// Where the control plane is.
#[derive(Clone, Debug)]
pub struct PlaneAddress {
    /// Where it listens.
    pub address: SocketAddr,
    /// By which it knows that the edge speaks, and believes whom a request comes from.
    pub secret: HeaderValue,
}

/// The control plane.
pub(crate) struct Plane {
    /// It is passed on to as an installation is, so that requests wait while it is started again.
    pub site: Arc<Site>,
    /// What tells it that the edge speaks.
    pub secret: HeaderValue,
}

impl Plane {
    /// The one at that address; connects to nothing yet.
    pub fn new(at: PlaneAddress, limits: &Limits) -> Self {
        let mut secret = at.secret;
        secret.set_sensitive(true);
        Self { site: Site::of_plane(at.address, limits), secret }
    }
}
