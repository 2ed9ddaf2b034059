//! Running balances of the schema as the ledgers that keep them.

use crate::data::schema::{Amount, Balance, IndexKind, Table, Type};
use crate::data::siblings::{self, Affinity, BalanceSpec, Column, FANOUT, Ledger};
use crate::data::{Error, read};

/// The ledger of a balance.
pub(crate) fn ledger(table: &Table, balance: &Balance) -> Result<Ledger, Error> {
    let column = |name: &std::sync::Arc<str>| {
        let affinity = match table.type_of(name).map(Type::column) {
            Some("INTEGER") => Affinity::Integer,
            _ => Affinity::Text,
        };
        Column { name: name.to_string(), affinity }
    };
    let scale = Type::Decimal(balance.scale);
    let sql = |amount: &crate::data::schema::Expression| {
        let sql = amount.sql_as(scale, "").expect("the schema checked the type of the amount");
        format!("ifnull({sql}, 0)")
    };
    let unique = table.indexes.iter().filter(|index| index.kind == IndexKind::Unique);
    let spec = BalanceSpec {
        table: table.name.to_string(),
        name: balance.name.to_string(),
        group: balance.group.iter().map(column).collect(),
        order: balance.order.iter().map(column).collect(),
        amount: match &balance.amount {
            Amount::Net(amount) => siblings::Amount::Net(sql(amount)),
            Amount::Sides { debit, credit } => siblings::Amount::Sides { debit: sql(debit), credit: sql(credit) },
        },
        unique: unique.map(|index| index.fields.iter().map(ToString::to_string).collect()).collect(),
        fanout: FANOUT,
    };
    Ledger::new(spec).map_err(|error| balance_error(&table.name, error))
}

/// A balance in the words of a plan.
pub(super) fn described(balance: &Balance) -> String {
    match &*balance.group {
        [] => "a running balance of all rows".to_owned(),
        group => format!("a running balance by {}", group.join(", ")),
    }
}

/// A failure of a ledger in the words of the data layer.
pub(crate) fn balance_error(table: &str, error: siblings::Error) -> Error {
    match error {
        siblings::Error::Overflow(detail) => Error::Overflow { table: table.to_owned(), detail },
        siblings::Error::Invalid(message) => Error::Invalid(message),
        broken @ siblings::Error::Broken(_) => Error::Balance(broken.to_string()),
        siblings::Error::Sql(error) => read::overflow(table, error, "keeping a balance"),
    }
}
