//! Types that changed: other fields, later versions, other indexes.

use std::ops::ControlFlow;

use emdb_core::Error;
use emdb_typed::{Table, TableError};

use crate::harness::{Harness, verified};
use crate::over_both;

mod first {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        pub name: String,
    }
}

mod indexed {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        #[emdb(index)]
        pub name: String,
    }
}

mod unique {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        #[emdb(unique)]
        pub name: String,
    }
}

mod second {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", version = 2, from = super::first::Person, crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        pub name: String,
        #[emdb(index)]
        pub len: u64,
    }

    impl From<super::first::Person> for Person {
        fn from(old: super::first::Person) -> Self {
            Person { id: old.id, len: old.name.len() as u64, name: old.name }
        }
    }
}

mod other {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        pub name: u64,
    }
}

mod automatic {
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key, auto)]
        pub id: u32,
        pub name: String,
    }
}

/// More rows than fit into two chunks.
const MANY: u32 = 2500;

fn person(id: u32) -> first::Person {
    first::Person { id, name: format!("person {}", id % 100) }
}

fn filled<H: Harness>() -> H {
    let db = H::new();
    db.open::<first::Person>().insert_many((1..=MANY).map(person)).unwrap();
    db
}

over_both! {
    another_type_is_refused_and_changes_nothing
    indexes_that_are_new_are_built
    a_build_goes_on_where_it_was
    a_unique_index_over_like_rows_is_refused
    indexes_that_are_gone_are_emptied
    a_later_version_reads_and_rewrites_older_rows
    a_table_gets_automatic_keys
    a_table_is_not_made_inside_of_a_transaction
    a_table_takes_its_new_name_with_its_indexes
    where_nothing_is_written_an_index_that_lacks_is_told
    where_nothing_is_written_older_rows_are_upgraded_as_they_are_read
    where_nothing_is_written_an_absent_table_is_empty
}

fn another_type_is_refused_and_changes_nothing<H: Harness>() {
    let db = filled::<H>();
    let error = db.try_open::<other::Person>().unwrap_err();
    assert!(matches!(error, TableError::SchemaMismatch { .. }), "{error}");
    assert_eq!(db.open::<first::Person>().len().unwrap() as u32, MANY);
}

fn indexes_that_are_new_are_built<H: Harness>() {
    let db = filled::<H>();
    let former = db.open::<first::Person>();
    let people = db.open::<indexed::Person>();
    assert_eq!(people.by(indexed::Person::NAME).count("person 7").unwrap(), 25);
    assert_eq!(verified(&people), (MANY.into(), MANY.into()));
    // A handle of the former type would leave the index behind.
    let refused = former.insert(&person(1));
    assert!(matches!(refused, Err(TableError::SchemaMismatch { .. })));
}

fn a_build_goes_on_where_it_was<H: Harness>() {
    let db = filled::<H>();
    let mut told = Vec::new();
    let broken = Table::<indexed::Person, _>::open_in(db.backend(), |progress| {
        told.push(progress.done);
        ControlFlow::Break(())
    });
    assert!(matches!(broken, Err(TableError::Core(Error::Cancelled))));
    let people = Table::<indexed::Person, _>::open_in(db.backend(), |progress| {
        told.push(progress.done);
        ControlFlow::Continue(())
    });
    let chunk = told[0];
    assert!(chunk > 0 && told[1] >= 2 * chunk.min(u64::from(MANY) / 2), "{told:?}");
    assert_eq!(verified(&people.unwrap()), (MANY.into(), MANY.into()));
}

fn a_unique_index_over_like_rows_is_refused<H: Harness>() {
    let db = filled::<H>();
    let error = db.try_open::<unique::Person>().unwrap_err();
    assert!(matches!(error, TableError::UniqueViolation { .. }), "{error}");
    let people = db.open::<first::Person>();
    people.retain(|person| person.id <= 100).unwrap();
    let people = db.open::<unique::Person>();
    assert_eq!(verified(&people), (100, 100));
}

fn indexes_that_are_gone_are_emptied<H: Harness>() {
    let db = filled::<H>();
    db.open::<indexed::Person>();
    db.open::<first::Person>().clear().unwrap();
    db.open::<first::Person>().insert(&person(1)).unwrap();
    let people = db.open::<indexed::Person>();
    assert_eq!(verified(&people), (1, 1));
}

fn a_later_version_reads_and_rewrites_older_rows<H: Harness>() {
    let db = filled::<H>();
    let former = db.open::<first::Person>();
    let snapshot = db.frozen(&former);
    let people = db.open::<second::Person>();
    assert_eq!(people.get(&7).unwrap().unwrap().len, 8);
    assert_eq!(people.by(second::Person::LEN).count(8).unwrap(), 250);
    for refused in [former.get(&7).map(drop), former.insert(&person(1)).map(drop)] {
        assert!(matches!(refused, Err(TableError::SchemaNewer { .. })));
    }
    assert!(matches!(snapshot.get(&7), Err(TableError::SchemaNewer { .. })));
    people.insert(&second::Person { id: 1, name: "new".into(), len: 3 }).unwrap();
    let report = people.migrate().unwrap();
    assert_eq!((report.rows, report.migrated), (MANY.into(), u64::from(MANY) - 1));
    assert_eq!(people.migrate().unwrap().migrated, 0);
    assert_eq!(verified(&people), (MANY.into(), MANY.into()));
}

