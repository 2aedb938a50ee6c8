//! Pages, aggregates and changes of random queries against a plain loop.

use std::collections::BTreeMap;

use emdb::query::Cursor;
use emdb::{Emdb, Store, Table, TableError};
use emdb_testing::Random;

use super::conditions::{Data, data};
use super::records::{Modelled, composite, loose, plain, single};
use super::{Model, Question, change, expected, query_of, question};

fn ids<T: Modelled>(rows: &[T]) -> Vec<u16> {
    rows.iter().map(|row| row.data().id).collect()
}

/// All pages forward, then all of them back.
fn check_pages<T: Modelled, S: Store>(
    table: &Table<T, S>,
    model: &Model,
    question: &Question,
    size: usize,
) -> Result<(), TableError> {
    let expected = expected::<T>(model, question);
    for index in 0..=T::INDEXES {
        let query = query_of(table, question, index);
        let (mut found, mut page) = (Vec::new(), query.page(size)?);
        assert_eq!(page.previous, None);
        let last = loop {
            found.extend(ids(&page.rows));
            let Some(next) = &page.next else { break page };
            assert_eq!(page.rows.len(), size, "{question:?}, via {index}");
            let next: Cursor = next.to_string().parse().unwrap();
            page = query.page_after(&next, size)?;
            assert!(!page.rows.is_empty() && page.previous.is_some());
        };
        assert_eq!(found, expected, "{question:?}, via {index}: {}", query.explain()?);
        let mut back = ids(&last.rows);
        let mut page = last;
        while let Some(previous) = &page.previous {
            page = query.page_before(previous, size)?;
            assert!(!page.rows.is_empty() && page.next.is_some());
            back.splice(..0, ids(&page.rows));
        }
        assert_eq!(back, expected, "{question:?}, via {index}, back");
    }
    Ok(())
}

/// The rows of a query, whichever they are.
fn rows_of<'m, T: Modelled>(model: &'m Model, question: &Question) -> Vec<&'m Data> {
    expected::<T>(model, question).iter().map(|id| &model[id]).collect()
}

fn check_aggregates<T: Modelled, S: Store>(
    table: &Table<T, S>,
    model: &Model,
    question: &Question,
) -> Result<(), TableError> {
    let rows = rows_of::<T>(model, question);
    let sum: usize = rows.iter().map(|row| usize::from(row.age)).sum();
    let mut groups = BTreeMap::<_, Vec<&Data>>::new();
    rows.iter().for_each(|row| groups.entry(row.level).or_default().push(row));
    for index in 0..=T::INDEXES {
        let query = query_of(table, question, index);
        let found = T::aggregates(&query);
        match (found.sum, u8::try_from(sum)) {
            (Ok(found), Ok(sum)) => assert_eq!(found, sum),
            (Err(TableError::Overflow { field, .. }), Err(_)) => assert_eq!(field, "age"),
            other => panic!("{other:?}"),
        }
        let mean = (!rows.is_empty()).then(|| sum as f64 / rows.len() as f64);
        assert_eq!(found.mean?, mean);
        assert_eq!(found.least?, rows.iter().map(|row| row.city.clone()).min());
        assert_eq!(found.greatest?, rows.iter().map(|row| row.nick.clone()).max());
        let of_groups = |of: fn(&[&Data]) -> u64| -> Vec<_> {
            groups.iter().map(|(level, rows)| (*level, of(rows))).collect()
        };
        assert_eq!(found.counts?, of_groups(|rows| rows.len() as u64));
        assert_eq!(found.zips?, of_groups(|rows| rows.iter().map(|row| u64::from(row.id)).sum()));
    }
    Ok(())
}

