//! Times to live, by a clock that the tests set.

use std::path::Path;
use std::time::{Duration, Instant};

use emdb::{Emdb, EmdbBuilder, Error, Namespace, Ttl};
use emdb_core::internal::{ManualClock, with_clock};

use crate::common::{commit, folder};

/// The time when each test begins, in unix milliseconds.
const START: u64 = 1_000_000;

fn build(builder: EmdbBuilder) -> (Emdb, ManualClock) {
    let clock = ManualClock::new(START);
    (with_clock(builder, clock.clone()).build().unwrap(), clock)
}

fn in_memory() -> (Emdb, ManualClock) {
    build(Emdb::builder())
}

fn open(path: &Path) -> (Emdb, ManualClock) {
    build(Emdb::builder().path(path))
}

fn ms(ms: u64) -> Ttl {
    Ttl::Duration(Duration::from_millis(ms))
}

fn is_config<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

/// Asserts that no read call shows `key`.
fn assert_hidden(db: &Emdb, namespace: &Namespace, key: &str) {
    assert_eq!(namespace.get(key).unwrap(), None);
    assert!(namespace.get_zerocopy(key).unwrap().is_none());
    assert!(!namespace.contains_key(key).unwrap());
    assert!(namespace.iter().unwrap().all(|(k, _)| k != key.as_bytes()));
    assert!(namespace.keys().unwrap().all(|k| k != key.as_bytes()));
    assert!(!namespace.persist(key).unwrap());
    commit(db, |tx| {
        let part = tx.namespace(namespace);
        assert_eq!(part.get(key)?, None);
        assert!(!part.contains_key(key)?);
        assert!(part.iter()?.all(|(k, _)| k != key.as_bytes()));
        assert!(part.keys()?.all(|k| k != key.as_bytes()));
        assert_eq!(part.remove(key)?, None);
        Err::<(), _>(Error::KeyNotFound)
    })
    .unwrap_err();
}

mod insert_with_ttl {
    use super::*;

    #[test]
    fn of_a_duration_expires_after_it() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 100));
        clock.set(START + 99);
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
        clock.set(START + 100);
        assert_eq!(db.get("k").unwrap(), None);
    }

    #[test]
    fn of_a_moment_expires_then() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", Ttl::ExpiresAt(START + 5)).unwrap();
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 5));
        clock.set(START + 4);
        assert!(db.contains_key("k").unwrap());
        clock.set(START + 5);
        assert!(!db.contains_key("k").unwrap());
    }

    #[test]
    fn of_a_past_moment_is_expired_from_the_start() {
        let (db, _clock) = in_memory();
        for at in [0, 1, START] {
            db.insert_with_ttl("k", "v", Ttl::ExpiresAt(at)).unwrap();
            assert_hidden(&db, &db, "k");
        }
        db.insert_with_ttl("k", "v", ms(0)).unwrap();
        assert_hidden(&db, &db, "k");
    }

    #[test]
    fn of_none_never_expires() {
        let (db, clock) = build(Emdb::builder().default_ttl(Duration::from_millis(5)));
        db.insert_with_ttl("k", "v", Ttl::None).unwrap();
        assert_eq!(db.expires_at("k").unwrap(), None);
        clock.set(u64::MAX);
        assert!(db.contains_key("k").unwrap());
    }

    #[test]
    fn of_default_takes_the_database_s() {
        let (db, _clock) = build(Emdb::builder().default_ttl(Duration::from_millis(5)));
        db.insert_with_ttl("k", "v", Ttl::Default).unwrap();
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 5));
        let (db, _clock) = in_memory();
        db.insert_with_ttl("k", "v", Ttl::Default).unwrap();
        assert_eq!(db.expires_at("k").unwrap(), None);
        assert_eq!(Ttl::default(), Ttl::Default);
    }

    #[test]
    fn of_the_last_moment_there_is_works() {
        let (_folder, path) = folder();
        let (db, _clock) = open(&path);
        db.insert_with_ttl("k", "v", Ttl::ExpiresAt(u64::MAX)).unwrap();
        db.close().unwrap();
        let (db, _clock) = open(&path);
        assert_eq!(db.expires_at("k").unwrap(), Some(u64::MAX));
        assert!(db.contains_key("k").unwrap());
    }

    #[test]
    fn of_an_overflowing_duration_is_refused_and_nothing_is_written() {
        let (db, _clock) = in_memory();
        let before = db.stats().unwrap().logical_size_bytes;
        for much in [Duration::MAX, Duration::from_millis(u64::MAX - START + 1)] {
            let ttl = Ttl::Duration(much);
            assert!(is_config(db.insert_with_ttl("k", "v", ttl)));
            assert!(is_config(commit(&db, |tx| tx.insert_with_ttl("k", "v", ttl))));
        }
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
        let ttl = Ttl::Duration(Duration::from_millis(u64::MAX - START));
        db.insert_with_ttl("k", "v", ttl).unwrap();
    }

    #[test]
    fn replaces_value_and_expiry() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "1", ms(10)).unwrap();
        db.insert_with_ttl("k", "2", ms(20)).unwrap();
        clock.set(START + 15);
        assert_eq!(db.get("k").unwrap(), Some(b"2".to_vec()));
        db.insert("k", "3").unwrap();
        clock.set(START + 50);
        assert_eq!(db.get("k").unwrap(), Some(b"3".to_vec()));
        assert_eq!(db.len().unwrap(), 1);
    }
}

