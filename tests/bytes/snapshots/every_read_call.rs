//! The read calls of a snapshot.

use super::*;

/// A snapshot of `a=1 b=2 c=3`, with everything else written since.
fn before() -> (Emdb, Snapshot) {
    let db = abc();
    let snapshot = db.snapshot();
    db.insert("a", "new").unwrap();
    db.remove("b").unwrap();
    db.insert("d", "4").unwrap();
    (db, snapshot)
}

#[test]
fn get_gives_the_old_value() {
    let (_db, snapshot) = before();
    assert_eq!(snapshot.get("a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(snapshot.get("b").unwrap(), Some(b"2".to_vec()));
    assert_eq!(snapshot.get("d").unwrap(), None);
    assert_eq!(snapshot.get("never").unwrap(), None);
}

#[test]
fn get_zerocopy_gives_the_old_value_which_outlives_all() {
    let (db, snapshot) = before();
    let value = snapshot.get_zerocopy("a").unwrap().unwrap();
    assert!(snapshot.get_zerocopy("d").unwrap().is_none());
    drop((db, snapshot));
    assert_eq!(value, b"1"[..]);
}

#[test]
fn contains_key_tells_what_was_there() {
    let (_db, snapshot) = before();
    assert!(snapshot.contains_key("a").unwrap() && snapshot.contains_key("b").unwrap());
    assert!(!snapshot.contains_key("d").unwrap());
}

#[test]
fn len_and_is_empty_count_what_was_there() {
    let db = ordered();
    let empty = db.snapshot();
    db.insert("a", "1").unwrap();
    let one = db.snapshot();
    db.clear().unwrap();
    assert_eq!((empty.len().unwrap(), one.len().unwrap()), (0, 1));
    assert!(empty.is_empty().unwrap() && !one.is_empty().unwrap());
    assert!(db.snapshot().is_empty().unwrap());
}

#[test]
fn iter_and_keys_give_what_was_there_and_outlive_the_snapshot() {
    let (db, snapshot) = before();
    let (iter, keys) = (snapshot.iter().unwrap(), snapshot.keys().unwrap());
    drop((db, snapshot));
    assert_eq!(words(iter), "a=1 b=2 c=3");
    assert!(keys.eq([b"a", b"b", b"c"]));
}

#[test]
fn iter_of_an_unordered_namespace_gives_what_was_there() {
    let db = Emdb::open_in_memory();
    db.insert_many([("a", "1"), ("b", "2")]).unwrap();
    let snapshot = db.snapshot();
    db.insert_many([("a", "new"), ("c", "3")]).unwrap();
    db.remove("b").unwrap();
    assert_eq!(content(&snapshot), "a=1 b=2");
    assert_eq!(content(&db.snapshot()), "a=new c=3");
}

#[test]
fn ranges_give_what_was_there() {
    let (_db, snapshot) = before();
    assert_eq!(words(snapshot.range("b"..).unwrap()), "b=2 c=3");
    assert_eq!(snapshot.range_iter(..).unwrap().next_back().unwrap().0, b"c");
    assert_eq!(words(snapshot.range_prefix("a").unwrap()), "a=1");
    assert_eq!(words(snapshot.range_prefix_iter("d").unwrap()), "");
    assert_eq!(words(snapshot.iter_from("b").unwrap()), "b=2 c=3");
    assert_eq!(words(snapshot.iter_after("b").unwrap()), "c=3");
}

#[test]
fn ranges_are_refused_in_an_unordered_namespace() {
    let db = Emdb::open_in_memory();
    db.namespace("n").unwrap();
    let snapshot = db.snapshot();
    assert!(is_config(snapshot.range(..)));
    assert!(is_config(snapshot.namespace("n").unwrap().iter_from("a")));
}

#[test]
fn namespace_leads_to_the_others() {
    let db = Emdb::open_in_memory();
    let users = db.namespace("users").unwrap();
    users.insert("ada", "1").unwrap();
    db.insert("default", "2").unwrap();
    let snapshot = db.snapshot();
    users.insert("ada", "new").unwrap();
    let seen = snapshot.namespace("users").unwrap();
    assert_eq!((content(&seen), content(&snapshot)), ("ada=1".into(), "default=2".into()));
    assert_eq!((seen.name(), snapshot.name()), ("users", ""));
}

#[test]
fn namespace_refuses_names_that_none_can_have() {
    let snapshot = Emdb::open_in_memory().snapshot();
    for name in ["", "__emdb", &"x".repeat(256)] {
        assert!(is_config(snapshot.namespace(name)));
    }
}

#[cfg(feature = "ttl")]
#[test]
fn expires_at_tells_what_it_was() {
    use emdb::Ttl;
    let db = Emdb::open_in_memory();
    let other = db.namespace("other").unwrap();
    for namespace in [&*db, &other] {
        namespace.insert_with_ttl("timed", "", Ttl::ExpiresAt(1 << 50)).unwrap();
        namespace.insert("permanent", "").unwrap();
    }
    let snapshot = db.snapshot();
    db.persist("timed").unwrap();
    other.insert_with_ttl("permanent", "", Ttl::ExpiresAt(1 << 51)).unwrap();
    let other = snapshot.namespace("other").unwrap();
    for view in [&*snapshot, &other] {
        assert_eq!(view.expires_at("timed").unwrap(), Some(1 << 50));
        assert_eq!(view.expires_at("permanent").unwrap(), None);
        assert_eq!(view.expires_at("absent").unwrap(), None);
    }
}
