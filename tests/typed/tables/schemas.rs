//! A changed type, and the table that it meets.

use super::*;

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
pub(super) struct Changed {
    #[emdb(key)]
    id: u64,
    name: Option<String>,
    age: u8,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct OtherKey {
    id: u64,
    #[emdb(key)]
    name: String,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = Before)]
struct Later {
    #[emdb(key)]
    id: u64,
    name: String,
}

/// Another version 1 than the one that is stored.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct Before {
    #[emdb(key)]
    id: u64,
    name: String,
}

impl From<Before> for Later {
    fn from(before: Before) -> Later {
        Later { id: before.id, name: before.name }
    }
}

#[test]
fn a_struct_that_changed_is_a_mismatch_field_by_field() {
    let (db, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    let error = Table::<Changed>::open(&db).unwrap_err();
    assert!(matches!(error, TableError::SchemaMismatch { .. }));
    let text = error.to_string();
    for line in [
        "table `users`",
        "field `name`: stored as `String`, now `Option<String>`",
        "field `tags`: stored as `Vec<String>`, now gone",
        "field `age`: not stored, now `u8`",
        "use another namespace",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(users.get(&1).unwrap(), Some(user(1, "Ada")), "nothing changed");
}

#[test]
fn another_key_is_a_mismatch() {
    let (db, ..) = open();
    let error = Table::<OtherKey>::open(&db).unwrap_err();
    assert!(matches!(error, TableError::SchemaMismatch { .. }));
    assert!(error.to_string().contains("key: stored `id`, now `name`"), "{error}");
}

#[test]
fn a_table_of_a_later_version_is_refused() {
    let db = Emdb::open_in_memory();
    Table::<Later>::open(&db).unwrap();
    let error = Table::<User>::open(&db).unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 2, ours: 1, .. }), "{error}");
    assert!(error.to_string().contains("update the program"), "{error}");
}

#[test]
fn an_earlier_version_that_is_not_the_one_named_is_a_mismatch() {
    let (db, ..) = open();
    let error = Table::<Later>::open(&db).unwrap_err();
    assert!(matches!(error, TableError::SchemaMismatch { .. }));
    assert!(
        error.to_string().contains("field `tags`: stored as `Vec<String>`, now gone"),
        "{error}"
    );
}

#[test]
fn a_row_of_a_later_version_is_newer_and_one_of_an_unknown_is_unreadable() {
    let db = Emdb::open_in_memory();
    let later = Table::<Later>::open(&db).unwrap();
    later.insert(&Later { id: 1, name: "Ada".into() }).unwrap();
    let key = 1_u64.to_be_bytes();
    let mut row = later.raw().get(key).unwrap().unwrap();
    assert_eq!(row[0], 2, "the version stands first");

    row[0] = 3;
    later.raw().insert(key, &row).unwrap();
    let error = later.get(&1).unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 3, ours: 2, .. }), "{error}");

    row[0] = 1;
    later.raw().insert(key, &row).unwrap();
    assert_eq!(later.get(&1).unwrap().unwrap().name, "Ada", "upgraded");

    row[0] = 0;
    later.raw().insert(key, &row).unwrap();
    let error = later.get(&1).unwrap_err();
    assert!(matches!(error, TableError::Decode { .. }), "{error}");
}

#[test]
fn of_two_types_that_race_for_a_table_one_makes_it() {
    for _ in 0..20 {
        let db = Emdb::open_in_memory();
        let start = std::sync::Barrier::new(2);
        let (ours, theirs) = std::thread::scope(|scope| {
            let ours = scope.spawn(|| {
                start.wait();
                Table::<User>::open(&db).is_ok()
            });
            let theirs = scope.spawn(|| {
                start.wait();
                Table::<Changed>::open(&db).is_ok()
            });
            (ours.join().unwrap(), theirs.join().unwrap())
        });
        assert!(ours != theirs, "ours: {ours}, theirs: {theirs}");
    }
}

#[test]
fn a_dropped_table_can_be_made_again_with_another_type() {
    let (db, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    assert!(db.drop_namespace("users").unwrap());
    let changed = Table::<Changed>::open(&db).unwrap();
    assert!(changed.is_empty().unwrap());
}
