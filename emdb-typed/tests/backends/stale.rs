//! Indexes that the program makes otherwise now than when they were made, and that rows were written past.

use std::cell::Cell;
use std::cmp::Reverse;

use emdb_core::Emdb;
use emdb_typed::backend::Keyspace;
use emdb_typed::{EncodeKey, Key, KeyError, Record, Table, TableError, as_key};
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, TableOf, dump, verified, write_raw};
use crate::over_both;

/// As they are in the program of yesterday.
mod before {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Key)]
    #[emdb(crate = "emdb_typed")]
    pub struct Code(pub u8);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "tasks", crate = "emdb_typed")]
    #[emdb(index(name = "open", fields(rank), filter = Task::is_open))]
    pub struct Task {
        #[emdb(key)]
        pub id: u32,
        pub rank: u8,
        #[emdb(unique)]
        pub code: Code,
        pub state: u8,
    }

    impl Task {
        pub fn is_open(&self) -> bool {
            self.state == 0
        }
    }

    pub fn task(id: u32) -> Task {
        Task { id, rank: (id % 3) as u8, code: Code(id as u8), state: (id % 2) as u8 }
    }
}

/// As they are in the one of today: other rows are open, and codes are ordered the other way round.
mod after {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Key)]
    #[emdb(crate = "emdb_typed")]
    pub struct Code(pub Reverse<u8>);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "tasks", crate = "emdb_typed")]
    #[emdb(index(name = "open", fields(rank), filter = Task::is_open))]
    pub struct Task {
        #[emdb(key)]
        pub id: u32,
        pub rank: u8,
        #[emdb(unique)]
        pub code: Code,
        pub state: u8,
    }

    impl Task {
        pub fn is_open(&self) -> bool {
            self.state != 0
        }
    }

    pub fn task(id: u32) -> Task {
        Task { id, rank: (id % 3) as u8, code: Code(Reverse(id as u8)), state: (id % 2) as u8 }
    }
}

thread_local! {
    /// Whether the program is the one of today. It becomes that while a table is open, so that no
    /// sample at an open tells.
    static TODAY: Cell<bool> = const { Cell::new(false) };
}

fn set_today(today: bool) {
    TODAY.set(today);
}

/// A number that is ordered the other way round today.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Turned(u8);

as_key!(Turned);

impl EncodeKey for Turned {
    fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(if TODAY.get() { !self.0 } else { self.0 });
    }
}

