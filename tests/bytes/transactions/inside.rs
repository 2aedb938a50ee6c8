//! A transaction's own view, and its calls.

use super::*;

#[test]
fn get_and_contains_key_see_own_writes() {
    let db = with_abc();
    commit(&db, |tx| {
        assert_eq!(text(tx.get("a")?).as_deref(), Some("1"));
        tx.insert("a", "new")?;
        tx.insert("d", "4")?;
        tx.remove("b")?;
        assert_eq!(text(tx.get("a")?).as_deref(), Some("new"));
        assert_eq!(text(tx.get("d")?).as_deref(), Some("4"));
        assert_eq!(tx.get("b")?, None);
        assert!(tx.contains_key("a")? && tx.contains_key("c")? && tx.contains_key("d")?);
        assert!(!tx.contains_key("b")? && !tx.contains_key("z")?);
        Ok(())
    })
    .unwrap();
}

#[test]
fn remove_gives_the_value_staged_or_live() {
    let db = with_abc();
    commit(&db, |tx| {
        assert_eq!(text(tx.remove("a")?).as_deref(), Some("1"));
        assert_eq!(tx.remove("a")?, None);
        tx.insert("a", "again")?;
        assert_eq!(text(tx.remove("a")?).as_deref(), Some("again"));
        tx.insert("new", "n")?;
        assert_eq!(text(tx.remove("new")?).as_deref(), Some("n"));
        assert_eq!(tx.remove("new")?, None);
        Ok(())
    })
    .unwrap();
    assert_eq!(content(&db), "b=2 c=3");
}

#[test]
fn len_counts_own_writes() {
    let db = with_abc();
    commit(&db, |tx| {
        assert_eq!(tx.len()?, 3);
        tx.insert("a", "new")?;
        assert_eq!(tx.len()?, 3);
        tx.insert("d", "4")?;
        assert_eq!(tx.len()?, 4);
        tx.remove("b")?;
        tx.remove("b")?;
        tx.remove("absent")?;
        assert_eq!(tx.len()?, 3);
        tx.insert("b", "back")?;
        tx.remove("d")?;
        assert_eq!(tx.len()?, 3);
        assert!(!tx.is_empty()?);
        Ok(())
    })
    .unwrap();
    assert_eq!(db.len().unwrap(), 3);
}

#[test]
fn iter_and_keys_show_own_writes() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("a", "new")?;
        tx.insert("d", "4")?;
        tx.remove("b")?;
        assert_eq!(words(tx.iter()?), "a=new c=3 d=4");
        let mut keys: Vec<_> = tx.keys()?.collect();
        keys.sort();
        assert_eq!(keys, [b"a", b"c", b"d"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_iterator_does_not_show_what_is_written_after_it() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        let iter = tx.iter()?;
        tx.insert("e", "5")?;
        tx.remove("a")?;
        tx.remove("d")?;
        assert_eq!(words(iter), "a=1 b=2 c=3 d=4");
        let iter = tx.iter()?;
        tx.clear()?;
        assert_eq!(words(iter), "b=2 c=3 e=5");
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_iterator_may_leave_the_transaction() {
    let db = with_abc();
    let committed = commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.iter()
    });
    let mut left = None;
    let _ = commit(&db, |tx| {
        tx.insert("e", "5")?;
        left = Some(tx.iter()?);
        Err::<(), _>(Error::KeyNotFound)
    });
    db.clear().unwrap();
    drop(db);
    assert_eq!(words(committed.unwrap()), "a=1 b=2 c=3 d=4");
    assert_eq!(words(left.unwrap()), "a=1 b=2 c=3 d=4 e=5");
}

#[test]
fn clear_hides_what_was_there_and_keeps_what_comes() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.clear()?;
        assert!(tx.is_empty()?);
        assert_eq!(tx.get("a")?, None);
        assert_eq!(tx.remove("a")?, None);
        assert_eq!(tx.iter()?.count(), 0);
        tx.insert("a", "new")?;
        tx.insert("e", "5")?;
        assert_eq!(tx.len()?, 2);
        assert_eq!(words(tx.iter()?), "a=new e=5");
        Ok(())
    })
    .unwrap();
    assert_eq!(content(&db), "a=new e=5");
    assert_eq!((db.len().unwrap(), db.get("b").unwrap()), (2, None));
}

#[test]
fn limits_are_checked_at_once_and_leave_the_rest_good() {
    let db = with_abc();
    commit(&db, |tx| {
        assert!(matches!(tx.insert(vec![0; 65_536], "v"), Err(Error::TooLarge { .. })));
        let huge = vec![0; (1 << 30) + 1];
        assert!(matches!(tx.insert("k", &huge), Err(Error::TooLarge { .. })));
        tx.insert("d", "4")
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
}

#[cfg(feature = "ttl")]
#[test]
fn expires_at_sees_own_writes() {
    use emdb::Ttl;
    const FAR: u64 = 1 << 50;
    let db = with_abc();
    db.insert_with_ttl("t", "v", Ttl::ExpiresAt(FAR)).unwrap();
    commit(&db, |tx| {
        assert_eq!((tx.expires_at("t")?, tx.expires_at("a")?), (Some(FAR), None));
        tx.insert_with_ttl("a", "1", Ttl::ExpiresAt(FAR + 1))?;
        tx.insert("t", "permanent")?;
        assert_eq!((tx.expires_at("t")?, tx.expires_at("a")?), (None, Some(FAR + 1)));
        tx.remove("a")?;
        assert_eq!(tx.expires_at("a")?, None);
        tx.insert_with_ttl("a", "1", Ttl::ExpiresAt(FAR + 2))?;
        Ok(())
    })
    .unwrap();
    assert_eq!(db.expires_at("a").unwrap(), Some(FAR + 2));
    assert_eq!(db.expires_at("t").unwrap(), None);
}
