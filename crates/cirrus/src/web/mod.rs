//! HTTP: from the bytes of a request to the route that answers it, and back.

pub mod collect;
pub mod cookie;
pub mod cors;
pub mod csrf;
pub mod error_page;
pub mod events;
pub mod form;
pub mod i18n;
pub mod natives;
pub mod openapi;
pub mod options;
pub mod portal;
pub mod problem;
pub mod reading;
pub mod refusals;
pub mod request;
pub mod resource;
pub mod response;
pub mod seal;
pub mod secret;
pub mod send;
pub mod server;
pub mod session;
pub mod site;
pub mod static_files;
pub mod template;
pub mod upload;
pub mod users;
pub mod wire;

pub use request::{Request, RequestId};
pub use response::{Body, Response};
