//! The engines that are compared, and on which work.

use std::path::Path;

use super::child::{Task, raw};
use super::emdb1::Emdb1;
use super::engine::Outcome;
use super::fjall::Fjall;
use super::lmdb::Lmdb;
use super::ours::Ours;
use super::redb::Redb;
use super::sled::Sled;
use super::{limit, typed};

/// The work that engines are compared on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Keys and values of bytes.
    Raw,
    /// Rows with indexes.
    Rows,
    /// The same, in a number that an engine of asynchronous SQL gets through.
    FewRows,
}

impl Work {
    pub const ALL: [Work; 3] = [Work::Raw, Work::Rows, Work::FewRows];

    pub fn title(self) -> &'static str {
        match self {
            Work::Raw => "Keys and values of bytes",
            Work::Rows => "Rows with indexes",
            Work::FewRows => "Rows, beside toasty on SQLite",
        }
    }
}

/// An engine on its work.
pub struct Contender {
    pub name: &'static str,
    pub work: Work,
    /// Does a task, with so many records, in a folder.
    pub run: fn(Task, usize, &Path) -> Outcome<()>,
    pub tasks: &'static [&'static [Task]],
}

impl Contender {
    /// The name itself, or what stands before its hyphen.
    pub fn is_meant_by(&self, word: &str) -> bool {
        self.name == word || self.name.split_once('-').is_some_and(|(family, _)| family == word)
    }

    pub fn is_ours(&self) -> bool {
        self.name.starts_with("ours")
    }
}

/// In one folder each: all phases and a reopen; a load that is killed, and a reopen.
const ALL_TASKS: &[&[Task]] = &[&[Task::Phases, Task::Reopen], &[Task::Load, Task::AfterKill]];

/// The same of rows, which are loaded once more in the order of their ids.
const ROW_TASKS: &[&[Task]] = &[&[Task::Phases, Task::Reopen], &[Task::InOrder]];

const fn on_bytes(name: &'static str, run: fn(Task, usize, &Path) -> Outcome<()>) -> Contender {
    Contender { name, work: Work::Raw, run, tasks: ALL_TASKS }
}

const fn on_rows(
    name: &'static str,
    work: Work,
    run: fn(Task, usize, &Path) -> Outcome<()>,
) -> Contender {
    Contender { name, work, run, tasks: ROW_TASKS }
}

/// In the order of the tables.
pub const CONTENDERS: &[Contender] = &[
    on_bytes("ours-hash", raw::<Ours<false>>),
    on_bytes("ours-ordered", raw::<Ours<true>>),
    Contender {
        name: "limit",
        work: Work::Raw,
        run: |_, records, folder| limit::run(records, folder),
        tasks: &[&[Task::Phases]],
    },
    on_bytes("emdb1-hash", raw::<Emdb1<false>>),
    on_bytes("emdb1-ordered", raw::<Emdb1<true>>),
    on_bytes("lmdb", raw::<Lmdb>),
    on_bytes("redb", raw::<Redb>),
    on_bytes("fjall", raw::<Fjall>),
    #[cfg(feature = "rocksdb")]
    on_bytes("rocksdb", raw::<super::rocksdb::RocksDb>),
    on_bytes("sled", raw::<Sled>),
    on_rows("ours", Work::Rows, typed::task::<typed::Ours>),
    on_rows("lmdb", Work::Rows, typed::task::<typed::Lmdb>),
    on_rows("redb", Work::Rows, typed::task::<typed::Redb>),
    on_rows("sqlite", Work::Rows, typed::task::<typed::Sqlite>),
    on_rows("native_db", Work::Rows, typed::task::<typed::NativeDb>),
    on_rows("ours", Work::FewRows, typed::task::<typed::Ours>),
    #[cfg(feature = "toasty")]
    on_rows("toasty", Work::FewRows, typed::task::<typed::Toasty>),
];
