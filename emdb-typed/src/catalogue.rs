//! The catalogue: which tables a database has, and what their rows look like.
//!
//! It is an internal namespace of the engine. Its keys are the tables' namespaces; a value is a
//! varint with the layout of the entry, then the [`Schema`] in the encoding of rows.
//!
//! Invariant: a table is open only while its entry and its type agree. An entry is written once,
//! in a transaction that looks again first, so that two programs with different types can't both
//! make the table.

use emdb_core::{Emdb, internal};

use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::record::Record;
use crate::schema::{Schema, SchemaDifference};
use crate::store;

/// The layout of entries that this release writes, and the only one that it reads.
const LAYOUT: u32 = 1;

/// Lets `T` in if its table is new or has the same schema.
pub(crate) fn admit<T: Record>(db: &Emdb) -> Result<(), TableError> {
    let ours = T::describe();
    let catalogue = internal::catalogue(db)?;
    if let Some(stored) = catalogue.get(T::NAMESPACE)? {
        return compare::<T>(&stored, &ours);
    }
    db.transaction(|tx| {
        let entries = tx.namespace(&catalogue);
        if let Some(stored) = entries.get(T::NAMESPACE)? {
            return compare::<T>(&stored, &ours);
        }
        Ok(store::insert_forever(entries, T::NAMESPACE.as_bytes(), &encode::<T>(&ours)?)?)
    })
}

fn compare<T: Record>(stored: &[u8], ours: &Schema) -> Result<(), TableError> {
    let table = || T::NAMESPACE.to_owned();
    let stored = decode(stored).map_err(|source| TableError::Decode {
        table: table(),
        item: "its entry in the catalogue".to_owned(),
        source,
    })?;
    if stored.version > ours.version {
        let (stored, ours) = (stored.version, ours.version);
        return Err(TableError::SchemaNewer { table: table(), stored, ours });
    }
    match SchemaDifference::between(&stored, ours) {
        Some(difference) => Err(TableError::SchemaMismatch { table: table(), difference }),
        None => Ok(()),
    }
}

fn encode<T: Record>(schema: &Schema) -> Result<Vec<u8>, TableError> {
    codec::encode(LAYOUT, schema)
        .map_err(|source| TableError::Encode { table: T::NAMESPACE.to_owned(), source })
}

fn decode(entry: &[u8]) -> Result<Schema, DecodeError> {
    match codec::split_version(entry)? {
        (LAYOUT, schema) => codec::decode(schema),
        (layout, _) => Err(DecodeError::new(format!(
            "it has layout {layout} and this release reads layout {LAYOUT}; \
             open the database with the release that wrote it, or a later one"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use emdb_core::{Emdb, Error, internal};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Table;

    #[derive(Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "users", crate = "crate")]
    struct User {
        #[emdb(key)]
        id: u64,
        tags: Vec<String>,
    }

    /// Layout 1, version 1, codec 1, the key's fields, then names and types of all.
    const GOLDEN: &[u8] = b"\x01\x01\x01\x01\x02id\x02\x02id\x00\x03u64\x04tags\x00\x0bVec<String>";

    fn entry(db: &Emdb) -> Vec<u8> {
        internal::catalogue(db).unwrap().get("users").unwrap().unwrap()
    }

    fn open_with(entry: &[u8]) -> Result<Table<User>, TableError> {
        let db = Emdb::open_in_memory();
        internal::catalogue(&db).unwrap().insert("users", entry).unwrap();
        Table::<User>::open(&db)
    }

    #[test]
    fn the_bytes_of_an_entry_are_pinned() {
        let db = Emdb::open_in_memory();
        Table::<User>::open(&db).unwrap();
        assert_eq!(entry(&db), GOLDEN, "{}", entry(&db).escape_ascii());
        open_with(GOLDEN).unwrap();
    }

    #[test]
    fn an_entry_of_the_same_schema_is_left_alone() {
        let db = Emdb::open_in_memory();
        Table::<User>::open(&db).unwrap();
        db.transaction(|_| -> Result<(), TableError> {
            Table::<User>::open(&db)?;
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_table_cannot_be_made_inside_a_transaction() {
        let db = Emdb::open_in_memory();
        let made = db.transaction(|_| Table::<User>::open(&db));
        assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
        // Nor when another table has made the catalogue already.
        internal::catalogue(&db).unwrap();
        let made = db.transaction(|_| Table::<User>::open(&db));
        assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
        Table::<User>::open(&db).unwrap();
    }

    #[test]
    fn an_entry_that_is_cut_or_flipped_is_an_error_or_a_difference() {
        for cut in 0..GOLDEN.len() {
            assert!(matches!(open_with(&GOLDEN[..cut]), Err(TableError::Decode { .. })), "{cut}");
        }
        for bit in 0..8 * GOLDEN.len() {
            let mut flipped = GOLDEN.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_with(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_entry_of_a_later_layout_is_named() {
        let error = open_with(&[9, 1, 2, 3]).unwrap_err().to_string();
        assert!(error.contains("layout 9"), "{error}");
    }

    #[test]
    fn an_entry_with_another_encoding_is_a_mismatch() {
        let mut other = GOLDEN.to_vec();
        other[2] = 7;
        let error = open_with(&other).unwrap_err();
        assert!(matches!(error, TableError::SchemaMismatch { .. }));
        assert!(error.to_string().contains("encoding of the rows: stored 7, now 1"), "{error}");
    }

    #[test]
    fn an_entry_of_a_later_version_is_newer() {
        let mut later = GOLDEN.to_vec();
        later[1] = 3;
        let error = open_with(&later).unwrap_err();
        assert!(matches!(error, TableError::SchemaNewer { stored: 3, ours: 1, .. }), "{error}");
    }
}
