//! Rows that count their writes, and are saved only if nobody else wrote them.

use std::collections::BTreeMap;
use std::thread;

use emdb::{Emdb, Record, StoreMut, Table, TableError};
use emdb_testing::{Random, seed};
use serde::{Deserialize, Serialize};

use crate::verified;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "pages", validate = Page::check)]
struct Page {
    #[emdb(key)]
    id: u32,
    #[emdb(index)]
    text: String,
    #[emdb(revision, index)]
    rev: u64,
}

impl Page {
    fn check(&self) -> Result<(), String> {
        if self.text == "bad" { Err("it is bad".into()) } else { Ok(()) }
    }
}

/// The same without an index, which some calls treat otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(unordered)]
struct Plain(#[emdb(key, auto)] u64, #[emdb(revision)] u64);

fn page(id: u32, text: &str, rev: u64) -> Page {
    Page { id, text: text.into(), rev }
}

fn pages() -> Table<Page> {
    Table::open(&Emdb::open_in_memory()).unwrap()
}

fn rev(pages: &Table<Page>, id: u32) -> u64 {
    pages.get(&id).unwrap().unwrap().rev
}

/// The stored revision of a conflict.
fn stored<R: std::fmt::Debug>(done: Result<R, TableError>) -> Option<u64> {
    match done {
        Err(TableError::Conflict { stored, .. }) => stored,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_call_that_writes_counts_whatever_the_row_says() {
    let pages = pages();
    assert_eq!(pages.insert(&page(1, "a", 77)).unwrap(), None);
    assert_eq!(rev(&pages, 1), 1);
    assert_eq!(pages.insert(&page(1, "b", 1)).unwrap(), Some(page(1, "a", 1)));
    assert_eq!(rev(&pages, 1), 2);
    pages.insert_many([page(1, "c", 0), page(1, "d", 0)]).unwrap();
    assert_eq!(rev(&pages, 1), 4);
    // One write, of the last one.
    pages.insert_all([page(1, "e", 9), page(1, "f", 9), page(2, "g", 9)]).unwrap();
    assert_eq!((rev(&pages, 1), rev(&pages, 2)), (5, 1));
    assert_eq!(pages.update(&1, |page| page.rev = 100).unwrap(), Some(page(1, "f", 6)));
    assert_eq!(pages.update_with(&1, |page| page.rev).unwrap(), Some(6));
    let refused = pages.try_update(&1, |_| Err::<(), _>(TableError::from(emdb::Error::Cancelled)));
    assert!(refused.is_err());
    assert_eq!(rev(&pages, 1), 7);
    let change = |page: &mut Page| page.text.push('!');
    assert_eq!(pages.upsert(&1, || unreachable!(), change).unwrap(), page(1, "f!", 8));
    assert_eq!(pages.upsert(&3, || page(3, "h", 5), change).unwrap(), page(3, "h", 1));
    pages.try_insert(&page(4, "i", 5)).unwrap();
    assert_eq!(rev(&pages, 4), 1);
    assert!(pages.insert(&page(1, "bad", 0)).is_err());
    assert!(pages.update(&1, |page| page.text = "bad".into()).is_err());
    assert_eq!(pages.save(&page(1, "j", 8)).unwrap(), page(1, "j", 9));
    // An index over the revision has what is stored.
    let mut found = pages.by(Page::REV).all(9).unwrap();
    assert_eq!(found.next().unwrap().unwrap(), page(1, "j", 9));
    assert_eq!(verified(&pages), (4, 8));
}

#[test]
fn a_table_without_indexes_counts_too() {
    let db = Emdb::open_in_memory();
    let rows = Table::<Plain>::open(&db).unwrap();
    assert_eq!(rows.insert_new(Plain(0, 40)).unwrap(), Plain(1, 1));
    rows.insert_many([Plain(1, 0), Plain(2, 7)]).unwrap();
    rows.insert_all([Plain(1, 0), Plain(1, 0)]).unwrap();
    assert_eq!(rows.get(&1).unwrap(), Some(Plain(1, 3)));
    assert_eq!(rows.get(&2).unwrap(), Some(Plain(2, 1)));
    assert_eq!(rows.save(&Plain(2, 1)).unwrap(), Plain(2, 2));
}

#[test]
fn a_row_is_saved_only_with_the_revision_that_is_stored() {
    let pages = pages();
    pages.insert(&page(1, "a", 0)).unwrap();
    let (mut ada, bob) = (page(1, "ada", 1), page(1, "bob", 1));
    ada = pages.save(&ada).unwrap();
    assert_eq!(ada, page(1, "ada", 2));
    let refused = pages.save(&bob).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("the revision 1, and the stored one has 2 by now"), "{message}");
    assert_eq!(stored(Err::<(), _>(refused)), Some(2));
    assert_eq!(stored(pages.save(&page(1, "x", 3))), Some(2));
    assert_eq!(pages.get(&1).unwrap(), Some(ada));
    // Nothing is made by it, and what is gone stays gone.
    assert_eq!(stored(pages.save(&page(2, "x", 0))), None);
    assert_eq!(stored(pages.save(&page(2, "x", 1))), None);
    pages.remove(&1).unwrap();
    assert_eq!(stored(pages.save(&page(1, "x", 2))), None);
    pages.insert(&page(1, "y", 0)).unwrap();
    assert_eq!(rev(&pages, 1), 1);
    assert_eq!(verified(&pages), (1, 2));
}

#[test]
fn a_transaction_counts_its_own_writes_and_keeps_none_of_a_failure() {
    let db = Emdb::open_in_memory();
    let pages = Table::<Page>::open(&db).unwrap();
    pages.insert(&page(1, "a", 0)).unwrap();
    let snapshot = db.snapshot();
    db.transaction(|tx| -> Result<(), TableError> {
        let pages = pages.with(tx);
        let row = pages.save(&page(1, "b", 1))?;
        assert_eq!(row.rev, 2);
        assert_eq!(stored(pages.save(&page(1, "c", 1))), Some(2));
        assert_eq!(pages.save(&row)?.rev, 3);
        pages.insert(&row).map(drop)
    })
    .unwrap();
    assert_eq!(rev(&pages, 1), 4);
    let failed = db.transaction(|tx| {
        pages.with(tx).save(&page(1, "d", 4))?;
        pages.with(tx).save(&page(1, "e", 4)).map(drop)
    });
    assert_eq!(stored(failed), Some(5));
    assert_eq!(rev(&pages, 1), 4);
    assert_eq!(pages.at(&snapshot).get(&1).unwrap().unwrap().rev, 1);
    assert_eq!(verified(&pages), (1, 2));
}

#[test]
fn the_largest_revision_is_not_counted_up() {
    let db = Emdb::open_in_memory();
    let rows = Table::<Plain>::open(&db).unwrap();
    rows.insert(&Plain(1, 0)).unwrap();
    let value = [1, 1, 253].into_iter().chain([0xff; 8]).collect::<Vec<u8>>();
    rows.raw().insert(1_u64.to_be_bytes(), &value).unwrap();
    assert_eq!(rows.get(&1).unwrap(), Some(Plain(1, u64::MAX)));
    let refused = [
        rows.insert(&Plain(1, 5)).map(drop),
        rows.update(&1, |_| {}).map(drop),
        rows.save(&Plain(1, u64::MAX)).map(drop),
    ];
    assert!(
        refused.iter().all(|done| matches!(done, Err(TableError::Invalid { .. }))),
        "{refused:?}"
    );
    assert_eq!(rows.get(&1).unwrap(), Some(Plain(1, u64::MAX)));
}

#[test]
fn of_threads_that_save_none_loses_what_another_wrote() {
    let pages = pages();
    pages.insert(&page(1, "0", 0)).unwrap();
    let (threads, each) = (4, 200);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut saved = 0;
                while saved < each {
                    let mut row = pages.get(&1).unwrap().unwrap();
                    row.text = (row.text.parse::<u64>().unwrap() + 1).to_string();
                    match pages.save(&row) {
                        Ok(next) => assert_eq!(next.rev, row.rev + 1),
                        Err(TableError::Conflict { stored: Some(now), .. }) => {
                            assert!(now > row.rev);
                            continue;
                        }
                        Err(error) => panic!("{error}"),
                    }
                    saved += 1;
                }
            });
        }
    });
    let writes = threads * each;
    assert_eq!(pages.get(&1).unwrap(), Some(page(1, &writes.to_string(), writes + 1)));
}

