//! The control plane, as the edge sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::limits::Limits;
use crate::pool::Pool;

/// Where the control plane is.
#[derive(Clone, Debug)]
pub struct PlaneAddress {
    /// Where it listens.
    pub address: SocketAddr,
}

/// The control plane.
pub(crate) struct Plane {
    /// Connections to it.
    pub pool: Arc<Pool>,
}

impl Plane {
    /// The one at that address; connects to nothing yet.
    pub fn new(at: PlaneAddress, limits: &Limits) -> Self {
        Self { pool: Pool::new(at.address, limits) }
    }
}
