//! Several tables change as one, or not at all. Keeps everything in memory.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, StoreMut, Table, TableError, Transact};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "accounts", validate = Account::check)]
struct Account {
    #[emdb(key)]
    owner: String,
    cents: i64,
}

impl Account {
    fn check(&self) -> Result<(), &'static str> {
        if self.cents < 0 { Err("the account would be overdrawn") } else { Ok(()) }
    }
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "transfers")]
struct Transfer {
    #[emdb(key, auto)]
    number: u64,
    /// The client's name for it, so that sending it again does no harm.
    #[emdb(unique)]
    reference: String,
    from: String,
    to: String,
    cents: i64,
}

struct Bank {
    db: Emdb,
    accounts: Table<Account>,
    transfers: Table<Transfer>,
}

impl Bank {
    fn pay(&self, from: &str, to: &str, cents: i64, reference: &str) -> Result<u64, TableError> {
        self.db.transact(|tx| {
            // Both tables share the transaction. Reads see what it wrote.
            let (accounts, transfers) = (self.accounts.with(tx), self.transfers.with(tx));
            deposit(&accounts, to, cents)?;
            deposit(&accounts, from, -cents)?;
            let (reference, from, to) = (reference.into(), from.into(), to.into());
            let transfer = Transfer { number: 0, reference, from, to, cents };
            Ok(transfers.insert_new(transfer)?.number)
        })
    }

    /// Credits all of them as one; gives those that could not be.
    fn credit<'a>(&self, owners: &[&'a str], cents: i64) -> Result<Vec<&'a str>, TableError> {
        self.db.transact(|tx| {
            let mut left = Vec::new();
            for owner in owners {
                // One that fails is undone alone.
                let done = tx.savepoint(|tx| deposit(&self.accounts.with(tx), owner, cents));
                if done.is_err() {
                    left.push(*owner);
                }
            }
            Ok(left)
        })
    }

    fn balance(&self, owner: &str) -> Result<i64, TableError> {
        Ok(self.accounts.get(owner)?.map_or(0, |account| account.cents))
    }
}

/// Works on the table by itself, too, as a commit of its own.
fn deposit<S: StoreMut>(
    accounts: &Table<Account, S>,
    owner: &str,
    cents: i64,
) -> Result<(), TableError> {
    let changed = accounts.update(owner, |account| account.cents += cents)?;
    changed.ok_or(emdb::Error::KeyNotFound)?;
    Ok(())
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let (accounts, transfers) = (Table::open(&db)?, Table::open(&db)?);
    let bank = Bank { db, accounts, transfers };
    bank.accounts.insert(&Account { owner: "ada".into(), cents: 500 })?;
    bank.accounts.insert(&Account { owner: "bob".into(), cents: 0 })?;
    deposit(&bank.accounts, "bob", 0)?;

    println!("transfer {}", bank.pay("ada", "bob", 200, "rent")?);

    // Whatever fails, the closure's `Err` undoes all of it: here a row that isn't valid, a unique
    // value that is taken, and an account that isn't there.
    for (reference, to, cents) in [("car", "bob", 900), ("rent", "bob", 10), ("gift", "eve", 10)] {
        let error = bank.pay("ada", to, cents, reference).expect_err("each is refused");
        println!("{reference}: {error}");
    }
    println!("ada has {}, bob has {}", bank.balance("ada")?, bank.balance("bob")?);
    assert_eq!((bank.balance("ada")?, bank.balance("bob")?), (300, 200));
    assert_eq!(bank.transfers.len()?, 1);

    let left = bank.credit(&["ada", "eve", "bob"], 5)?;
    println!("credited, but for {left:?}");
    assert_eq!((left, bank.balance("ada")?, bank.balance("bob")?), (vec!["eve"], 305, 205));
    Ok(())
}
