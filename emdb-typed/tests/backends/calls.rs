//! The calls of a table, one by one.

use emdb_typed::{Table, TableError};
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, TableOf};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed", validate = Item::check)]
struct Item {
    #[emdb(key)]
    id: u32,
    name: String,
}

impl Item {
    fn check(&self) -> Result<(), &'static str> {
        if self.name == "bad" { Err("a bad name") } else { Ok(()) }
    }
}

fn item(id: u32) -> Item {
    Item { id, name: format!("item {id}") }
}

fn filled<H: Harness>(db: &H, ids: std::ops::RangeInclusive<u32>) -> Table<Item, TableOf<H>> {
    let items = db.open::<Item>();
    assert_eq!(items.insert_many(ids.map(item)).unwrap() as u64, items.len().unwrap() as u64);
    items
}

fn ids(rows: impl Iterator<Item = Result<Item, TableError>>) -> Vec<u32> {
    rows.map(|row| row.unwrap().id).collect()
}

over_both! {
    rows_are_inserted_replaced_and_removed
    a_present_key_and_a_refused_row_change_nothing
    rows_are_changed_in_place
    many_keys_are_read_in_their_order
    walks_go_from_both_ends
    ranges_have_all_kinds_of_ends
    pages_go_through_all_rows
    composite_keys_have_prefixes
    unordered_tables_keep_rows
    automatic_keys_count_up
    automatic_keys_begin_again_when_all_were_used_and_the_table_is_cleared
    clear_and_retain_remove_rows
    a_write_inside_of_a_callback_is_refused
    a_change_gives_what_its_function_makes
    a_change_that_is_refused_writes_nothing
}

fn rows_are_inserted_replaced_and_removed<H: Harness>() {
    let items = filled(&H::new(), 1..=3);
    assert_eq!(items.insert(&item(4)).unwrap(), None);
    let other = Item { id: 2, name: "other".into() };
    assert_eq!(items.insert(&other).unwrap(), Some(item(2)));
    assert_eq!(items.get(&2).unwrap(), Some(other.clone()));
    assert_eq!(items.get_with(&2, |row| row.name.len()).unwrap(), Some(5));
    assert!(items.contains_key(&4).unwrap() && !items.contains_key(&5).unwrap());
    assert_eq!(items.remove(&2).unwrap(), Some(other));
    assert_eq!(items.remove(&2).unwrap(), None);
    assert_eq!(items.len().unwrap(), 3);
    assert_eq!(items.insert_all([item(8), item(9)]).unwrap(), 2);
    assert_eq!(ids(items.iter().unwrap()), [1, 3, 4, 8, 9]);
}

fn a_present_key_and_a_refused_row_change_nothing<H: Harness>() {
    let items = filled(&H::new(), 1..=1);
    assert!(matches!(items.try_insert(&item(1)), Err(TableError::Occupied { .. })));
    items.try_insert(&item(2)).unwrap();
    let bad = Item { id: 3, name: "bad".into() };
    assert!(matches!(items.insert(&bad), Err(TableError::Invalid { .. })));
    assert!(matches!(items.insert_all([item(3), bad]), Err(TableError::Invalid { .. })));
    assert_eq!(ids(items.iter().unwrap()), [1, 2]);
}

fn rows_are_changed_in_place<H: Harness>() {
    let items = filled(&H::new(), 1..=2);
    let changed = items.update(&1, |item| item.name.push('!')).unwrap().unwrap();
    assert_eq!(changed.name, "item 1!");
    assert_eq!(items.update(&7, |_| ()).unwrap(), None);
    assert!(matches!(items.update(&1, |item| item.id = 9), Err(TableError::Invalid { .. })));
    let made = items.upsert(&5, || item(5), |_| unreachable!()).unwrap();
    assert_eq!(made, item(5));
    items.upsert(&5, || unreachable!(), |item| item.name.clear()).unwrap();
    assert_eq!(items.get(&5).unwrap().unwrap().name, "");
    assert_eq!(ids(items.iter().unwrap()), [1, 2, 5]);
}

fn many_keys_are_read_in_their_order<H: Harness>() {
    let items = filled(&H::new(), 1..=40);
    let found = items.get_many([3, 99, 1, 3]).unwrap();
    assert_eq!(found, [Some(item(3)), None, Some(item(1)), Some(item(3))]);
    let mut lent = Vec::new();
    items
        .get_many_with([3, 99, 1], |number, row| lent.push((number, row.map(|row| row.id))))
        .unwrap();
    assert_eq!(lent, [(0, Some(3)), (1, None), (2, Some(1))]);
    let all = items.get_many(1..=40).unwrap();
    assert!(all.into_iter().zip(1..).all(|(found, id)| found == Some(item(id))));
}

