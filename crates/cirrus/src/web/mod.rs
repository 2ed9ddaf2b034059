//! HTTP: from the bytes of a request to the route that answers it, and back.

pub mod cors;
pub mod error_page;
pub mod problem;
pub mod request;
pub mod response;
pub mod secret;
pub mod send;
pub mod server;
pub mod site;
pub mod static_files;
pub mod wire;

pub use request::{Request, RequestId};
pub use response::{Body, Response};
