//! The same tests with the store in PostgreSQL: `scripts/with-postgres cargo nextest run -p plane`.

use std::path::Path;

use plane::store::Location;
use sea_orm::{ConnectionTrait, Database};

/// A server of tests, whose databases may come and go.
const SERVER: &str = "VCLOUDEN_TEST_POSTGRES";

/// A new, empty database there; without such a server a file in `directory`.
pub async fn location(directory: &Path) -> Location {
    let Ok(server) = std::env::var(SERVER) else { return Location::File(directory.join("store.sqlite")) };
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let db = Database::connect(format!("{server}/postgres")).await.expect("the server of tests answers");
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    db.close().await.unwrap();
    Location::Postgres(format!("{server}/{name}"))
}
