//! How a cache knows that what it holds is still true: one counter per table, raised after every commit that touched
//! it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of all tables, by the table's place in the schema. Shared by every thread of the process.
#[derive(Debug, Default)]
pub struct Versions {
    tables: Vec<AtomicU64>,
}

/// The state of some tables at a moment: equal stamps of the same tables mean that nothing was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp(u64);

impl Versions {
    /// Counters for as many tables.
    pub fn new(tables: usize) -> Versions {
        Versions { tables: (0..tables).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The stamp of some tables. Counters only grow, so their sum changes when any of them does.
    /// Take it **before** the query whose result is kept under it.
    pub fn stamp(&self, tables: &[usize]) -> Stamp {
        Stamp(tables.iter().filter_map(|table| self.tables.get(*table)).map(|n| n.load(Ordering::Acquire)).sum())
    }

    /// Says that a commit touched a table.
    pub(crate) fn raise(&self, table: usize) {
        if let Some(counter) = self.tables.get(table) {
            counter.fetch_add(1, Ordering::Release);
        }
    }

    /// Says that anything may have changed: another process wrote.
    pub(crate) fn raise_all(&self) {
        for counter in &self.tables {
            counter.fetch_add(1, Ordering::Release);
        }
    }
}
