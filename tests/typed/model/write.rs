//! Random writes, on the table and on the model.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use emdb::{TableError, Ttl};
use emdb_testing::Random;

use super::rows::{Modelled, Stored};
use super::seam::{Result, Writes};
use super::{is_live, live};

/// The outcome of a write by the model; the error is that a unique value is taken.
type Outcome<R> = std::result::Result<R, ()>;

/// A write on the model: nothing is changed if a unique value is taken.
fn put<T: Modelled>(
    stored: &mut Stored<T>,
    now: u64,
    row: &T,
    expiry: Option<u64>,
) -> Outcome<Option<T>> {
    let key = row.key();
    let taken = |(other, (there, until)): (&T::Key, &(T, Option<u64>))| {
        *other != key && is_live(*until, now) && there.collides(row)
    };
    if stored.iter().any(taken) {
        return Err(());
    }
    // What has expired and had one of the values goes for good.
    stored.retain(|other, (there, _)| *other == key || !there.collides(row));
    let former = stored.insert(key, (row.clone(), expiry));
    Ok(former.filter(|(_, until)| is_live(*until, now)).map(|(row, _)| row))
}

/// Rows that come together: each is judged by what is there at the end, and of several with one key
/// the last stays.
fn put_together<T: Modelled>(stored: &mut Stored<T>, now: u64, rows: &[T]) -> Outcome<()> {
    let last: BTreeMap<T::Key, usize> =
        rows.iter().enumerate().map(|(at, row)| (row.key(), at)).collect();
    stored.retain(|key, _| !last.contains_key(key));
    let mut staying = rows.iter().enumerate().filter(|(at, row)| last[&row.key()] == *at);
    staying.try_for_each(|(_, row)| put(stored, now, row, row.until()).map(drop))
}

#[track_caller]
fn same<R: PartialEq + Debug>(found: Result<R>, expected: Outcome<R>) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(TableError::UniqueViolation { .. }), Err(())) => {}
        (found, expected) => panic!("found {found:?}, expected {expected:?}"),
    }
}

/// One random write, on the table and on the model.
pub(crate) fn write<T: Modelled, W: Writes<T>>(
    table: &W,
    stored: &mut Stored<T>,
    now: u64,
    rng: &mut Random,
) -> Result<()> {
    let row = T::random(rng, now);
    let key = row.key();
    let there = stored.get(&key).filter(|(_, until)| is_live(*until, now)).cloned();
    match rng.below(100) {
        0..25 => same(table.put(&row), put(stored, now, &row, row.until())),
        25..33 => {
            let (ttl, expiry) = match rng.below(4) {
                0 => (Ttl::None, None),
                // Expired from the start.
                1 => (Ttl::ExpiresAt(now), Some(now)),
                _ => (Ttl::Duration(Duration::from_millis(40)), Some(now + 40)),
            };
            same(table.put_with_ttl(&row, ttl), put(stored, now, &row, expiry));
        }
        33..45 => match (table.try_put(&row), there) {
            (Err(TableError::Occupied { .. }), Some(_)) => {}
            (done, None) => same(done, put(stored, now, &row, row.until()).map(drop)),
            (done, there) => panic!("{done:?} where there was {there:?}"),
        },
        45..60 => several(table, stored, now, rng),
        60..75 => {
            let mut change = rng.clone();
            rng.next();
            let expected = there.map(|(mut row, until)| {
                row.vary(&mut change.clone(), now);
                let until = row.until_after(until);
                put(stored, now, &row, until).map(|_| row)
            });
            same(table.change(&key, |row| row.vary(&mut change, now)), expected.transpose());
        }
        75..85 => change_or_put(table, stored, now, row, there, rng),
        85..96 => {
            assert_eq!(table.take(&key)?, there.as_ref().map(|(row, _)| row.clone()));
            if there.is_some() {
                stored.remove(&key);
            }
        }
        96..99 => keep(table, stored, now, rng)?,
        _ => {
            table.empty()?;
            stored.clear();
        }
    }
    Ok(())
}

/// Up to six rows in one call: all of them, or none. In a chunk they come one after the other.
fn several<T: Modelled, W: Writes<T>>(
    table: &W,
    stored: &mut Stored<T>,
    now: u64,
    rng: &mut Random,
) {
    let count = rng.below(7) as usize;
    let rows: Vec<T> = (0..count).map(|_| T::random(rng, now)).collect();
    let mut after = stored.clone();
    let (done, fits) = if rng.below(2) == 0 {
        (table.put_all(&rows), put_together(&mut after, now, &rows).is_ok())
    } else {
        let each = rows.iter().all(|row| put(&mut after, now, row, row.until()).is_ok());
        (table.put_many(&rows), each)
    };
    same(done, if fits { Ok(count) } else { Err(()) });
    if fits {
        *stored = after;
    }
}

/// Changes the row that is there, or else puts this one.
fn change_or_put<T: Modelled, W: Writes<T>>(
    table: &W,
    stored: &mut Stored<T>,
    now: u64,
    row: T,
    there: Option<(T, Option<u64>)>,
    rng: &mut Random,
) {
    let mut change = rng.clone();
    rng.next();
    let key = row.key();
    let (mut after, until) = match there {
        Some((row, until)) => (row, Some(until)),
        None => (row.clone(), None),
    };
    if until.is_some() {
        after.vary(&mut change.clone(), now);
    }
    let until = until.map_or(after.until(), |until| after.until_after(until));
    let expected = put(stored, now, &after, until).map(|_| after);
    let done = table.change_or_put(&key, row, |row| row.vary(&mut change, now));
    same(done, expected);
}

/// Removes some rows, and looks at all.
fn keep<T: Modelled, W: Writes<T>>(
    table: &W,
    stored: &mut Stored<T>,
    now: u64,
    rng: &mut Random,
) -> Result<()> {
    // Rows that have expired are not asked for.
    let (mut seen, mut gone) = (Vec::new(), Vec::new());
    table.keep(|row| {
        seen.push(row.key());
        let keep = rng.below(8) > 0;
        gone.extend((!keep).then(|| row.key()));
        keep
    })?;
    seen.sort();
    assert!(seen.into_iter().eq(live(stored, now).iter().map(T::key)));
    gone.iter().for_each(|key| drop(stored.remove(key)));
    Ok(())
}
