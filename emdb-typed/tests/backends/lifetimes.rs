//! Rows that expire.

use std::time::Duration;

use emdb_core::Ttl;
use emdb_typed::TableError;
use emdb_typed::backend::Keyspace;
use serde::{Deserialize, Serialize};

use crate::harness::{BEGIN, Harness, dump, verified};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed", ttl = "1s")]
struct Session {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    token: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Offer {
    #[emdb(key)]
    id: u32,
    #[emdb(expires_at)]
    until: Option<u64>,
    #[emdb(index)]
    price: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Plain {
    #[emdb(key)]
    id: u32,
}

fn session(id: u32) -> Session {
    Session { id, token: format!("token {id}") }
}

over_both! {
    rows_go_with_their_time_and_their_entries_too
    a_time_to_live_of_a_call_comes_first
    a_field_says_when_its_row_expires
    the_database_has_a_default
    the_unique_value_of_an_expired_row_is_free
    a_row_that_lost_its_unique_value_never_comes_back
    expired_rows_are_gone_in_transactions_and_on_snapshots_of_then
    a_touch_moves_an_expiry_and_leaves_the_row
    a_touch_is_part_of_its_transaction
    a_touch_leaves_expired_rows_and_those_whose_field_says_it
    a_row_that_a_transaction_reads_and_inserts_keeps_its_expiry
    a_row_that_a_transaction_only_inserts_begins_anew
}

fn rows_go_with_their_time_and_their_entries_too<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert(&session(1)).unwrap();
    assert_eq!(sessions.expires_at(&1).unwrap(), Some(BEGIN + 1000));
    db.set_now(BEGIN + 999);
    assert_eq!(sessions.by(Session::TOKEN).get("token 1").unwrap(), Some(session(1)));
    sessions.update(&1, |session| session.token.push('!')).unwrap();
    db.set_now(BEGIN + 1000);
    assert_eq!(sessions.get(&1).unwrap(), None);
    assert_eq!(sessions.iter().unwrap().count(), 0);
    assert_eq!(sessions.by(Session::TOKEN).get("token 1!").unwrap(), None);
    assert_eq!(sessions.update(&1, |_| ()).unwrap(), None);
    assert_eq!(sessions.insert(&session(1)).unwrap(), None);
    verified(&sessions);
}

fn a_time_to_live_of_a_call_comes_first<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    let until = |ttl| {
        sessions.insert_with_ttl(&session(1), ttl).unwrap();
        sessions.expires_at(&1).unwrap()
    };
    assert_eq!(until(Ttl::None), None);
    assert_eq!(until(Ttl::Default), Some(BEGIN + 1000));
    assert_eq!(until(Ttl::Duration(Duration::from_millis(5))), Some(BEGIN + 5));
    assert_eq!(until(Ttl::ExpiresAt(BEGIN + 77)), Some(BEGIN + 77));
    verified(&sessions);
    assert!(sessions.insert_with_ttl(&session(1), Ttl::Duration(Duration::MAX)).is_err());
}

fn a_field_says_when_its_row_expires<H: Harness>() {
    let db = H::new();
    let offers = db.open::<Offer>();
    offers.insert(&Offer { id: 1, until: None, price: 3 }).unwrap();
    offers.insert(&Offer { id: 2, until: Some(BEGIN + 5), price: 3 }).unwrap();
    offers.update(&1, |offer| offer.until = Some(BEGIN + 9)).unwrap();
    assert_eq!(offers.expires_at(&1).unwrap(), Some(BEGIN + 9));
    verified(&offers);
    db.set_now(BEGIN + 5);
    assert_eq!(offers.by(Offer::PRICE).count(3).unwrap(), 1);
}

fn the_database_has_a_default<H: Harness>() {
    let db = H::with_default_ttl(Some(50));
    let rows = db.open::<Plain>();
    rows.insert(&Plain { id: 1 }).unwrap();
    assert_eq!(rows.expires_at(&1).unwrap(), Some(BEGIN + 50));
    rows.insert_with_ttl(&Plain { id: 1 }, Ttl::None).unwrap();
    assert_eq!(rows.expires_at(&1).unwrap(), None);
}

fn the_unique_value_of_an_expired_row_is_free<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert(&session(1)).unwrap();
    db.set_now(BEGIN + 1000);
    let heir = Session { id: 2, ..session(1) };
    sessions.insert(&heir).unwrap();
    // What expired goes without taking along what is another row's now.
    sessions.insert(&Session { id: 1, token: "own".into() }).unwrap();
    assert_eq!(sessions.by(Session::TOKEN).get("token 1").unwrap(), Some(heir));
    assert_eq!(verified(&sessions).0, 2);
}

