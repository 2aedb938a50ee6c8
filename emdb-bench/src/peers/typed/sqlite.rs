//! SQLite, through rusqlite: a table with two indexes, prepared statements, a write-ahead log that
//! each commit syncs.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::{Change, Engine, Outcome};
use crate::row::Row;

/// Between the tags, which stand in one column.
const BETWEEN: &str = "\n";

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS rows (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, age INTEGER NOT NULL,
        name TEXT NOT NULL, tags TEXT NOT NULL, text TEXT NOT NULL, score REAL NOT NULL
    );
    CREATE INDEX IF NOT EXISTS ages ON rows (age);";

pub struct Sqlite(Connection);

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let tags = row.get_ref(4)?.as_str()?.split(BETWEEN).map(str::to_owned).collect();
    Ok(Row {
        id: row.get::<_, i64>(0)? as u64,
        email: row.get(1)?,
        age: row.get(2)?,
        name: row.get(3)?,
        tags,
        text: row.get(5)?,
        score: row.get(6)?,
    })
}

impl Sqlite {
    fn one(&self, query: &str, params: impl Params) -> Outcome<Option<Row>> {
        Ok(self.0.prepare_cached(query)?.query_row(params, row).optional()?)
    }

    fn some(&self, query: &str, params: impl Params) -> Outcome<Vec<Row>> {
        Ok(self.0.prepare_cached(query)?.query_map(params, row)?.collect::<Result<_, _>>()?)
    }

    fn insert(&self, Row { id, email, age, name, tags, text, score }: &Row) -> Outcome<()> {
        let (id, tags) = (*id as i64, tags.join(BETWEEN));
        let query = "INSERT INTO rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.0.prepare_cached(query)?.execute(params![id, email, age, name, tags, text, score])?;
        Ok(())
    }

    fn in_transaction(&self, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
        let transaction = self.0.unchecked_transaction()?;
        work()?;
        Ok(transaction.commit()?)
    }
}

impl Engine for Sqlite {
    fn open(folder: &Path) -> Outcome<Sqlite> {
        let connection = Connection::open(folder.join("sqlite"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Sqlite(connection))
    }

    fn close(self) -> Outcome<()> {
        self.0.close().map_err(|(_, e)| e.into())
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        self.in_transaction(|| rows.iter().try_for_each(|row| self.insert(row)))
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        self.insert(row)
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        self.one("SELECT * FROM rows WHERE id = ?1", [id as i64])
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        self.one("SELECT * FROM rows WHERE email = ?1", [email])
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        let query = "SELECT * FROM rows WHERE id >= ?1 ORDER BY id LIMIT ?2";
        self.some(query, [from as i64, limit as i64])
    }

    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        let query = "SELECT * FROM rows WHERE age >= ?1 ORDER BY age LIMIT ?2";
        let mut rows = self.some(query, [i64::from(age), limit as i64])?;
        if rows.len() < limit {
            rows.extend(self.some(query, [0, (limit - rows.len()) as i64])?);
        }
        Ok(rows)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        let query = match change {
            Change::Score => "UPDATE rows SET score = -score WHERE id = ?1",
            Change::Age => "UPDATE rows SET age = (age + 7) % 100 WHERE id = ?1",
        };
        self.0.prepare_cached(query)?.execute([id as i64])?;
        Ok(())
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        self.in_transaction(|| ids.iter().try_for_each(|id| self.update_durable(*id, change)))
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        self.in_transaction(|| {
            let mut delete = self.0.prepare_cached("DELETE FROM rows WHERE id = ?1")?;
            ids.iter().try_for_each(|id| delete.execute([*id as i64]).map(drop))?;
            Ok(())
        })
    }
}
