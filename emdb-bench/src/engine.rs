//! The phases on emdb. All that is read is compared with what was written.

use std::path::Path;

use emdb::{Emdb, Error, FlushPolicy};

use crate::workload::{BATCH, DURABLE_A_THREAD, MANY, THREADS, Workload, time};

pub fn measure(workload: &Workload, folder: &Path) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let path = folder.join("emdb");
    let db = Emdb::builder().path(&path).flush_policy(FlushPolicy::Group).build()?;
    let Workload { records, order, missing, .. } = workload;
    let [durable, batches, single, threads] = workload.parts();
    let mut figures = Vec::new();
    figures.push(time(records.len(), || {
        db.insert_many(records.iter().map(|(k, v)| (k, v)))?;
        db.flush()
    })?);
    figures.push(time(durable.len(), || {
        durable.iter().try_for_each(|(k, v)| db.insert(k, v).and_then(|()| db.flush()))
    })?);
    figures.push(time(batches.len(), || {
        batches.chunks(BATCH).try_for_each(|batch| {
            db.insert_many(batch.iter().map(|(k, v)| (k, v)))?;
            db.flush()
        })
    })?);
    figures.push(time(single.len(), || single.iter().try_for_each(|(k, v)| db.insert(k, v)))?);
    db.flush()?;
    figures.push(time(threads.len(), || {
        std::thread::scope(|scope| {
            let work = threads.chunks(DURABLE_A_THREAD).map(|part| {
                let db = &db;
                scope.spawn(move || {
                    part.iter().try_for_each(|(k, v)| db.insert(k, v).and_then(|()| db.flush()))
                })
            });
            let work: Vec<_> = work.collect();
            assert_eq!(work.len(), THREADS);
            work.into_iter().try_for_each(|t| t.join().unwrap_or(Err(Error::Poisoned)))
        })
    })?);
    figures.push(time(order.len(), || {
        order.iter().try_for_each(|&i| {
            let (key, value) = &records[i as usize];
            check(db.get(key)?.as_deref() == Some(&value[..]))
        })
    })?);
    figures.push(time(order.len(), || read_in_place(&db, workload, 0))?);
    figures.extend(read_many(&db, workload)?);
    figures.push(time(missing.len(), || {
        missing.iter().try_for_each(|key| check(db.get_zerocopy(key)?.is_none()))
    })?);
    figures.push(time(2 * order.len(), || {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| read_in_place(&db, workload, order.len() / 2));
            read_in_place(&db, workload, 0)?;
            other.join().unwrap_or(Err(Error::Poisoned))
        })
    })?);
    db.close()?;
    let size = std::fs::metadata(&path)?.len() as f64;
    let written = (records.len() + workload.extra.len()) * (24 + 150);
    eprintln!("  disk use: {:.3} x the bytes written", size / written as f64);
    Ok(figures)
}

/// Many keys at once, owned and lent.
fn read_many(db: &Emdb, Workload { records, order, .. }: &Workload) -> Result<[f64; 2], Error> {
    let owned = time(order.len(), || {
        order.chunks(MANY).try_for_each(|part| {
            let found = db.get_many(part.iter().map(|&i| &records[i as usize].0))?;
            let expected = part.iter().map(|&i| &records[i as usize].1[..]);
            check(found.iter().map(|value| value.as_deref()).eq(expected.map(Some)))
        })
    })?;
    let lent = time(order.len(), || {
        order.chunks(MANY).try_for_each(|part| {
            let mut right = true;
            db.get_many_with(part.iter().map(|&i| &records[i as usize].0), |number, value| {
                let expected = &records[part[number] as usize].1;
                right &= value.is_some_and(|value| value[..8] == expected[..8]);
            })?;
            check(right)
        })
    })?;
    Ok([owned, lent])
}

fn read_in_place(db: &Emdb, workload: &Workload, start: usize) -> Result<(), Error> {
    let (late, early) = workload.order.split_at(start);
    early.iter().chain(late).try_for_each(|&i| {
        let (key, value) = &workload.records[i as usize];
        check(db.get_zerocopy(key)?.is_some_and(|v| v[..8] == value[..8]))
    })
}

fn check(right: bool) -> Result<(), Error> {
    if right { Ok(()) } else { Err(Error::KeyNotFound) }
}
