//! A type that changed, and what it meets: other fields, other indexes, later versions.

mod computed;
mod fields;
mod indexes;
mod keys;
mod readable;
mod snapshots;
pub(crate) mod versions;

use emdb::{Emdb, Error, Record, Table, TableError};

/// Makes a module with a version 1 of `Person`, whose fields are the same and whose indexes are not.
macro_rules! person {
    ($module:ident, [$($whole:tt)*], [$($name:tt)*], [$($age:tt)*], [$($badge:tt)*]) => {
        pub(crate) mod $module {
            #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
            #[emdb(namespace = "people")]
            $($whole)*
            pub(crate) struct Person {
                #[emdb(key)]
                pub(crate) id: u64,
                $($name)*
                pub(crate) name: String,
                $($age)*
                pub(crate) age: u8,
                $($badge)*
                pub(crate) badge: Option<u32>,
            }

            // Some types only see rows of others.
            #[allow(dead_code)]
            pub(crate) fn person(id: u64) -> Person {
                let badge = (id % 2 == 0).then_some(id as u32);
                Person { id, name: format!("person {id}"), age: (id % 50) as u8, badge }
            }
        }
    };
}

person!(plain, [], [], [], []);
person!(indexed, [], [#[emdb(unique)]], [#[emdb(index)]], []);
person!(badges, [], [], [], [#[emdb(index)]]);
person!(sparse_badges, [], [], [], [#[emdb(index(sparse))]]);
person!(unique_age, [], [], [#[emdb(unique)]], []);
person!(unordered, [#[emdb(unordered)]], [], [#[emdb(index)]], []);
person!(main_is_age, [#[emdb(index(name = "main", fields(age)))]], [], [], []);
person!(main_is_badge, [#[emdb(index(name = "main", fields(badge)))]], [], [], []);

/// More rows than fit into two chunks.
pub(crate) const MANY: u64 = 2500;

#[track_caller]
fn opened<T: Record>(db: &Emdb) -> Table<T> {
    Table::open(db).unwrap()
}

/// A database with a table of the type without indexes.
fn with_people(ids: std::ops::Range<u64>) -> Emdb {
    let db = Emdb::open_in_memory();
    opened::<plain::Person>(&db).insert_many(ids.map(plain::person)).unwrap();
    db
}

fn is_mismatch<R>(done: Result<R, TableError>) -> bool {
    matches!(done, Err(TableError::SchemaMismatch { .. }))
}

fn is_cancelled<R>(done: Result<R, TableError>) -> bool {
    matches!(done, Err(TableError::Core(Error::Cancelled)))
}