fn a_table_gets_automatic_keys<H: Harness>() {
    let db = filled::<H>();
    let people = db.open::<automatic::Person>();
    let new = people.insert_new(automatic::Person { id: 0, name: "new".into() }).unwrap();
    assert_eq!(new.id, MANY + 1);
}

fn a_table_is_not_made_inside_of_a_transaction<H: Harness>() {
    let db = H::new();
    let made = db.transaction(|_| db.try_open::<first::Person>());
    assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
    db.open::<first::Person>();
    db.transaction(|_| db.try_open::<first::Person>()).unwrap();
    let made = db.transaction(|_| db.try_open::<indexed::Person>());
    assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
}

mod renamed {
    /// Under another name.
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
    )]
    #[emdb(namespace = "folk", was = "people", crate = "emdb_typed")]
    pub struct Person {
        #[emdb(key)]
        pub id: u32,
        #[emdb(index)]
        pub name: String,
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "folk", was = "people", crate = "emdb_typed")]
    pub struct Other {
        #[emdb(key)]
        pub name: String,
    }
}

fn a_table_takes_its_new_name_with_its_indexes<H: Harness>() {
    let db = filled::<H>();
    db.open::<indexed::Person>();
    assert!(matches!(db.try_open::<renamed::Other>(), Err(TableError::SchemaMismatch { .. })));
    assert_eq!(db.open::<indexed::Person>().len().unwrap(), MANY as usize);
    let mut built = 0;
    let folk = Table::<renamed::Person, _>::open_in(db.backend(), |_| {
        built += 1;
        ControlFlow::Continue(())
    });
    let folk = folk.unwrap();
    assert_eq!(built, 0, "the index has moved along");
    assert_eq!(folk.by(renamed::Person::NAME).count("person 7").unwrap(), 25);
    assert_eq!(verified(&folk), (u64::from(MANY), u64::from(MANY)));
    assert_eq!(db.open::<renamed::Person>().len().unwrap(), MANY as usize);
    // The former name is free, and nobody's table moves any more.
    db.open::<first::Person>().insert(&person(1)).unwrap();
    assert_eq!(db.open::<renamed::Person>().len().unwrap(), MANY as usize);
    assert_eq!(db.open::<first::Person>().len().unwrap(), 1);
    // Where nothing is written it keeps its name, which is told.
    let error = filled::<H>().read_only().try_open::<renamed::Person>().unwrap_err();
    assert!(matches!(error, TableError::Core(Error::ReadOnly)), "{error}");
}

fn is_missing<R: std::fmt::Debug>(answer: Result<R, TableError>, name: &str) -> bool {
    matches!(answer, Err(TableError::IndexMissing { index, .. }) if index == name)
}

fn where_nothing_is_written_an_index_that_lacks_is_told<H: Harness>() {
    let db = filled::<H>().read_only();
    let people = db.open::<indexed::Person>();
    assert_eq!(people.get(&7).unwrap().unwrap().name, "person 7");
    assert!(is_missing(people.by(indexed::Person::NAME).count("person 7"), "name"));
    assert!(is_missing(db.frozen(&people).by(indexed::Person::NAME).count("person 7"), "name"));
    let unique = db.open::<unique::Person>();
    assert!(is_missing(unique.by(unique::Person::NAME).get("person 7"), "name"));
    assert_eq!(verified(&people), (u64::from(MANY), 0));
    let error = people.remove(&7).unwrap_err();
    assert!(matches!(error, TableError::Core(Error::ReadOnly)), "{error}");
    assert!(matches!(db.try_open::<other::Person>(), Err(TableError::SchemaMismatch { .. })));
    assert_eq!(db.open::<first::Person>().len().unwrap(), MANY as usize);
}

fn where_nothing_is_written_older_rows_are_upgraded_as_they_are_read<H: Harness>() {
    let db = filled::<H>().read_only();
    let people = db.open::<second::Person>();
    assert_eq!(people.get(&7).unwrap().unwrap().len, 8);
    assert_eq!(people.iter().unwrap().map(Result::unwrap).filter(|p| p.len == 9).count(), 2250);
    assert_eq!(db.frozen(&people).get(&7).unwrap().unwrap().len, 8);
    assert!(is_missing(people.by(second::Person::LEN).count(8), "len"));
    assert_eq!(verified(&people), (u64::from(MANY), 0));
    // The other way round it is no table of this program.
    let db = filled::<H>();
    db.open::<second::Person>();
    let error = db.read_only().try_open::<first::Person>().unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 2, ours: 1, .. }), "{error}");
}

fn where_nothing_is_written_an_absent_table_is_empty<H: Harness>() {
    let db = H::new().read_only();
    let people = db.open::<indexed::Person>();
    assert_eq!((people.len().unwrap(), people.get(&7).unwrap()), (0, None));
    assert_eq!(people.iter().unwrap().count() + people.range(..).unwrap().count(), 0);
    assert_eq!(people.by(indexed::Person::NAME).count("person 7").unwrap(), 0);
    assert_eq!(db.frozen(&people).len().unwrap(), 0);
    assert_eq!(verified(&people), (0, 0));
    assert!(matches!(people.remove(&7), Err(TableError::Core(Error::ReadOnly))));
    assert_eq!(db.open::<automatic::Person>().len().unwrap(), 0);
}
