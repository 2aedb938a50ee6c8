//! The typed table.

use std::path::Path;

use emdb::{Emdb, Table, TableError};

use super::{Change, Engine, Outcome};
use crate::row::Row;

pub struct Ours {
    db: Emdb,
    rows: Table<Row>,
}

impl Ours {
    fn flush<T>(&self, done: Result<T, TableError>) -> Outcome<()> {
        done?;
        Ok(self.db.flush()?)
    }
}

impl Engine for Ours {
    const LENDS: bool = true;
    const READS_MANY: bool = true;

    fn open(folder: &Path) -> Outcome<Ours> {
        let db = Emdb::open(folder.join("rows.emdb"))?;
        let rows = Table::open(&db)?;
        Ok(Ours { db, rows })
    }

    fn close(self) -> Outcome<()> {
        drop(self.rows);
        Ok(self.db.close()?)
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        self.flush(self.rows.insert_many(rows))
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        self.flush(self.rows.insert(row))
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        Ok(self.rows.get(&id)?)
    }

    fn get_lent(&self, id: u64) -> Outcome<Option<usize>> {
        Ok(self.rows.get_with(&id, |row| row.name.len())?)
    }

    fn get_many(&self, ids: &[u64]) -> Outcome<Vec<Option<Row>>> {
        Ok(self.rows.get_many(ids)?)
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        Ok(self.rows.by(Row::EMAIL).get(email)?)
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        Ok(self.rows.range(from..)?.take(limit).collect::<Result<_, _>>()?)
    }

    fn range_lent(&self, from: u64, limit: usize) -> Outcome<usize> {
        let mut rows = self.rows.range(from..)?;
        let mut letters = 0;
        for _ in 0..limit {
            let Some(len) = rows.next_with(|row| row.name.len()) else { break };
            letters += len?;
        }
        Ok(letters)
    }

    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        Ok(self
            .rows
            .by(Row::AGE)
            .range(age..)?
            .chain(self.rows.by(Row::AGE).range(..)?)
            .take(limit)
            .collect::<Result<_, _>>()?)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        self.flush(self.rows.update(&id, |row| change.apply(row)))
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        let done = self.db.transaction(|tx| -> Result<(), TableError> {
            let rows = self.rows.with(tx);
            ids.iter().try_for_each(|id| rows.update(id, |row| change.apply(row)).map(drop))
        });
        self.flush(done)
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        let done = self.db.transaction(|tx| -> Result<(), TableError> {
            let rows = self.rows.with(tx);
            ids.iter().try_for_each(|id| rows.remove(id).map(drop))
        });
        self.flush(done)
    }
}
