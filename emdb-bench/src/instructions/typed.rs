//! Rows of seven fields with a unique index and another one.

use std::path::Path;

use emdb::{Emdb, Table};

use super::{HotPath, Outcome, check, measured_work};
use crate::row::Row;

pub(super) const PATHS: &[HotPath] = &[
    HotPath { name: "typed_insert_many", operations: N, rounds: 5, run: insert_many },
    HotPath { name: "typed_insert", operations: N, rounds: 5, run: insert },
    HotPath { name: "typed_get", operations: N, rounds: 1, run: get },
    HotPath { name: "typed_get_with", operations: N, rounds: 1, run: get_with },
    HotPath { name: "typed_get_by_unique", operations: N, rounds: 1, run: get_by_unique },
    HotPath { name: "typed_range_of_100", operations: RANGES, rounds: 1, run: range_of_100 },
    HotPath {
        name: "typed_range_of_100_borrowed",
        operations: RANGES,
        rounds: 1,
        run: range_of_100_borrowed,
    },
    HotPath {
        name: "typed_index_range_of_100",
        operations: RANGES,
        rounds: 1,
        run: index_range_of_100,
    },
    HotPath { name: "typed_update", operations: N, rounds: 5, run: update },
    HotPath { name: "typed_update_indexed", operations: N, rounds: 5, run: update_indexed },
    HotPath { name: "typed_remove", operations: N, rounds: 5, run: remove },
];

const N: usize = 20_000;
const RANGES: usize = 1_000;

fn open(folder: &Path) -> Outcome<(Emdb, Table<Row>)> {
    let db = Emdb::open(folder.join("typed"))?;
    let table = Table::open(&db)?;
    Ok((db, table))
}

fn rows(n: usize) -> Vec<Row> {
    (0..n as u64).map(Row::new).collect()
}

/// A table of `n` rows, and they.
fn loaded(folder: &Path, n: usize) -> Outcome<(Emdb, Table<Row>, Vec<Row>)> {
    let ((db, table), rows) = (open(folder)?, rows(n));
    table.insert_many(&rows)?;
    // Of a closed database the orders are whole: no thread goes on with them at its own pace.
    drop(table);
    db.close()?;
    let (db, table) = open(folder)?;
    // The first reader has them made.
    check(table.iter()?.count() == n && table.by(Row::AGE).range(..)?.count() == n)?;
    check(table.by(Row::EMAIL).range(..)?.count() == n)?;
    Ok((db, table, rows))
}

fn insert_many(folder: &Path, n: usize) -> Outcome<()> {
    let ((_db, table), rows) = (open(folder)?, rows(n));
    measured_work(|| table.insert_many(&rows))?;
    check(table.len()? == n)
}

fn insert(folder: &Path, n: usize) -> Outcome<()> {
    let ((_db, table), rows) = (open(folder)?, rows(n));
    measured_work(|| rows.iter().try_for_each(|row| table.insert(row).map(drop)))?;
    check(table.len()? == n)
}

fn get(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| {
        rows.iter().try_for_each(|row| check(table.get(&row.id)?.is_some_and(|r| r.id == row.id)))
    })
}

fn get_with(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| {
        rows.iter().try_for_each(|row| {
            let len = table.get_with(&row.id, |row| row.name.len())?;
            check(len == Some(row.name.len()))
        })
    })
}

fn get_by_unique(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| {
        rows.iter().try_for_each(|row| {
            let found = table.by(Row::EMAIL).get(row.email.as_str())?;
            check(found.is_some_and(|found| found.id == row.id))
        })
    })
}

fn range_of_100(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, N)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut read = 0;
        for row in &rows[..n] {
            for row in table.range(row.id..)?.take(100) {
                row?;
                read += 1;
            }
        }
        Ok(read)
    })?;
    check(read <= 100 * n && read > 95 * n)
}

fn range_of_100_borrowed(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, N)?;
    let letters = measured_work(|| -> Outcome<usize> {
        let mut letters = 0;
        for row in &rows[..n] {
            let mut range = table.range(row.id..)?;
            for _ in 0..100 {
                let Some(len) = range.next_with(|row| row.name.len()) else { break };
                letters += len?;
            }
        }
        Ok(letters)
    })?;
    check(letters > 95 * n * rows[0].name.len())
}

fn index_range_of_100(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, N)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut read = 0;
        for row in &rows[..n] {
            for row in table.by(Row::AGE).range(row.age..)?.take(100) {
                row?;
                read += 1;
            }
        }
        Ok(read)
    })?;
    check(read == 100 * n)
}

fn update(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| {
        rows.iter()
            .try_for_each(|row| check(table.update(&row.id, |row| row.score += 1.0)?.is_some()))
    })
}

fn update_indexed(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| {
        rows.iter().try_for_each(|row| check(table.update(&row.id, |row| row.age ^= 1)?.is_some()))
    })
}

fn remove(folder: &Path, n: usize) -> Outcome<()> {
    let (_db, table, rows) = loaded(folder, n)?;
    measured_work(|| rows.iter().try_for_each(|row| check(table.remove(&row.id)?.is_some())))?;
    check(table.is_empty()?)
}
