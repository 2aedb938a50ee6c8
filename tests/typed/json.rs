//! Tables and databases as lines of JSON.

use std::collections::BTreeMap;

use emdb::{Emdb, Record, Table, TableError, Ttl, dynamic};
use serde::{Deserialize, Serialize};

mod by_type;
mod migrating;
mod refused;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "things")]
struct Thing {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    name: String,
    #[emdb(index(each))]
    tags: Vec<String>,
    kind: Kind,
    weight: f64,
    big: u128,
    counts: BTreeMap<u8, i64>,
    bytes: Vec<u8>,
    nested: Option<Box<Thing>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Wrapped(u8),
    Pair(i32, char),
    Named { at: Option<Option<u8>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Pair(#[emdb(key)] u8, String);

fn thing(id: u32) -> Thing {
    let kinds = [
        Kind::Plain,
        Kind::Wrapped(7),
        Kind::Pair(-5, '\u{1F600}'),
        Kind::Named { at: Some(None) },
        Kind::Named { at: Some(Some(1)) },
    ];
    Thing {
        id,
        name: format!("thing \"{id}\"\n"),
        tags: vec!["a".into(), format!("t{}", id % 3)],
        kind: kinds[id as usize % 5].clone(),
        weight: [1.5, f64::INFINITY, -0.0, f64::MIN_POSITIVE, 0.1 + 0.2][id as usize % 5],
        big: u128::MAX - u128::from(id),
        counts: BTreeMap::from([(1, -1), (200, i64::MIN)]),
        bytes: vec![0, 255, id as u8],
        nested: id.is_multiple_of(4).then(|| Box::new(Thing { nested: None, ..thing(id + 1) })),
    }
}

fn filled() -> (Emdb, Table<Thing>) {
    let db = Emdb::open_in_memory();
    let things = Table::<Thing>::open(&db).unwrap();
    things.insert_many((0..50).map(thing)).unwrap();
    (db, things)
}

#[test]
fn a_table_comes_back_as_it_was() {
    let (_db, things) = filled();
    things.insert_with_ttl(&thing(7), Ttl::ExpiresAt(99_999_999_999_999)).unwrap();
    let mut out = Vec::new();
    assert_eq!(things.export_json(&mut out).unwrap(), 50);
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 50);

    let other = Emdb::open_in_memory();
    let copy = Table::<Thing>::open(&other).unwrap();
    copy.insert(&Thing { name: "old".into(), ..thing(3) }).unwrap();
    assert_eq!(copy.import_json(&out[..]).unwrap(), 50);
    let rows = |table: &Table<Thing>| table.iter().unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(rows(&copy), rows(&things));
    assert_eq!(copy.expires_at(&7).unwrap(), Some(99_999_999_999_999));
    assert_eq!(copy.expires_at(&8).unwrap(), None);
    assert_eq!(copy.verify().unwrap().problems, []);
    assert_eq!(copy.by(Thing::NAME).get("old").unwrap(), None);
}

#[test]
fn rows_without_names_can_expire_too() {
    let db = Emdb::open_in_memory();
    let pairs = Table::<Pair>::open(&db).unwrap();
    pairs.insert(&Pair(1, "one".into())).unwrap();
    pairs.insert_with_ttl(&Pair(2, "two".into()), Ttl::ExpiresAt(99_999_999_999_999)).unwrap();
    let mut out = Vec::new();
    pairs.export_json(&mut out).unwrap();
    let text = "[1,\"one\"]\n{\"$row\":[2,\"two\"],\"$expires_at\":99999999999999}\n";
    assert_eq!(String::from_utf8(out.clone()).unwrap(), text);
    pairs.clear().unwrap();
    pairs.import_json(&out[..]).unwrap();
    assert_eq!(pairs.get(&2).unwrap(), Some(Pair(2, "two".into())));
    assert_eq!(pairs.expires_at(&2).unwrap(), Some(99_999_999_999_999));
}

#[test]
fn a_line_that_is_no_row_is_named_and_nothing_of_its_chunk_is_there() {
    let (_db, things) = filled();
    for bad in ["{\"id\": 1}", "nonsense", "[]", "{\"$row\":{},\"x\":1}"] {
        let lines = format!("\n{bad}\n");
        let error = things.import_json(lines.as_bytes()).unwrap_err();
        assert!(matches!(error, TableError::Invalid { .. }));
        assert!(error.to_string().contains("line 2"), "{error}");
    }
    assert_eq!(things.len().unwrap(), 50);
}

#[test]
fn a_database_comes_back_with_its_tables_and_what_is_in_none() {
    let (db, things) = filled();
    things.insert_with_ttl(&thing(7), Ttl::ExpiresAt(99_999_999_999_999)).unwrap();
    Table::<Pair>::open(&db).unwrap().insert(&Pair(1, "one".into())).unwrap();
    db.insert("default", [0, 255]).unwrap();
    db.namespace("raw").unwrap().insert([7, 0], "value").unwrap();
    let mut out = Vec::new();
    assert_eq!(dynamic::export_json(&db, &mut out).unwrap(), 53);

    let copy = Emdb::open_in_memory();
    assert_eq!(dynamic::import_json(&copy, &out[..]).unwrap(), 53);
    let mut again = Vec::new();
    dynamic::export_json(&copy, &mut again).unwrap();
    let copied = Table::<Thing>::open(&copy).unwrap();
    assert_eq!(copied.verify().unwrap().problems, []);
    assert_eq!(copied.get(&7).unwrap(), Some(thing(7)));
    assert_eq!(copied.expires_at(&7).unwrap(), Some(99_999_999_999_999));
    assert_eq!(copied.by(Thing::NAME).get(&*thing(9).name).unwrap(), Some(thing(9)));
    assert!(copied.raw().is_ordered());
    let (ours, theirs) = (things.iter().unwrap(), copied.iter().unwrap());
    assert!(ours.map(Result::unwrap).eq(theirs.map(Result::unwrap)));
    assert_eq!(copy.get("default").unwrap(), Some(vec![0, 255]));
    assert_eq!(copy.namespace("raw").unwrap().get([7, 0]).unwrap(), Some(b"value".to_vec()));
}

#[test]
fn importing_a_database_over_a_table_rebuilds_its_indexes() {
    let (db, _) = filled();
    let mut out = Vec::new();
    dynamic::export_json(&db, &mut out).unwrap();
    let other = Emdb::open_in_memory();
    let old = Table::<Thing>::open(&other).unwrap();
    old.insert(&Thing { name: "old".into(), ..thing(3) }).unwrap();
    dynamic::import_json(&other, &out[..]).unwrap();
    assert!(old.get(&3).is_err(), "its indexes are not built");
    let things = Table::<Thing>::open(&other).unwrap();
    assert_eq!(things.verify().unwrap().problems, []);
    assert_eq!(old.by(Thing::NAME).get("old").unwrap(), None);
}

mod versions {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct UserV1 {
        #[emdb(key)]
        id: u8,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users", version = 2, from = UserV1)]
    struct User {
        #[emdb(key)]
        id: u8,
        name: String,
    }

    impl From<UserV1> for User {
        fn from(old: UserV1) -> User {
            User { id: old.id, name: "new".into() }
        }
    }

    #[test]
    fn rows_of_older_versions_are_exported_by_their_own_schema() {
        let db = Emdb::open_in_memory();
        Table::<UserV1>::open(&db).unwrap().insert(&UserV1 { id: 1 }).unwrap();
        let users = Table::<User>::open(&db).unwrap();
        users.insert(&User { id: 2, name: "two".into() }).unwrap();
        let mut out = Vec::new();
        dynamic::export_json(&db, &mut out).unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(text.contains("\"version\":1,\"row\":{\"id\":1}"), "{text}");
        assert!(text.contains("\"version\":2,\"row\":{\"id\":2,\"name\":\"two\"}"), "{text}");

        let copy = Emdb::open_in_memory();
        dynamic::import_json(&copy, &out[..]).unwrap();
        let users = Table::<User>::open(&copy).unwrap();
        assert_eq!(users.get(&1).unwrap(), Some(User { id: 1, name: "new".into() }));
        assert_eq!(users.migrate().unwrap().migrated, 1);
    }
}

#[derive(Debug, Serialize, Deserialize, Record)]
struct Note {
    #[emdb(key, auto)]
    id: u32,
    #[emdb(index)]
    text: String,
}

#[test]
fn automatic_keys_go_on_behind_an_import() {
    let db = Emdb::open_in_memory();
    let notes = Table::<Note>::open(&db).unwrap();
    for _ in 0..3 {
        notes.insert_new(Note { id: 0, text: "x".into() }).unwrap();
    }
    notes.remove(&3).unwrap();
    let mut out = Vec::new();
    dynamic::export_json(&db, &mut out).unwrap();
    for target in [db, Emdb::open_in_memory()] {
        dynamic::import_json(&target, &out[..]).unwrap();
        let notes = Table::<Note>::open(&target).unwrap();
        assert_eq!(notes.insert_new(Note { id: 0, text: "y".into() }).unwrap().id, 4);
    }
}

/// Lines that open the table on the way.
struct Opening<'a> {
    lines: &'a [u8],
    db: &'a Emdb,
}

impl std::io::Read for Opening<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let things = Table::<Thing>::open(self.db);
        if let Ok(things) = things {
            things.remove(&1).unwrap();
        }
        let count = out.len().min(1000).min(self.lines.len());
        out[..count].copy_from_slice(&self.lines[..count]);
        self.lines = &self.lines[count..];
        Ok(count)
    }
}

#[test]
fn a_table_that_is_opened_during_an_import_has_all_entries_in_the_end() {
    let source = Emdb::open_in_memory();
    let things = Table::<Thing>::open(&source).unwrap();
    things.insert_many((0..3000).map(thing)).unwrap();
    let mut out = Vec::new();
    dynamic::export_json(&source, &mut out).unwrap();
    let copy = Emdb::open_in_memory();
    let lines = Opening { lines: &out, db: &copy };
    dynamic::import_json(&copy, std::io::BufReader::with_capacity(100_000, lines)).unwrap();
    let copied = Table::<Thing>::open(&copy).unwrap();
    assert_eq!(copied.verify().unwrap().problems, []);
    assert!(copied.len().unwrap() >= 2999);
}