impl Key for Turned {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        u8::decode(bytes).map(|byte| Turned(if TODAY.get() { !byte } else { byte }))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
#[emdb(index(name = "listed", fields(place), filter = Item::is_listed))]
struct Item {
    #[emdb(key)]
    id: u32,
    place: String,
    #[emdb(unique)]
    code: Turned,
    #[emdb(index)]
    rank: Turned,
}

impl Item {
    /// All of them; today those with an even number.
    fn is_listed(&self) -> bool {
        !TODAY.get() || self.id.is_multiple_of(2)
    }
}

fn item(id: u32) -> Item {
    Item { id, place: "a place".into(), code: Turned(id as u8), rank: Turned((id % 4) as u8) }
}

/// Items that were written yesterday, and the program of today.
fn items_of_yesterday<H: Harness>(db: &H, ids: std::ops::Range<u32>) -> Table<Item, TableOf<H>> {
    set_today(false);
    let items = db.open::<Item>();
    items.insert_many(ids.map(item)).unwrap();
    set_today(true);
    items
}

#[track_caller]
fn reason<T: std::fmt::Debug>(result: Result<T, TableError>, stale: &str) -> String {
    match result.unwrap_err() {
        TableError::StaleIndex { index, reason, .. } => {
            assert_eq!(index, stale);
            reason
        }
        other => panic!("{other}"),
    }
}

over_both! {
    an_open_makes_a_partial_index_anew_whose_function_means_something_else
    an_open_makes_an_index_anew_whose_key_is_ordered_otherwise
    an_open_makes_an_index_anew_that_rows_were_written_past
    an_open_that_finds_two_rows_with_one_value_says_which
    a_row_that_is_not_in_the_partial_index_any_more_is_not_given
    a_row_is_not_found_by_a_value_that_it_has_not
    a_lent_row_is_checked_too
    lent_rows_are_held_against_indexes_of_every_kind
    a_unique_value_is_not_taken_from_a_row_that_has_not_given_it
    a_value_is_not_refused_for_a_row_that_has_it_no_more
    an_index_that_disagrees_is_refused_in_a_transaction_and_on_a_snapshot
    what_is_refused_works_after_the_indexes_were_made_anew
    a_row_that_was_changed_past_the_index_is_not_given
}

fn an_open_makes_a_partial_index_anew_whose_function_means_something_else<H: Harness>() {
    let db = H::new();
    db.open::<before::Task>().insert_many((1..=9).map(before::task)).unwrap();
    let tasks = db.open::<after::Task>();
    assert_eq!(verified(&tasks), (9, 9 + 5));
    for rank in 0..3 {
        let open = tasks.by(after::Task::OPEN).all(rank).unwrap();
        let open: Vec<u32> = open.map(|task| task.unwrap().id).collect();
        let expected = (1..=9).filter(|id| id % 2 == 1 && (id % 3) as u8 == rank);
        assert_eq!(open, expected.collect::<Vec<_>>());
    }
    // And back.
    let tasks = db.open::<before::Task>();
    assert_eq!(verified(&tasks), (9, 9 + 4));
    tasks.update(&1, |task| task.state = 0).unwrap();
    assert_eq!(tasks.by(before::Task::OPEN).count(1).unwrap(), 2);
}

fn an_open_makes_an_index_anew_whose_key_is_ordered_otherwise<H: Harness>() {
    let db = H::new();
    db.open::<before::Task>().insert_many((1..=9).map(before::task)).unwrap();
    let tasks = db.open::<after::Task>();
    assert_eq!(
        tasks.by(after::Task::CODE).get(after::Code(Reverse(5))).unwrap(),
        Some(after::task(5))
    );
    let twice = tasks.insert(&after::Task { id: 77, ..after::task(5) });
    assert!(matches!(twice, Err(TableError::UniqueViolation { .. })));
    let ordered = tasks.by(after::Task::CODE).range(..).unwrap();
    let ordered: Vec<u32> = ordered.map(|task| task.unwrap().id).collect();
    assert_eq!(ordered, (1..=9).rev().collect::<Vec<_>>());
    verified(&tasks);
}

fn an_open_makes_an_index_anew_that_rows_were_written_past<H: Harness>() {
    let db = H::new();
    let tasks = db.open::<before::Task>();
    tasks.insert_many((1..=9).map(before::task)).unwrap();
    write_raw(&tasks, Keyspace::Rows, &2_u32.to_be_bytes(), None);
    let entry = dump(&tasks, Keyspace::Index(1)).remove(0);
    write_raw(&tasks, Keyspace::Index(1), &entry.0, None);
    let other = db.open::<after::Task>();
    verified(&other);
    assert_eq!(verified(&db.open::<before::Task>()).0, 8);
}

fn an_open_that_finds_two_rows_with_one_value_says_which<H: Harness>() {
    let db = H::new();
    let tasks = db.open::<before::Task>();
    tasks.insert_many((1..=3).map(before::task)).unwrap();
    // A row past the index, with the value of another one.
    let row = dump(&tasks, Keyspace::Rows).remove(0).1;
    let row = [&row[..1], b"\x07", &row[2..]].concat();
    write_raw(&tasks, Keyspace::Rows, &7_u32.to_be_bytes(), Some(&row));
    let refused = db.try_open::<after::Task>();
    assert!(
        matches!(refused, Err(TableError::UniqueViolation { ref index, .. }) if index == "code")
    );
    write_raw(&tasks, Keyspace::Rows, &7_u32.to_be_bytes(), None);
    verified(&db.open::<after::Task>());
}

fn a_row_that_is_not_in_the_partial_index_any_more_is_not_given<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 1..9);
    let mut listed = items.by(Item::LISTED).all("a place").unwrap();
    let reason = reason(listed.next().unwrap(), "listed");
    assert!(reason.contains("0x00000001"), "{reason}");
    assert!(reason.contains("the filter `Item::is_listed`"), "{reason}");
    // An error ends the walk: those behind it are given by the other end.
    assert!(listed.next().is_none());
    let mut listed = items.by(Item::LISTED).all("a place").unwrap();
    assert_eq!(listed.next_back().unwrap().unwrap(), item(8));
    assert!(listed.next_back().unwrap().is_err());
}

