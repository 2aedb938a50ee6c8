//! The phases that one process runs, from the load to the removal.

use std::hint::black_box;
use std::ops::Bound;
use std::path::Path;

use super::check::{Expected, RANGE, Sum, ensure, range_starts};
use super::child::tell;
use super::engine::{Engine, Outcome, Reader};
use super::figure::Figure;
use super::resources::{Memory, bytes_written, disk_use, with_peak};
use crate::workload::{BATCH, DURABLE_A_THREAD, MANY, Workload, time};

const MICROSECOND: f64 = 1e3;
const MILLISECOND: f64 = 1e6;

pub fn run<E: Engine>(records: usize, folder: &Path) -> Outcome<()> {
    let workload = Workload::new(records);
    let mut gone = vec![false; workload.records.len()];
    let expected = Expected::new(&workload, &gone);
    let memory = Memory::begin()?;

    let engine = E::open(folder)?;
    writes(&engine, &workload)?;
    let disk = disk_use(folder)?;
    tell(Figure::Disk, disk);
    reads(&engine, &workload)?;
    scans(&engine, &workload, &expected)?;
    tell(Figure::Peak, memory.peak()?);
    tell(Figure::Anonymous, memory.anonymous()?);
    removal(&engine, &workload, &mut gone)?;
    tell(Figure::DiskRemoved, disk_use(folder)?);
    compaction(engine, &workload, &gone, folder)
}

fn writes<E: Engine>(engine: &E, workload: &Workload) -> Outcome<()> {
    let [durable, batches, single, threads] = workload.parts();
    let before = bytes_written()?;
    let load = time(1, || engine.load(&workload.records))?;
    tell(Figure::Load, load / MILLISECOND);
    tell(Figure::LoadWritten, bytes_written()? - before);
    let each = time(durable.len(), || durable.iter().try_for_each(|r| engine.write_durable(r)))?;
    tell(Figure::Durable, each / MICROSECOND);
    let all = time(1, || batches.chunks(BATCH).try_for_each(|batch| engine.batch_durable(batch)))?;
    tell(Figure::Batches, all / MILLISECOND);
    tell(Figure::Single, time(single.len(), || engine.write_unsynced(single))?);
    engine.sync()?;
    let all =
        time(1, || {
            in_threads(threads.chunks(DURABLE_A_THREAD).map(|part| {
                move || part.iter().try_for_each(|record| engine.write_durable(record))
            }))
        })?;
    tell(Figure::Threads, all / MILLISECOND);
    Ok(())
}

fn reads<E: Engine>(engine: &E, workload: &Workload) -> Outcome<()> {
    let Workload { records, order, missing, .. } = workload;
    let owned = time(order.len(), || {
        let reader = engine.reader()?;
        order.iter().try_for_each(|&number| {
            let (key, value) = &records[number as usize];
            ensure(reader.get(key)?.as_deref() == Some(&value[..]), "a wrong value")
        })
    })?;
    tell(Figure::Owned, owned);
    tell(Figure::InPlace, time(order.len(), || read_in_place(engine, workload, 0))?);
    if <E::Reader<'_> as Reader>::READS_MANY {
        read_many(engine, workload)?;
    }
    let absent = time(missing.len(), || {
        let reader = engine.reader()?;
        missing.iter().try_for_each(|key| {
            ensure(reader.get_in_place(key, |v| v.is_none())?, "a value of a key that is not there")
        })
    })?;
    tell(Figure::Missing, absent);
    let two = time(2 * order.len(), || {
        in_threads([0, order.len() / 2].map(|start| move || read_in_place(engine, workload, start)))
    })?;
    tell(Figure::TwoThreads, two);
    Ok(())
}

/// Many keys at once, owned and lent.
fn read_many<E: Engine>(engine: &E, Workload { records, order, .. }: &Workload) -> Outcome<()> {
    let keys = |part: &[u32]| -> Vec<_> { part.iter().map(|&i| &records[i as usize].0).collect() };
    let reader = engine.reader()?;
    let owned = time(order.len(), || {
        order.chunks(MANY).try_for_each(|part| {
            let found = reader.get_many(&keys(part))?;
            let expected = part.iter().map(|&i| Some(&records[i as usize].1[..]));
            ensure(found.iter().map(Option::as_deref).eq(expected), "wrong values of many keys")
        })
    })?;
    tell(Figure::ManyOwned, owned);
    let lent = time(order.len(), || {
        order.chunks(MANY).try_for_each(|part| {
            let mut right = 0;
            reader.get_many_lent(&keys(part), |number, value| {
                let expected = &records[part[number] as usize].1;
                right += usize::from(value.is_some_and(|value| value[..8] == expected[..8]));
            })?;
            ensure(right == part.len(), "wrong values of many keys, lent")
        })
    })?;
    tell(Figure::ManyLent, lent);
    Ok(())
}

fn read_in_place<E: Engine>(engine: &E, workload: &Workload, start: usize) -> Outcome<()> {
    let reader = engine.reader()?;
    let (late, early) = workload.order.split_at(start);
    early.iter().chain(late).try_for_each(|&number| {
        let (key, value) = &workload.records[number as usize];
        // As in the measurement against the limit: the first bytes, so that the value is touched.
        let right = reader.get_in_place(key, |v| v.is_some_and(|v| v[..8] == value[..8]))?;
        ensure(right, "a wrong value")
    })
}