mod default_ttl {
    use super::*;

    #[test]
    fn holds_for_every_plain_write_in_every_namespace() {
        let (db, clock) = build(Emdb::builder().default_ttl(Duration::from_millis(50)));
        let other = db.namespace("other").unwrap();
        for namespace in [&*db, &other] {
            namespace.insert("insert", "v").unwrap();
            namespace.insert_many([("many 1", "v"), ("many 2", "v")]).unwrap();
            commit(&db, |tx| {
                tx.namespace(namespace).insert("tx", "v")?;
                assert_eq!(tx.namespace(namespace).expires_at("tx")?, Some(START + 50));
                tx.namespace(namespace).insert_with_ttl("tx default", "v", Ttl::Default)
            })
            .unwrap();
            for key in ["insert", "many 1", "many 2", "tx", "tx default"] {
                assert_eq!(namespace.expires_at(key).unwrap(), Some(START + 50), "{key}");
            }
        }
        clock.set(START + 50);
        assert_eq!((db.iter().unwrap().count(), other.iter().unwrap().count()), (0, 0));
        assert_eq!(db.sweep_expired(), 10);
    }

    #[test]
    fn of_an_overflowing_duration_is_refused_at_the_latest_by_the_write() {
        let builder = || Emdb::builder().default_ttl(Duration::MAX);
        match with_clock(builder(), ManualClock::new(START)).build() {
            Err(Error::InvalidConfig(_)) => {}
            Ok(db) => {
                assert!(is_config(db.insert("k", "v")));
                assert!(is_config(db.insert_many([("k", "v")])));
                assert!(is_config(commit(&db, |tx| tx.insert("k", "v"))));
                db.insert_with_ttl("k", "v", Ttl::None).unwrap();
            }
            Err(e) => panic!("{e}"),
        }
    }

    #[test]
    fn is_of_the_open_and_not_of_the_file() {
        let (_folder, path) = folder();
        let (db, _) = build(Emdb::builder().path(&path).default_ttl(Duration::from_millis(50)));
        db.insert("with", "v").unwrap();
        drop(db);
        let (db, _clock) = open(&path);
        db.insert("without", "v").unwrap();
        assert_eq!(db.expires_at("with").unwrap(), Some(START + 50));
        assert_eq!(db.expires_at("without").unwrap(), None);
    }
}

mod an_expired_record;

mod ttl_and_expires_at {
    use super::*;

    #[test]
    fn tell_what_is_left() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        assert_eq!(db.ttl("k").unwrap(), Some(Duration::from_millis(100)));
        clock.set(START + 30);
        assert_eq!(db.ttl("k").unwrap(), Some(Duration::from_millis(70)));
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 100));
    }

    #[test]
    fn are_none_for_permanent_and_absent_keys() {
        let (db, _clock) = in_memory();
        db.insert("k", "v").unwrap();
        for key in ["k", "absent"] {
            assert_eq!((db.ttl(key).unwrap(), db.expires_at(key).unwrap()), (None, None));
        }
    }

    #[test]
    fn are_zero_and_past_until_the_sweep() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        clock.set(START + 500);
        assert_eq!(db.ttl("k").unwrap(), Some(Duration::ZERO));
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 100));
        db.sweep_expired();
        assert_eq!((db.ttl("k").unwrap(), db.expires_at("k").unwrap()), (None, None));
    }
}

mod persist {
    use super::*;

    #[test]
    fn makes_a_live_record_permanent() {
        let (_folder, path) = folder();
        let (db, clock) = open(&path);
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        assert!(db.persist("k").unwrap());
        assert_eq!(db.expires_at("k").unwrap(), None);
        clock.set(START + 100);
        assert_eq!((db.get("k").unwrap(), db.sweep_expired()), (Some(b"v".to_vec()), 0));
        drop(db);
        let (db, clock) = open(&path);
        clock.set(START + 500);
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
    }

    #[test]
    fn of_a_permanent_record_is_true_and_writes_nothing() {
        let (db, _clock) = in_memory();
        db.insert("k", "v").unwrap();
        let before = db.stats().unwrap().logical_size_bytes;
        assert!(db.persist("k").unwrap());
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
    }