fn walks_go_from_both_ends<H: Harness>() {
    let items = filled(&H::new(), 1..=6);
    assert_eq!(ids(items.iter().unwrap().rev()), [6, 5, 4, 3, 2, 1]);
    let mut rows = items.iter().unwrap();
    let mut met = Vec::new();
    while let Some(front) = rows.next() {
        met.push(front.unwrap().id);
        met.extend(rows.next_back_with(|row| row.id).transpose().unwrap());
    }
    assert_eq!(met, [1, 6, 2, 5, 3, 4]);
    let rows = items.iter().unwrap();
    items.remove(&3).unwrap();
    assert_eq!(ids(rows), [1, 2, 3, 4, 5, 6], "a walk is of one state");
    let keys = items.keys().unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(keys, [1, 2, 4, 5, 6]);
    assert_eq!(items.first().unwrap().unwrap().id, 1);
    assert_eq!(items.last().unwrap().unwrap().id, 6);
}

fn ranges_have_all_kinds_of_ends<H: Harness>() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let items = filled(&H::new(), 1..=9);
    assert_eq!(ids(items.range(3..6).unwrap()), [3, 4, 5]);
    assert_eq!(ids(items.range(3..=6).unwrap().rev()), [6, 5, 4, 3]);
    assert_eq!(ids(items.range(..3).unwrap()), [1, 2]);
    assert_eq!(ids(items.range(8..).unwrap()), [8, 9]);
    assert_eq!(ids(items.range((Excluded(7), Unbounded)).unwrap()), [8, 9]);
    assert_eq!(ids(items.range((Excluded(3), Included(4))).unwrap()), [4]);
    #[allow(clippy::reversed_empty_ranges)]
    let none = items.range(6..3).unwrap();
    assert_eq!(ids(none), [0; 0]);
}