#[cfg(feature = "ttl")]
#[test]
fn an_expired_row_is_absent_and_a_touched_or_saved_one_keeps_its_time() {
    use std::time::Duration;

    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};

    let clock = ManualClock::new(1000);
    let db = with_clock(Emdb::builder(), clock.clone()).build().unwrap();
    let pages = Table::<Page>::open(&db).unwrap();
    let ttl = |ms| Ttl::Duration(Duration::from_millis(ms));
    pages.insert_with_ttl(&page(1, "a", 0), ttl(1000)).unwrap();
    pages.insert_with_ttl(&page(1, "b", 0), ttl(1000)).unwrap();
    assert_eq!(pages.save(&page(1, "c", 2)).unwrap().rev, 3);
    assert_eq!(pages.expires_at(&1).unwrap(), Some(2000));
    assert!(pages.touch(&1, ttl(2000)).unwrap());
    assert_eq!(rev(&pages, 1), 3);
    clock.set(3000);
    assert_eq!(stored(pages.save(&page(1, "d", 3))), None);
    pages.insert(&page(1, "e", 3)).unwrap();
    assert_eq!(rev(&pages, 1), 1);
    assert_eq!(verified(&pages), (1, 2));
}

/// Texts and revisions by key.
type Model = BTreeMap<u32, (String, u64)>;