fn expired_rows_are_gone_in_transactions_and_on_snapshots_of_then<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert(&session(1)).unwrap();
    let before = db.frozen(&sessions);
    db.set_now(BEGIN + 1000);
    assert_eq!(before.iter().unwrap().count(), 1);
    db.transaction(|tx| {
        let sessions = H::with(&sessions, tx);
        assert_eq!(sessions.get(&1)?, None);
        sessions.try_insert(&session(1))?;
        assert_eq!(sessions.expires_at(&1)?, Some(BEGIN + 2000));
        Ok(())
    })
    .unwrap();
    assert_eq!(sessions.len().unwrap(), 1);
}

fn a_touch_moves_an_expiry_and_leaves_the_row<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert(&session(1)).unwrap();
    let rows = dump(&sessions, Keyspace::Rows);
    let until = |ttl| {
        assert!(sessions.touch(&1, ttl).unwrap());
        verified(&sessions);
        sessions.expires_at(&1).unwrap()
    };
    db.set_now(BEGIN + 10);
    assert_eq!(until(Ttl::Duration(Duration::from_millis(5000))), Some(BEGIN + 5010));
    assert_eq!(until(Ttl::ExpiresAt(BEGIN + 77)), Some(BEGIN + 77));
    assert_eq!(until(Ttl::None), None);
    assert_eq!(until(Ttl::Default), Some(BEGIN + 1010));
    assert_eq!(dump(&sessions, Keyspace::Rows), rows);
    assert_eq!(sessions.by(Session::TOKEN).get("token 1").unwrap(), Some(session(1)));
    assert!(!sessions.touch(&7, Ttl::None).unwrap());
    assert!(sessions.touch(&1, Ttl::Duration(Duration::MAX)).is_err());
    // Row and entries go together.
    db.set_now(BEGIN + 1010);
    assert_eq!(sessions.by(Session::TOKEN).get("token 1").unwrap(), None);
    assert_eq!(sessions.by(Session::TOKEN).count("token 1").unwrap(), 0);
    let plain = H::with_default_ttl(Some(50));
    let rows = plain.open::<Plain>();
    rows.insert_with_ttl(&Plain { id: 1 }, Ttl::None).unwrap();
    assert!(rows.touch(&1, Ttl::Default).unwrap());
    assert_eq!(rows.expires_at(&1).unwrap(), Some(BEGIN + 50));
}

fn a_touch_is_part_of_its_transaction<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert(&session(1)).unwrap();
    let long = Ttl::Duration(Duration::from_secs(9));
    let left = db.transaction(|tx| {
        assert!(H::with(&sessions, tx).touch(&1, long)?);
        Err::<(), _>(emdb_core::Error::KeyNotFound.into())
    });
    assert!(left.is_err());
    assert_eq!(sessions.expires_at(&1).unwrap(), Some(BEGIN + 1000));
    db.transaction(|tx| {
        let sessions = H::with(&sessions, tx);
        sessions.insert(&session(2))?;
        assert!(sessions.touch(&1, long)? && sessions.touch(&2, long)?);
        assert_eq!(sessions.expires_at(&2)?, Some(BEGIN + 9000));
        Ok(())
    })
    .unwrap();
    assert_eq!(sessions.expires_at(&1).unwrap(), Some(BEGIN + 9000));
    verified(&sessions);
}

fn a_touch_leaves_expired_rows_and_those_whose_field_says_it<H: Harness>() {
    let db = H::new();
    let (sessions, offers) = (db.open::<Session>(), db.open::<Offer>());
    sessions.insert(&session(1)).unwrap();
    offers.insert(&Offer { id: 1, until: Some(BEGIN + 5), price: 3 }).unwrap();
    let refused = offers.touch(&1, Ttl::None).unwrap_err();
    assert!(refused.to_string().contains("`update`"), "{refused}");
    assert_eq!(offers.expires_at(&1).unwrap(), Some(BEGIN + 5));
    db.set_now(BEGIN + 1000);
    assert!(!sessions.touch(&1, Ttl::None).unwrap());
    assert!(!offers.touch(&1, Ttl::None).unwrap());
}