fn run<T: Modelled>(cases: u64, seed: u64) -> Result<(), TableError> {
    let mut random = Random(seed);
    for _ in 0..cases {
        let db = Emdb::open_in_memory();
        let table = Table::<T>::open(&db)?;
        let mut model = Model::new();
        for _ in 0..4 {
            change(&table, &mut model, &mut random)?;
        }
        for _ in 0..5 {
            let asked = question(&mut random);
            if T::ORDERED {
                check_aggregates(&table, &model, &asked)?;
            }
            let pages = Question { limit: None, offset: 0, ..asked };
            check_pages(&table, &model, &pages, random.below(5) as usize + 1)?;
            if random.below(2) == 0 {
                check_pages(&table.at(&db.snapshot()), &model, &pages, 3)?;
            }
        }
        for _ in 0..3 {
            let asked = question(&mut random);
            if !T::ORDERED && (asked.limit.is_some() || asked.offset > 0) && asked.sort.is_empty() {
                continue;
            }
            let chosen = expected::<T>(&model, &asked);
            let in_transaction = random.below(2) == 0;
            let removes = random.below(3) == 0;
            let index = random.below(T::INDEXES as u64 + 1) as usize;
            let changed = match (removes, in_transaction) {
                (true, false) => query_of(&table, &asked, index).delete()?,
                (true, true) => {
                    db.transaction(|tx| query_of(&table.with(tx), &asked, index).delete())?
                }
                (false, false) => query_of(&table, &asked, index).update(T::grow_older)?,
                (false, true) => db.transaction(|tx| {
                    query_of(&table.with(tx), &asked, index).update(T::grow_older)
                })?,
            };
            assert_eq!(changed, chosen.len(), "{asked:?}");
            for id in chosen {
                if removes {
                    model.remove(&id);
                } else if let Some(row) = model.get_mut(&id) {
                    row.age = (row.age + 1) % 12;
                }
            }
            let all = table.iter()?.map(|row| row.map(|row| (row.data().id, row.data().age)));
            let all: BTreeMap<_, _> = all.collect::<Result<_, _>>()?;
            assert!(
                all.iter()
                    .eq(model.iter().map(|(id, row)| (id, &row.age)).collect::<BTreeMap<_, _>>())
            );
            assert!(table.verify()?.is_ok());
        }
    }
    Ok(())
}

#[test]
fn pages_sums_and_changes_are_those_of_a_plain_loop_whichever_plan_is_taken() {
    let seed = emdb_testing::seed();
    println!("EMDB_SEED={seed}");
    let each = super::cases().div_ceil(300);
    run::<plain::Row>(each, seed).unwrap();
    run::<single::Row>(each, seed).unwrap();
    run::<composite::Row>(each, seed).unwrap();
    run::<loose::Row>(each, seed).unwrap();
}

#[test]
fn rows_that_come_and_go_between_pages_make_no_other_be_skipped_or_come_again() {
    let seed = emdb_testing::seed();
    println!("EMDB_SEED={seed}");
    let mut random = Random(seed);
    for round in 0..40 {
        let db = Emdb::open_in_memory();
        let table = Table::<single::Row>::open(&db).unwrap();
        let mut model = Model::new();
        for _ in 0..6 {
            change(&table, &mut model, &mut random).unwrap();
        }
        let asked = Question { limit: None, offset: 0, ..question(&mut random) };
        let there = model.clone();
        let query = query_of(&table, &asked, 0);
        let mut touched = std::collections::BTreeSet::new();
        let (mut seen, mut page) = (Vec::new(), query.page(3).unwrap());
        loop {
            seen.extend(ids(&page.rows));
            let Some(next) = page.next else { break };
            for _ in 0..2 {
                let row = data(&mut random);
                touched.insert(row.id);
                if round % 2 == 0 {
                    table.remove(&row.id).unwrap();
                } else {
                    emdb::Table::insert(&table, &Modelled::of(&row)).unwrap();
                }
            }
            page = query.page_after(&next, 3).unwrap();
        }
        let untouched = |ids: Vec<u16>| -> Vec<u16> {
            ids.into_iter().filter(|id| !touched.contains(id)).collect()
        };
        assert_eq!(untouched(seen), untouched(expected::<single::Row>(&there, &asked)), "{seed}");
    }
}

#[test]
fn a_cursor_is_refused_by_another_query_and_pages_with_a_limit_are() {
    let db = Emdb::open_in_memory();
    let table = Table::<single::Row>::open(&db).unwrap();
    let mut random = Random(7);
    let mut model = Model::new();
    for _ in 0..6 {
        change(&table, &mut model, &mut random).unwrap();
    }
    let query = |age: u8| table.query().filter(single::Row::age().ge(age));
    let cursor = query(1).page(1).unwrap().next.unwrap();
    assert!(query(1).page_after(&cursor, 5).is_ok());
    let refused = |result: Result<_, TableError>| {
        let error = result.map(|_: emdb::query::Page<single::Row>| ()).unwrap_err();
        assert!(matches!(error, TableError::Invalid { .. }), "{error}");
    };
    refused(query(2).page_after(&cursor, 5));
    refused(query(1).order_by(single::Row::age()).page_after(&cursor, 5));
    refused(table.query().page_before(&cursor, 5));
    refused(query(1).limit(3).page(5));
    refused(query(1).offset(3).page(5));
    refused(query(1).page(0));
    let text = cursor.to_string();
    assert!(text[1..].parse::<Cursor>().is_err() || text[1..].parse::<Cursor>().unwrap() != cursor);
}
