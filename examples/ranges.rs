//! Keys in order: ranges, prefixes, pages, and the last ones first. Keeps everything in memory.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, NamespaceOptions, Result};

fn main() -> Result<()> {
    let db = Emdb::open_in_memory();

    // Order costs memory and some time for writing, so a namespace asks for it. It is stored: in
    // a file, `db.namespace("log")` has ranges ever after.
    let log = db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
    for (number, time) in ["09:30", "08:15", "17:00", "12:45", "08:20"].iter().enumerate() {
        log.insert(format!("2024-05-01 {time}"), format!("event {number}"))?;
        log.insert(format!("2024-05-02 {time}"), format!("event {}", number + 5))?;
    }

    println!("the morning of the first:");
    for (time, event) in log.range("2024-05-01"..="2024-05-01 12")? {
        println!("  {}: {}", text(&time), text(&event));
    }

    println!("{} events on the second", log.range_prefix("2024-05-02 ")?.len());

    // An iterator costs what is taken from it, at both ends.
    println!("the last two, the latest first:");
    let mut latest = log.range_iter(..)?.rev().take(2);
    for (time, event) in latest.by_ref() {
        println!("  {}: {}", text(&time), text(&event));
    }

    // A page begins behind the last key of the one before, whatever was written between.
    let mut last = Vec::new();
    for page in 1.. {
        let keys: Vec<_> = log.iter_after(&last)?.take(4).map(|(key, _)| key).collect();
        let Some(end) = keys.last() else { break };
        println!("page {page}: {} to {}", text(&keys[0]), text(end));
        last = end.clone();
        log.remove(&last)?;
    }
    println!("{} of 10 events are left", log.len()?);
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
