//! Typed tables of a database that is only read.

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct User {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    age: u8,
}

/// Without one of the indexes.
#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct Leaner {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    email: String,
    age: u8,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct Other {
    #[emdb(key)]
    name: String,
}

#[derive(Serialize, Deserialize, Record)]
struct Absent {
    #[emdb(key)]
    id: u64,
}

fn user(id: u64, age: u8) -> User {
    User { id, email: format!("{id}@example.org"), age }
}

fn filled(path: &Path) {
    let db = Emdb::open(path).unwrap();
    let users = Table::<User>::open(&db).unwrap();
    for id in 1..=5 {
        users.insert(&user(id, 20 + id as u8 / 2)).unwrap();
    }
    drop(users);
    db.close().unwrap();
}

fn is_read_only<T>(result: Result<T, TableError>) -> bool {
    matches!(result, Err(TableError::Core(Error::ReadOnly)))
}

#[test]
fn are_read_as_ever_and_not_written() {
    let (folder, path) = folder();
    filled(&path);
    let before = picture(folder.path());
    let db = read(&path).unwrap();
    let users = Table::<User>::open(&db).unwrap();
    assert_eq!(users.get(&3).unwrap(), Some(user(3, 21)));
    assert_eq!((users.len().unwrap(), users.iter().unwrap().count()), (5, 5));
    let frozen = db.snapshot();
    assert_eq!(users.at(&frozen).get(&1).unwrap(), Some(user(1, 20)));
    assert!(users.verify().unwrap().problems.is_empty());
    assert!(is_read_only(users.insert(&user(9, 9))));
    assert!(is_read_only(users.insert_new(user(9, 9))));
    assert!(is_read_only(users.update(&3, |user| user.age = 1)));
    assert!(is_read_only(users.remove(&3)));
    assert!(is_read_only(users.clear()));
    assert!(is_read_only(users.rebuild_indexes()));
    drop((users, db, frozen));
    assert_eq!(picture(folder.path()), before);
}

/// The same of a later version.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = User)]
struct Later {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    email: String,
    name: String,
}

impl From<User> for Later {
    fn from(old: User) -> Later {
        Later { id: old.id, name: format!("user {}", old.id), email: old.email }
    }
}

#[test]
fn are_read_as_they_are_where_something_would_have_to_be_written() {
    let (folder, path) = folder();
    let opened = |path: &Path| read(path).unwrap();
    Emdb::open(&path).unwrap().insert("k", "v").unwrap();
    assert!(Table::<User>::open(&opened(&path)).unwrap().is_empty().unwrap());
    filled(&path);
    let before = picture(folder.path());
    let db = opened(&path);
    let absent = Table::<Absent>::open(&db).unwrap();
    assert_eq!((absent.get(&1).unwrap().is_none(), absent.iter().unwrap().count()), (true, 0));
    assert!(is_read_only(absent.insert(&Absent { id: 1 })));
    assert_eq!(Table::<Leaner>::open(&db).unwrap().len().unwrap(), 5);
    let later = Table::<Later>::open(&db).unwrap();
    assert_eq!(later.get(&3).unwrap().unwrap().name, "user 3");
    let by_email = later.by(Later::EMAIL).get("3@example.org");
    assert!(matches!(by_email, Err(TableError::IndexMissing { .. })), "{by_email:?}");
    let other = Table::<Other>::open(&db);
    assert!(matches!(other, Err(TableError::SchemaMismatch { .. })));
    assert_eq!(db.list_namespaces().unwrap(), ["users"]);
    drop((absent, later, db));
    assert_eq!(picture(folder.path()), before);
    // Without an index, and then with it.
    Table::<Leaner>::open(&Emdb::open(&path).unwrap()).unwrap();
    let users = Table::<User>::open(&opened(&path)).unwrap();
    let by_age = users.by(User::AGE).count(21);
    assert!(matches!(&by_age, Err(TableError::IndexMissing { index, .. }) if index == "age"));
    assert_eq!(users.by(User::EMAIL).get("3@example.org").unwrap(), Some(user(3, 21)));
}
