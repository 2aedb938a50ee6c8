//! native_db: a typed layer over redb that keeps its indexes by itself.

use std::path::Path;

use native_db::transaction::RwTransaction;
use native_db::{Builder, Database, Models, ToKey, native_db};
use native_model::{Model, native_model};
use serde::{Deserialize, Serialize};

use super::{Change, Engine, Outcome};
use crate::row::Row;

#[derive(Serialize, Deserialize, Clone, Debug)]
#[native_model(id = 1, version = 1)]
#[native_db]
struct NativeRow {
    #[primary_key]
    id: u64,
    #[secondary_key(unique)]
    email: String,
    #[secondary_key]
    age: u8,
    name: String,
    tags: Vec<String>,
    text: String,
    score: f64,
}

impl From<Row> for NativeRow {
    fn from(Row { id, email, age, name, tags, text, score }: Row) -> NativeRow {
        NativeRow { id, email, age, name, tags, text, score }
    }
}

impl From<NativeRow> for Row {
    fn from(NativeRow { id, email, age, name, tags, text, score }: NativeRow) -> Row {
        Row { id, email, age, name, tags, text, score }
    }
}

pub struct NativeDb(Database<'static>);

impl NativeDb {
    fn write(&self, work: impl FnOnce(&RwTransaction<'_>) -> Outcome<()>) -> Outcome<()> {
        let transaction = self.0.rw_transaction()?;
        work(&transaction)?;
        Ok(transaction.commit()?)
    }
}

fn update(transaction: &RwTransaction<'_>, id: u64, change: Change) -> Outcome<()> {
    let Some(former) = transaction.get().primary::<NativeRow>(id)? else { return Ok(()) };
    let mut row = Row::from(former.clone());
    change.apply(&mut row);
    Ok(transaction.update(former, NativeRow::from(row))?)
}

impl Engine for NativeDb {
    fn open(folder: &Path) -> Outcome<NativeDb> {
        let mut models = Models::new();
        models.define::<NativeRow>()?;
        // The database borrows its models, and both live as long as the process.
        let models: &'static Models = Box::leak(Box::new(models));
        Ok(NativeDb(Builder::new().create(models, folder.join("native_db"))?))
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        self.write(|transaction| {
            Ok(rows.iter().try_for_each(|row| transaction.insert(NativeRow::from(row.clone())))?)
        })
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        self.insert_many(std::slice::from_ref(row))
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        let row = self.0.r_transaction()?.get().primary::<NativeRow>(id)?;
        Ok(row.map(Row::from))
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        let transaction = self.0.r_transaction()?;
        let row = transaction.get().secondary::<NativeRow>(NativeRowKey::email, email)?;
        Ok(row.map(Row::from))
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        let transaction = self.0.r_transaction()?;
        let scan = transaction.scan().primary::<NativeRow>()?;
        let rows = scan.range(from..)?.take(limit);
        Ok(rows.map(|row| row.map(Row::from)).collect::<Result<_, _>>()?)
    }

    /// An age at a time: a scan of the index collects all that it will show before the first.
    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        let transaction = self.0.r_transaction()?;
        let scan = transaction.scan().secondary::<NativeRow>(NativeRowKey::age)?;
        let mut found = Vec::with_capacity(limit);
        for age in (age..100).chain(0..age) {
            for row in scan.range(age..=age)?.take(limit - found.len()) {
                found.push(Row::from(row?));
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        self.update_all(&[id], change)
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        self.write(|transaction| ids.iter().try_for_each(|id| update(transaction, *id, change)))
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        self.write(|transaction| {
            ids.iter().try_for_each(|id| {
                let row = transaction.get().primary::<NativeRow>(*id)?;
                row.map_or(Ok(()), |row| transaction.remove(row).map(drop))?;
                Ok(())
            })
        })
    }
}
