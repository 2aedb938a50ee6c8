//! Rows of older versions that a function makes others of: `migrate`.

use std::ops::ControlFlow;

use emdb_core::Error;
use emdb_typed::{Migration, Table, TableError};

use crate::harness::{Harness, verified};
use crate::over_both;

over_both! {
    rows_get_other_keys_are_dropped_and_are_split
    a_row_that_is_refused_leaves_all_as_it_was
    keys_may_move_over_each_other
    two_rows_with_one_key_are_both_named
    two_rows_with_one_unique_value_are_both_named
    chains_of_both_kinds_lead_from_every_version
    it_goes_on_where_it_was_and_migrates_each_row_once
    a_later_version_takes_over_what_was_interrupted
    handles_and_snapshots_of_before_are_refused
    it_is_for_whoever_can_write
    another_table_has_to_be_there
    rows_keep_their_expiry
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
#[emdb(namespace = "people", crate = "emdb_typed")]
struct PersonV1 {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    name: String,
}

/// Found by name; every tenth goes to the table of the retired, every hundredth is dropped.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
#[emdb(namespace = "people", version = 2, from = PersonV1, migrate = Person::of, crate = "emdb_typed")]
struct Person {
    #[emdb(key)]
    name: String,
    #[emdb(index)]
    len: u64,
    #[emdb(unique)]
    old: u32,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
#[emdb(namespace = "retired", crate = "emdb_typed")]
struct Retired {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(index)]
    person: u32,
}

impl Person {
    fn of(old: PersonV1, migration: &mut Migration<'_>) -> Result<Option<Person>, TableError> {
        if old.id.is_multiple_of(100) {
            return Ok(None);
        }
        if old.id.is_multiple_of(10) {
            let retired = migration.table::<Retired>()?;
            let row = retired.insert_new(Retired { id: 0, person: old.id })?;
            assert_eq!(retired.get(&row.id)?, Some(row));
            return Ok(None);
        }
        Ok(Some(Person { len: old.name.len() as u64, name: old.name, old: old.id }))
    }
}

fn person(id: u32) -> PersonV1 {
    PersonV1 { id, name: format!("person {id}") }
}

fn filled<H: Harness>(count: u32) -> H {
    let db = H::new();
    db.open::<PersonV1>().insert_many((1..=count).map(person)).unwrap();
    db
}

fn rows_get_other_keys_are_dropped_and_are_split<H: Harness>() {
    let db = filled::<H>(1000);
    let retired = db.open::<Retired>();
    let people = db.open::<Person>();
    assert_eq!((people.len().unwrap(), retired.len().unwrap()), (900, 90));
    let ninth = people.get("person 9").unwrap().unwrap();
    assert_eq!((ninth.old, ninth.len), (9, 8));
    assert_eq!(people.by(Person::OLD).get(9).unwrap(), Some(ninth));
    assert_eq!(people.by(Person::LEN).count(8).unwrap(), 9);
    assert_eq!(retired.by(Retired::PERSON).count(110).unwrap(), 1);
    assert_eq!((verified(&people), verified(&retired)), ((900, 1800), (90, 90)));
    assert_eq!(people.migrate().unwrap().migrated, 0);
    assert_eq!(verified(&db.open::<Person>()), (900, 1800));
    let error = db.try_open::<PersonV1>().unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 2, ours: 1, .. }), "{error}");
}

mod refused {
    use super::*;

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "people", version = 2, from = PersonV1, migrate = refuse, crate = "emdb_typed")]
    #[emdb(validate = named)]
    pub(super) struct Person {
        #[emdb(key)]
        pub(super) id: u64,
    }

    fn refuse(old: PersonV1, migration: &mut Migration<'_>) -> Result<Option<Person>, String> {
        let retired = migration.table::<Retired>().map_err(|e| e.to_string())?;
        retired.insert_new(Retired { id: 0, person: old.id }).map_err(|e| e.to_string())?;
        match old.id {
            77 => Err("77 is none of ours".into()),
            id => Ok(Some(Person { id: u64::from(id) })),
        }
    }

    fn named(person: &Person) -> Result<(), &'static str> {
        if person.id == 78 { Err("78 has no name") } else { Ok(()) }
    }
}

