//! How a transaction ends.

use super::*;

#[test]
fn with_ok_by_committing() {
    let db = with_abc();
    let result = commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.insert("a", "new")?;
        tx.remove("b")?;
        Ok(7)
    });
    assert_eq!(result.unwrap(), 7);
    assert_eq!(content(&db), "a=new c=3 d=4");
    assert_eq!(db.len().unwrap(), 3);
}

#[test]
fn with_err_by_leaving_nothing() {
    let db = with_abc();
    let result = commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.remove("a")?;
        tx.clear()?;
        Err::<(), _>(Error::KeyNotFound)
    });
    assert!(matches!(result, Err(Error::KeyNotFound)));
    assert_eq!(content(&db), "a=1 b=2 c=3");
    assert_eq!(db.len().unwrap(), 3);
}

#[test]
fn with_a_panic_by_leaving_nothing_and_letting_others_write() {
    let db = with_abc();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        commit(&db, |tx| -> emdb::Result<()> {
            tx.insert("d", "4")?;
            tx.clear()?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(content(&db), "a=1 b=2 c=3");
    db.insert("d", "5").unwrap();
    commit(&db, |tx| tx.insert("e", "6")).unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3 d=5 e=6");
}

#[test]
fn with_an_error_of_the_callers_own_type() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Poor,
        Database,
    }
    impl From<Error> for Mine {
        fn from(_: Error) -> Mine {
            Mine::Database
        }
    }
    let db = with_abc();
    let poor = db.transaction(|tx| {
        tx.insert("a", "0")?;
        Err::<(), _>(Mine::Poor)
    });
    assert_eq!(poor, Err(Mine::Poor));
    let failed = db.transaction(|tx| tx.insert(vec![0; 65_536], "").map_err(Mine::from));
    assert_eq!(failed, Err(Mine::Database));
    assert_eq!(content(&db), "a=1 b=2 c=3");
}

#[test]
fn empty_by_writing_nothing() {
    let db = with_abc();
    let before = db.stats().unwrap().logical_size_bytes;
    commit(&db, |_| Ok(())).unwrap();
    commit(&db, |tx| tx.remove("absent")).unwrap();
    assert_eq!(db.stats().unwrap().logical_size_bytes, before);
}

#[test]
fn the_same_after_a_reopen() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let other = db.namespace("other").unwrap();
    db.insert_many([("a", "1"), ("b", "2")]).unwrap();
    other.insert("old", "1").unwrap();
    commit(&db, |tx| {
        tx.insert("c", "3")?;
        tx.remove("a")?;
        tx.namespace(&other).clear()?;
        tx.namespace(&other).insert("new", "1")
    })
    .unwrap();
    let _ = commit(&db, |tx| {
        tx.insert("d", "4")?;
        Err::<(), _>(Error::KeyNotFound)
    });
    drop(other);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(content(&db), "b=2 c=3");
    assert_eq!(content(&db.namespace("other").unwrap()), "new=1");
}

#[test]
fn with_many_writes_as_one() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    commit(&db, |tx| (0..20_000u32).try_for_each(|n| tx.insert(n.to_be_bytes(), [7; 100])))
        .unwrap();
    assert_eq!(db.len().unwrap(), 20_000);
    drop(db);
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.len().unwrap(), 20_000);
    assert_eq!(db.get(19_999u32.to_be_bytes()).unwrap(), Some(vec![7; 100]));
}
