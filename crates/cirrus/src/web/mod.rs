//! HTTP: from the bytes of a request to the route that answers it, and back.

pub mod request;
pub mod response;

pub use request::{Request, RequestId};
pub use response::{Body, Response};