fn a_row_that_is_refused_leaves_all_as_it_was<H: Harness>() {
    let db = filled::<H>(100);
    let retired = db.open::<Retired>();
    for (id, reason) in [(77, "77 is none of ours"), (78, "78 has no name")] {
        let error = db.try_open::<refused::Person>().unwrap_err();
        let TableError::Migration { row, source, .. } = &error else { panic!("{error}") };
        assert_eq!((&**row, source.to_string()), (&[0, 0, 0, id][..], reason.to_owned()));
        let people = db.open::<PersonV1>();
        assert_eq!((people.len().unwrap(), retired.len().unwrap()), (101 - id as usize + 76, 0));
        assert_eq!(people.by(PersonV1::NAME).get("person 99").unwrap(), Some(person(99)));
        people.remove(&u32::from(id)).unwrap();
        verified(&people);
    }
    assert_eq!(db.open::<refused::Person>().len().unwrap(), 98);
    assert_eq!(retired.len().unwrap(), 98);
}

mod moved {
    use super::*;

    /// The rows change places: upwards by one, the last one comes first, and pairs are exchanged.
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "people", version = 2, from = PersonV1, migrate = turn, crate = "emdb_typed")]
    pub(super) struct Person {
        #[emdb(key)]
        pub(super) id: u32,
        #[emdb(unique)]
        pub(super) was: u32,
    }

    pub(super) fn place(id: u32) -> u32 {
        match id {
            1..=50 => id % 50 + 1,
            51 => 51,
            _ => id ^ 1,
        }
    }

    fn turn(old: PersonV1, _: &mut Migration<'_>) -> Result<Option<Person>, TableError> {
        Ok(Some(Person { id: place(old.id), was: old.id }))
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "people", version = 2, from = PersonV1, migrate = halve, crate = "emdb_typed")]
    pub(super) struct Halved {
        #[emdb(key)]
        pub(super) id: u32,
    }

    fn halve(old: PersonV1, _: &mut Migration<'_>) -> Result<Option<Halved>, TableError> {
        Ok(Some(Halved { id: old.id / 2 }))
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "people", version = 2, from = PersonV1, migrate = shorten, crate = "emdb_typed")]
    pub(super) struct Shortened {
        #[emdb(key)]
        pub(super) id: u32,
        #[emdb(unique)]
        pub(super) len: u64,
    }

    fn shorten(old: PersonV1, _: &mut Migration<'_>) -> Result<Option<Shortened>, TableError> {
        Ok(Some(Shortened { id: old.id, len: old.name.len() as u64 }))
    }
}

fn keys_may_move_over_each_other<H: Harness>() {
    let db = filled::<H>(99);
    let people = db.open::<moved::Person>();
    for was in 1..=99 {
        let id = moved::place(was);
        assert_eq!(people.get(&id).unwrap(), Some(moved::Person { id, was }));
        assert_eq!(people.by(moved::Person::WAS).get(was).unwrap().unwrap().id, id);
    }
    assert_eq!(verified(&people), (99, 99));
}

fn two_rows_with_one_key_are_both_named<H: Harness>() {
    let db = filled::<H>(9);
    let error = db.try_open::<moved::Halved>().unwrap_err();
    let TableError::MigrationCollision { row, other, .. } = &error else { panic!("{error}") };
    // 2 becomes 1, as 3 would; and 1 has gone to 0.
    assert_eq!((&**row, &**other), (&[0, 0, 0, 3][..], &[0, 0, 0, 1][..]), "{error}");
    assert!(error.to_string().contains("give one of the two another key"), "{error}");
    assert_eq!(verified(&db.open::<PersonV1>()), (9, 9));
}

