//! Scans while other threads write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use emdb_testing::{Random, seed};

use super::*;

const ACCOUNTS: u64 = 300;
const EACH: u64 = 1000;
const PREFIX: &str = "account/";

fn account(n: u64) -> String {
    format!("{PREFIX}{n:05}")
}

/// Keys between the accounts, which come and go.
fn between(n: u64, m: u64) -> String {
    format!("{PREFIX}{n:05}/{m}")
}

fn balance(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().unwrap())
}

/// That all accounts are there, once and in order, and their sum is what it always was.
fn check(items: &Entries) {
    let ordered = items.windows(2).all(|pair| pair[0].0 < pair[1].0);
    assert!(ordered, "out of order, or repeated");
    let accounts: Vec<_> = items.iter().filter(|(k, _)| k.len() == account(0).len()).collect();
    let missed: Vec<_> = (0..ACCOUNTS)
        .map(account)
        .filter(|a| accounts.binary_search_by(|(k, _)| k[..].cmp(a.as_bytes())).is_err())
        .collect();
    assert_eq!(missed, Vec::<String>::new(), "missed");
    let sum: u64 = accounts.iter().map(|(_, value)| balance(value)).sum();
    assert_eq!(sum, ACCOUNTS * EACH, "half a transfer");
}

fn transfer(db: &Emdb, random: &mut Random) {
    let (from, to) = (account(random.below(ACCOUNTS)), account(random.below(ACCOUNTS)));
    let (by_removal, look) = (random.below(4) == 0, random.below(64) == 0);
    commit(db, |tx| {
        let value = |found: Option<Vec<u8>>| balance(&found.unwrap());
        let rest = value(tx.get(&from)?).saturating_sub(1);
        let given = value(tx.get(&from)?) - rest;
        if by_removal {
            tx.remove(&from)?;
        }
        tx.insert(&from, rest.to_be_bytes())?;
        let more = value(tx.get(&to)?) + given;
        tx.insert(&to, more.to_be_bytes())?;
        if look {
            check(&tx.range_prefix(PREFIX)?);
        }
        Ok(())
    })
    .unwrap();
}

fn disturb(db: &Emdb, random: &mut Random) {
    for _ in 0..100 {
        let key = between(random.below(ACCOUNTS), random.below(40));
        match random.below(3) {
            0 => drop(db.remove(key).unwrap()),
            _ => db.insert(key, "between").unwrap(),
        }
    }
    if random.below(20) == 0 {
        let many = (0..1500).map(|n| (between(n % ACCOUNTS, 100 + n / ACCOUNTS), "many"));
        db.insert_many(many.clone()).unwrap();
        commit(db, |tx| many.into_iter().try_for_each(|(key, _)| tx.remove(key).map(drop)))
            .unwrap();
    }
    // Not more than the disk takes in a minute.
    thread::sleep(Duration::from_millis(1));
}

fn scan(db: &Emdb, random: &mut Random) {
    match random.below(6) {
        0 => check(&db.range(PREFIX..).unwrap()),
        1 => check(&db.range_prefix(PREFIX).unwrap()),
        2 => {
            let mut items: Entries = db.range_iter(..).unwrap().rev().collect();
            items.reverse();
            check(&items);
        }
        3 => check(&from_ends(db.range_iter(..).unwrap(), random.next())),
        4 => {
            let snapshot = db.snapshot();
            check(&snapshot.range(..).unwrap());
            assert_eq!(snapshot.len().unwrap(), snapshot.keys().unwrap().count());
        }
        _ => page(db, 1 + random.below(200) as usize),
    }
}

/// Each page is of a state of its own, so that only what is always there can be asked for.
fn page(db: &Emdb, len: usize) {
    let mut accounts = Vec::new();
    let mut last = Vec::new();
    loop {
        let page: Entries = db.iter_after(&last).unwrap().take(len).collect();
        let Some((end, _)) = page.last().cloned() else { break };
        assert!(page[0].0 > last);
        last = end;
        let whole = page.into_iter().filter(|(k, _)| k.len() == account(0).len());
        accounts.extend(whole.map(|(k, _)| k));
    }
    assert!(accounts.into_iter().eq((0..ACCOUNTS).map(|n| account(n).into_bytes())));
}