fn a_row_is_not_found_by_a_value_that_it_has_not<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 0..256);
    // Under 255 - 7 the index has the row 7 of yesterday.
    let reason = reason(items.by(Item::CODE).get(Turned(!7)), "code");
    assert!(reason.contains("0x00000007") && reason.contains("order of a key"), "{reason}");
    assert!(!reason.contains("filter"), "{reason}");
    let mut ranked = items.by(Item::RANK).range(..).unwrap();
    assert!(matches!(ranked.next(), Some(Err(TableError::StaleIndex { .. }))));
}

fn a_lent_row_is_checked_too<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 0..256);
    reason(items.by(Item::CODE).get_with(Turned(!7), |_| panic!("it is lent")), "code");
    let mut listed = items.by(Item::LISTED).all("a place").unwrap();
    assert_eq!(listed.next_with(|item| item.id).unwrap().unwrap(), 0);
    reason(listed.next_with(|_| panic!("it is lent")).unwrap(), "listed");
    let mut ranked = items.by(Item::RANK).range(..).unwrap();
    reason(ranked.next_back_with(|_| panic!("it is lent")).unwrap(), "rank");
}

/// Indexes over fields that are lent in each of their forms, and over one that is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
#[emdb(index(name = "pair", fields(name, id)))]
struct Note {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    name: String,
    #[emdb(index(each))]
    tags: Vec<String>,
    #[emdb(index)]
    author: Option<String>,
    #[emdb(index(sparse))]
    editor: Option<String>,
    #[emdb(index)]
    hash: Vec<u8>,
    #[emdb(index(each))]
    pages: Vec<u16>,
}

fn note(id: u32, text: &str) -> Note {
    Note {
        id,
        name: format!("{text} {id}"),
        tags: vec![text.into(), "a tag".into()],
        author: Some(text.into()),
        editor: Some(text.into()),
        hash: text.into(),
        pages: vec![text.len() as u16, 1000],
    }
}

fn lent_rows_are_held_against_indexes_of_every_kind<H: Harness>() {
    let db = H::new();
    let notes = db.open::<Note>();
    notes.insert_many((1..=2).map(|id| note(id, "a\0b"))).unwrap();
    let ids = |walks: &mut dyn FnMut() -> Option<Result<u32, TableError>>| {
        std::iter::from_fn(walks).collect::<Result<Vec<_>, _>>()
    };
    let found = || {
        let (pair, hash) = (("a\0b 1".to_owned(), 1), b"a\0b");
        let mut walks = [
            notes.by(Note::TAGS).all("a\0b").unwrap(),
            notes.by(Note::AUTHOR).all("a\0b").unwrap(),
            notes.by(Note::EDITOR).all("a\0b").unwrap(),
            notes.by(Note::HASH).all(hash).unwrap(),
            notes.by(Note::PAGES).all(3).unwrap(),
            notes.by(Note::PAIR).all(pair).unwrap(),
        ];
        let found = walks.each_mut().map(|rows| ids(&mut || rows.next_with(|note| note.id)));
        (notes.by(Note::NAME).get_with("a\0b 1", |note| note.id), found)
    };
    let (named, rows) = found();
    assert_eq!(named.unwrap(), Some(1));
    let rows = rows.map(Result::unwrap);
    assert_eq!(rows[5], [1]);
    assert!(rows[..5].iter().all(|ids| *ids == [1, 2]), "{rows:?}");

    // Another row comes to the place of the first, past the indexes.
    let other = H::new();
    let source = other.open::<Note>();
    source.insert(&note(1, "another")).unwrap();
    let (key, row) = dump(&source, Keyspace::Rows).remove(0);
    write_raw(&notes, Keyspace::Rows, &key, Some(&row));
    let (named, rows) = found();
    reason(named, "name");
    let indexes = ["tags", "author", "editor", "hash", "pages", "pair"];
    rows.into_iter().zip(indexes).for_each(|(ids, index)| drop(reason(ids, index)));
    // What it has still is given.
    let mut tagged = notes.by(Note::TAGS).all("a tag").unwrap();
    assert_eq!(tagged.next_with(|note| note.id).unwrap().unwrap(), 1);
}