fn two_rows_with_one_unique_value_are_both_named<H: Harness>() {
    let db = filled::<H>(9);
    let error = db.try_open::<moved::Shortened>().unwrap_err();
    let TableError::Migration { row, source, .. } = &error else { panic!("{error}") };
    assert_eq!(**row, [0, 0, 0, 2], "{error}");
    match source.downcast_ref::<TableError>() {
        Some(TableError::UniqueViolation { index, other, .. }) => {
            assert_eq!((&**index, &**other), ("len", &[0, 0, 0, 1][..]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(verified(&db.open::<PersonV1>()), (9, 9));
}

mod chain {
    use super::*;

    macro_rules! version {
        ($name:ident, $attributes:meta, $key:ty) => {
            #[derive(
                Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record,
            )]
            #[emdb(namespace = "chain", crate = "emdb_typed")]
            #[$attributes]
            pub(super) struct $name {
                #[emdb(key)]
                pub(super) id: $key,
                #[emdb(index)]
                pub(super) steps: String,
            }
        };
    }

    version!(V1, emdb(version = 1), u8);
    version!(V2, emdb(version = 2, from = V1), u8);
    version!(V3, emdb(version = 3, from = V2, migrate = third), u16);
    version!(V4, emdb(version = 4, from = V3), u16);
    version!(V5, emdb(version = 5, from = V4, migrate = fifth), String);
    version!(V6, emdb(version = 6, from = V5), String);

    impl From<V1> for V2 {
        fn from(old: V1) -> V2 {
            V2 { id: old.id, steps: old.steps + "2" }
        }
    }

    fn third(old: V2, _: &mut Migration<'_>) -> Result<Option<V3>, TableError> {
        Ok(Some(V3 { id: u16::from(old.id), steps: old.steps + "3" }))
    }

    impl From<V3> for V4 {
        fn from(old: V3) -> V4 {
            V4 { id: old.id, steps: old.steps + "4" }
        }
    }

    fn fifth(old: V4, _: &mut Migration<'_>) -> Result<Option<V5>, TableError> {
        Ok(Some(V5 { id: old.id.to_string(), steps: old.steps + "5" }))
    }

    impl From<V5> for V6 {
        fn from(old: V5) -> V6 {
            V6 { id: old.id, steps: old.steps + "6" }
        }
    }
}

fn chains_of_both_kinds_lead_from_every_version<H: Harness>() {
    use chain::*;
    for stops in 0..16 {
        let db = H::new();
        let row = |id| V1 { id, steps: "1".into() };
        db.open::<V1>().insert_many([row(1), row(2)]).unwrap();
        if stops & 1 != 0 {
            let table = db.open::<V2>();
            table.insert(&V2 { id: 3, steps: "12".into() }).unwrap();
            assert_eq!(table.get(&1).unwrap().unwrap().steps, "12");
        }
        if stops & 2 != 0 {
            db.open::<V3>().insert(&V3 { id: 4, steps: "123".into() }).unwrap();
        }
        if stops & 4 != 0 {
            let table = db.open::<V4>();
            table.insert(&V4 { id: 5, steps: "1234".into() }).unwrap();
            assert_eq!(table.get(&2).unwrap().unwrap().steps, "1234");
        }
        if stops & 8 != 0 {
            assert_eq!(verified(&db.open::<V5>()).0, 2 + (stops & 7u32).count_ones() as u64);
        }
        let table = db.open::<V6>();
        let rows = 2 + u64::from((stops & 7u32).count_ones());
        assert_eq!(table.by(V6::STEPS).count("123456").unwrap() as u64, rows, "{stops}");
        assert_eq!(verified(&table), (rows, rows));
        assert_eq!(table.get("2").unwrap().unwrap().steps, "123456");
    }
}

mod large {
    use super::*;

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "large", crate = "emdb_typed")]
    pub(super) struct V1 {
        #[emdb(key)]
        pub(super) id: u32,
        pub(super) text: String,
    }

    /// Some rows go one place on, so that they wait for the row there.
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "large", version = 2, from = V1, migrate = second, crate = "emdb_typed")]
    pub(super) struct V2 {
        #[emdb(key)]
        pub(super) id: u32,
        #[emdb(unique)]
        pub(super) was: u32,
    }

    pub(super) fn place(id: u32) -> u32 {
        if id % 5 == 4 { id - 4 } else { id + 1 }
    }

    fn second(old: V1, migration: &mut Migration<'_>) -> Result<Option<V2>, TableError> {
        migration.table::<Retired>()?.insert_new(Retired { id: 0, person: old.id })?;
        Ok(Some(V2 { id: place(old.id), was: old.id }))
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "large", version = 3, from = V2, crate = "emdb_typed")]
    pub(super) struct V3 {
        #[emdb(key)]
        pub(super) id: u32,
        #[emdb(unique)]
        pub(super) source: u32,
    }

    impl From<V2> for V3 {
        fn from(old: V2) -> V3 {
            V3 { id: old.id, source: old.was }
        }
    }

    /// More than two batches.
    pub(super) const MANY: u32 = 5000;

    /// A table of which the first batch is migrated.
    pub(super) fn interrupted<H: Harness>() -> H {
        let db = H::new();
        let row = |id| V1 { id, text: "x".repeat(2000) };
        db.open::<V1>().insert_many((0..MANY).map(row)).unwrap();
        db.open::<Retired>();
        let stopped = Table::<V2, _>::open_in(db.backend(), |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(TableError::Core(Error::Cancelled))));
        db
    }
}

