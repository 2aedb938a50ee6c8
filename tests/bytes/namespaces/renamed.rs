//! Namespaces that are given another name.

use std::ops::ControlFlow;

use emdb::NamespaceOptions;

use super::*;

fn value(db: &Emdb, name: &str) -> Option<Vec<u8>> {
    db.namespace(name).unwrap().get("k").unwrap()
}

#[test]
fn hold_what_they_held_and_are_found_by_the_new_name_alone() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let log = db.namespace_with("log", NamespaceOptions::new().ordered(true)).unwrap();
    log.insert_many([("b", "2"), ("k", "v"), ("a", "1")]).unwrap();
    log.remove("b").unwrap();
    assert!(db.rename_namespace("log", "diary").unwrap());
    assert!(!db.rename_namespace("log", "other").unwrap());
    let check = |db: &Emdb| {
        assert_eq!(db.list_namespaces().unwrap(), ["diary"]);
        let diary = db.namespace("diary").unwrap();
        assert_eq!((diary.name(), diary.len().unwrap()), ("diary", 2));
        assert_eq!(keys(&diary), ["a", "k"]);
        assert_eq!(diary.range("b"..).unwrap().len(), 1);
        assert!(db.verify().unwrap().is_ok());
    };
    check(&db);
    drop(log);
    db.close().unwrap();
    check(&Emdb::open(&path).unwrap());
}

#[test]
fn are_dropped_to_handles_of_the_former_name_while_iterators_go_on() {
    let db = Emdb::open_in_memory();
    let old = db.namespace("old").unwrap();
    old.insert_many([("k", "v"), ("l", "w")]).unwrap();
    let iterator = old.iter().unwrap();
    db.rename_namespace("old", "new").unwrap();
    assert!(is_dropped(old.get("k")) && is_dropped(old.insert("k", "x")) && is_dropped(old.len()));
    assert_eq!(iterator.count(), 2);
    // The name is free.
    assert_eq!(value(&db, "old"), None);
    assert_eq!(value(&db, "new"), Some(b"v".to_vec()));
    let taken = db.rename_namespace("old", "new");
    assert!(is_config(taken), "another has that name");
    assert_eq!(db.list_namespaces().unwrap(), ["new", "old"]);
}

#[test]
fn have_the_former_name_in_snapshots_that_are_older() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.namespace("old").unwrap().insert("k", "v").unwrap();
    let before = db.snapshot();
    db.rename_namespace("old", "new").unwrap();
    db.namespace("new").unwrap().insert("k", "later").unwrap();
    let after = db.snapshot();
    for _ in 0..2 {
        assert_eq!(before.namespace("old").unwrap().get("k").unwrap(), Some(b"v".to_vec()));
        assert_eq!(before.namespace("new").unwrap().get("k").unwrap(), None);
        assert_eq!(after.namespace("new").unwrap().get("k").unwrap(), Some(b"later".to_vec()));
        assert_eq!(after.namespace("old").unwrap().get("k").unwrap(), None);
        db.compact().unwrap();
    }
}

#[test]
fn beside_a_compaction_or_a_checkpoint_have_the_new_name_afterwards() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let old = db.namespace("old").unwrap();
    old.insert_many((0..5000u32).map(|n| (n.to_be_bytes(), [0; 100]))).unwrap();
    let mut steps = 0;
    db.compact_with(|_| {
        steps += 1;
        if steps == 1 {
            db.rename_namespace("old", "between").unwrap();
            db.namespace("between").unwrap().insert("k", "v").unwrap();
            db.rename_namespace("between", "new").unwrap();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(steps > 0);
    drop(old);
    assert_eq!(
        (value(&db, "new"), db.namespace("new").unwrap().len().unwrap()),
        (Some(b"v".to_vec()), 5001)
    );
    db.checkpoint().unwrap();
    db.rename_namespace("new", "newest").unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.list_namespaces().unwrap(), ["newest"]);
    assert_eq!(db.namespace("newest").unwrap().len().unwrap(), 5001);
    assert!(db.verify().unwrap().is_ok());
}

#[test]
fn are_refused_names_that_no_namespace_may_have() {
    let db = Emdb::open_in_memory();
    db.namespace("n").unwrap();
    for bad in ["", "__emdb:x", &"x".repeat(256)] {
        assert!(is_config(db.rename_namespace("n", bad)));
        assert!(is_config(db.rename_namespace(bad, "m")));
    }
    assert!(db.rename_namespace("n", "n").unwrap());
    let inside = db.transaction(|_| db.rename_namespace("n", "m"));
    assert!(matches!(inside, Err(Error::TransactionActive)));
    assert_eq!(db.list_namespaces().unwrap(), ["n"]);
}