fn transfers(db: &Emdb) {
    let seed = seed();
    println!("EMDB_SEED={seed}");
    let opening = (0..ACCOUNTS).map(|n| (account(n), EACH.to_be_bytes()));
    db.insert_many(opening).unwrap();
    let end = Instant::now() + stress();
    let stop = AtomicBool::new(false);
    let stop = &stop;
    thread::scope(|s| {
        let work: [fn(&Emdb, &mut Random); 5] = [transfer, transfer, disturb, scan, scan];
        for (n, work) in (0..).zip(work) {
            s.spawn(move || {
                let mut random = Random(seed + n);
                // Where one thread fails, the others end with it.
                let fails = StopOnPanic(stop);
                while !stop.load(Ordering::Relaxed) && Instant::now() < end {
                    work(db, &mut random);
                }
                drop(fails);
            });
        }
    });
    check(&db.range(..).unwrap());
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn that_scan_a_file_see_whole_transactions_and_miss_nothing() {
    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    transfers(&db);
    let before = db.range(..).unwrap();
    db.close().unwrap();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    assert!(db.range(..).unwrap() == before);
}

#[test]
fn that_scan_memory_see_whole_transactions_and_miss_nothing() {
    transfers(&ordered());
}

#[test]
fn that_use_ordered_namespaces_which_come_are_cleared_and_go_see_order() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let seed = seed();
    println!("EMDB_SEED={seed}");
    let end = Instant::now() + stress();
    thread::scope(|s| {
        for thread in 0..4 {
            let db = &db;
            s.spawn(move || {
                let mut random = Random(seed + thread);
                while Instant::now() < end {
                    come_and_go(db, &mut random);
                }
            });
        }
    });
    let content = |db: &Emdb| {
        let names = db.list_namespaces().unwrap();
        let of = |name: &String| db.namespace_with(name, ORDERED).unwrap().range(..).unwrap();
        names.iter().map(|n| (n.clone(), of(n))).collect::<Vec<_>>()
    };
    let before = content(&db);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(content(&db) == before);
    for (name, entries) in before {
        let namespace = db.namespace(name).unwrap();
        assert_eq!(namespace.len().unwrap(), entries.len());
        assert!(namespace.iter().unwrap().eq(entries));
    }
}

fn come_and_go(db: &Emdb, random: &mut Random) {
    let allowed = |result: emdb::Result<()>| match result {
        Ok(()) | Err(Error::NamespaceDropped) => {}
        Err(e) => panic!("{e}"),
    };
    let name = format!("n{}", random.below(3));
    let namespace = match db.namespace_with(&name, ORDERED) {
        Ok(namespace) => namespace,
        Err(e) => return allowed(Err(e)),
    };
    // Pairs come and go together, and stand at both ends of the order.
    let pair = |n: u64| [format!("a{n:04}"), format!("z{n:04}")];
    for _ in 0..20 {
        let [a, z] = pair(random.below(500));
        let removes = random.below(3) == 0;
        allowed(commit(db, |tx| {
            let part = tx.namespace(&namespace);
            for key in [a, z] {
                if removes { part.remove(key).map(drop)? } else { part.insert(key, "v")? }
            }
            Ok(())
        }));
    }
    let snapshot = db.snapshot().namespace(&name).unwrap();
    let found = [namespace.range(..), namespace.range_iter(..).map(|i| from_ends(i, 0x3333))];
    for items in found.into_iter().chain([snapshot.range(..)]) {
        match items {
            Ok(items) => {
                let keys: Vec<_> = items.iter().map(|(k, _)| &k[..]).collect();
                let (a, z) = keys.split_at(keys.len() / 2);
                assert!(keys.is_sorted(), "out of order");
                assert!(a.iter().map(|k| &k[1..]).eq(z.iter().map(|k| &k[1..])), "half a pair");
            }
            Err(e) => allowed(Err(e)),
        }
    }
    match random.below(30) {
        0 => allowed(namespace.clear()),
        1 => drop(db.drop_namespace(&name).unwrap()),
        2 => thread::sleep(Duration::from_millis(25)),
        _ => {}
    }
}
