//! Tables in transactions, and on snapshots.

use emdb_typed::{Store, StoreMut, Table, TableError};
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, verified};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Account {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    name: String,
    #[emdb(index)]
    cents: i64,
}

fn account(id: u32) -> Account {
    Account { id, name: format!("account {id}"), cents: 100 }
}

over_both! {
    a_transaction_is_made_as_a_whole
    a_transaction_that_fails_leaves_nothing
    reads_in_a_transaction_see_its_writes
    a_call_that_fails_changes_nothing_of_its_transaction
    two_tables_take_part_in_a_transaction_at_once
    a_function_over_any_store_reads_and_writes_everywhere
    a_snapshot_stays_what_it_was
    a_transaction_of_many_writes_finds_each
    a_row_is_saved_with_the_revision_that_is_stored
}

fn a_transaction_is_made_as_a_whole<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    accounts.insert_many((1..=3).map(account)).unwrap();
    db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        accounts.update(&1, |account| account.cents -= 30)?;
        accounts.update(&2, |account| account.cents += 30)?;
        accounts.remove(&3)
    })
    .unwrap();
    assert_eq!(accounts.get(&1).unwrap().unwrap().cents, 70);
    assert_eq!(accounts.by(Account::CENTS).count(130).unwrap(), 1);
    assert_eq!(verified(&accounts), (2, 4));
}

fn a_transaction_that_fails_leaves_nothing<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    accounts.insert(&account(1)).unwrap();
    let failed: Result<(), _> = db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        accounts.insert(&account(2))?;
        accounts.remove(&1)?;
        accounts.clear()?;
        accounts.try_insert(&account(3))?;
        accounts.try_insert(&account(3))
    });
    assert!(matches!(failed, Err(TableError::Occupied { .. })));
    assert_eq!(accounts.get(&1).unwrap(), Some(account(1)));
    assert_eq!(verified(&accounts), (1, 2));
    accounts.insert(&account(2)).unwrap();
}

fn reads_in_a_transaction_see_its_writes<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    accounts.insert_many((1..=5).map(account)).unwrap();
    db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        accounts.remove(&2)?;
        accounts.insert(&account(6))?;
        accounts.update(&4, |account| account.cents = 7)?;
        assert_eq!(accounts.len()?, 5);
        let ids = |rows: Vec<Account>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(accounts.range(2..)?.collect::<Result<_, _>>()?), [3, 4, 5, 6]);
        assert_eq!(ids(accounts.iter()?.rev().collect::<Result<_, _>>()?), [6, 5, 4, 3, 1]);
        assert_eq!(accounts.by(Account::CENTS).count(100)?, 4);
        assert_eq!(accounts.by(Account::NAME).get("account 6")?, Some(account(6)));
        assert_eq!(accounts.by(Account::NAME).get("account 2")?, None);
        assert_eq!(accounts.get_many([2, 6])?, [None, Some(account(6))]);
        accounts.clear()?;
        assert!(accounts.is_empty()?);
        accounts.insert(&account(9)).map(|_| ())
    })
    .unwrap();
    assert_eq!(verified(&accounts), (1, 2));
}

fn a_call_that_fails_changes_nothing_of_its_transaction<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    accounts.insert(&account(1)).unwrap();
    db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        let rows = [account(2), Account { name: account(1).name, ..account(3) }];
        let failed = accounts.insert_all(rows);
        assert!(matches!(failed, Err(TableError::UniqueViolation { .. })));
        assert_eq!(accounts.len()?, 1);
        accounts.insert(&account(4)).map(|_| ())
    })
    .unwrap();
    assert_eq!(verified(&accounts), (2, 4));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Payment {
    #[emdb(key, auto)]
    number: u32,
    #[emdb(index)]
    account: u32,
}

fn two_tables_take_part_in_a_transaction_at_once<H: Harness>() {
    let db = H::new();
    let (accounts, payments) = (db.open::<Account>(), db.open::<Payment>());
    accounts.insert_many((1..=3).map(account)).unwrap();
    db.transaction(|tx| {
        let (accounts, again, payments) =
            (H::with(&accounts, tx), H::with(&accounts, tx), H::with(&payments, tx));
        for account in accounts.iter()? {
            let id = account?.id;
            payments.insert_new(Payment { number: 0, account: id })?;
            accounts.update(&id, |account| account.cents -= 1)?;
            assert_eq!(again.get(&id)?.map(|account| account.cents), Some(99));
        }
        // What an outer call has read stays: nothing else writes while it gathers its changes.
        accounts.update(&1, |_| {
            assert!(is_active(again.remove(&1)));
            assert!(is_active(payments.clear()));
        })?;
        again.remove(&1)?;
        assert_eq!(accounts.len()?, 2);
        assert_eq!(payments.by(Payment::ACCOUNT).count(1)?, 1);
        Ok(())
    })
    .unwrap();
    assert_eq!(verified(&accounts), (2, 4));
    assert_eq!(verified(&payments), (3, 3));
}

