//! Transactions over several namespaces.

use super::*;

#[test]
fn are_written_together() {
    let db = with_abc();
    let (x, y) = (db.namespace("x").unwrap(), db.namespace("y").unwrap());
    x.insert("k", "old").unwrap();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.namespace(&x).insert("k", "new")?;
        tx.namespace(&y).insert("k", "v")?;
        assert_eq!(text(tx.namespace(&x).get("k")?).as_deref(), Some("new"));
        assert_eq!(text(tx.namespace(&x).remove("k")?).as_deref(), Some("new"));
        assert_eq!((tx.namespace(&x).len()?, tx.namespace(&y).len()?, tx.len()?), (0, 1, 4));
        Ok(())
    })
    .unwrap();
    assert_eq!((content(&x), content(&y)), (String::new(), "k=v".into()));
    let _ = commit(&db, |tx| {
        tx.namespace(&y).insert("l", "v")?;
        tx.namespace(&x).insert("l", "v")?;
        Err::<(), _>(Error::KeyNotFound)
    });
    assert_eq!((content(&x), content(&y)), (String::new(), "k=v".into()));
}

#[test]
fn have_every_call() {
    let db = Emdb::open_in_memory();
    let x = db.namespace("x").unwrap();
    x.insert("a", "1").unwrap();
    commit(&db, |tx| {
        let x = tx.namespace(&x);
        x.insert("b", "2")?;
        assert!(x.contains_key("a")? && x.contains_key("b")? && !x.is_empty()?);
        assert_eq!((x.len()?, x.keys()?.count()), (2, 2));
        assert_eq!(words(x.iter()?), "a=1 b=2");
        #[cfg(feature = "ttl")]
        {
            x.insert_with_ttl("t", "3", emdb::Ttl::ExpiresAt(1 << 50))?;
            assert_eq!(x.expires_at("t")?, Some(1 << 50));
        }
        x.clear()?;
        x.insert("c", "4")
    })
    .unwrap();
    assert_eq!(content(&x), "c=4");
}

#[test]
fn by_two_handles_are_one() {
    let db = Emdb::open_in_memory();
    let (one, two) = (db.namespace("x").unwrap(), db.namespace("x").unwrap());
    commit(&db, |tx| {
        tx.namespace(&one).insert("k", "v")?;
        assert!(tx.namespace(&two).contains_key("k")?);
        tx.namespace(&two).insert("l", "w")
    })
    .unwrap();
    assert_eq!(content(&one), "k=v l=w");
}

#[test]
fn the_default_one_is_the_transaction_itself() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.namespace(&db).insert("d", "4")?;
        assert!(tx.contains_key("d")?);
        Ok(())
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
}

#[test]
fn of_another_database_are_refused() {
    let db = with_abc();
    let other = with_abc();
    let strange = other.namespace("x").unwrap();
    for strange in [&strange, &*other] {
        commit(&db, |tx| {
            let strange = tx.namespace(strange);
            let refused = |r: emdb::Result<()>| matches!(r, Err(Error::InvalidConfig(_)));
            assert!(refused(strange.insert("k", "v")));
            assert!(refused(strange.remove("a").map(drop)));
            assert!(refused(strange.get("a").map(drop)));
            assert!(refused(strange.contains_key("a").map(drop)));
            assert!(refused(strange.len().map(drop)));
            assert!(refused(strange.is_empty().map(drop)));
            assert!(refused(strange.iter().map(drop)));
            assert!(refused(strange.keys().map(drop)));
            assert!(refused(strange.clear()));
            tx.insert("d", "4")
        })
        .unwrap();
    }
    assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
    assert_eq!(content(&other), "a=1 b=2 c=3");
}

#[test]
fn that_were_dropped_are_refused() {
    let db = with_abc();
    let gone = db.namespace("x").unwrap();
    db.drop_namespace("x").unwrap();
    let result = commit(&db, |tx| {
        assert!(matches!(tx.namespace(&gone).get("a"), Err(Error::NamespaceDropped)));
        assert!(matches!(tx.namespace(&gone).remove("a"), Err(Error::NamespaceDropped)));
        assert!(matches!(tx.namespace(&gone).clear(), Err(Error::NamespaceDropped)));
        tx.insert("d", "4")?;
        tx.namespace(&gone).insert("k", "v")
    });
    assert!(matches!(result, Err(Error::NamespaceDropped)));
    assert_eq!(content(&db), "a=1 b=2 c=3");
}

#[test]
fn are_cleared_with_their_internal_children() {
    let db = Emdb::open_in_memory();
    let parent = db.namespace("n").unwrap();
    let child = emdb_core::internal::child(&db, &parent, "i").unwrap();
    child.insert("old", "1").unwrap();
    commit(&db, |tx| {
        tx.namespace(&parent).clear()?;
        tx.namespace(&parent).insert("k", "v")?;
        tx.namespace(&child).insert("new", "1")
    })
    .unwrap();
    assert_eq!((content(&parent), content(&child)), ("k=v".into(), "new=1".into()));
}
