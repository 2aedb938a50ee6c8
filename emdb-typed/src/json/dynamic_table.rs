//! Tables that are read without their Rust types.

use std::fmt;

use serde_json::Value;

use super::value;
use crate::backend::{Cursor, ReadView, Snapshot, for_each};
use crate::catalogue::Entry;
use crate::codec::{self, DecodeError};
use crate::embedded::View;
use crate::error::TableError;
use crate::hex::hex;
use crate::schema::Schema;

/// The names of the tables that a snapshot has, sorted.
pub(crate) fn tables_of(snapshot: &impl Snapshot) -> Result<Vec<String>, TableError> {
    let mut names = Vec::new();
    for_each(snapshot.catalogue().scan()?, |name, _| {
        names.push(String::from_utf8_lossy(name).into_owned());
        Ok(())
    })?;
    names.sort();
    Ok(names)
}

/// A table in one state, its rows as JSON.
///
/// # Example
///
/// ```
/// use emdb::Emdb;
/// use emdb::dynamic::{self, DynamicTable};
/// use emdb::{Table, TableError};
/// use serde_json::json;
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// #[emdb(namespace = "cities")]
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
pub struct DynamicTable<V: ReadView = View> {
    name: String,
    entry: Entry,
    rows: V,
}

/// The rows of a [`DynamicTable`], with the bytes of their keys.
///
/// An item that can't be read is an error, and the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct DynamicRows<'t, V: ReadView = View> {
    table: &'t DynamicTable<V>,
    scan: Option<V::Cursor>,
}

impl<V: ReadView> DynamicTable<V> {
    /// The table of this name that a snapshot has.
    #[doc(hidden)]
    pub fn of_snapshot<N>(snapshot: &N, name: &str) -> Result<Option<Self>, TableError>
    where
        N: Snapshot<View = V>,
    {
        let entry =
            snapshot.catalogue().read(name.as_bytes(), |bytes| Entry::decode(name, bytes))?;
        let Some(entry) = entry.transpose()? else { return Ok(None) };
        Ok(Some(DynamicTable { name: name.to_owned(), entry, rows: snapshot.keyspace(name) }))
    }

    /// The schema of the table's present version.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.entry.schema
    }

    /// The row whose key has these bytes, as [`decode`](crate::dynamic::decode) shows it. One that an older
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
    pub fn rows(&self) -> Result<DynamicRows<'_, V>, TableError> {
        Ok(DynamicRows { table: self, scan: Some(self.rows.scan()?) })
    }

    fn row(&self, key: &[u8], bytes: &[u8]) -> Result<Value, TableError> {
        let decode = || {
            let (version, value) = codec::split_version(bytes)?;
            let schema = self.entry.schema_of(version).ok_or_else(|| {
                DecodeError::new(format!("it has version {version}, of which no schema is stored"))
            })?;
            value::decode(schema, value)
        };
        decode().map_err(|source| TableError::Decode {
            table: self.name.clone(),
            item: format!("the row 0x{}", hex(key)),
            source,
        })
    }
}

impl<V: ReadView> Iterator for DynamicRows<'_, V> {
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

impl<V: ReadView> std::iter::FusedIterator for DynamicRows<'_, V> {}

impl<V: ReadView> fmt::Debug for DynamicRows<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicRows").field("table", &self.table.name).finish_non_exhaustive()
    }
}
