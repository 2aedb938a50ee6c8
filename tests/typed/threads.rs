//! Several threads on one table: unique values, moves that are seen whole, and upkeep beside writers.

mod opens;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use emdb::{Emdb, Error, Record, Table, TableError};
use emdb_testing::{Random, number};
use serde::{Deserialize, Serialize};

use crate::types::versions::{V1, V2, v1, v2};
use crate::types::{badges, indexed, plain};
use crate::verified;

/// How often each race is run; `EMDB_TABLE_ROUNDS` asks for more, or fewer.
fn rounds(default: u64) -> u64 {
    (default * number("EMDB_TABLE_ROUNDS", 10) / 10).max(1)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Seat {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    place: u32,
    #[emdb(index)]
    row: u8,
    weight: [u64; 8],
}

fn seat(id: u64, place: u32, row: u8) -> Seat {
    Seat { id, place, row, weight: [u64::from(place); 8] }
}

fn seats() -> Table<Seat> {
    Table::open(&Emdb::open_in_memory()).unwrap()
}

#[test]
fn of_threads_that_insert_one_unique_value_one_succeeds() {
    for round in 0..rounds(20) {
        let (seats, threads) = (seats(), 2 + round % 7);
        let start = Barrier::new(threads as usize);
        let mut winners: Vec<u32> = thread::scope(|scope| {
            let all: Vec<_> = (0..threads)
                .map(|thread| {
                    let (seats, start) = (seats.clone(), &start);
                    scope.spawn(move || {
                        start.wait();
                        let insert = |place: &u32| {
                            let row = seat(1000 * thread + u64::from(*place), *place, 0);
                            match thread % 3 {
                                0 => seats.insert(&row).map(drop),
                                1 => seats.try_insert(&row),
                                _ => seats.insert_all([&row]).map(drop),
                            }
                        };
                        let won = |place: &u32| match insert(place) {
                            Ok(()) => true,
                            Err(TableError::UniqueViolation { .. }) => false,
                            Err(error) => panic!("{error}"),
                        };
                        (0..50).filter(won).collect::<Vec<u32>>()
                    })
                })
                .collect();
            all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        winners.sort_unstable();
        assert!(winners.into_iter().eq(0..50));
        assert_eq!(verified(&seats), (50, 100));
    }
}

#[test]
fn automatic_keys_of_several_threads_are_all_different() {
    for _ in 0..rounds(10) {
        let seats = seats();
        let ids: Vec<u64> = thread::scope(|scope| {
            let all: Vec<_> = (0..4)
                .map(|thread| {
                    let seats = &seats;
                    scope.spawn(move || {
                        let new = |n: u32| seats.insert_new(seat(0, 1000 * thread + n, 0));
                        (0..100).map(|n| new(n).unwrap().id).collect::<Vec<u64>>()
                    })
                })
                .collect();
            all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().copied().collect::<BTreeSet<_>>().into_iter().eq(1..=400));
        assert_eq!(verified(&seats), (400, 800));
    }
}

const PLACES: u32 = 12;

/// Runs the writers to their ends, and readers at least once each and until then.
fn beside<W, R>(writers: u64, write: W, readers: u64, read: R)
where
    W: Fn(u64) + Sync,
    R: Fn(u64) + Sync,
{
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..readers {
            let (done, read) = (&done, &read);
            scope.spawn(move || {
                loop {
                    let last = done.load(Ordering::Acquire);
                    read(reader);
                    if last {
                        return;
                    }
                }
            });
        }
        // Readers end when the writers have, panicking or not.
        let ended = thread::scope(|scope| {
            let write = &write;
            let all: Vec<_> =
                (0..writers).map(|writer| scope.spawn(move || write(writer))).collect();
            all.into_iter().map(|writer| writer.join().is_ok()).collect::<Vec<_>>()
        });
        done.store(true, Ordering::Release);
        assert!(ended.into_iter().all(|ended| ended), "a writer failed");
    });
}

#[test]
fn places_that_are_swapped_in_transactions_are_never_seen_half() {
    let base = emdb_testing::seed();
    for round in 0..rounds(3) {
        let db = Emdb::open_in_memory();
        let seats = Table::<Seat>::open(&db).unwrap();
        seats.insert_all((0..PLACES).map(|n| seat(n.into(), n, n as u8 % 3))).unwrap();
        let swap = |writer: u64| {
            let mut rng = Random(base + 10 * round + writer);
            for _ in 0..150 {
                let (a, b) = (rng.below(PLACES.into()), rng.below(PLACES.into()));
                db.transaction(|tx| -> Result<(), TableError> {
                    let seats = seats.with(tx);
                    let (Some(first), Some(second)) = (seats.get(&a)?, seats.get(&b)?) else {
                        panic!("a row is gone")
                    };
                    let put = |id, place: u32| {
                        seats
                            .update(&id, |row| (row.place, row.weight) = (place, [place.into(); 8]))
                    };
                    put(a, 1000 + writer as u32)?;
                    put(b, first.place)?;
                    put(a, if a == b { first.place } else { second.place })?;
                    Ok(())
                })
                .unwrap();
                let row = rng.below(3) as u8;
                seats.update(&a, |seat| seat.row = row).unwrap();
            }
        };
        let look = |reader: u64| {
            for place in 0..PLACES {
                let found = seats.by(Seat::PLACE).get(place).unwrap();
                let found = found.unwrap_or_else(|| panic!("nobody has place {place}"));
                assert_eq!((found.place, found.weight), (place, [place.into(); 8]));
            }
            let walk = seats.by(Seat::PLACE).range(..).unwrap().map(|row| row.unwrap().place);
            assert!(walk.eq(0..PLACES));
            let walk = seats.by(Seat::PLACE).range(3..=7).unwrap().rev();
            assert!(walk.map(|row| row.unwrap().place).eq((3..=7).rev()));
            let row = (reader % 3) as u8;
            let mut ids = BTreeSet::new();
            for seat in seats.by(Seat::ROW).all(row).unwrap() {
                let seat = seat.unwrap();
                assert!(seat.row == row && ids.insert(seat.id));
            }
            let rows = seats.by(Seat::ROW).range(..).unwrap().map(|row| row.unwrap().row);
            let rows: Vec<u8> = rows.collect();
            assert!(rows.len() == PLACES as usize && rows.is_sorted());
            let places: BTreeSet<u32> =
                seats.iter().unwrap().map(|row| row.unwrap().place).collect();
            assert!(places.into_iter().eq(0..PLACES));
        };
        beside(2, swap, 2, look);
        assert_eq!(verified(&seats), (u64::from(PLACES), 2 * u64::from(PLACES)));
    }
}

#[test]
fn a_unique_value_that_rows_hand_on_is_never_had_by_two() {
    let base = emdb_testing::seed();
    for round in 0..rounds(5) {
        let seats = seats();
        seats.insert_all((0..8).map(|n| seat(n, n as u32, 0))).unwrap();
        let hand_on = |writer: u64| {
            let mut rng = Random(base + 10 * round + writer);
            for _ in 0..200 {
                // Most places are taken.
                let place = rng.below(10) as u32;
                let moved = seats.update(&rng.below(8), |row| {
                    (row.place, row.weight) = (place, [place.into(); 8]);
                });
                assert!(matches!(moved, Ok(Some(_)) | Err(TableError::UniqueViolation { .. })));
            }
        };
        let look = |_| {
            for place in 0..10 {
                let found = seats.by(Seat::PLACE).get(place).unwrap();
                assert!(
                    found.is_none_or(|row| row.place == place && row.weight[7] == u64::from(place))
                );
                assert!(seats.by(Seat::PLACE).count(place).unwrap() <= 1);
            }
            let walk = seats.by(Seat::PLACE).range(..).unwrap();
            let places: Vec<u32> = walk.map(|row| row.unwrap().place).collect();
            assert!(places.len() == 8 && places.is_sorted_by(|a, b| a < b), "{places:?}");
            assert_eq!(verified(&seats), (8, 16));
        };
        beside(4, hand_on, 2, look);
        assert_eq!(verified(&seats), (8, 16));
    }
}

fn is_refused<R>(done: &Result<R, TableError>) -> bool {
    matches!(done, Err(TableError::SchemaMismatch { .. } | TableError::SchemaNewer { .. }))
}

#[test]
fn writers_of_the_type_before_are_refused_as_soon_as_an_index_is_built() {
    for _ in 0..rounds(10) {
        let db = Emdb::open_in_memory();
        let old = Table::<plain::Person>::open(&db).unwrap();
        old.insert_many((0..1500).map(plain::person)).unwrap();
        let start = Barrier::new(3);
        let write = |writer: u64| {
            start.wait();
            for id in (0..).map(|n| 10_000 * (writer + 1) + n) {
                let done = old
                    .insert(&plain::person(id))
                    .and_then(|_| old.update(&(id % 1500), |row| row.name = format!("new {id}")))
                    .and_then(|_| old.remove(&(id - 3)));
                if is_refused(&done) {
                    return;
                }
                done.unwrap();
            }
        };
        thread::scope(|scope| {
            let write = &write;
            let writers: Vec<_> = (0..2).map(|writer| scope.spawn(move || write(writer))).collect();
            start.wait();
            let new = Table::<indexed::Person>::open(&db).unwrap();
            let (rows, entries) = verified(&new);
            assert_eq!(entries, 2 * rows);
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            assert_eq!(verified(&new), (rows, entries));
        });
    }
}

#[test]
fn rebuilding_indexes_beside_writers_leaves_them_right() {
    let base = emdb_testing::seed();
    for round in 0..rounds(3) {
        let db = Emdb::open_in_memory();
        let people = Table::<indexed::Person>::open(&db).unwrap();
        people.insert_many((0..3000).map(indexed::person)).unwrap();
        // Rows whose entries are missing, and entries whose rows are.
        let raw = people.raw();
        for id in (0..3000_u64).step_by(7) {
            raw.remove(id.to_be_bytes()).unwrap();
        }
        let write = |writer: u64| {
            let mut rng = Random(base + 10 * round + writer);
            for n in 0..300 {
                let id = 1 + rng.below(3000) / 7 * 7 + rng.below(6);
                let name = format!("{writer} {n}");
                match people.update(&id, |row| row.name = name) {
                    Ok(_) => {}
                    Err(error) => panic!("{error}"),
                }
                let id = 10_000 * (writer + 1) + n;
                people.insert(&indexed::person(id)).unwrap();
            }
        };
        let rebuild = |_| assert!(people.rebuild_indexes().is_ok());
        beside(2, write, 1, rebuild);
        people.rebuild_indexes().unwrap();
        let (rows, entries) = verified(&people);
        assert_eq!(entries, 2 * rows);
        assert_eq!(people.rebuild_indexes().unwrap(), 0);
    }
}

#[test]
fn migrating_beside_writers_leaves_rows_and_indexes_right() {
    let base = emdb_testing::seed();
    for round in 0..rounds(3) {
        let db = Emdb::open_in_memory();
        Table::<V1>::open(&db).unwrap().insert_many((0..3000).map(v1)).unwrap();
        let people = Table::<V2>::open(&db).unwrap();
        let write = |writer: u64| {
            let mut rng = Random(base + 10 * round + writer);
            for n in 0..300 {
                let id = 2 * rng.below(1500);
                match rng.below(3) {
                    0 => drop(people.remove(&id).unwrap()),
                    1 => drop(people.insert(&v2(id)).unwrap()),
                    _ => {
                        let name = format!("{writer} {n}");
                        people.update(&id, |row| row.name = name).unwrap();
                    }
                }
            }
        };
        let look = |_| {
            people.migrate().unwrap();
            assert_eq!(people.get(&7).unwrap(), Some(v2(7)));
            assert_eq!(people.by(V2::NAME).get("name 7").unwrap(), Some(v2(7)));
        };
        beside(2, write, 1, look);
        assert_eq!(people.migrate().unwrap().migrated, 0);
        for id in (1..3000).step_by(2) {
            assert_eq!(people.get(&id).unwrap(), Some(v2(id)));
        }
        let (rows, entries) = verified(&people);
        assert_eq!(entries, 2 * rows);
    }
}

#[test]
fn types_that_take_a_table_from_each_other_keep_their_indexes_right() {
    for _ in 0..rounds(5) {
        let db = Emdb::open_in_memory();
        Table::<plain::Person>::open(&db)
            .unwrap()
            .insert_many((0..600).map(plain::person))
            .unwrap();
        let check =
            |done: Result<(), TableError>| assert!(is_refused(&done) || done.is_ok(), "{done:?}");
        let take = |writer: u64| {
            for n in 0..15 {
                let id = 1000 * (writer + 1) + n;
                if writer < 2 {
                    let people = Table::<indexed::Person>::open(&db).unwrap();
                    check(people.insert(&indexed::person(id)).map(drop));
                    check(people.verify().map(|report| assert!(report.is_ok())));
                } else {
                    let people = Table::<badges::Person>::open(&db).unwrap();
                    check(people.remove(&(id % 600)).map(drop));
                    check(people.verify().map(|report| assert!(report.is_ok())));
                }
            }
        };
        beside(4, take, 0, |_| ());
        let people = Table::<indexed::Person>::open(&db).unwrap();
        let (rows, entries) = verified(&people);
        assert_eq!(entries, 2 * rows);
    }
}

#[test]
fn a_namespace_that_is_dropped_beside_opens_is_refused_or_begins_anew() {
    for _ in 0..rounds(5) {
        let db = Emdb::open_in_memory();
        let work = |writer: u64| {
            for n in 0..60 {
                if writer == 0 {
                    db.drop_namespace("people").unwrap();
                    continue;
                }
                let done = Table::<indexed::Person>::open(&db).and_then(|people| {
                    people.insert(&indexed::person(100 * writer + n))?;
                    people.by(indexed::Person::NAME).get("person 101")?;
                    people.verify()
                });
                match done {
                    Ok(report) => assert!(report.is_ok(), "{:?}", report.problems.first()),
                    Err(TableError::Core(Error::NamespaceDropped)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        beside(3, work, 0, |_| ());
        let people = Table::<indexed::Person>::open(&db).unwrap();
        people.insert(&indexed::person(7)).unwrap();
        let (rows, entries) = verified(&people);
        assert_eq!(entries, 2 * rows);
    }
}

/// Fails if `work` doesn't end; its thread is left behind then.
fn ends(work: impl FnOnce() + Send + 'static) {
    let (sender, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        work();
        drop(sender);
    });
    let waited = ended.recv_timeout(Duration::from_secs(20));
    assert_eq!(waited, Err::<(), _>(mpsc::RecvTimeoutError::Disconnected), "it waits for ever");
    thread.join().unwrap();
}

#[test]
fn an_open_in_a_transaction_does_not_wait_for_a_build_that_waits_for_the_transaction() {
    let db = Emdb::open_in_memory();
    let old = Table::<plain::Person>::open(&db).unwrap();
    old.insert_many((0..2500).map(plain::person)).unwrap();
    ends(move || {
        let (built, is_built) = mpsc::channel();
        let (entered, is_entered) = mpsc::channel();
        let other = db.clone_handle();
        let opener = thread::spawn(move || {
            is_built.recv().unwrap();
            other.transaction(|_| {
                entered.send(()).unwrap();
                // Refused or not, it has to come back.
                let _ = Table::<indexed::Person>::open(&other);
                Ok::<(), TableError>(())
            })
        });
        let mut first = true;
        let people = Table::<indexed::Person>::open_with(&db, |_| {
            if std::mem::take(&mut first) {
                built.send(()).unwrap();
                is_entered.recv().unwrap();
            }
            ControlFlow::Continue(())
        });
        opener.join().unwrap().unwrap();
        assert_eq!(verified(&people.unwrap()), (2500, 5000));
    });
}

#[test]
fn an_open_in_the_callback_of_a_build_does_not_wait_for_it() {
    let db = Emdb::open_in_memory();
    let old = Table::<plain::Person>::open(&db).unwrap();
    old.insert_many((0..10).map(plain::person)).unwrap();
    ends(move || {
        let people = Table::<indexed::Person>::open_with(&db, |_| {
            let _ = Table::<indexed::Person>::open(&db);
            ControlFlow::Continue(())
        });
        assert_eq!(verified(&people.unwrap()), (10, 20));
    });
}