    #[test]
    fn does_not_revive() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        assert!(!db.persist("absent").unwrap());
        clock.set(START + 100);
        assert!(!db.persist("k").unwrap());
        assert_eq!((db.get("k").unwrap(), db.sweep_expired()), (None, 1));
    }

    #[test]
    fn lets_others_write_afterwards() {
        let (db, _clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        assert!(db.persist("k").unwrap());
        db.insert("k", "w").unwrap();
        assert!(!db.persist("absent").unwrap());
        commit(&db, |tx| tx.insert("l", "v")).unwrap();
    }
}

mod touch {
    use super::*;

    #[test]
    fn moves_the_expiry_of_a_live_record_and_leaves_its_value() {
        let (_folder, path) = folder();
        let (db, clock) = open(&path);
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        clock.set(START + 60);
        assert!(db.touch("k", ms(100)).unwrap());
        assert_eq!(db.expires_at("k").unwrap(), Some(START + 160));
        clock.set(START + 159);
        assert_eq!((db.get("k").unwrap(), db.sweep_expired()), (Some(b"v".to_vec()), 0));
        drop(db);
        let (db, clock) = open(&path);
        clock.set(START + 160);
        assert_eq!((db.get("k").unwrap(), db.sweep_expired()), (None, 1));
    }

    #[test]
    fn in_a_transaction_sees_and_joins_its_writes() {
        let (db, clock) = in_memory();
        let left = db.transaction(|tx| {
            tx.insert("k", "v")?;
            assert!(tx.touch("k", ms(100))? && !tx.touch("absent", ms(100))?);
            assert_eq!(tx.expires_at("k")?, Some(START + 100));
            Err::<(), _>(Error::KeyNotFound)
        });
        assert!(left.is_err());
        assert_eq!(db.get("k").unwrap(), None);
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        commit(&db, |tx| tx.touch("k", ms(500)).map(drop)).unwrap();
        clock.set(START + 499);
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
    }

    #[test]
    fn does_not_revive_and_writes_nothing_that_is_there() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(100)).unwrap();
        let before = db.stats().unwrap().logical_size_bytes;
        assert!(db.touch("k", ms(100)).unwrap());
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
        assert!(db.touch("k", Ttl::Duration(Duration::MAX)).is_err());
        clock.set(START + 100);
        assert!(!db.touch("k", ms(100)).unwrap());
        commit(&db, |tx| tx.touch("k", Ttl::None).map(|live| assert!(!live))).unwrap();
        assert_eq!((db.get("k").unwrap(), db.sweep_expired()), (None, 1));
    }
}

mod sweep_expired;

mod the_clock {
    use super::*;

    #[test]
    fn never_runs_backwards_within_one_open() {
        let (db, clock) = in_memory();
        db.insert_with_ttl("k", "v", ms(10)).unwrap();
        clock.set(START + 10);
        assert_eq!(db.get("k").unwrap(), None);
        clock.set(START - 500);
        assert_eq!(db.get("k").unwrap(), None);
        db.insert_with_ttl("l", "v", ms(10)).unwrap();
        assert_eq!(db.expires_at("l").unwrap(), Some(START + 20));
        assert_eq!(db.ttl("l").unwrap(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn of_the_system_serves_by_default() {
        let db = Emdb::open_in_memory();
        db.insert_with_ttl("long", "v", Ttl::Duration(Duration::from_secs(3600))).unwrap();
        db.insert_with_ttl("short", "v", ms(1)).unwrap();
        let began = Instant::now();
        while db.contains_key("short").unwrap() {
            assert!(began.elapsed() < Duration::from_secs(5));
            std::thread::yield_now();
        }
        assert!(db.contains_key("long").unwrap());
        assert!(db.ttl("long").unwrap().unwrap() > Duration::from_secs(3500));
    }
}

mod a_reopen {
    use super::*;

    #[test]
    fn keeps_expiries_in_every_namespace() {
        let (_folder, path) = folder();
        let (db, _clock) = open(&path);
        let named = db.namespace("named").unwrap();
        for namespace in [&*db, &named] {
            namespace.insert_with_ttl("k", "v", ms(10)).unwrap();
            namespace.insert_with_ttl("later", "v", ms(1000)).unwrap();
            namespace.insert_with_ttl("overwritten", "v", ms(10)).unwrap();
            namespace.insert("overwritten", "v").unwrap();
        }
        drop((db, named));
        let (db, clock) = open(&path);
        let named = db.namespace("named").unwrap();
        for namespace in [&*db, &named] {
            assert_eq!(namespace.expires_at("k").unwrap(), Some(START + 10));
            assert!(namespace.contains_key("k").unwrap());
        }
        clock.set(START + 10);
        for namespace in [&*db, &named] {
            assert_hidden(&db, namespace, "k");
            assert!(namespace.contains_key("later").unwrap());
            assert!(namespace.contains_key("overwritten").unwrap());
        }
        assert_eq!(db.sweep_expired(), 2);
        assert_eq!((db.len().unwrap(), named.len().unwrap()), (2, 2));
    }
}