fn is_active<R>(done: Result<R, TableError>) -> bool {
    matches!(done, Err(TableError::Core(emdb_core::Error::TransactionActive)))
}

fn cents_of<S: Store>(accounts: &Table<Account, S>, name: &str) -> Result<i64, TableError> {
    Ok(accounts.by(Account::NAME).get(name)?.map_or(0, |account| account.cents))
}

fn deposit<S: StoreMut>(
    accounts: &Table<Account, S>,
    id: u32,
    cents: i64,
) -> Result<(), TableError> {
    let new = || Account { cents, ..account(id) };
    accounts.upsert(&id, new, |account| account.cents += cents).map(drop)
}

fn a_function_over_any_store_reads_and_writes_everywhere<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    deposit(&accounts, 1, 5).unwrap();
    let before = db.frozen(&accounts);
    db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        deposit(&accounts, 1, 2)?;
        assert_eq!(cents_of(&accounts, "account 1")?, 7);
        Ok(())
    })
    .unwrap();
    assert_eq!(cents_of(&accounts, "account 1").unwrap(), 7);
    assert_eq!(cents_of(&before, "account 1").unwrap(), 5);
}

fn a_snapshot_stays_what_it_was<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    accounts.insert_many((1..=3).map(account)).unwrap();
    let before = db.frozen(&accounts);
    accounts.remove(&1).unwrap();
    accounts.update(&2, |account| account.cents = 1).unwrap();
    accounts.insert(&account(4)).unwrap();
    assert_eq!(before.len().unwrap(), 3);
    assert_eq!(before.get(&1).unwrap(), Some(account(1)));
    assert_eq!(
        before.iter().unwrap().rev().map(|row| row.unwrap().id).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert_eq!(before.by(Account::CENTS).count(100).unwrap(), 3);
    assert_eq!(before.by(Account::NAME).get("account 1").unwrap(), Some(account(1)));
    assert_eq!(before.by(Account::NAME).get("account 4").unwrap(), None);
}

fn a_transaction_of_many_writes_finds_each<H: Harness>() {
    let db = H::new();
    let accounts = db.open::<Account>();
    db.transaction(|tx| {
        let accounts = H::with(&accounts, tx);
        for id in 0..300 {
            accounts.insert(&account(id))?;
        }
        accounts.insert_all((200..400).map(|id| Account { cents: 5, ..account(id) }))?;
        for id in (0..400).step_by(7) {
            assert!(accounts.remove(&id)?.is_some(), "{id}");
        }
        assert_eq!(
            accounts.by(Account::CENTS).count(5)?,
            200 - (200..400).filter(|id| id % 7 == 0).count()
        );
        Ok(())
    })
    .unwrap();
    let left = 400 - (0..400).step_by(7).count() as u64;
    assert_eq!(verified(&accounts), (left, 2 * left));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct Page {
    #[emdb(key)]
    id: u32,
    #[emdb(revision)]
    rev: u64,
}

fn a_row_is_saved_with_the_revision_that_is_stored<H: Harness>() {
    let db = H::new();
    let pages = db.open::<Page>();
    let is_conflict = |done: Result<Page, TableError>, now| matches!(done, Err(TableError::Conflict { stored, .. }) if stored == now);
    pages.insert_many([Page { id: 1, rev: 9 }, Page { id: 2, rev: 9 }]).unwrap();
    assert_eq!(pages.save(&Page { id: 1, rev: 1 }).unwrap().rev, 2);
    assert!(is_conflict(pages.save(&Page { id: 1, rev: 1 }), Some(2)));
    assert!(is_conflict(pages.save(&Page { id: 3, rev: 1 }), None));
    db.transaction(|tx| {
        let pages = H::with(&pages, tx);
        let saved = pages.save(&Page { id: 1, rev: 2 })?;
        assert!(is_conflict(pages.save(&Page { id: 1, rev: 2 }), Some(3)));
        pages.insert(&saved).map(drop)
    })
    .unwrap();
    assert_eq!(pages.get(&1).unwrap().unwrap().rev, 4);
    assert_eq!(verified(&pages), (2, 0));
}
