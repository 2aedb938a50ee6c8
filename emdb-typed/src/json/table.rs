//! One table.

use std::io::{BufRead, Write};

use serde_json::Value;

use crate::backend::{Keyspace, ReadView, Store, StoreMut, for_each};
use crate::catalogue::{CHUNK_MAX_BYTES, CHUNK_MAX_ROWS};
use crate::codec;
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::table::Table;

use super::as_type;
use super::failure::{bad_line, io};
use super::line;
use super::lines::Lines;
use super::value;

impl<T: Record, S: Store> Table<T, S> {
    /// Writes every row as one line of JSON, in the order of [`iter`](Table::iter), all of one
    /// state; gives how many there were.
    ///
    /// A row looks as serde_json writes it; the module [`dynamic`](crate::dynamic) tells what stands
    /// for values that JSON doesn't have. A row that expires has a field `$expires_at` besides.
    ///
    /// # Errors
    ///
    /// As [`iter`](Table::iter); [`Io`](emdb_core::Error::Io) when `out` fails. The lines written
    /// until then stay.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct City { #[emdb(key)] name: String, inhabitants: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let cities = Table::<City>::open(&db)?;
    /// cities.insert(&City { name: "Basel".into(), inhabitants: 173_000 })?;
    /// let mut out = Vec::new();
    /// assert_eq!(cities.export_json(&mut out)?, 1);
    /// assert_eq!(out, b"{\"name\":\"Basel\",\"inhabitants\":173000}\n");
    ///
    /// cities.clear()?;
    /// assert_eq!(cities.import_json(&out[..])?, 1);
    /// assert_eq!(cities.get("Basel")?.map(|city| city.inhabitants), Some(173_000));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn export_json(&self, mut out: impl Write) -> Result<u64, TableError> {
        let definition = self.definition();
        self.admit()?;
        let view = self.store().view(Keyspace::Rows)?;
        let mut rows = 0;
        for_each(view.scan()?, |key, bytes| {
            let row = row::decode::<T>(key, bytes)?;
            let bytes = row::encode(&row)?;
            let json = codec::split_version(&bytes)
                .and_then(|(_, value)| value::decode(definition.schema, value))
                .map_err(|source| row::unreadable::<T>("the row", key, source))?;
            let expiry = view.expiry(key)?;
            // What an import would give it by itself isn't written.
            let told = expiry.is_some() || self.expiry_of(&row)?.is_some();
            let line = line::join(json, told.then_some(expiry));
            serde_json::to_writer(&mut out, &line).map_err(io)?;
            out.write_all(b"\n").map_err(io)?;
            rows += 1;
            Ok(())
        })?;
        out.flush().map_err(io)?;
        Ok(rows)
    }
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Inserts the rows that [`export_json`](Table::export_json) wrote, or that look so: one object
    /// a line. Rows with the same keys are replaced. Gives how many there were.
    ///
    /// Rows are read by the type's own serde: a field with `default` and one that is an `Option` may be
    /// absent, `alias` is another name, and a type whose form for people differs from the stored one (a
    /// `Uuid`, an address) is read in either. Nothing is passed over: an unknown field is an error, whether the
    /// type has `deny_unknown_fields` or not.
    ///
    /// They are validated and indexed as by [`insert_many`](Table::insert_many), and committed in
    /// chunks like there.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`], with the number of the line, for one that is no row of this table;
    /// [`Io`](emdb_core::Error::Io) when `lines` fails; otherwise as
    /// [`insert_many`](Table::insert_many). Chunks before that are in place.
    pub fn import_json(&self, lines: impl BufRead) -> Result<u64, TableError> {
        let mut lines = Lines::new(lines);
        let (mut rows, mut bytes, mut chunk) = (0, 0, Vec::new());
        while let Some(line) = lines.next(T::NAMESPACE)? {
            bytes += line.size_bytes;
            let bad = |reason| bad_line(T::NAMESPACE, line.number, reason);
            let (row, expiry) = line::split(line.value)
                .and_then(|(row, expiry)| Ok((self.row_of(&row)?, expiry)))
                .map_err(bad)?;
            let expiry = match expiry {
                Some(expiry) => expiry,
                None => self.expiry_of(&row)?,
            };
            chunk.push(self.prepare(&row, expiry).map_err(|e| match e {
                TableError::Invalid { reason, .. } => bad(reason),
                other => other,
            })?);
            if chunk.len() == CHUNK_MAX_ROWS || bytes >= CHUNK_MAX_BYTES {
                rows += self.insert_prepared(&mut chunk)? as u64;
                bytes = 0;
            }
        }
        Ok(rows + self.insert_prepared(&mut chunk)? as u64)
    }

    fn row_of(&self, row: &Value) -> Result<T, String> {
        let schema = self.definition().schema;
        if !value::has_bytes(schema, row) {
            return as_type::read(row);
        }
        let bytes = value::encode(schema, row).map_err(|e| e.to_string())?;
        codec::decode(&bytes).map_err(|e| e.to_string())
    }
}
