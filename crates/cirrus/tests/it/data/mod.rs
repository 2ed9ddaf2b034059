//! Tables and rows, through the public interface.

mod files;
mod plan;
mod queries;
mod rows;
mod schema;
mod torture;

use std::path::Path;

use cirrus::data::{Record, Schema, Store, Value};

/// Tasks, clients and a small ledger: every kind of field and index.
pub const TASKS: &str = r#"
[tables.clientes]
label = { es = "Clientes", en = "Clients" }
[tables.clientes.fields]
nombre = { type = "text", required = true, max = 100 }
saldo = { type = "decimal", scale = 2 }
tareas = { type = "integer" }
[tables.clientes.indexes]
por_nombre = { kind = "unique", fields = ["nombre"] }

[tables.tareas]
[tables.tareas.fields]
titulo = { type = "text", required = true, max = 200 }
hecha = { type = "boolean", default = false }
importe = { type = "decimal", scale = 2, default = "0.00", check = "importe >= 0" }
horas = { type = "integer", min = 0, max = 1000 }
estado = { type = "choice", of = ["nueva", "hecha"], default = "nueva" }
vence = { type = "date" }
hora = { type = "time" }
creada = { type = "timestamp", default = "now" }
adjunto = { type = "blob", max = 1000 }
cliente = { type = "link", to = "clientes", on_delete = "restrict" }
doble = { type = "formula", of = "importe * 2", scale = 2 }
mes = { type = "formula", of = "month(vence)" }
[tables.tareas.indexes]
por_titulo = { kind = "words", fields = ["titulo"] }
trozos = { kind = "pieces", fields = ["titulo"] }
por_estado = { kind = "repeated", fields = ["estado", "importe"] }
por_vence = { kind = "ordered", fields = ["vence"] }
[[tables.tareas.accumulate]]
to = "cliente"
total = "saldo"
add = "importe"
[[tables.tareas.accumulate]]
to = "cliente"
total = "tareas"
add = "1"

[tables.notas.fields]
tarea = { type = "link", to = "tareas", on_delete = "cascade", required = true }
autor = { type = "link", to = "clientes", on_delete = "clear" }
texto = { type = "text" }
"#;

/// A schema that must be right.
pub fn schema(text: &str) -> Schema {
    Schema::parse(text, "schema.toml").unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A store of [`TASKS`] in a directory.
pub fn tasks(dir: &Path) -> Store {
    Store::open(dir, schema(TASKS)).unwrap()
}

/// A record from names and values.
pub fn record<const N: usize>(fields: [(&str, Value); N]) -> Record {
    fields.into_iter().fold(Record::new(), |record, (name, value)| record.with(name, value))
}

/// A text value.
pub fn text(text: &str) -> Value {
    Value::from(text)
}

/// Numbers that look random and are the same in every run (xorshift64*).
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    /// An integer between two.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
}
