//! Rows as JSON, without the feature `json`.

use std::io::{BufRead, Write};

use crate::backend::{Store, StoreMut};
use crate::error::TableError;
use crate::record::Record;
use crate::table::Table;

/// Nothing is one.
#[diagnostic::on_unimplemented(
    message = "JSON needs the feature `json` of emdb",
    label = "needs the feature `json`",
    note = "add it in `Cargo.toml`: `emdb = {{ .., features = [\"json\"] }}`"
)]
pub trait JsonFeature {
    /// Whatever the call would give.
    fn absent<R>() -> R;
}

impl<T: Record, S: Store> Table<T, S> {
    /// Needs the feature `json`, with which it writes every row as one line of JSON. Without, no program that
    /// calls it compiles.
    pub fn export_json(&self, out: impl Write) -> Result<u64, TableError>
    where
        Self: JsonFeature,
    {
        let _ = out;
        <Self as JsonFeature>::absent()
    }
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Needs the feature `json`, with which it inserts rows that are lines of JSON. Without, no program that
    /// calls it compiles.
    pub fn import_json(&self, lines: impl BufRead) -> Result<u64, TableError>
    where
        Self: JsonFeature,
    {
        let _ = lines;
        <Self as JsonFeature>::absent()
    }
}