fn it_goes_on_where_it_was_and_migrates_each_row_once<H: Harness>() {
    let db = large::interrupted::<H>();
    let retired = db.open::<Retired>();
    let done = retired.len().unwrap();
    assert!(done > 1000 && done < large::MANY as usize, "{done}");
    // In between the table is nobody's but the later type's.
    let error = db.try_open::<large::V1>().unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 2, ours: 1, .. }), "{error}");
    let table = db.open::<large::V2>();
    assert_eq!(retired.len().unwrap(), large::MANY as usize, "each row once");
    for was in 0..large::MANY {
        let id = large::place(was);
        assert_eq!(table.get(&id).unwrap(), Some(large::V2 { id, was }));
    }
    assert_eq!(verified(&table), (u64::from(large::MANY), u64::from(large::MANY)));
}

fn a_later_version_takes_over_what_was_interrupted<H: Harness>() {
    let db = large::interrupted::<H>();
    let table = db.open::<large::V3>();
    for source in (0..large::MANY).step_by(7) {
        let id = large::place(source);
        assert_eq!(
            table.by(large::V3::SOURCE).get(source).unwrap(),
            Some(large::V3 { id, source })
        );
    }
    assert_eq!(verified(&table), (u64::from(large::MANY), u64::from(large::MANY)));
    assert_eq!(db.open::<Retired>().len().unwrap(), large::MANY as usize);
}

fn handles_and_snapshots_of_before_are_refused<H: Harness>() {
    let db = filled::<H>(99);
    db.open::<Retired>();
    let old = db.open::<PersonV1>();
    let before = db.frozen(&old);
    let people = db.open::<Person>();
    assert!(matches!(old.remove(&7), Err(TableError::SchemaNewer { .. })));
    assert_eq!(people.len().unwrap(), 90);
    let old_snapshot = before.len();
    assert!(matches!(old_snapshot, Err(TableError::SchemaNewer { .. })), "{old_snapshot:?}");
}

fn it_is_for_whoever_can_write<H: Harness>() {
    let db = filled::<H>(99);
    let error = H::transaction(&db, |_| db.try_open::<Person>().map(drop)).unwrap_err();
    assert!(matches!(error, TableError::Core(Error::TransactionActive)), "{error}");
    let db = db.read_only();
    let error = db.try_open::<Person>().unwrap_err();
    assert!(matches!(error, TableError::Core(Error::ReadOnly)), "{error}");
    assert_eq!(db.open::<PersonV1>().len().unwrap(), 99);
}

fn another_table_has_to_be_there<H: Harness>() {
    let db = filled::<H>(99);
    let error = db.try_open::<Person>().unwrap_err();
    assert!(error.to_string().contains("asks for the table `retired`"), "{error}");
    assert_eq!(verified(&db.open::<PersonV1>()), (99, 99));
    db.open::<Retired>();
    assert_eq!(db.open::<Person>().len().unwrap(), 90);
}

fn rows_keep_their_expiry<H: Harness>() {
    let db = filled::<H>(9);
    db.open::<Retired>();
    let old = db.open::<PersonV1>();
    old.insert_with_ttl(&person(3), emdb_core::Ttl::ExpiresAt(crate::harness::BEGIN + 1000))
        .unwrap();
    old.insert_with_ttl(&person(4), emdb_core::Ttl::ExpiresAt(crate::harness::BEGIN + 10)).unwrap();
    db.set_now(crate::harness::BEGIN + 20);
    let people = db.open::<Person>();
    assert_eq!(people.len().unwrap(), people.iter().unwrap().count() + 1, "4 has expired");
    assert_eq!(people.expires_at("person 3").unwrap(), Some(crate::harness::BEGIN + 1000));
    assert_eq!(people.expires_at("person 5").unwrap(), None);
    db.set_now(crate::harness::BEGIN + 2000);
    assert_eq!(people.get("person 3").unwrap(), None);
    assert_eq!(people.by(Person::OLD).get(3).unwrap(), None);
}
