//! Which namespaces are ordered, and for how long.

use super::*;

#[test]
fn is_there_for_whom_has_the_handle_already() {
    let db = Emdb::open_in_memory();
    let namespace = db.namespace("n").unwrap();
    db.namespace_with("n", ORDERED).unwrap();
    assert!(namespace.range(..).is_ok() && namespace.is_ordered());
}

#[test]
fn once_stored_is_not_taken_back() {
    let db = Emdb::open_in_memory();
    db.namespace_with("n", ORDERED).unwrap();
    let again = db.namespace_with("n", NamespaceOptions::new().ordered(false)).unwrap();
    assert!(again.range(..).is_ok());
}

#[test]
fn is_stored_with_the_namespace() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.namespace_with("n", ORDERED).unwrap().insert_many([("b", ""), ("a", "")]).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(words(db.namespace("n").unwrap().range(..).unwrap()), "a b");
}

#[test]
fn is_stored_without_a_close() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let namespace = db.namespace_with("n", ORDERED).unwrap();
    namespace.insert_many([("b", ""), ("a", "")]).unwrap();
    drop((db, namespace));
    let db = Emdb::open(&path).unwrap();
    assert_eq!(words(db.namespace("n").unwrap().range(..).unwrap()), "a b");
}

#[test]
fn survives_a_crash() {
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let namespace = db.namespace("n").unwrap();
    namespace.insert_many([("b", ""), ("a", "")]).unwrap();
    db.namespace_with("n", ORDERED).unwrap();
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    let db = Emdb::open(&copy).unwrap();
    assert_eq!(words(db.namespace("n").unwrap().range(..).unwrap()), "a b");
}

#[test]
fn of_an_existing_namespace_has_all_its_keys() {
    let db = Emdb::open_in_memory();
    let namespace = db.namespace("n").unwrap();
    numbers(&namespace, 10_000);
    namespace.remove(7u32.to_be_bytes()).unwrap();
    namespace.insert(8u32.to_be_bytes(), "new").unwrap();
    let before: Model = namespace.iter().unwrap().collect();
    db.namespace_with("n", ORDERED).unwrap();
    namespace.insert("later", "").unwrap();
    let range = namespace.range(.."later").unwrap();
    assert!(range.into_iter().eq(before));
}

#[test]
fn of_an_existing_namespace_is_stored() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.namespace("n").unwrap().insert_many([("b", ""), ("a", "")]).unwrap();
    db.namespace_with("n", ORDERED).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(words(db.namespace("n").unwrap().range(..).unwrap()), "a b");
}

#[test]
fn of_an_existing_namespace_is_not_begun_in_a_transaction() {
    let db = Emdb::open_in_memory();
    db.namespace("n").unwrap();
    db.namespace_with("has it", ORDERED).unwrap();
    commit(&db, |_| {
        assert!(matches!(db.namespace_with("n", ORDERED), Err(Error::TransactionActive)));
        db.namespace_with("has it", ORDERED).map(drop)
    })
    .unwrap();
}

#[test]
fn of_the_whole_database_holds_for_every_namespace() {
    let db = ordered();
    assert!(db.range(..).is_ok() && db.namespace("n").unwrap().range(..).is_ok());
    assert!(db.stats().unwrap().range_scans_enabled);
    assert!(!Emdb::open_in_memory().stats().unwrap().range_scans_enabled);
}

#[test]
fn of_the_whole_database_comes_to_an_existing_unordered_file() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    numbers(&db, 5000);
    numbers(&db.namespace("n").unwrap(), 3000);
    db.close().unwrap();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    let keys = |range: Entries| range.into_iter().map(|(k, _)| k).collect::<Vec<_>>();
    let all = |to: u32| (0..to).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(keys(db.range(..).unwrap()), all(5000));
    assert_eq!(keys(db.namespace("n").unwrap().range(..).unwrap()), all(3000));
}

#[test]
fn of_the_whole_database_is_not_stored() {
    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    db.namespace("n").unwrap().insert("a", "1").unwrap();
    db.namespace_with("own", ORDERED).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(is_config(db.range(..)) && is_config(db.namespace("n").unwrap().range(..)));
    assert!(db.namespace("own").unwrap().range(..).is_ok());
}

#[test]
fn stays_through_a_clear() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let namespace = db.namespace_with("n", ORDERED).unwrap();
    namespace.insert_many([("b", ""), ("a", "")]).unwrap();
    namespace.clear().unwrap();
    assert!(namespace.range(..).unwrap().is_empty());
    namespace.insert_many([("d", ""), ("c", "")]).unwrap();
    assert_eq!(words(namespace.range(..).unwrap()), "c d");
    drop(namespace);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(words(db.namespace("n").unwrap().range(..).unwrap()), "c d");
}

#[test]
fn goes_with_a_dropped_namespace() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let old = db.namespace_with("n", ORDERED).unwrap();
    old.insert("old", "").unwrap();
    db.drop_namespace("n").unwrap();
    assert!(matches!(old.range(..), Err(Error::NamespaceDropped)));
    assert!(matches!(old.iter_after("a"), Err(Error::NamespaceDropped)));
    assert!(is_config(db.namespace("n").unwrap().range(..)));
    drop(old);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(is_config(db.namespace("n").unwrap().range(..)));
    let new = db.namespace_with("n", ORDERED).unwrap();
    assert!(new.range(..).unwrap().is_empty());
}

#[test]
fn is_that_of_iter_and_keys_too() {
    let db = ordered();
    numbers(&db, 10_000);
    let all: Vec<_> = (0..10_000u32).map(|n| n.to_be_bytes().to_vec()).collect();
    assert!(db.keys().unwrap().eq(all.clone()));
    assert!(db.iter().unwrap().map(|(k, _)| k).eq(all.clone()));
    assert!(db.snapshot().keys().unwrap().eq(all));
}

#[test]
fn is_that_of_unsigned_bytes_with_prefixes_first() {
    let db = ordered();
    let sorted: [&[u8]; 9] = [
        b"",
        b"\0",
        b"\0\0",
        b"\0\xFF",
        b"a",
        b"a\0",
        b"aa",
        b"\x80",
        b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    ];
    for key in sorted.iter().rev() {
        db.insert(key, "").unwrap();
    }
    let range = db.range(..).unwrap();
    assert!(range.iter().map(|(k, _)| &k[..]).eq(sorted));
}

#[test]
fn counts_in_the_bytes_of_the_index() {
    let (plain, db) = (Emdb::open_in_memory(), ordered());
    numbers(&plain, 50_000);
    numbers(&db, 50_000);
    db.range_iter(..).unwrap();
    assert!(db.stats().unwrap().index_bytes > plain.stats().unwrap().index_bytes);
}

#[test]
fn of_several_namespaces_can_begin_at_once() {
    for _ in 0..20 {
        let db = Emdb::open_in_memory();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let db = &db;
                scope.spawn(move || db.namespace_with(format!("n{n}"), ORDERED).unwrap());
            }
        });
        // The drop waits for the threads that help.
        drop(db);
    }
}
