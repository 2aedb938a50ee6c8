//! Random programs: the same answers in both backends, and those of a map.

use std::collections::BTreeMap;
use std::fmt::Debug;

use emdb_typed::backend::StoreMut;
use emdb_typed::{Table, TableError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::harness::{BEGIN, Embedded, Harness, verified};
use crate::memory::Memory;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed", namespace = "rows")]
struct Row {
    #[emdb(key)]
    id: u8,
    #[emdb(unique(sparse))]
    code: Option<u8>,
    #[emdb(index)]
    size: u8,
    #[emdb(index(each))]
    tags: Vec<u8>,
    #[emdb(expires_at)]
    until: Option<u64>,
}

#[derive(Debug, Clone)]
enum Call {
    Insert(Row),
    TryInsert(Row),
    InsertAll(Vec<Row>),
    Update(u8, u8),
    /// With what it changes, and whether it refuses then.
    TryUpdate(u8, Option<u8>, bool),
    Remove(u8),
    Retain(u8),
    Clear,
    Get(u8),
    Code(u8),
    Size(u8, u8),
    Tag(u8),
    Range(u8, u8),
    Page(Option<u8>, usize),
}

#[derive(Debug, Clone)]
enum Step {
    Call(Call),
    /// Calls in a transaction, and whether it is committed.
    Transaction(Vec<Call>, bool),
    Wait(u64),
}

fn row() -> impl Strategy<Value = Row> {
    let tags = proptest::collection::vec(0..4_u8, 0..3);
    let until = proptest::option::weighted(0.2, BEGIN..BEGIN + 100);
    (0..20_u8, proptest::option::of(0..10_u8), 0..4_u8, tags, until)
        .prop_map(|(id, code, size, tags, until)| Row { id, code, size, tags, until })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => row().prop_map(Call::Insert),
        2 => row().prop_map(Call::TryInsert),
        2 => proptest::collection::vec(row(), 0..20).prop_map(Call::InsertAll),
        2 => (0..20_u8, 0..4_u8).prop_map(|(id, size)| Call::Update(id, size)),
        2 => (0..20_u8, proptest::option::of(0..10_u8), any::<bool>())
            .prop_map(|(id, code, refuse)| Call::TryUpdate(id, code, refuse)),
        2 => (0..20_u8).prop_map(Call::Remove),
        1 => (0..4_u8).prop_map(Call::Retain),
        1 => Just(Call::Clear),
        2 => (0..20_u8).prop_map(Call::Get),
        2 => (0..10_u8).prop_map(Call::Code),
        2 => (0..4_u8, 0..4_u8).prop_map(|(from, to)| Call::Size(from, to)),
        2 => (0..4_u8).prop_map(Call::Tag),
        2 => (0..20_u8, 0..20_u8).prop_map(|(from, to)| Call::Range(from, to)),
        1 => (proptest::option::of(0..20_u8), 0..5_usize).prop_map(|(a, n)| Call::Page(a, n)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let calls = proptest::collection::vec(call(), 0..8);
    prop_oneof![
        8 => call().prop_map(Step::Call),
        2 => (calls, any::<bool>()).prop_map(|(calls, commit)| Step::Transaction(calls, commit)),
        1 => (0..30_u64).prop_map(Step::Wait),
    ]
}

/// The answer to a call, as text; of an error, which it is.
fn text(answer: Result<impl Debug, TableError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

fn answer<S: StoreMut>(rows: &Table<Row, S>, call: &Call) -> String {
    let both_ways = |found: Vec<Row>, mut back: Vec<Row>| {
        back.reverse();
        assert_eq!(found, back);
        found
    };
    match call.clone() {
        Call::Insert(row) => text(rows.insert(&row)),
        Call::TryInsert(row) => text(rows.try_insert(&row)),
        Call::InsertAll(all) => text(rows.insert_all(all)),
        Call::Update(id, size) => text(rows.update(&id, |row| row.size = size)),
        Call::TryUpdate(id, code, refuse) => text(rows.try_update(&id, |row| {
            let former = std::mem::replace(&mut row.code, code);
            if refuse { Err(emdb_core::Error::Cancelled.into()) } else { Ok(former) }
        })),
        Call::Remove(id) => text(rows.remove(&id)),
        Call::Retain(size) => text(rows.retain(|row| row.size != size)),
        Call::Clear => text(rows.clear()),
        Call::Get(id) => text(rows.get(&id)),
        Call::Code(code) => text(rows.by(Row::CODE).get(code)),
        Call::Size(from, to) => text((|| {
            let walk = || rows.by(Row::SIZE).range(from..=to);
            let found = walk()?.collect::<Result<Vec<_>, _>>()?;
            Ok(both_ways(found, walk()?.rev().collect::<Result<_, _>>()?))
        })()),
        Call::Tag(tag) => text(rows.by(Row::TAGS).count(tag)),
        Call::Range(from, to) => text((|| {
            let found = rows.range(from..to)?.collect::<Result<Vec<_>, _>>()?;
            Ok(both_ways(found, rows.range(from..to)?.rev().collect::<Result<_, _>>()?))
        })()),
        Call::Page(after, limit) => text(rows.page(after.as_ref(), limit)),
    }
}

/// All answers of a program, and what is there at its end.
fn run<H: Harness>(steps: &[Step]) -> (Vec<String>, Vec<Row>) {
    let db = H::new();
    let rows = db.open::<Row>();
    let (mut answers, mut now) = (Vec::new(), BEGIN);
    for step in steps {
        match step {
            Step::Call(call) => answers.push(answer(&rows, call)),
            Step::Wait(ms) => {
                now += ms;
                db.set_now(now);
            }
            Step::Transaction(calls, commit) => {
                let done = db.transaction(|tx| {
                    let rows = H::with(&rows, tx);
                    answers.extend(calls.iter().map(|call| answer(&rows, call)));
                    if *commit { Ok(()) } else { Err(emdb_core::Error::Cancelled.into()) }
                });
                assert_eq!(done.is_ok(), *commit);
            }
        }
        verified(&rows);
    }
    (answers, rows.iter().unwrap().collect::<Result<_, _>>().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn both_backends_give_the_same_answers(steps in proptest::collection::vec(step(), 0..60)) {
        prop_assert_eq!(run::<Embedded>(&steps), run::<Memory>(&steps));
    }

    #[test]
    fn rows_that_come_together_are_judged_by_what_is_there_at_the_end(
        calls in proptest::collection::vec(proptest::collection::vec(row(), 0..8), 0..20),
    ) {
        let (embedded, memory) = (Embedded::new(), Memory::with_default_ttl(None));
        let (embedded, memory) = (embedded.open::<Row>(), memory.open::<Row>());
        let mut model: BTreeMap<u8, Row> = BTreeMap::new();
        for call in calls {
            let call: Vec<_> = call.into_iter().map(|row| Row { until: None, ..row }).collect();
            let mut after = model.clone();
            after.extend(call.iter().map(|row| (row.id, row.clone())));
            let mut codes: Vec<u8> = after.values().filter_map(|row| row.code).collect();
            codes.sort();
            let is_unique = codes.windows(2).all(|pair| pair[0] != pair[1]);
            prop_assert_eq!(embedded.insert_all(&call).is_ok(), is_unique);
            prop_assert_eq!(memory.insert_all(&call).is_ok(), is_unique);
            if is_unique {
                model = after;
            }
            let model: Vec<_> = model.values().cloned().collect();
            let all = |rows: Result<_, TableError>| rows.unwrap();
            prop_assert_eq!(&all(embedded.iter().unwrap().collect::<Result<Vec<_>, _>>()), &model);
            prop_assert_eq!(&all(memory.iter().unwrap().collect::<Result<Vec<_>, _>>()), &model);
            verified(&embedded);
            verified(&memory);
        }
    }

    #[test]
    fn a_table_is_a_map(rows in proptest::collection::vec(row(), 0..60)) {
        let rows: Vec<_> = rows.into_iter().map(|row| Row { until: None, ..row }).collect();
        let steps: Vec<_> = rows.iter().cloned().map(|row| Step::Call(Call::Insert(row))).collect();
        let mut model: BTreeMap<u8, Row> = BTreeMap::new();
        for row in rows {
            let other = |known: &Row| known.id != row.id && known.code == row.code;
            if row.code.is_none() || !model.values().any(other) {
                model.insert(row.id, row);
            }
        }
        let model: Vec<_> = model.into_values().collect();
        prop_assert_eq!(&run::<Memory>(&steps).1, &model);
        prop_assert_eq!(&run::<Embedded>(&steps).1, &model);
    }
}
