//! A nightly backup of a database that is in use, and what it takes to go back to it.
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Error, Result};

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (live, copy) = (folder.path().join("shop.emdb"), folder.path().join("shop.backup"));
    let db = Emdb::open(&live)?;
    let orders = db.namespace("orders")?;
    orders.insert_many((0..10_000u32).map(|n| (n.to_be_bytes(), format!("order {n}"))))?;

    // Orders go on coming in. The copy has those of one moment.
    let closed = AtomicBool::new(false);
    std::thread::scope(|threads| -> Result<()> {
        let clerk = threads.spawn(|| -> Result<()> {
            for n in 10_000u32.. {
                if closed.load(Ordering::Relaxed) {
                    break;
                }
                orders.insert(n.to_be_bytes(), format!("order {n}"))?;
            }
            Ok(())
        });
        let copied = db.backup_to(&copy);
        closed.store(true, Ordering::Relaxed);
        clerk.join().expect("the clerk doesn't panic")?;
        copied
    })?;
    println!("{} orders, {} of them in the backup", orders.len()?, count(&copy)?);

    // A second backup to the same place replaces the first, once it is whole.
    db.backup_to_with(&copy, |progress| {
        println!("copied {} of {} KiB", progress.done >> 10, progress.total >> 10);
        ControlFlow::Continue(())
    })?;
    println!("{} of them in the next one", count(&copy)?);

    // The database itself is no place for its backup, by whatever name.
    let refused = db.backup_to(folder.path().join("./shop.emdb"));
    assert!(matches!(refused, Err(Error::InvalidConfig(_))));

    // Going back: close, and give the copy the name.
    drop(orders);
    db.close()?;
    std::fs::rename(&copy, &live)?;
    println!("{} orders after going back", count(&live)?);
    Ok(())
}

/// A backup is a database like any other.
fn count(path: &std::path::Path) -> Result<usize> {
    Emdb::open(path)?.namespace("orders")?.len()
}
