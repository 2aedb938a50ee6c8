//! Tables that are read without their Rust types.

use emdb_core::Emdb;
use emdb_core::internal::{Scan, View};
use serde_json::Value;

use crate::catalogue::{self, Entry};
use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::row;
use crate::schema::Schema;

/// The names of the database's tables, sorted.
///
/// # Errors
///
/// [`TableError::Core`] when the engine can't read.
pub fn tables(db: &Emdb) -> Result<Vec<String>, TableError> {
    let mut names = Vec::new();
    let mut scan = View::catalogue(&db.snapshot()).scan()?;
    while let Some(entry) = scan.forward() {
        names.push(String::from_utf8_lossy(entry?.0).into_owned());
    }
    names.sort();
    Ok(names)
}

/// A table in one state, its rows as JSON.
///
/// # Example
///
/// ```
/// use emdb_core::Emdb;
/// use emdb_typed::dynamic::{self, DynamicTable};
/// use emdb_typed::{Table, TableError};
/// use serde_json::json;
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// #[emdb(namespace = "cities", crate = "emdb_typed")]
/// struct City {
///     #[emdb(key)]
///     name: String,
///     inhabitants: u32,
/// }
///
/// let db = Emdb::open_in_memory();
/// Table::<City>::open(&db)?.insert(&City { name: "Basel".into(), inhabitants: 173_000 })?;
///
/// // From here on without the type.
/// assert_eq!(dynamic::tables(&db)?, ["cities"]);
/// let Some(cities) = DynamicTable::open(&db, "cities")? else { unreachable!() };
/// assert_eq!(cities.schema().key().collect::<Vec<_>>(), ["name"]);
/// let basel = json!({ "name": "Basel", "inhabitants": 173_000 });
/// assert_eq!(cities.get("Basel")?, Some(basel.clone()));
/// let rows: Vec<_> = cities.rows()?.collect::<Result<_, _>>()?;
/// assert_eq!(rows, [(b"Basel".to_vec(), basel)]);
/// # Ok::<(), TableError>(())
/// ```
#[derive(Debug)]
pub struct DynamicTable {
    name: String,
    entry: Entry,
    rows: View,
}

/// The rows of a [`DynamicTable`], with the bytes of their keys.
///
/// An item that can't be read is an error, and the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
#[derive(Debug)]
pub struct DynamicRows<'t> {
    table: &'t DynamicTable,
    scan: Option<Scan>,
}

impl DynamicTable {
    /// The table of this name as it is now; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] when its entry in the catalogue can't be read; [`TableError::Core`]
    /// when the engine can't read.
    pub fn open(db: &Emdb, name: &str) -> Result<Option<DynamicTable>, TableError> {
        let snapshot = db.snapshot();
        let entry = View::catalogue(&snapshot).read(name.as_bytes(), |bytes| {
            catalogue::decode_entry(bytes).map_err(|source| TableError::Decode {
                table: name.to_owned(),
                item: "its entry in the catalogue".to_owned(),
                source,
            })
        })?;
        let Some(entry) = entry.transpose()? else { return Ok(None) };
        let rows = View::of(&snapshot, name);
        Ok(Some(DynamicTable { name: name.to_owned(), entry, rows }))
    }

    /// The schema of the table's present version.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.entry.schema
    }

    /// The row whose key has these bytes, as [`decode`](super::decode) shows it. One that an older
    /// version of the type wrote is shown as that had it.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] when the bytes are no row; [`TableError::Core`] when the engine can't
    /// read.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, TableError> {
        let key = key.as_ref();
        self.rows.read(key, |bytes| self.row(key, bytes))?.transpose()
    }

    /// All rows with the bytes of their keys, in the order of the keys if the table is ordered.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't begin the scan.
    pub fn rows(&self) -> Result<DynamicRows<'_>, TableError> {
        Ok(DynamicRows { table: self, scan: Some(self.rows.scan()?) })
    }

    fn row(&self, key: &[u8], bytes: &[u8]) -> Result<Value, TableError> {
        let decode = || {
            let (version, value) = codec::split_version(bytes)?;
            let schema = self.entry.schema_of(version).ok_or_else(|| {
                DecodeError::new(format!("it has version {version}, of which no schema is stored"))
            })?;
            super::decode(schema, value)
        };
        decode().map_err(|source| TableError::Decode {
            table: self.name.clone(),
            item: format!("the row 0x{}", row::hex(key)),
            source,
        })
    }
}

impl Iterator for DynamicRows<'_> {
    type Item = Result<(Vec<u8>, Value), TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.scan.as_mut()?.forward() {
            None => None,
            Some(Err(error)) => Some(Err(error.into())),
            Some(Ok((key, bytes))) => {
                Some(self.table.row(key, bytes).map(|row| (key.to_vec(), row)))
            }
        };
        if !matches!(item, Some(Ok(_))) {
            self.scan = None;
        }
        item
    }
}

impl std::iter::FusedIterator for DynamicRows<'_> {}
