//! What is within a caller's reach, as a condition of SQL, so that nothing else is ever read from the store.

use sea_orm::Value;

use super::text;
use crate::access::Reach;

impl Reach {
    /// The condition for rows of a publisher and perhaps a customer, named by these columns.
    pub(super) fn sql(&self, publisher: &str, customer: &str, values: &mut Vec<Value>) -> String {
        let mut sql = self.publisher_sql(publisher, values);
        if let Some(slug) = self.customer() {
            values.push(text(slug));
            sql.push_str(&format!(" AND {customer} = ${}", values.len()));
        }
        sql
    }

    /// The condition for rows of a publisher, named by this column.
    pub(super) fn publisher_sql(&self, column: &str, values: &mut Vec<Value>) -> String {
        let Some(publisher) = self.publisher() else { return String::new() };
        values.push(text(publisher));
        format!(" AND {column} = ${}", values.len())
    }
}
