//! Transactions as others see them: each as a whole.

use super::*;

const ACCOUNTS: u32 = 64;
const EACH: u64 = 1000;

fn amount(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

fn fill(namespace: &Namespace) {
    let accounts = (0..ACCOUNTS).map(|n| (n.to_be_bytes(), EACH.to_le_bytes()));
    namespace.insert_many(accounts).unwrap();
}

fn total(namespace: &Namespace) -> u64 {
    let mut count = 0;
    let sum = namespace.iter().unwrap().inspect(|_| count += 1).map(|(_, v)| amount(&v)).sum();
    assert_eq!(count, ACCOUNTS);
    sum
}

/// Moves something between two accounts, by a small generator of its own.
fn transfer(db: &Emdb, (from, to): (&Namespace, &Namespace), seed: &mut u32) {
    let mut next = || {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *seed >> 16
    };
    let (payer, payee) = ((next() % ACCOUNTS).to_be_bytes(), (next() % ACCOUNTS).to_be_bytes());
    let asked = u64::from(next() % 100);
    commit(db, |tx| {
        let had = amount(&tx.namespace(from).get(payer)?.unwrap());
        let moved = asked.min(had);
        tx.namespace(from).insert(payer, (had - moved).to_le_bytes())?;
        let had = amount(&tx.namespace(to).get(payee)?.unwrap());
        tx.namespace(to).insert(payee, (had + moved).to_le_bytes())
    })
    .unwrap();
}

#[test]
fn every_iteration_during_transfers_sums_to_the_same() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    fill(&db);
    let stop = AtomicBool::new(false);
    let stop = &stop;
    thread::scope(|s| {
        for writer in 0..3 {
            let db = &db;
            s.spawn(move || {
                let mut seed = writer;
                while !stop.load(Ordering::Relaxed) {
                    transfer(db, (db, db), &mut seed);
                }
            });
        }
        let readers: Vec<_> = (0..2)
            .map(|_| {
                s.spawn(|| {
                    for _ in 0..400 {
                        assert_eq!(total(&db), u64::from(ACCOUNTS) * EACH);
                    }
                })
            })
            .collect();
        let good = readers.into_iter().all(|r| r.join().is_ok());
        stop.store(true, Ordering::Relaxed);
        assert!(good);
    });
    drop(db);
    assert_eq!(total(&Emdb::open(&path).unwrap()), u64::from(ACCOUNTS) * EACH);
}

#[test]
fn two_namespaces_sum_to_the_same_in_each_transaction() {
    let db = Emdb::open_in_memory();
    let (x, y) = (db.namespace("x").unwrap(), db.namespace("y").unwrap());
    fill(&x);
    fill(&y);
    thread::scope(|s| {
        for writer in 0..2 {
            let (db, x, y) = (&db, &x, &y);
            s.spawn(move || {
                let mut seed = writer;
                for n in 0..500 {
                    transfer(db, if n % 2 == 0 { (x, y) } else { (y, x) }, &mut seed);
                }
            });
        }
        for _ in 0..200 {
            let sum = |items: emdb::EmdbIter| items.map(|(_, v)| amount(&v)).sum::<u64>();
            let all = commit(&db, |tx| {
                let of_x = sum(tx.namespace(&x).iter()?);
                thread::yield_now();
                Ok(of_x + sum(tx.namespace(&y).iter()?))
            });
            assert_eq!(all.unwrap(), 2 * u64::from(ACCOUNTS) * EACH);
        }
    });
}

#[test]
fn a_reader_never_meets_a_namespace_between_its_clear_and_what_follows() {
    let db = Emdb::open_in_memory();
    let fill = |tx: &mut Transaction<'_>| (0..10u8).try_for_each(|n| tx.insert([n], "v"));
    commit(&db, fill).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                commit(&db, |tx| {
                    tx.clear()?;
                    fill(tx)
                })
                .unwrap();
            }
        });
        let began = Instant::now();
        let mut good = true;
        while good && began.elapsed() < Duration::from_millis(1500) {
            good = db.len().unwrap() == 10
                && db.contains_key([7]).unwrap()
                && db.keys().unwrap().count() == 10;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(good);
    });
}
