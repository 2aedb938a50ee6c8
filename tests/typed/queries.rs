//! Queries: random ones against a plain loop over the rows, and what single calls promise.

mod calls;
mod conditions;
mod pages;
mod records;

use std::collections::BTreeMap;

use emdb::query::Query;
use emdb::{Emdb, Store, Table, TableError};
use emdb_testing::{Random, number};

use conditions::{Condition, Data, condition, data};
use records::{Modelled, Sort, composite, loose, plain, single};

/// Queries in all; `EMDB_QUERY_CASES` asks for more, or fewer.
fn cases() -> u64 {
    number("EMDB_QUERY_CASES", 3000)
}

/// Queries of one table.
const PER_TABLE: u64 = 25;

type Model = BTreeMap<u16, Data>;

/// A query, apart from the table.
#[derive(Debug)]
struct Question {
    condition: Option<Condition>,
    sort: Vec<(Sort, bool)>,
    limit: Option<usize>,
    offset: usize,
}

fn question(random: &mut Random) -> Question {
    let sorts = [Sort::Age, Sort::City, Sort::Nick, Sort::Level, Sort::Zip, Sort::Id, Sort::Score];
    let sort = (0..random.below(3))
        .map(|_| (sorts[random.below(sorts.len() as u64) as usize], random.below(2) == 0));
    Question {
        sort: sort.collect(),
        condition: (random.below(8) > 0).then(|| condition(random, 3)),
        limit: (random.below(2) == 0).then(|| random.below(12) as usize),
        offset: if random.below(3) == 0 { random.below(6) as usize } else { 0 },
    }
}

/// The rows that a plain loop finds, by their numbers.
fn expected<T: Modelled>(model: &Model, question: &Question) -> Vec<u16> {
    let mut found: Vec<&Data> = model
        .values()
        .filter(|row| question.condition.as_ref().is_none_or(|condition| condition.holds(row)))
        .collect();
    found.sort_by(|a, b| {
        let by = question.sort.iter().map(|(sort, descending)| {
            let order = sort.compare(a, b);
            if *descending { order.reverse() } else { order }
        });
        by.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            .then_with(|| T::compare_keys(a, b))
    });
    let rows = found.into_iter().map(|row| row.id).skip(question.offset);
    rows.take(question.limit.unwrap_or(usize::MAX)).collect()
}

/// The same for a table, by a certain index or by none.
fn query_of<'t, T: Modelled, S: Store>(
    table: &'t Table<T, S>,
    question: &Question,
    index: usize,
) -> Query<'t, T, S> {
    let mut query = table.query();
    if let Some(condition) = &question.condition {
        query = query.filter(T::expr(condition));
    }
    for (sort, descending) in &question.sort {
        query = query.then_by(T::order(*sort, *descending));
    }
    if let Some(limit) = question.limit {
        query = query.limit(limit);
    }
    T::via(query.offset(question.offset), index)
}

fn check<T: Modelled, S: Store>(
    table: &Table<T, S>,
    model: &Model,
    question: &Question,
    seed: u64,
) -> Result<(), TableError> {
    let expected = expected::<T>(model, question);
    let of = |rows: Vec<T>| rows.iter().map(|row| row.data().id).collect::<Vec<_>>();
    for index in 0..=T::INDEXES {
        let query = query_of(table, question, index);
        let plan = query.explain()?;
        let context = || format!("seed {seed}, {question:?}, via {index}: {plan}");
        let mut found = of(query.to_vec()?);
        let mut expected = expected.clone();
        if !T::ORDERED && question.sort.is_empty() {
            // Any rows will do, in any order.
            let all =
                Question { limit: None, offset: 0, sort: Vec::new(), ..question_of(question) };
            let all = self::expected::<T>(model, &all);
            assert!(found.iter().all(|id| all.contains(id)), "{}", context());
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), expected.len(), "{}", context());
            expected = found.clone();
        }
        assert_eq!(found, expected, "{}", context());
        assert_eq!(query.count()?, expected.len(), "{}", context());
        assert_eq!(query.exists()?, !expected.is_empty(), "{}", context());
        let first = query.first()?.map(|row| row.data().id);
        assert_eq!(first.is_some(), !expected.is_empty(), "{}", context());
        if T::ORDERED {
            assert_eq!(first, expected.first().copied(), "{}", context());
            let ids = query.clone().select(T::lent_id).to_vec()?;
            assert_eq!(ids, expected, "{}", context());
        }
        match query.one() {
            Ok(row) => assert_eq!((row.data().id, 1), (found[0], found.len()), "{}", context()),
            Err(TableError::NotOne { several, .. }) => {
                assert_eq!(several, expected.len() > 1, "{}", context());
                assert_ne!(expected.len(), 1, "{}", context());
            }
            Err(error) => return Err(error),
        }
        assert_eq!(query.keys()?.to_vec()?.len(), expected.len(), "{}", context());
    }
    Ok(())
}

fn question_of(question: &Question) -> Question {
    Question { condition: question.condition.clone(), sort: Vec::new(), limit: None, offset: 0 }
}

/// Some rows come, change and go.
fn change<T: Modelled, S: emdb::StoreMut>(
    table: &Table<T, S>,
    model: &mut Model,
    random: &mut Random,
) -> Result<(), TableError> {
    for _ in 0..random.below(20) {
        let row = data(random);
        if random.below(4) == 0 {
            if let Some(row) = model.remove(&row.id) {
                table.remove(&T::of(&row).key())?;
            }
        } else {
            if let Some(former) = model.insert(row.id, row.clone()) {
                table.remove(&T::of(&former).key())?;
            }
            table.insert(&T::of(&row))?;
        }
    }
    Ok(())
}

fn run<T: Modelled>(cases: u64, seed: u64) -> Result<(), TableError> {
    let mut random = Random(seed);
    let mut left = cases;
    while left > 0 {
        let db = Emdb::open_in_memory();
        let table = Table::<T>::open(&db)?;
        let mut model = Model::new();
        let rounds = random.below(4) + 1;
        for _ in 0..rounds {
            change(&table, &mut model, &mut random)?;
        }
        let (before, snapshot) = (model.clone(), db.snapshot());
        change(&table, &mut model, &mut random)?;
        for _ in 0..PER_TABLE.min(left) {
            let question = question(&mut random);
            check(&table, &model, &question, seed)?;
            if left.is_multiple_of(3) {
                check(&table.at(&snapshot), &before, &question, seed)?;
            }
            left -= 1;
        }
        let mut staged = model.clone();
        db.transaction(|tx| {
            let table = table.with(tx);
            change(&table, &mut staged, &mut random)?;
            for _ in 0..5 {
                check(&table, &staged, &question(&mut random), seed)?;
            }
            Ok::<_, TableError>(())
        })?;
        assert!(table.verify()?.is_ok());
    }
    Ok(())
}

#[test]
fn every_answer_is_that_of_a_plain_loop_whichever_plan_is_taken() {
    let seed = emdb_testing::seed();
    let each = cases().div_ceil(4);
    run::<plain::Row>(each, seed).unwrap();
    run::<single::Row>(each, seed).unwrap();
    run::<composite::Row>(each, seed).unwrap();
    run::<loose::Row>(each, seed).unwrap();
}
