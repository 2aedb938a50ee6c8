//! Rows that go because a function says so, and what others write meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

#[test]
fn rows_go_with_their_entries() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..100);
    users.retain(|user| user.id < 10).unwrap();
    assert_eq!(users.by(User::TAGS).count("all").unwrap(), 10);
    assert!(users.verify().unwrap().is_ok());
}

/// Calls `write` when `keep` is asked for the first time.
fn once(write: impl FnOnce()) -> impl FnMut(&User) -> bool {
    let mut write = Some(write);
    move |user| {
        if let Some(write) = write.take() {
            write();
        }
        user.id < 10
    }
}

#[test]
fn rows_that_are_written_meanwhile_are_looked_at_again() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..100);
    let write = || {
        // One that was to go and another that takes its unique values; one that comes and is to go.
        users.remove(&60).unwrap();
        users.insert(&User { id: 7, ..user(60) }).unwrap();
        users.insert(&user(200)).unwrap();
        users.insert(&User { age: 70, ..user(3) }).unwrap();
    };
    users.retain(once(write)).unwrap();
    assert_eq!(ids(users.iter().unwrap()), (0..10).collect::<Vec<_>>());
    assert_eq!(users.by(User::EMAIL).get("user60@example.org").unwrap().unwrap().id, 7);
    assert_eq!(users.get(&3).unwrap().unwrap().age, 70);
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn a_table_that_is_cleared_or_compacted_meanwhile_is_looked_at_again() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..100);
    users.retain(once(|| db.compact().unwrap())).unwrap();
    assert_eq!(users.len().unwrap(), 10);
    let fill = || {
        users.clear().unwrap();
        users.insert_all((5..15).map(user)).unwrap();
    };
    users.retain(once(fill)).unwrap();
    assert_eq!(ids(users.iter().unwrap()), [5, 6, 7, 8, 9]);
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn a_write_in_every_call_does_not_keep_it_from_its_end() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..20);
    let mut refused = 0;
    let keep = |row: &User| {
        let done = users.insert(&User { age: row.age + 1, ..user(row.id) });
        refused += usize::from(matches!(done, Err(TableError::Core(Error::TransactionActive))));
        row.id < 10
    };
    users.retain(keep).unwrap();
    assert!(refused > 0);
    assert_eq!(users.len().unwrap(), 10);
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn all_go_at_once_to_whoever_inserts_meanwhile() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..500);
    let stop = AtomicBool::new(false);
    let last = thread::scope(|s| {
        let writer = s.spawn(|| {
            let mut id = 1000;
            while !stop.load(Ordering::Relaxed) {
                users.insert(&user(id)).unwrap();
                id += 1;
            }
            id
        });
        while users.get(&1005).unwrap().is_none() {
            thread::yield_now();
        }
        users.retain(|user| user.id < 10).unwrap();
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    // Up to one moment.
    let left = ids(users.range(10..).unwrap());
    let first = left.first().copied().unwrap_or(last);
    assert!(first > 1005 && left == (first..last).collect::<Vec<_>>(), "{first} to {last}");
    assert!(users.verify().unwrap().is_ok());
}

#[cfg(feature = "ttl")]
#[test]
fn a_row_that_expires_meanwhile_takes_no_entry_of_another_one_along() {
    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};
    let clock = ManualClock::new(1000);
    let db = with_clock(Emdb::builder(), clock.clone()).build().unwrap();
    let users = filled(&db, 0..20);
    users.insert_with_ttl(&user(50), Ttl::ExpiresAt(2000)).unwrap();
    let take_over = || {
        clock.set(3000);
        users.insert(&User { id: 9, ..user(50) }).unwrap();
    };
    users.retain(once(take_over)).unwrap();
    assert_eq!(users.by(User::EMAIL).get("user50@example.org").unwrap().unwrap().id, 9);
    assert!(users.verify().unwrap().is_ok());
}
