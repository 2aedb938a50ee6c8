//! LMDB, through heed, with bincode rows and index tables that are kept by hand.

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RwTxn, WithTls};

use super::codec::{borrowed, decode, encode};
use super::{Change, Engine, Outcome};
use crate::row::Row;

const MAP_BYTES: usize = 8 << 30;

type Space = Database<'static, Bytes, Bytes>;

pub struct Lmdb {
    env: Env<WithTls>,
    rows: Space,
    emails: Space,
    ages: Space,
}

fn age_entry(row: &Row) -> [u8; 9] {
    let mut entry = [row.age; 9];
    entry[1..].copy_from_slice(&row.id.to_be_bytes());
    entry
}

impl Lmdb {
    fn write(&self, work: impl FnOnce(&mut RwTxn<'_>) -> Outcome<()>) -> Outcome<()> {
        let mut transaction = self.env.write_txn()?;
        work(&mut transaction)?;
        Ok(transaction.commit()?)
    }

    /// Replaces the row, if there is one, and keeps the indexes.
    fn put(&self, transaction: &mut RwTxn<'_>, row: &Row) -> Outcome<()> {
        let id = row.id.to_be_bytes();
        let former = self.rows.get(transaction, &id)?.map(decode).transpose()?;
        if former.as_ref().is_none_or(|former| former.email != row.email) {
            if self.emails.get(transaction, row.email.as_bytes())?.is_some() {
                return Err("the email is taken".into());
            }
            if let Some(former) = &former {
                self.emails.delete(transaction, former.email.as_bytes())?;
            }
            self.emails.put(transaction, row.email.as_bytes(), &id)?;
        }
        if former.as_ref().is_none_or(|former| former.age != row.age) {
            if let Some(former) = &former {
                self.ages.delete(transaction, &age_entry(former))?;
            }
            self.ages.put(transaction, &age_entry(row), &[])?;
        }
        let bytes = encode(row)?;
        Ok(self.rows.put(transaction, &id, &bytes)?)
    }

    fn update(&self, transaction: &mut RwTxn<'_>, id: u64, change: Change) -> Outcome<()> {
        let row = self.rows.get(transaction, &id.to_be_bytes())?.map(decode).transpose()?;
        let Some(former) = row else { return Ok(()) };
        let mut row = former.clone();
        change.apply(&mut row);
        if former.age != row.age {
            self.ages.delete(transaction, &age_entry(&former))?;
            self.ages.put(transaction, &age_entry(&row), &[])?;
        }
        let bytes = encode(&row)?;
        Ok(self.rows.put(transaction, &id.to_be_bytes(), &bytes)?)
    }
}

fn space(env: &Env<WithTls>, name: &str) -> Outcome<Space> {
    let created = env.create_databases_and_commit(env.write_txn()?, |opener, transaction| {
        let created = opener.create_database(transaction, Some(name));
        created.map(CommitOrAbort::<_, ()>::Commit)
    })?;
    Ok(created.commit().ok_or("no database")?)
}

fn at_least(from: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Included(from), Bound::Unbounded)
}

impl Engine for Lmdb {
    const LENDS: bool = true;

    fn open(folder: &Path) -> Outcome<Lmdb> {
        // SAFETY: the folder is this process's alone.
        let env = unsafe { EnvOpenOptions::new().map_size(MAP_BYTES).max_dbs(3).open(folder)? };
        let (rows, emails, ages) =
            (space(&env, "rows")?, space(&env, "emails")?, space(&env, "ages")?);
        Ok(Lmdb { env, rows, emails, ages })
    }

    fn close(self) -> Outcome<()> {
        self.env.prepare_for_closing().wait();
        Ok(())
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        self.write(|transaction| rows.iter().try_for_each(|row| self.put(transaction, row)))
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        self.write(|transaction| self.put(transaction, row))
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        let transaction = self.env.read_txn()?;
        self.rows.get(&transaction, &id.to_be_bytes())?.map(decode).transpose()
    }

    fn get_lent(&self, id: u64) -> Outcome<Option<usize>> {
        let transaction = self.env.read_txn()?;
        self.rows.get(&transaction, &id.to_be_bytes())?.map(borrowed).transpose()
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        let transaction = self.env.read_txn()?;
        let Some(id) = self.emails.get(&transaction, email.as_bytes())? else { return Ok(None) };
        self.rows.get(&transaction, id)?.map(decode).transpose()
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        let transaction = self.env.read_txn()?;
        let from = from.to_be_bytes();
        let rows = self.rows.range(&transaction, &at_least(&from))?.take(limit);
        rows.map(|entry| decode(entry?.1)).collect()
    }

    fn range_lent(&self, from: u64, limit: usize) -> Outcome<usize> {
        let transaction = self.env.read_txn()?;
        let from = from.to_be_bytes();
        let rows = self.rows.range(&transaction, &at_least(&from))?.take(limit);
        rows.map(|entry| borrowed(entry?.1)).sum()
    }

    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        let transaction = self.env.read_txn()?;
        let mut rows = Vec::with_capacity(limit);
        for from in [age, 0] {
            let entries = self.ages.range(&transaction, &at_least(&[from]))?;
            for entry in entries.take(limit - rows.len()) {
                let id = &entry?.0[1..];
                let row = self.rows.get(&transaction, id)?.ok_or("an entry without a row")?;
                rows.push(decode(row)?);
            }
        }
        Ok(rows)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        self.write(|transaction| self.update(transaction, id, change))
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        self.write(|transaction| {
            ids.iter().try_for_each(|id| self.update(transaction, *id, change))
        })
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        self.write(|transaction| {
            ids.iter().try_for_each(|id| {
                let id = id.to_be_bytes();
                let row = self.rows.get(transaction, &id)?.map(decode).transpose()?;
                let Some(row) = row else { return Ok(()) };
                self.emails.delete(transaction, row.email.as_bytes())?;
                self.ages.delete(transaction, &age_entry(&row))?;
                self.rows.delete(transaction, &id)?;
                Ok(())
            })
        })
    }
}
