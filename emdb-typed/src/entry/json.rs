//! An [`Emdb`] as JSON, without the types of its tables.

use std::io::{BufRead, Write};

use emdb_core::Emdb;

use crate::error::TableError;
use crate::json::{self, DynamicTable};

/// The names of the database's tables, sorted.
///
/// # Errors
///
/// [`TableError::Core`] when the engine can't read.
pub fn tables(db: &Emdb) -> Result<Vec<String>, TableError> {
    json::tables_of(&db.snapshot())
}

impl DynamicTable {
    /// The table of this name as it is now; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] when its entry in the catalogue can't be read; [`TableError::Core`]
    /// when the engine can't read.
    pub fn open(db: &Emdb, name: &str) -> Result<Option<Self>, TableError> {
        Self::of_snapshot(&db.snapshot(), name)
    }
}

/// Writes all namespaces of the database as lines of JSON, in one state, without their Rust types;
/// gives how many records there were.
///
/// Rows of tables are written as [`decode`](json::decode) shows them, with their keys in
/// hexadecimal digits; what is in no table, or is no row, as bytes.
///
/// # Errors
///
/// [`TableError::Core`] when the engine can't read, and with `Io` when `out` fails;
/// [`TableError::Decode`] when an entry of the catalogue can't be read; [`TableError::Invalid`] when rows of
/// a table are being migrated by a function, or that was interrupted.
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Table, TableError, dynamic};
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// struct City {
///     #[emdb(key)]
///     name: String,
///     #[emdb(index)]
///     inhabitants: u32,
/// }
///
/// let db = Emdb::open_in_memory();
/// Table::<City>::open(&db)?.insert(&City { name: "Basel".into(), inhabitants: 173_000 })?;
/// let mut out = Vec::new();
/// dynamic::export_json(&db, &mut out)?;
///
/// let copy = Emdb::open_in_memory();
/// dynamic::import_json(&copy, &out[..])?;
/// let cities = Table::<City>::open(&copy)?; // builds the index
/// assert_eq!(cities.by(City::INHABITANTS).count(173_000)?, 1);
/// # Ok::<(), TableError>(())
/// ```
pub fn export_json(db: &Emdb, out: impl Write) -> Result<u64, TableError> {
    json::export(&db.snapshot(), out)
}

/// Reads what [`export_json`] wrote into the database; gives how many records there were.
///
/// Records with the same keys are replaced. Tables that are there already must have the same
/// schema. Indexes are built when a program opens the tables next; handles that are open are
/// refused until then.
///
/// Records are committed in chunks. When the call fails, chunks before that are in place.
///
/// # Errors
///
/// [`TableError::Invalid`], with the number of the line, for one that can't be read, and when rows of a table
/// that is there are being migrated by a function, or that was interrupted;
/// [`TableError::SchemaMismatch`] when a table is there with another schema;
/// [`TableError::Core`] when the engine refuses, and with `Io` when `lines` fails.
pub fn import_json(db: &Emdb, lines: impl BufRead) -> Result<u64, TableError> {
    json::import(db, lines)
}