fn scans<E: Engine>(engine: &E, workload: &Workload, expected: &Expected) -> Outcome<()> {
    let starts = &workload.order[range_starts(workload)];
    let keys = || starts.iter().map(|&number| &workload.records[number as usize].0[..]);
    let all = workload.records.len() + workload.extra.len();
    if <E::Reader<'_> as Reader>::SCANS_OWNED {
        let mut sum = Sum::default();
        let ranges = time(starts.len(), || {
            let reader = engine.reader()?;
            keys().try_for_each(|key| {
                reader.scan_owned(Bound::Included(key), RANGE, |k, v| sum.add(&k, &v))
            })
        })?;
        ensure(sum == expected.ranges, "ranges of wrong entries")?;
        tell(Figure::RangesOwned, ranges);
    }
    if <E::Reader<'_> as Reader>::SCANS_IN_PLACE {
        let mut sum = Sum::default();
        let ranges = time(starts.len(), || {
            let reader = engine.reader()?;
            keys().try_for_each(|key| {
                reader.scan_in_place(Bound::Included(key), RANGE, |k, v| sum.add(k, v))
            })
        })?;
        ensure(sum == expected.ranges, "ranges of wrong entries, in place")?;
        tell(Figure::RangesInPlace, ranges);

        let mut sum = Sum::default();
        let scan = time(all, || {
            engine.reader()?.scan_in_place(Bound::Unbounded, usize::MAX, |k, v| sum.add(k, v))
        })?;
        ensure(sum == expected.all, "a scan of wrong entries, in place")?;
        tell(Figure::ScanInPlace, scan);
    }
    if <E::Reader<'_> as Reader>::SCANS_OWNED {
        let mut sum = Sum::default();
        let scan = time(all, || {
            engine.reader()?.scan_owned(Bound::Unbounded, usize::MAX, |k, v| {
                // Kept from the optimiser: without, it could leave the vectors out.
                let (k, v) = black_box((k, v));
                sum.add(&k, &v);
            })
        })?;
        ensure(sum == expected.all, "a scan of wrong entries")?;
        tell(Figure::ScanOwned, scan);
    }
    Ok(())
}

fn compaction<E: Engine>(
    engine: E,
    workload: &Workload,
    gone: &[bool],
    folder: &Path,
) -> Outcome<()> {
    let mut engine = Some(engine);
    let mut compacted = false;
    let (taken, peak) = with_peak(|| {
        time(1, || {
            let taken = engine.take().ok_or("no engine")?;
            let (after, done) = taken.compact(folder)?;
            compacted = done;
            engine = Some(after);
            Outcome::Ok(())
        })
    })?;
    let engine = engine.ok_or("no engine")?;
    if compacted {
        tell(Figure::Compaction, taken / MILLISECOND);
        tell(Figure::CompactionPeak, peak);
    }
    if compacted && <E::Reader<'_> as Reader>::SCANS_IN_PLACE {
        let expected = Expected::new(workload, gone);
        let starts = &workload.order[range_starts(workload)];
        let mut sum = Sum::default();
        let ranges = time(starts.len(), || {
            let reader = engine.reader()?;
            starts.iter().try_for_each(|&number| {
                let key = &workload.records[number as usize].0[..];
                reader.scan_in_place(Bound::Included(key), RANGE, |k, v| sum.add(k, v))
            })
        })?;
        ensure(sum == expected.ranges, "ranges of wrong entries after the compaction")?;
        tell(Figure::RangesCompacted, ranges);
        let mut sum = Sum::default();
        let left = gone.iter().filter(|gone| !**gone).count() + workload.extra.len();
        let scan = time(left, || {
            engine.reader()?.scan_in_place(Bound::Unbounded, usize::MAX, |k, v| sum.add(k, v))
        })?;
        ensure(sum == expected.all, "a scan of wrong entries after the compaction")?;
        tell(Figure::ScanCompacted, scan);
    }
    tell(Figure::Close, time(1, || engine.close())? / MILLISECOND);
    if compacted {
        tell(Figure::DiskCompacted, disk_use(folder)?);
    }
    Ok(())
}

fn removal<E: Engine>(engine: &E, workload: &Workload, gone: &mut [bool]) -> Outcome<()> {
    // Record 0 stays: it is what a reopen reads.
    let others = workload.order.iter().filter(|&&number| number != 0);
    let half: Vec<_> = others.take(workload.order.len() / 2).copied().collect();
    let key = |number: u32| &workload.records[number as usize].0;
    let keys: Vec<_> = half.iter().map(|&number| key(number)).collect();
    tell(Figure::Removal, time(1, || engine.remove(&keys))? / MILLISECOND);

    half.iter().for_each(|&number| gone[number as usize] = true);
    let reader = engine.reader()?;
    workload.records.iter().zip(&*gone).try_for_each(|((key, _), gone)| {
        ensure(reader.get_in_place(key, |v| v.is_none())? == *gone, "a removal of wrong keys")
    })
}

/// Runs all pieces of work at once, each in a thread of its own.
fn in_threads<W>(work: impl IntoIterator<Item = W>) -> Outcome<()>
where
    W: FnOnce() -> Outcome<()> + Send,
{
    std::thread::scope(|scope| {
        let threads: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or(Err("a thread panicked".into())))
    })
}
