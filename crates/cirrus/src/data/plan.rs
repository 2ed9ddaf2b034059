//! temporary
use super::{Error, Schema, ddl};
use rusqlite::Connection;
pub(super) fn apply_on_open(connection: &Connection, schema: &Schema) -> Result<(), Error> {
    let failed = Error::database("applying the schema");
    connection.execute_batch(ddl::OWN_TABLES).map_err(&failed)?;
    let applied: Option<String> = connection.query_row("SELECT schema FROM _cirrus_schema", [], |r| r.get(0)).ok();
    if applied.as_deref() == Some(&schema.text) {
        return Ok(());
    }
    for table in &schema.tables {
        connection.execute_batch(&ddl::create_table(table, &table.name)).map_err(&failed)?;
    }
    for object in ddl::objects(schema) {
        connection.execute_batch(&object.sql).map_err(&failed)?;
    }
    connection.execute("INSERT INTO _cirrus_schema VALUES (1, 1, ?, '')", [&schema.text]).map_err(&failed)?;
    Ok(())
}
pub(super) fn same_schema(_: &Connection, _: &Schema) -> Result<(), Error> {
    Ok(())
}