fn pages_go_through_all_rows<H: Harness>() {
    let items = filled(&H::new(), 1..=10);
    for limit in [1, 3, 5, 10, 11] {
        let (mut met, mut after) = (Vec::new(), None);
        loop {
            let page = items.page(after.as_ref(), limit).unwrap();
            assert!(page.rows.len() <= limit);
            met.extend(page.rows.iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(met, (1..=10).collect::<Vec<_>>(), "{limit}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed", key(org, id))]
struct Member {
    org: String,
    id: u32,
}

fn composite_keys_have_prefixes<H: Harness>() {
    let db = H::new();
    let members = db.open::<Member>();
    for (org, id) in [("a", 2), ("ab", 1), ("a", 1), ("b", 1)] {
        members.insert(&Member { org: org.into(), id }).unwrap();
    }
    let ids = |rows: Vec<Member>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let a = members.prefix(&("a",)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(ids(a), [1, 2]);
    let back = members.prefix(&("a",)).unwrap().rev().collect::<Result<_, _>>().unwrap();
    assert_eq!(ids(back), [2, 1]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed", unordered)]
struct Session {
    #[emdb(key)]
    token: String,
    #[emdb(index)]
    user: u32,
}

fn unordered_tables_keep_rows<H: Harness>() {
    let db = H::new();
    let sessions = db.open::<Session>();
    for user in 0..20 {
        sessions.insert(&Session { token: format!("t{user}"), user: user % 2 }).unwrap();
    }
    assert_eq!(sessions.iter().unwrap().count(), 20);
    assert_eq!(sessions.by(Session::USER).count(1).unwrap(), 10);
    assert_eq!(sessions.get("t3").unwrap().unwrap().user, 1);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Note {
    #[emdb(key, auto)]
    id: u8,
    text: String,
}

fn automatic_keys_count_up<H: Harness>() {
    let db = H::new();
    let notes = db.open::<Note>();
    let note = |id| Note { id, text: String::new() };
    let new = || notes.insert_new(note(0)).map(|note| note.id);
    assert_eq!((new().unwrap(), new().unwrap()), (1, 2));
    notes.remove(&2).unwrap();
    assert_eq!(new().unwrap(), 3);
    notes.insert(&note(254)).unwrap();
    notes.clear().unwrap();
    assert_eq!(new().unwrap(), 255);
    let exhausted = new().unwrap_err();
    assert!(matches!(exhausted, TableError::Invalid { .. }));
    assert!(exhausted.to_string().contains("`clear`"), "{exhausted}");
    // The largest key is used, whatever becomes of its row.
    notes.remove(&255).unwrap();
    assert!(new().is_err());
}

fn automatic_keys_begin_again_when_all_were_used_and_the_table_is_cleared<H: Harness>() {
    let db = H::new();
    let notes = db.open::<Note>();
    let note = |id| Note { id, text: String::new() };
    notes.insert_many([note(3), note(255)]).unwrap();
    notes.clear().unwrap();
    let new = || notes.insert_new(note(0)).map(|note| note.id);
    assert_eq!((new().unwrap(), new().unwrap()), (1, 2));
    notes.clear().unwrap();
    assert_eq!(new().unwrap(), 3);
    notes.insert(&note(255)).unwrap();
    db.transaction(|tx| {
        let notes = H::with(&notes, tx);
        notes.clear()?;
        assert_eq!(notes.insert_new(note(0))?.id, 1);
        Ok(())
    })
    .unwrap();
    assert_eq!(new().unwrap(), 2);
}

fn clear_and_retain_remove_rows<H: Harness>() {
    let items = filled(&H::new(), 1..=10);
    items.retain(|item| item.id % 3 == 0).unwrap();
    assert_eq!(ids(items.iter().unwrap()), [3, 6, 9]);
    items.clear().unwrap();
    assert!(items.is_empty().unwrap());
    assert_eq!(items.iter().unwrap().count(), 0);
}

fn a_write_inside_of_a_callback_is_refused<H: Harness>() {
    let items = filled(&H::new(), 1..=2);
    items
        .update(&1, |_| {
            let refused = items.insert(&item(7));
            let active = emdb_core::Error::TransactionActive.to_string();
            assert_eq!(refused.unwrap_err().to_string(), active);
            assert_eq!(items.get(&2).unwrap(), Some(item(2)));
        })
        .unwrap();
    assert_eq!(ids(items.iter().unwrap()), [1, 2]);
}

fn a_change_gives_what_its_function_makes<H: Harness>() {
    let items = filled(&H::new(), 1..=2);
    let before = items.update_with(&1, |row| std::mem::replace(&mut row.name, "changed".into()));
    assert_eq!(before.unwrap(), Some(item(1).name));
    assert_eq!(items.get(&1).unwrap(), Some(Item { id: 1, name: "changed".into() }));
    assert_eq!(items.update_with(&7, |_| panic!("there is no such row")).unwrap(), None::<()>);
    let moved = items.update_with(&1, |row| row.id = 2);
    assert!(matches!(moved, Err(TableError::Invalid { .. })));
}

/// Why an item can't be changed.
#[derive(Debug)]
enum Refusal {
    Sold,
    Table(TableError),
}

impl From<TableError> for Refusal {
    fn from(error: TableError) -> Self {
        Refusal::Table(error)
    }
}

fn a_change_that_is_refused_writes_nothing<H: Harness>() {
    let db = H::new();
    let items = filled(&db, 1..=2);
    let refuse = |row: &mut Item| {
        row.name = "changed".into();
        Err::<(), _>(Refusal::Sold)
    };
    assert!(matches!(items.try_update(&1, refuse), Err(Refusal::Sold)));
    assert!(matches!(items.try_update(&7, refuse), Ok(None)));
    let kept = items.try_update(&1, |row| Ok::<_, Refusal>(row.name.clone()));
    assert!(matches!(kept, Ok(Some(name)) if name == item(1).name));
    assert_eq!(items.get(&1).unwrap(), Some(item(1)));
    // Neither does one that the table refuses, and a transaction goes on.
    db.transaction(|tx| {
        let items = H::with(&items, tx);
        items.insert(&item(3))?;
        assert!(matches!(items.try_update(&3, refuse), Err(Refusal::Sold)));
        let moved = items.try_update(&3, |row| {
            row.id = 4;
            Ok::<_, Refusal>(())
        });
        assert!(matches!(moved, Err(Refusal::Table(TableError::Invalid { .. }))));
        assert_eq!(items.get(&3)?, Some(item(3)));
        Ok(())
    })
    .unwrap();
    assert_eq!(ids(items.iter().unwrap()), [1, 2, 3]);
}
