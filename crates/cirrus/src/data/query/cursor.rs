//! Where a page ended: the values of its last row by which the query is ordered. Opaque to whoever carries it, judged
//! like any other input when it comes back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Order;
use crate::data::schema::Table;
use crate::data::{Error, Value, accept};

/// The longest cursor, in bytes.
const MAX_TEXT: usize = 8 << 10;

/// A place in an ordered list.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor(Vec<Value>);

impl Cursor {
    /// The place of a row, by the values of the order's fields.
    pub fn new(values: Vec<Value>) -> Cursor {
        Cursor(values)
    }

    /// Reads what [`Cursor::text`] wrote.
    pub fn parse(text: &str) -> Result<Cursor, Error> {
        let malformed = || Error::Invalid("the cursor is not one that this server gave".to_owned());
        if text.len() > MAX_TEXT {
            return Err(malformed());
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        let values: Vec<serde_json::Value> = serde_json::from_slice(&json).map_err(|_| malformed())?;
        values.iter().map(Value::from_json).collect::<Option<Vec<_>>>().map(Cursor).ok_or_else(malformed)
    }

    /// As a text for addresses.
    pub fn text(&self) -> String {
        let json: Vec<_> = self.0.iter().map(Value::to_json).collect();
        URL_SAFE_NO_PAD.encode(serde_json::Value::Array(json).to_string())
    }

    /// Its values in the types of an order.
    pub(super) fn values(&self, table: &Table, order: &[Order]) -> Result<Vec<Value>, Error> {
        let another = || Error::Invalid("the cursor belongs to another order of the list".to_owned());
        if self.0.len() != order.len() {
            return Err(another());
        }
        let value = |(value, term): (&Value, &Order)| {
            let kind = table.type_of(&term.field).ok_or_else(another)?;
            accept::typed(&term.field, kind, value.clone()).map_err(|_| another())
        };
        self.0.iter().zip(order).map(value).collect()
    }
}
