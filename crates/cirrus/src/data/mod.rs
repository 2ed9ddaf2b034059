//! Tables and rows: the schema, how it is applied, and the one path by which rows are read and written.

pub mod accept;
pub mod backup;
pub mod base64;
mod ddl;
pub mod decimal;
mod error;
pub mod export;
mod hooks;
pub mod import;
mod initial;
pub mod moment;
pub mod plan;
pub mod query;
mod read;
mod record;
pub mod rows;
pub mod schema;
pub mod siblings;
mod store;
mod value;
mod versions;
mod write;

pub(crate) use error::of_fields;
pub use error::{Error, Fault, Kind as ErrorKind, RowFault};
pub use hooks::{Event, Hooks, NoHooks, Rejection};
pub use query::{Condition, Query};
pub use read::{Page, Read};
pub use record::Record;
pub use schema::Schema;
pub use store::{Reader, Session, Store};
pub use value::{SAFE_INTEGER, Value};
pub use versions::{Stamp, Versions};
