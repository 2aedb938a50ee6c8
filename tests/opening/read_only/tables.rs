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

#[test]
fn that_would_have_to_be_written_are_refused() {
    let (folder, path) = folder();
    let opened = |path: &Path| read(path).unwrap();
    Emdb::open(&path).unwrap().insert("k", "v").unwrap();
    assert!(is_read_only(Table::<User>::open(&opened(&path))));
    filled(&path);
    let before = picture(folder.path());
    assert!(is_read_only(Table::<Absent>::open(&opened(&path))));
    assert!(is_read_only(Table::<Leaner>::open(&opened(&path))));
    let other = Table::<Other>::open(&opened(&path));
    assert!(matches!(other, Err(TableError::SchemaMismatch { .. })));
    assert_eq!(picture(folder.path()), before);
    // Without the index, and then with it.
    Table::<Leaner>::open(&Emdb::open(&path).unwrap()).unwrap();
    assert!(is_read_only(Table::<User>::open(&opened(&path))));
    Table::<Leaner>::open(&opened(&path)).unwrap();
}
