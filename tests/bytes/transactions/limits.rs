//! How long others wait for a transaction.

use super::*;

/// Calls `beside` on another thread while a transaction of `db` is open, and waits for it.
fn beside_a_transaction<R: Send>(db: &Emdb, beside: impl FnOnce() -> R + Send) -> R {
    commit(db, |tx| {
        tx.insert("a", "staged")?;
        Ok(thread::scope(|s| s.spawn(beside).join().unwrap()))
    })
    .unwrap()
}

fn limited(limit: Duration) -> Emdb {
    let db = Emdb::builder().lock_timeout(limit).build().unwrap();
    db.insert("a", "1").unwrap();
    db
}

#[test]
fn a_thread_that_is_joined_in_a_transaction_and_writes_gets_an_error() {
    let limit = Duration::from_millis(40);
    let db = limited(limit);
    let log = db.namespace("log").unwrap();
    type Call<'a> = (&'a str, Box<dyn FnOnce() -> emdb::Result<()> + Send + 'a>);
    let calls: [Call<'_>; 6] = [
        ("insert", Box::new(|| db.insert("b", "2"))),
        ("remove", Box::new(|| db.remove("a").map(drop))),
        ("clear", Box::new(|| log.clear())),
        ("transaction", Box::new(|| db.transaction(|tx| tx.insert("b", "2")))),
        ("namespace", Box::new(|| db.namespace("new").map(drop))),
        ("drop_namespace", Box::new(|| db.drop_namespace("log").map(drop))),
    ];
    for (name, call) in calls {
        match beside_a_transaction(&db, call) {
            Err(error @ Error::LockTimeout { waited, open_for }) => {
                assert!(waited >= limit && open_for >= limit / 2, "{name}: {error:?}");
                assert!(error.to_string().contains("lock_timeout"), "{error}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    // Whoever gave up is not waited for.
    db.insert("b", "2").unwrap();
    commit(&db, |tx| tx.insert("c", "3")).unwrap();
    assert_eq!(content(&db), "a=staged b=2 c=3");
}

#[test]
fn a_transaction_may_have_a_limit_of_its_own() {
    let db = limited(Duration::MAX);
    let begun = Instant::now();
    let limit = Duration::from_millis(30);
    let within = || db.transaction_within(limit, |tx| tx.insert("b", "2"));
    let refused = beside_a_transaction(&db, within);
    assert!(matches!(refused, Err(Error::LockTimeout { .. })));
    assert!(begun.elapsed() >= limit);
    within().unwrap();
    assert_eq!(content(&db), "a=staged b=2");
}

#[test]
fn a_try_does_not_wait_and_calls_nothing() {
    let db = limited(Duration::MAX);
    let tried = beside_a_transaction(&db, || {
        db.try_transaction(|_| -> emdb::Result<()> { panic!("somebody else writes") })
    });
    assert!(matches!(tried, Ok(None)));
    assert!(matches!(db.try_transaction(|tx| tx.insert("b", "2")), Ok(Some(()))));
    assert!(matches!(
        db.try_transaction(|tx| tx.insert(vec![0; 65_536], "")),
        Err(Error::TooLarge { .. })
    ));
    let inside = commit(&db, |_| Ok(is_active(db.try_transaction(|_| Ok(())))));
    assert!(inside.unwrap());
    assert_eq!(content(&db), "a=staged b=2");
}

#[test]
fn those_who_wait_come_in_turn_when_another_one_gives_up() {
    let db = limited(Duration::from_secs(30));
    thread::scope(|s| {
        commit(&db, |tx| {
            tx.insert("a", "staged")?;
            let writers: Vec<_> = (0..4)
                .map(|n| {
                    s.spawn({
                        let db = &db;
                        move || db.transaction(|tx| tx.insert(format!("w{n}"), ""))
                    })
                })
                .collect();
            for _ in 0..4 {
                let gave_up =
                    s.spawn(|| db.transaction_within(Duration::from_millis(20), |_| Ok(())));
                assert!(matches!(gave_up.join().unwrap(), Err(Error::LockTimeout { .. })));
            }
            Ok(writers)
        })
        .unwrap()
        .into_iter()
        .for_each(|writer| writer.join().unwrap().unwrap());
    });
    assert_eq!(db.len().unwrap(), 5);
}
