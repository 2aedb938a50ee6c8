//! The phases that one process runs, from the load to the deletes.

use std::path::Path;

use super::{Change, Engine};
use crate::peers::check::ensure;
use crate::peers::child::tell;
use crate::peers::engine::Outcome;
use crate::peers::figure::Figure;
use crate::peers::resources::disk_use;
use crate::row::Row;
use crate::workload::{MANY, Random, SEED, time};

const DURABLE: usize = 300;
const RANGE: usize = 100;
const MICROSECOND: f64 = 1e3;
const MILLISECOND: f64 = 1e6;

/// The rows, and which of them the phases take.
struct Plan {
    rows: Vec<Row>,
    /// Inserted one by one, after the others.
    extra: Vec<Row>,
    /// As many as there are rows.
    reads: Vec<usize>,
    starts: Vec<usize>,
    durable: Vec<usize>,
    /// The ids of some 40 % of the rows, in random order.
    changed: Vec<u64>,
}

fn rows(n: usize) -> Vec<Row> {
    (0..n as u64).map(Row::new).collect()
}

impl Plan {
    fn new(n: usize) -> Plan {
        let rows = rows(n);
        let extra = (0..DURABLE).map(|number| Row::new((n + number) as u64)).collect();
        let mut random = Random(SEED);
        let mut some = |count: usize| -> Vec<usize> {
            (0..count).map(|_| (random.next() % n as u64) as usize).collect()
        };
        let (reads, starts, durable) = (some(n), some(n / 40), some(DURABLE));
        let mut changed: Vec<u64> = some(n / 2).iter().map(|at| rows[*at].id).collect();
        changed.sort_unstable();
        changed.dedup();
        for at in (1..changed.len()).rev() {
            changed.swap(at, (random.next() % (at as u64 + 1)) as usize);
        }
        // Stays, for the reopen.
        changed.retain(|id| *id != rows[0].id);
        Plan { rows, extra, reads, starts, durable, changed }
    }

    fn read(&self) -> impl Iterator<Item = &Row> {
        self.reads.iter().map(|at| &self.rows[*at])
    }
}

pub fn run<E: Engine>(n: usize, folder: &Path) -> Outcome<()> {
    let plan = Plan::new(n);
    let table = E::open(folder)?;
    tell(Figure::RowsLoad, time(n, || table.insert_many(&plan.rows))?);
    let each = time(DURABLE, || plan.extra.iter().try_for_each(|row| table.insert_durable(row)))?;
    tell(Figure::RowDurable, each / MICROSECOND);
    lookups(&table, &plan)?;
    let starts: Vec<&Row> = plan.starts.iter().map(|at| &plan.rows[*at]).collect();
    ranges(&table, &starts, Figure::RowRange, Figure::RowRangeLent)?;
    let by_age = time(starts.len(), || {
        starts.iter().try_for_each(|row| {
            let found = table.by_age(row.age, RANGE)?;
            let right = found.len() == RANGE && found[0].age == row.age;
            ensure(right, "wrong rows of an age")
        })
    })?;
    tell(Figure::RowsByAge, by_age / MICROSECOND);
    updates(&table, &plan)?;
    tell(Figure::RowsDisk, disk_use(folder)?);
    tell(Figure::RowsDelete, time(plan.changed.len(), || table.remove_all(&plan.changed))?);
    ensure(table.get(plan.changed[0])?.is_none(), "a deleted row is there")?;
    tell(Figure::RowsClose, time(1, || table.close())? / MILLISECOND);
    Ok(())
}

