//! Calls beside a transaction of the same thread.

use super::*;

#[test]
fn every_other_write_is_refused() {
    let db = with_abc();
    let x = db.namespace("x").unwrap();
    x.insert("k", "v").unwrap();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        assert!(is_active(db.insert("k", "v")));
        assert!(is_active(x.insert("k", "w")));
        assert!(is_active(db.remove("a")));
        assert!(is_active(db.remove("absent")));
        assert!(is_active(db.insert_many([("k", "v")])));
        assert!(is_active(db.clear()));
        assert!(is_active(x.clear()));
        assert!(is_active(db.namespace("new")));
        assert!(is_active(db.drop_namespace("x")));
        assert!(is_active(db.drop_namespace("absent")));
        assert!(is_active(commit(&db, |_| Ok(()))));
        assert!(is_active(commit(&db.clone_handle(), |tx| tx.insert("k", "v"))));
        Ok(())
    })
    .unwrap();
    assert_eq!((content(&db), content(&x)), ("a=1 b=2 c=3 d=4".into(), "k=v".into()));
    assert_eq!(db.list_namespaces().unwrap(), ["x"]);
}

#[cfg(feature = "ttl")]
#[test]
fn every_ttl_write_is_refused_and_nothing_is_swept() {
    let db = with_abc();
    db.insert_with_ttl("t", "v", emdb::Ttl::ExpiresAt(1)).unwrap();
    commit(&db, |_| {
        assert!(is_active(db.insert_with_ttl("k", "v", emdb::Ttl::None)));
        assert!(is_active(db.persist("a")));
        assert_eq!((db.sweep_expired(), db.namespace("").is_err()), (0, true));
        Ok(())
    })
    .unwrap();
    assert_eq!(db.sweep_expired(), 1);
}

#[test]
fn reads_flush_and_existing_namespaces_work() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.insert("a", "1").unwrap();
    db.namespace("x").unwrap().insert("k", "v").unwrap();
    commit(&db, |tx| {
        tx.insert("a", "staged")?;
        assert_eq!(text(db.get("a")?).as_deref(), Some("1"));
        assert_eq!(db.get_zerocopy("a")?.unwrap(), b"1"[..]);
        assert!(db.contains_key("a")?);
        assert_eq!((db.len()?, db.iter()?.count(), db.keys()?.count()), (1, 1, 1));
        assert_eq!(content(&db.namespace("x")?), "k=v");
        assert_eq!(db.list_namespaces()?, ["x"]);
        assert_eq!(db.stats()?.live_records, 2);
        db.flush()
    })
    .unwrap();
    assert_eq!(content(&db), "a=staged");
}

#[test]
fn another_database_is_free() {
    let (db, other) = (with_abc(), with_abc());
    commit(&db, |tx| {
        other.insert("d", "4")?;
        commit(&other, |inner| inner.insert("e", "5"))?;
        tx.insert("f", "6")
    })
    .unwrap();
    assert_eq!(content(&other), "a=1 b=2 c=3 d=4 e=5");
}

#[test]
fn a_refused_write_leaves_the_transaction_good() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        assert!(is_active(db.insert("d", "plain")));
        assert!(is_active(commit(&db, |_| Ok(()))));
        assert!(is_active(db.insert("d", "plain")), "the inner end is not that of the outer");
        tx.insert("e", "5")
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3 d=4 e=5");
}
