//! redb, with bincode rows and index tables that are kept by hand.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::codec::{borrowed, decode, encode};
use super::{Change, Engine, Outcome};
use crate::row::Row;

type Bytes = &'static [u8];

const ROWS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("rows");
const EMAILS: TableDefinition<'_, &str, u64> = TableDefinition::new("emails");
const AGES: TableDefinition<'_, (u8, u64), ()> = TableDefinition::new("ages");

pub struct Redb(Database);

/// The tables in a transaction that writes.
struct Tables<'a> {
    rows: Table<'a, u64, Bytes>,
    emails: Table<'a, &'static str, u64>,
    ages: Table<'a, (u8, u64), ()>,
}

impl<'a> Tables<'a> {
    fn open(transaction: &'a WriteTransaction) -> Outcome<Tables<'a>> {
        Ok(Tables {
            rows: transaction.open_table(ROWS)?,
            emails: transaction.open_table(EMAILS)?,
            ages: transaction.open_table(AGES)?,
        })
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        self.rows.get(id)?.map(|row| decode(row.value())).transpose()
    }

    /// Replaces the row, if there is one, and keeps the indexes.
    fn put(&mut self, row: &Row) -> Outcome<()> {
        let former = self.get(row.id)?;
        self.replace(former.as_ref(), row)
    }

    fn replace(&mut self, former: Option<&Row>, row: &Row) -> Outcome<()> {
        if former.is_none_or(|former| former.email != row.email) {
            if self.emails.get(&*row.email)?.is_some() {
                return Err("the email is taken".into());
            }
            if let Some(former) = former {
                self.emails.remove(&*former.email)?;
            }
            self.emails.insert(&*row.email, row.id)?;
        }
        if former.is_none_or(|former| former.age != row.age) {
            if let Some(former) = former {
                self.ages.remove((former.age, former.id))?;
            }
            self.ages.insert((row.age, row.id), ())?;
        }
        self.rows.insert(row.id, &*encode(row)?)?;
        Ok(())
    }

    fn update(&mut self, id: u64, change: Change) -> Outcome<()> {
        let Some(former) = self.get(id)? else { return Ok(()) };
        let mut row = former.clone();
        change.apply(&mut row);
        self.replace(Some(&former), &row)
    }

    fn remove(&mut self, id: u64) -> Outcome<()> {
        let Some(row) = self.get(id)? else { return Ok(()) };
        self.emails.remove(&*row.email)?;
        self.ages.remove((row.age, id))?;
        self.rows.remove(id)?;
        Ok(())
    }
}

impl Redb {
    fn write(&self, work: impl FnOnce(&mut Tables<'_>) -> Outcome<()>) -> Outcome<()> {
        let transaction = self.0.begin_write()?;
        work(&mut Tables::open(&transaction)?)?;
        Ok(transaction.commit()?)
    }
}

impl Engine for Redb {
    const LENDS: bool = true;

    fn open(folder: &Path) -> Outcome<Redb> {
        Ok(Redb(Database::create(folder.join("redb"))?))
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        self.write(|tables| rows.iter().try_for_each(|row| tables.put(row)))
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        self.write(|tables| tables.put(row))
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        rows.get(id)?.map(|row| decode(row.value())).transpose()
    }

    fn get_lent(&self, id: u64) -> Outcome<Option<usize>> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        rows.get(id)?.map(|row| borrowed(row.value())).transpose()
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        let transaction = self.0.begin_read()?;
        let Some(id) = transaction.open_table(EMAILS)?.get(email)? else { return Ok(None) };
        let rows = transaction.open_table(ROWS)?;
        rows.get(id.value())?.map(|row| decode(row.value())).transpose()
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        rows.range(from..)?.take(limit).map(|entry| decode(entry?.1.value())).collect()
    }

    fn range_lent(&self, from: u64, limit: usize) -> Outcome<usize> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        rows.range(from..)?.take(limit).map(|entry| borrowed(entry?.1.value())).sum()
    }

    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        let transaction = self.0.begin_read()?;
        let (ages, rows) = (transaction.open_table(AGES)?, transaction.open_table(ROWS)?);
        let mut found = Vec::with_capacity(limit);
        for from in [age, 0] {
            for entry in ages.range((from, 0)..)?.take(limit - found.len()) {
                let (_, id) = entry?.0.value();
                found.push(decode(rows.get(id)?.ok_or("an entry without a row")?.value())?);
            }
        }
        Ok(found)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        self.write(|tables| tables.update(id, change))
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        self.write(|tables| ids.iter().try_for_each(|id| tables.update(*id, change)))
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        self.write(|tables| ids.iter().try_for_each(|id| tables.remove(*id)))
    }
}
