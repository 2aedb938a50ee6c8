//! Bytes in, bytes out: the engine below the typed tables. Makes a file in a temporary folder.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use emdb::{Emdb, Result, Ttl};

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("raw.emdb");
    let db = Emdb::open(&path)?;

    // Keys and values are whatever lends bytes.
    db.insert("greeting", "hello")?;
    db.insert([0, 1, 2], vec![0xFF; 100])?;
    println!("greeting: {:?}", text(db.get("greeting")?));

    // A value as it lies in the mapped file: no copy, and valid whatever is written later.
    if let Some(value) = db.get_zerocopy([0, 1, 2])? {
        println!("{} bytes in place, the first is {:#x}", value.len(), value[0]);
    }

    // Namespaces keep keys apart. A transaction spans them, and happens as a whole or not at all.
    let accounts = db.namespace("accounts")?;
    let log = db.namespace("log")?;
    db.transaction(|tx| -> Result<()> {
        tx.namespace(&accounts).insert("ada", "70")?;
        tx.namespace(&accounts).insert("bob", "30")?;
        tx.namespace(&log).insert("1", "ada gave 30 to bob")
    })?;
    for (name, balance) in accounts.iter()? {
        println!("{} has {}", text(Some(name)), text(Some(balance)));
    }

    // A record can expire.
    db.insert_with_ttl("session", "ada", Ttl::Duration(Duration::from_millis(20)))?;
    println!("session: {:?}, for {:?}", text(db.get("session")?), db.ttl("session")?);
    std::thread::sleep(Duration::from_millis(30));
    println!("session: {:?}, {} swept", text(db.get("session")?), db.sweep_expired());

    // What was written survives a kill of the process anyway; after this, a power cut too.
    db.flush()?;
    println!("{} records in {} namespaces", db.stats()?.live_records, db.stats()?.namespace_count);

    // The last handle closes the database. `close` does it with its errors told.
    drop((accounts, log));
    db.close()
}

fn text(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or("nothing".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}