/// One random call, on the table and on the model.
fn step<S: StoreMut>(pages: &Table<Page, S>, model: &mut Model, rng: &mut Random) {
    let (id, text) = (rng.below(6) as u32, rng.below(50).to_string());
    let row = page(id, &text, rng.below(5));
    let count = |model: &mut Model, row: &Page| {
        let next = model.get(&row.id).map_or(1, |(_, rev)| rev + 1);
        model.insert(row.id, (row.text.clone(), next));
        page(row.id, &row.text, next)
    };
    match rng.below(8) {
        0 => drop(pages.insert(&row).unwrap()),
        1 => {
            let others = [row.clone(), page((id + 1) % 6, &text, 0), row.clone()];
            pages.insert_all(&others).unwrap();
            others[1..].iter().for_each(|row| drop(count(model, row)));
            return;
        }
        2 => {
            pages.insert_many([&row, &row]).unwrap();
            count(model, &row);
        }
        3 => {
            let changed = pages.update(&id, |page| (page.text, page.rev) = (text, 3)).unwrap();
            assert_eq!(changed.is_some(), model.contains_key(&id));
            assert_eq!(changed, model.contains_key(&id).then(|| count(model, &row)));
            return;
        }
        4 => {
            let made = pages.upsert(&id, || row.clone(), |page| page.text = text).unwrap();
            assert_eq!(made, count(model, &row));
            return;
        }
        5 => {
            assert_eq!(pages.remove(&id).unwrap().is_some(), model.remove(&id).is_some());
            return;
        }
        // With whatever revision it says, and with the right one.
        which => {
            let known = model.get(&id).map(|(_, rev)| *rev);
            let row = Page { rev: if which == 6 { row.rev } else { known.unwrap_or(0) }, ..row };
            if known == Some(row.rev) {
                assert_eq!(pages.save(&row).unwrap(), count(model, &row));
            } else {
                assert_eq!(stored(pages.save(&row)), known);
            }
            return;
        }
    }
    count(model, &row);
}

#[test]
fn random_calls_count_as_a_map_does() {
    let mut rng = Random(seed());
    for _ in 0..40 {
        let db = Emdb::open_in_memory();
        let pages = Table::<Page>::open(&db).unwrap();
        let mut model = Model::new();
        for _ in 0..60 {
            if rng.below(4) > 0 {
                step(&pages, &mut model, &mut rng);
                continue;
            }
            let (mut within, keep) = (model.clone(), rng.below(2) == 0);
            let done = db.transaction(|tx| -> Result<(), TableError> {
                let pages = pages.with(tx);
                (0..rng.below(6)).for_each(|_| step(&pages, &mut within, &mut rng));
                if keep { Ok(()) } else { Err(emdb::Error::Cancelled.into()) }
            });
            assert_eq!(done.is_ok(), keep);
            if keep {
                model = within;
            }
        }
        let rows = pages.iter().unwrap().map(Result::unwrap);
        let found: Model = rows.map(|row| (row.id, (row.text, row.rev))).collect();
        assert_eq!(found, model);
        assert_eq!(verified(&pages), (model.len() as u64, 2 * model.len() as u64));
    }
}