fn a_unique_value_is_not_taken_from_a_row_that_has_not_given_it<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 1..9);
    let rows = dump(&items, Keyspace::Rows);
    reason(items.update(&3, |item| item.code = Turned(99)), "code");
    reason(items.insert(&Item { code: Turned(99), ..item(3) }), "code");
    reason(items.remove(&3), "code");
    reason(items.retain(|item| item.id != 3), "code");
    assert_eq!(dump(&items, Keyspace::Rows), rows, "nothing was written");
    // What concerns no value of the index goes on.
    items.update(&3, |item| item.place = "another".into()).unwrap();
}

fn a_value_is_not_refused_for_a_row_that_has_it_no_more<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 1..9);
    let reason = reason(items.insert(&Item { code: Turned(!3), ..item(50) }), "code");
    assert!(reason.contains("0x00000003"), "{reason}");
}

fn an_index_that_disagrees_is_refused_in_a_transaction_and_on_a_snapshot<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 1..9);
    let frozen = db.frozen(&items);
    reason(frozen.by(Item::LISTED).all("a place").unwrap().next().unwrap(), "listed");
    db.transaction(|tx| {
        let items = H::with(&items, tx);
        reason(items.by(Item::LISTED).all("a place").unwrap().next().unwrap(), "listed");
        reason(items.update(&3, |item| item.code = Turned(99)), "code");
        Ok(())
    })
    .unwrap();
}

fn what_is_refused_works_after_the_indexes_were_made_anew<H: Harness>() {
    let db = H::new();
    let items = items_of_yesterday(&db, 0..256);
    assert!(items.rebuild_indexes().unwrap() > 0);
    assert_eq!(verified(&items), (256, 256 + 256 + 128));
    assert_eq!(items.by(Item::CODE).get(Turned(7)).unwrap(), Some(item(7)));
    let listed = items.by(Item::LISTED).all("a place").unwrap();
    assert!(listed.map(Result::unwrap).all(|item| item.id % 2 == 0));
    let taken = items.insert(&Item { code: Turned(3), ..item(1000) });
    assert!(matches!(taken, Err(TableError::UniqueViolation { .. })));
    items.remove(&3).unwrap();
    items.insert(&Item { code: Turned(3), ..item(1000) }).unwrap();
    verified(&items);
    set_today(false);
}

fn a_row_that_was_changed_past_the_index_is_not_given<H: Harness>() {
    set_today(false);
    let db = H::new();
    let items = db.open::<Item>();
    items.insert_many((1..9).map(item)).unwrap();
    let rows = dump(&items, Keyspace::Rows);
    let other = H::new();
    let source = other.open::<Item>();
    source.insert(&Item { code: Turned(100), ..item(1) }).unwrap();
    let changed = dump(&source, Keyspace::Rows).remove(0);
    assert_eq!(changed.0, rows[0].0);
    write_raw(&items, Keyspace::Rows, &changed.0, Some(&changed.1));
    reason(items.by(Item::CODE).get(Turned(1)), "code");
    let reason = reason(items.insert(&Item { id: 9, ..item(1) }), "code");
    assert!(reason.contains("`Table::raw`"), "{reason}");
    items.rebuild_indexes().unwrap();
    assert_eq!(items.by(Item::CODE).get(Turned(100)).unwrap().unwrap().key(), 1);
    items.insert(&Item { id: 9, ..item(1) }).unwrap();
    verified(&items);
}

#[test]
fn a_database_that_is_open_for_reading_alone_gives_no_answer_from_an_index_that_disagrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.emdb");
    let db = Emdb::open(&path).unwrap();
    Table::<before::Task>::open(&db).unwrap().insert_many((1..=9).map(before::task)).unwrap();
    db.close().unwrap();
    let db = Emdb::builder().path(&path).read_only(true).build().unwrap();
    let tasks = Table::<after::Task>::open(&db).unwrap();
    assert_eq!(tasks.get(&5).unwrap(), Some(after::task(5)));
    let code = || after::Code(Reverse(5));
    assert!(reason(tasks.by(after::Task::CODE).get(code()), "code").contains("reading alone"));
    reason(tasks.by(after::Task::OPEN).count(1), "open");
    reason(tasks.at(&db.snapshot()).by(after::Task::OPEN).keys(1), "open");
    drop(tasks);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    let tasks = Table::<after::Task>::open(&db).unwrap();
    assert_eq!(tasks.by(after::Task::CODE).get(code()).unwrap(), Some(after::task(5)));
    verified(&tasks);
}
