//! The phases of rows with indexes: 200,000 rows of seven fields and some 200 bytes, with a `u64`
//! key, a unique email, an index on the age, and three tags.
//!
//! All that is read is compared with what was written.

mod codec;
mod lmdb;
mod native;
mod ours;
mod phases;
mod redb;
mod sqlite;
#[cfg(feature = "toasty")]
mod toasty;

use std::path::Path;

pub use lmdb::Lmdb;
pub use native::NativeDb;
pub use ours::Ours;
pub use redb::Redb;
pub use sqlite::Sqlite;
#[cfg(feature = "toasty")]
pub use toasty::Toasty;

use super::child::Task;
use super::engine::Outcome;
use crate::row::Row;

/// A change of a row: the engine does it in its own idiomatic way.
#[derive(Clone, Copy)]
pub enum Change {
    /// Turns the sign of the score, which has no index.
    Score,
    /// Adds 7 to the age, modulo 100, which has one.
    Age,
}

impl Change {
    fn apply(self, row: &mut Row) {
        match self {
            Change::Score => row.score = -row.score,
            Change::Age => row.age = (row.age + 7) % 100,
        }
    }
}

/// A table of [`Row`]s.
pub trait Engine: Sized {
    /// Whether rows are lent: [`get_lent`](Engine::get_lent) and [`range_lent`](Engine::range_lent).
    const LENDS: bool = false;
    /// Whether [`get_many`](Engine::get_many) is there.
    const READS_MANY: bool = false;

    fn open(folder: &Path) -> Outcome<Self>;
    /// Closes it in the way that lets the next open be quick.
    fn close(self) -> Outcome<()>;
    /// All in bulk, durable at the end.
    fn insert_many(&self, rows: &[Row]) -> Outcome<()>;
    fn insert_durable(&self, row: &Row) -> Outcome<()>;
    fn get(&self, id: u64) -> Outcome<Option<Row>>;
    /// The length of the name, without copying it.
    fn get_lent(&self, _id: u64) -> Outcome<Option<usize>> {
        Err("rows are not lent".into())
    }
    /// The rows of all ids, in their order.
    fn get_many(&self, _ids: &[u64]) -> Outcome<Vec<Option<Row>>> {
        Err("no lookup of many ids".into())
    }
    fn by_email(&self, email: &str) -> Outcome<Option<Row>>;
    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>>;
    /// The lengths of the names together, without copying them.
    fn range_lent(&self, _from: u64, _limit: usize) -> Outcome<usize> {
        Err("rows are not lent".into())
    }
    /// By age from `age` on, in the order of the index.
    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>>;
    fn update_durable(&self, id: u64, change: Change) -> Outcome<()>;
    /// In one transaction, durable at the end.
    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()>;
    /// In one transaction, durable at the end.
    fn remove_all(&self, ids: &[u64]) -> Outcome<()>;
}

/// A task on rows.
pub fn task<E: Engine>(task: Task, rows: usize, folder: &Path) -> Outcome<()> {
    match task {
        Task::Phases => phases::run::<E>(rows, folder),
        Task::Reopen => phases::reopen::<E>(folder),
        Task::InOrder => phases::in_order::<E>(rows, folder),
        Task::Load | Task::AfterKill => Err("rows have no such task".into()),
    }
}
