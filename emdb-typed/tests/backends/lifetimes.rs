//! Rows that expire.

use std::time::Duration;

use emdb_core::Ttl;
use serde::{Deserialize, Serialize};

use crate::harness::{BEGIN, Harness, verified};
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
    expired_rows_are_gone_in_transactions_and_on_snapshots_of_then
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
