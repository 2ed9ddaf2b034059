//! `db`: the tables of the application as JavaScript sees them.

use rquickjs::Result;

use super::natives::Natives;

/// Puts the native functions of `db`.
pub fn put(_natives: &Natives<'_>) -> Result<()> {
    Ok(())
}
