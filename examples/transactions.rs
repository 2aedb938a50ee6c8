//! Several tables change as one, or not at all. Keeps everything in memory.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
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
        self.db.transaction(|tx| {
            // `with` borrows the transaction, so tables take turns. Reads see what it wrote.
            let accounts = self.accounts.with(tx);
            for (owner, change) in [(to, cents), (from, -cents)] {
                let changed = accounts.update(owner, |account| account.cents += change)?;
                changed.ok_or(emdb::Error::KeyNotFound)?;
            }
            let (reference, from, to) = (reference.into(), from.into(), to.into());
            let transfer = Transfer { number: 0, reference, from, to, cents };
            Ok(self.transfers.with(tx).insert_new(transfer)?.number)
        })
    }

    fn balance(&self, owner: &str) -> Result<i64, TableError> {
        Ok(self.accounts.get(owner)?.map_or(0, |account| account.cents))
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let (accounts, transfers) = (Table::open(&db)?, Table::open(&db)?);
    let bank = Bank { db, accounts, transfers };
    bank.accounts.insert(&Account { owner: "ada".into(), cents: 500 })?;
    bank.accounts.insert(&Account { owner: "bob".into(), cents: 0 })?;

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
    Ok(())
}
