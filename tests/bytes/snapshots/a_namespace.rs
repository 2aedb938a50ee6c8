//! Namespaces of a snapshot.

use super::*;

#[test]
fn created_later_is_empty() {
    let db = Emdb::open_in_memory();
    let snapshot = db.snapshot();
    db.namespace_with("n", ORDERED).unwrap().insert("k", "v").unwrap();
    let seen = snapshot.namespace("n").unwrap();
    assert!(seen.is_empty().unwrap() && !seen.contains_key("k").unwrap());
    assert_eq!((seen.get("k").unwrap(), seen.keys().unwrap().count()), (None, 0));
    assert!(seen.get_zerocopy("k").unwrap().is_none());
    assert_eq!((content(&seen), seen.name()), (String::new(), "n"));
    assert!(seen.range(..).unwrap().is_empty());
}

#[test]
fn that_never_was_is_empty_and_not_created() {
    let db = Emdb::open_in_memory();
    assert!(db.snapshot().namespace("n").unwrap().is_empty().unwrap());
    assert!(db.list_namespaces().unwrap().is_empty());
}

#[test]
fn dropped_later_is_still_there() {
    let db = Emdb::open_in_memory();
    db.namespace_with("n", ORDERED).unwrap().insert("k", "v").unwrap();
    let snapshot = db.snapshot();
    db.drop_namespace("n").unwrap();
    let seen = snapshot.namespace("n").unwrap();
    assert_eq!((content(&seen), words(seen.range(..).unwrap())), ("k=v".into(), "k=v".into()));
    assert_eq!(content(&db.snapshot().namespace("n").unwrap()), "");
}

#[test]
fn dropped_and_recreated_is_each_time_what_it_was() {
    let db = Emdb::open_in_memory();
    let mut held = vec![(db.snapshot(), String::new())];
    for round in 0..20 {
        let options = NamespaceOptions::new().ordered(round % 2 == 0);
        let namespace = db.namespace_with("n", options).unwrap();
        held.push((db.snapshot(), String::new()));
        namespace.insert(format!("k{round}"), "v").unwrap();
        held.push((db.snapshot(), format!("k{round}=v")));
        db.drop_namespace("n").unwrap();
        held.push((db.snapshot(), String::new()));
    }
    for (snapshot, expected) in &held {
        assert_eq!(content(&snapshot.namespace("n").unwrap()), *expected);
    }
    // Half of them let go, the rest is still right.
    let mut turn = 0;
    held.retain(|_| {
        turn += 1;
        turn % 2 == 0
    });
    db.namespace("n").unwrap().clear().unwrap();
    for (snapshot, expected) in &held {
        assert_eq!(content(&snapshot.namespace("n").unwrap()), *expected);
    }
}

#[test]
fn cleared_later_is_still_full() {
    let db = abc();
    let mut held = Vec::new();
    for round in 0..20u32 {
        db.insert("round", round.to_string()).unwrap();
        held.push(db.snapshot());
        db.clear().unwrap();
        held.push(db.snapshot());
    }
    for (n, snapshot) in held.iter().enumerate() {
        let expected = match n {
            0 => "a=1 b=2 c=3 round=0".into(),
            full if full % 2 == 0 => format!("round={}", full / 2),
            _ => String::new(),
        };
        assert_eq!(content(snapshot), expected);
        assert_eq!(words(snapshot.range(..).unwrap()), expected);
    }
}

#[test]
fn cleared_in_a_transaction_is_still_full() {
    let db = abc();
    let snapshot = db.snapshot();
    commit(&db, |tx| {
        tx.clear()?;
        tx.insert("new", "1")
    })
    .unwrap();
    assert_eq!(content(&snapshot), "a=1 b=2 c=3");
    assert_eq!(content(&db.snapshot()), "new=1");
}

#[test]
fn that_gets_an_order_later_keeps_its_state() {
    let db = Emdb::open_in_memory();
    let namespace = db.namespace("n").unwrap();
    namespace.insert_many([("b", "2"), ("a", "1")]).unwrap();
    let snapshot = db.snapshot();
    namespace.remove("b").unwrap();
    namespace.insert("a", "new").unwrap();
    db.namespace_with("n", ORDERED).unwrap();
    namespace.insert("c", "3").unwrap();
    namespace.range(..).unwrap();
    assert_eq!(content(&snapshot.namespace("n").unwrap()), "a=1 b=2");
    assert_eq!(words(namespace.range(..).unwrap()), "a=new c=3");
}