fn lookups<E: Engine>(table: &E, plan: &Plan) -> Outcome<()> {
    let count = plan.reads.len();
    let owned = time(count, || {
        plan.read()
            .try_for_each(|row| ensure(table.get(row.id)?.as_ref() == Some(row), "a wrong row"))
    })?;
    tell(Figure::RowOwned, owned);
    if E::LENDS {
        let lent = time(count, || {
            plan.read().try_for_each(|row| {
                ensure(table.get_lent(row.id)? == Some(row.name.len()), "a wrong row, lent")
            })
        })?;
        tell(Figure::RowLent, lent);
    }
    if E::READS_MANY {
        let many = time(count, || {
            plan.reads.chunks(MANY).try_for_each(|part| {
                let ids: Vec<u64> = part.iter().map(|at| plan.rows[*at].id).collect();
                let found = table.get_many(&ids)?;
                let expected = part.iter().map(|at| Some(&plan.rows[*at]));
                ensure(found.iter().map(Option::as_ref).eq(expected), "wrong rows of many ids")
            })
        })?;
        tell(Figure::RowsMany, many);
    }
    let by_email = time(count, || {
        plan.read().try_for_each(|row| {
            let found = table.by_email(&row.email)?;
            ensure(found.is_some_and(|found| found.id == row.id), "a wrong row of an email")
        })
    })?;
    tell(Figure::RowByEmail, by_email);
    Ok(())
}

fn ranges<E: Engine>(table: &E, starts: &[&Row], owned: Figure, lent: Figure) -> Outcome<()> {
    let each = time(starts.len(), || {
        starts.iter().try_for_each(|row| {
            let found = table.range(row.id, RANGE)?;
            ensure(found.first() == Some(*row), "a range of wrong rows")
        })
    })?;
    tell(owned, each / MICROSECOND);
    if E::LENDS {
        let each = time(starts.len(), || {
            starts.iter().try_for_each(|row| {
                ensure(table.range_lent(row.id, RANGE)? > 0, "a range of no rows, lent")
            })
        })?;
        tell(lent, each / MICROSECOND);
    }
    Ok(())
}

fn updates<E: Engine>(table: &E, plan: &Plan) -> Outcome<()> {
    let each = time(DURABLE, || {
        plan.durable
            .iter()
            .try_for_each(|at| table.update_durable(plan.rows[*at].id, Change::Score))
    })?;
    tell(Figure::RowUpdateDurable, each / MICROSECOND);
    let changed = &plan.changed;
    let before = table.get(changed[0])?.ok_or("a row is missing")?;
    let each = time(changed.len(), || table.update_all(changed, Change::Score))?;
    tell(Figure::RowsUpdate, each);
    let each = time(changed.len(), || table.update_all(changed, Change::Age))?;
    tell(Figure::RowsUpdateIndexed, each);
    let mut expected = before;
    Change::Score.apply(&mut expected);
    Change::Age.apply(&mut expected);
    ensure(table.get(changed[0])? == Some(expected), "an update of wrong fields")
}

/// Opens what was closed, and reads one row.
pub fn reopen<E: Engine>(folder: &Path) -> Outcome<()> {
    let id = Row::new(0).id;
    let mut table = None;
    let taken = time(1, || {
        let opened = E::open(folder)?;
        ensure(opened.get(id)?.is_some_and(|row| row.id == id), "a wrong row after the reopen")?;
        table = Some(opened);
        Outcome::Ok(())
    })?;
    tell(Figure::RowsReopen, taken / MILLISECOND);
    table.map_or(Ok(()), E::close)
}

/// The same rows in the order of their ids, and ranges of them.
pub fn in_order<E: Engine>(n: usize, folder: &Path) -> Outcome<()> {
    let mut rows = rows(n);
    rows.sort_unstable_by_key(|row| row.id);
    let table = E::open(folder)?;
    tell(Figure::RowsLoadInOrder, time(n, || table.insert_many(&rows))?);
    let mut random = Random(SEED);
    let mut some = || &rows[(random.next() % n as u64) as usize];
    let starts: Vec<&Row> = (0..n / 40).map(|_| some()).collect();
    ranges(&table, &starts, Figure::RowRangeInOrder, Figure::RowRangeLentInOrder)?;
    table.close()
}