fn a_row_that_a_transaction_reads_and_inserts_keeps_its_expiry<H: Harness>() {
    let db = H::new();
    let (sessions, plain) = (db.open::<Session>(), db.open::<Plain>());
    sessions.insert_many((1..=5).map(session)).unwrap();
    sessions.insert_with_ttl(&session(6), Ttl::None).unwrap();
    plain.insert_with_ttl(&Plain { id: 1 }, Ttl::ExpiresAt(BEGIN + 700)).unwrap();
    db.set_now(BEGIN + 10);
    db.transaction(|tx| {
        // Each call by a handle of its own: it is the transaction that has read.
        let with = || H::with(&sessions, tx);
        let changed = |mut row: Session| {
            row.token.push('!');
            row
        };
        let row = with().get(&1)?.unwrap();
        with().insert(&changed(row))?;
        let row = with().by(Session::TOKEN).get("token 2")?.unwrap();
        with().insert_many([changed(row)])?;
        let rows = with().get_many([3, 4, 6, 77])?;
        with().insert_all(rows.into_iter().flatten().map(changed))?;
        let plain = H::with(&plain, tx);
        let row = plain.get(&1)?.unwrap();
        plain.insert(&row)?;
        plain.insert_many([row])?;
        // Asked for, it begins anew.
        let row = with().get(&5)?.unwrap();
        with().insert_with_ttl(&changed(row), Ttl::Default)?;
        Ok(())
    })
    .unwrap();
    let until = (1..=6).map(|id| sessions.expires_at(&id).unwrap());
    let old = Some(BEGIN + 1000);
    assert_eq!(until.collect::<Vec<_>>(), [old, old, old, old, Some(BEGIN + 1010), None]);
    assert_eq!(plain.expires_at(&1).unwrap(), Some(BEGIN + 700));
    verified(&sessions);
    assert!(sessions.iter().unwrap().all(|row| row.unwrap().token.ends_with('!')));
}

fn a_row_that_a_transaction_only_inserts_begins_anew<H: Harness>() {
    let db = H::new();
    let (sessions, offers) = (db.open::<Session>(), db.open::<Offer>());
    sessions.insert_many((1..=4).map(session)).unwrap();
    offers.insert(&Offer { id: 1, until: Some(BEGIN + 500), price: 1 }).unwrap();
    db.set_now(BEGIN + 10);
    db.transaction(|tx| {
        let (sessions, offers) = (H::with(&sessions, tx), H::with(&offers, tx));
        assert!(sessions.contains_key(&1)?);
        sessions.insert(&session(1))?;
        // One that was removed is another row.
        sessions.get(&2)?;
        sessions.remove(&2)?;
        sessions.insert(&session(2))?;
        assert_eq!(sessions.get(&9)?, None);
        sessions.insert(&session(9))?;
        // A field has the last word.
        let offer = offers.get(&1)?.unwrap();
        offers.insert(&Offer { until: Some(BEGIN + 900), ..offer })?;
        sessions.get(&3).map(drop)
    })
    .unwrap();
    // Another transaction has not read.
    db.transaction(|tx| H::with(&sessions, tx).insert(&session(3))).unwrap();
    sessions.get(&4).unwrap();
    sessions.insert(&session(4)).unwrap();
    let until = [1, 2, 3, 4, 9].map(|id| sessions.expires_at(&id).unwrap());
    assert_eq!(until, [Some(BEGIN + 1010); 5]);
    assert_eq!(offers.expires_at(&1).unwrap(), Some(BEGIN + 900));
    verified(&sessions);
}

/// The clock was a day ahead, by which rows had expired, and is put right.
fn a_row_that_lost_its_unique_value_never_comes_back<H: Harness>() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let db = H::new();
    let sessions = db.open::<Session>();
    sessions.insert_many((0..8).map(session)).unwrap();
    db.set_now(BEGIN + DAY);
    sessions.insert(&Session { id: 10, ..session(0) }).unwrap();
    sessions.try_insert(&Session { id: 11, ..session(1) }).unwrap();
    sessions.insert_all([Session { id: 12, ..session(2) }, session(6)]).unwrap();
    sessions.update(&12, |row| row.token = "token 3".into()).unwrap();
    db.transaction(|tx| {
        let sessions = H::with(&sessions, tx);
        sessions.insert(&Session { id: 14, ..session(4) })?;
        sessions.upsert(&15, || Session { id: 15, ..session(5) }, |_| unreachable!()).map(drop)
    })
    .unwrap();
    db.set_now(BEGIN);
    // But for those whose values were taken, all are there again.
    for (token, id) in [(0, 10), (1, 11), (3, 12), (4, 14), (5, 15), (6, 6), (7, 7)] {
        let found = sessions.by(Session::TOKEN).get(&*format!("token {token}")).unwrap();
        assert_eq!(found.map(|row| row.id), Some(id), "token {token}");
    }
    assert_eq!(sessions.by(Session::TOKEN).get("token 2").unwrap(), None);
    assert_eq!(verified(&sessions), (7, 7));
    let taken = sessions.insert(&Session { id: 20, ..session(7) });
    assert!(matches!(taken, Err(TableError::UniqueViolation { .. })));
}
