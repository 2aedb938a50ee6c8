//! Rows that expire, with their entries.

use std::time::Duration;

use emdb::{Emdb, Record, Table, TableError, Ttl};
use emdb_core::internal::{ManualClock, with_clock};
use serde::{Deserialize, Serialize};

use crate::verified;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(ttl = "1s")]
struct Session {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    token: String,
    #[emdb(index)]
    user: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Login {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    user: u8,
}

fn session(id: u64) -> Session {
    Session { id, token: format!("token {id}"), user: (id % 2) as u8 }
}

fn with_sessions() -> (Emdb, ManualClock, Table<Session>) {
    let clock = ManualClock::new(1000);
    let builder = Emdb::builder().default_ttl(Duration::from_millis(50));
    let db = with_clock(builder, clock.clone()).build().unwrap();
    let sessions = Table::open(&db).unwrap();
    (db, clock, sessions)
}

#[test]
fn each_way_of_inserting_begins_the_time_to_live_anew_and_an_update_does_not() {
    let (db, clock, sessions) = with_sessions();
    let expiry = |id: u64| sessions.expires_at(&id).unwrap();
    sessions.insert(&session(1)).unwrap();
    assert_eq!(expiry(1), Some(2000));
    clock.set(1500);
    sessions.update(&1, |row| row.token = "other".into()).unwrap();
    sessions.upsert(&1, || unreachable!(), |row| row.user = 9).unwrap();
    assert_eq!(expiry(1), Some(2000));
    sessions.try_insert(&session(2)).unwrap();
    sessions.insert_many([session(3), session(1)]).unwrap();
    sessions.insert_all([session(4)]).unwrap();
    sessions.upsert(&5, || session(5), |_| unreachable!()).unwrap();
    db.transaction(|tx| sessions.with(tx).insert(&session(6))).unwrap();
    assert!((1..=6).all(|id| expiry(id) == Some(2500)));
    assert_eq!(verified(&sessions), (6, 12));
}

#[test]
fn a_time_to_live_of_its_own_comes_before_the_types_and_the_default_is_that() {
    let (_db, clock, sessions) = with_sessions();
    sessions.insert_with_ttl(&session(1), Ttl::None).unwrap();
    sessions.insert_with_ttl(&session(2), Ttl::Default).unwrap();
    sessions.insert_with_ttl(&session(3), Ttl::ExpiresAt(7000)).unwrap();
    let expiries = [1, 2, 3].map(|id: u64| sessions.expires_at(&id).unwrap());
    assert_eq!(expiries, [None, Some(2000), Some(7000)]);
    clock.set(7000);
    assert_eq!(verified(&sessions), (1, 2));
}

#[test]
fn a_type_without_a_time_to_live_has_the_databases() {
    let (db, clock, _) = with_sessions();
    let logins = Table::<Login>::open(&db).unwrap();
    logins.insert(&Login { id: 1, user: 7 }).unwrap();
    clock.set(1049);
    assert!(matches!(
        logins.insert(&Login { id: 2, user: 7 }),
        Err(TableError::UniqueViolation { .. })
    ));
    clock.set(1050);
    logins.insert(&Login { id: 2, user: 7 }).unwrap();
    assert_eq!(logins.by(Login::USER).get(7).unwrap().unwrap().id, 2);
    assert_eq!(verified(&logins), (1, 1));
}

#[test]
fn an_expired_row_gives_its_key_and_its_unique_values_free() {
    for sweeps in [false, true] {
        let (db, clock, sessions) = with_sessions();
        sessions.insert_many((0..10).map(session)).unwrap();
        clock.set(2000);
        if sweeps {
            db.sweep_expired();
        }
        assert_eq!(sessions.len().unwrap(), if sweeps { 0 } else { 10 });
        assert_eq!(sessions.by(Session::TOKEN).get("token 1").unwrap(), None);
        assert_eq!(sessions.by(Session::USER).count(1).unwrap(), 0);
        assert_eq!(sessions.update(&1, |_| unreachable!()).unwrap(), None);
        assert_eq!(sessions.remove(&1).unwrap(), None);
        sessions.try_insert(&Session { id: 1, ..session(2) }).unwrap();
        sessions.insert(&Session { id: 50, ..session(1) }).unwrap();
        assert_eq!(verified(&sessions), (2, 4));
        db.sweep_expired();
        assert_eq!(verified(&sessions), (2, 4));
        assert_eq!(sessions.len().unwrap(), 2);
        assert_eq!(sessions.by(Session::TOKEN).get("token 2").unwrap().unwrap().id, 1);
    }
}

#[test]
fn walks_that_began_before_see_rows_that_expire_meanwhile() {
    let (db, clock, sessions) = with_sessions();
    sessions.insert_many((0..10).map(session)).unwrap();
    let walks = (sessions.iter().unwrap(), sessions.by(Session::USER).range(..).unwrap());
    let snapshot = db.snapshot();
    clock.set(2000);
    db.sweep_expired();
    let ids = |row: Result<Session, TableError>| row.unwrap().id;
    assert_eq!(walks.0.map(ids).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(walks.1.map(ids).collect::<Vec<_>>(), [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    assert_eq!(sessions.at(&snapshot).by(Session::TOKEN).get("token 3").unwrap(), Some(session(3)));
    assert_eq!(sessions.iter().unwrap().count(), 0);
}

mod with_an_earlier_clock {
    //! The clock goes back between two opens, by a little or to its beginning; the open before ended
    //! well, or did not, or had rewritten the file.

    use std::path::Path;

    use super::*;

    const LATE: u64 = 10_000_000;

    #[derive(Debug, Clone, Copy)]
    enum End {
        Closed,
        Killed,
        Compacted,
        BackedUp,
    }

    fn open(path: &Path, clock: &ManualClock) -> (Emdb, Table<Session>) {
        let db = with_clock(Emdb::builder().path(path), clock.clone()).build().unwrap();
        let sessions = Table::open(&db).unwrap();
        (db, sessions)
    }

    /// Each way for the open before to end, and each clock that the next one begins with.
    fn each(
        mut check: impl FnMut(&dyn Fn(&dyn Fn(&Table<Session>)) -> (Emdb, Table<Session>), End),
    ) {
        for end in [End::Closed, End::Killed, End::Compacted, End::BackedUp] {
            for later in [LATE - 1, LATE - 1000, LATE - 3_600_000, 0] {
                check(&|live| reopened(end, later, live), end);
            }
        }
    }

    /// The database after it was used by `live` at a time at which its first rows had expired, and
    /// opened again with the clock at `later`.
    fn reopened(end: End, later: u64, live: &dyn Fn(&Table<Session>)) -> (Emdb, Table<Session>) {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.emdb"), folder.path().join("b.emdb"));
        let clock = ManualClock::new(LATE - 1000);
        let (db, sessions) = open(&path, &clock);
        sessions.insert_many((0..5).map(session)).unwrap();
        clock.set(LATE);
        live(&sessions);
        let path = match end {
            End::Closed => path,
            End::Compacted => {
                db.compact().unwrap();
                path
            }
            End::Killed => {
                std::fs::copy(&path, &other).unwrap();
                other
            }
            End::BackedUp => {
                db.backup_to(&other).unwrap();
                other
            }
        };
        drop((db, sessions));
        open(&path, &ManualClock::new(later))
    }

    #[test]
    fn a_unique_value_stays_with_the_row_that_took_it() {
        each(|reopened, end| {
            let (_db, sessions) = reopened(&|sessions| {
                sessions.insert(&Session { id: 10, ..session(1) }).unwrap();
            });
            let found = sessions.by(Session::TOKEN).get("token 1").unwrap();
            assert_eq!(found.map(|row| row.id), Some(10), "{end:?}");
            assert_eq!(sessions.get(&1).unwrap(), None, "{end:?}");
            assert_eq!(verified(&sessions), (1, 2), "{end:?}");
        });
    }

    #[test]
    fn what_was_seen_expired_before_a_commit_stays_expired() {
        each(|reopened, end| {
            let (_db, sessions) = reopened(&|sessions| {
                assert_eq!(sessions.get(&1).unwrap(), None);
                sessions.insert(&session(20)).unwrap();
            });
            let rows = sessions.iter().unwrap().map(|row| row.unwrap().id);
            assert_eq!(rows.collect::<Vec<_>>(), [20], "{end:?}");
            assert_eq!(verified(&sessions), (1, 2), "{end:?}");
        });
    }
}
