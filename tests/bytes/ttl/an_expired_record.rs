//! Records whose time has passed.

use super::*;

#[test]
fn is_hidden_from_every_read_in_every_namespace() {
    let (_folder, path) = folder();
    let other = with_clock(Emdb::builder(), ManualClock::new(START)).build().unwrap();
    for (db, clock) in [open(&path), in_memory()] {
        let named = db.namespace("named").unwrap();
        for namespace in [&*db, &named] {
            namespace.insert_with_ttl("k", "v", ms(10)).unwrap();
            namespace.insert("stays", "v").unwrap();
        }
        clock.set(START + 10);
        assert_hidden(&db, &db, "k");
        assert_hidden(&db, &named, "k");
        assert_eq!(named.iter().unwrap().count(), 1);
    }
    drop(other);
}

#[test]
fn gives_nothing_when_it_is_removed() {
    let (db, clock) = in_memory();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    clock.set(START + 10);
    assert_eq!(db.remove("k").unwrap(), None);
    assert_eq!((db.len().unwrap(), db.sweep_expired()), (0, 0));
}

#[test]
fn counts_until_it_is_swept() {
    let (db, clock) = in_memory();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    clock.set(START + 10);
    assert_eq!(db.len().unwrap(), 1);
    db.sweep_expired();
    assert_eq!((db.len().unwrap(), db.is_empty().unwrap()), (0, true));
}

#[test]
fn can_be_written_anew() {
    let (db, clock) = in_memory();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    clock.set(START + 10);
    db.insert("k", "w").unwrap();
    assert_eq!(db.get("k").unwrap(), Some(b"w".to_vec()));
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (0, 1));
}

#[test]
fn stays_in_an_iterator_and_a_transaction_that_began_before() {
    let (db, clock) = in_memory();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    let iter = db.iter().unwrap();
    commit(&db, |tx| {
        clock.set(START + 10);
        assert_eq!(tx.get("k")?, Some(b"v".to_vec()));
        assert_eq!(tx.iter()?.count(), 1);
        assert_eq!(db.get("k")?, None);
        Ok(())
    })
    .unwrap();
    db.sweep_expired();
    assert_eq!(iter.count(), 1);
    assert_eq!(db.iter().unwrap().count(), 0);
}

#[test]
fn stays_in_a_borrowed_value() {
    let (db, clock) = in_memory();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    let value = db.get_zerocopy("k").unwrap().unwrap();
    clock.set(START + 10);
    db.sweep_expired();
    assert_eq!(value, b"v"[..]);
}

#[test]
fn is_hidden_if_a_transaction_staged_it_so() {
    let (db, _clock) = in_memory();
    db.insert("k", "v").unwrap();
    commit(&db, |tx| {
        tx.insert_with_ttl("k", "w", Ttl::ExpiresAt(1))?;
        assert_eq!((tx.get("k")?, tx.contains_key("k")?), (None, false));
        assert_eq!((tx.iter()?.count(), tx.keys()?.count()), (0, 0));
        assert_eq!(tx.remove("k")?, None);
        tx.insert_with_ttl("k", "w", Ttl::ExpiresAt(1))
    })
    .unwrap();
    assert_hidden(&db, &db, "k");
    assert_eq!(db.sweep_expired(), 1);
}
