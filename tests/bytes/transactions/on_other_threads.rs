//! Calls of other threads beside a transaction.

use super::*;

#[test]
fn writes_wait_for_the_end() {
    let db = with_abc();
    thread::scope(|s| {
        let (done, ended) = mpsc::channel();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            for n in 0..3 {
                let (db, done) = (&db, done.clone());
                s.spawn(move || {
                    match n {
                        0 => db.insert("d", "plain").unwrap(),
                        1 => drop(db.remove("a").unwrap()),
                        _ => commit(db, |tx| tx.insert("e", "5")).unwrap(),
                    }
                    done.send(()).unwrap();
                });
            }
            assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
            assert_eq!(content(&db), "a=1 b=2 c=3");
            Ok(())
        })
        .unwrap();
        for _ in 0..3 {
            ended.recv_timeout(Duration::from_secs(10)).unwrap();
        }
    });
    assert_eq!(content(&db), "b=2 c=3 d=plain e=5");
}

#[test]
fn reads_go_on_and_see_nothing_of_it() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("a", "staged")?;
        tx.insert("d", "4")?;
        let seen = thread::scope(|s| {
            let read = || (content(&db), db.len().unwrap(), text(db.get("a").unwrap()));
            s.spawn(read).join().unwrap()
        });
        assert_eq!(seen, ("a=1 b=2 c=3".into(), 3, Some("1".into())));
        Ok(())
    })
    .unwrap();
}

#[test]
fn writes_go_on_after_a_panic() {
    let db = with_abc();
    thread::scope(|s| {
        let writer = catch_unwind(AssertUnwindSafe(|| {
            let mut writer = None;
            let _ = commit(&db, |tx| -> emdb::Result<()> {
                tx.insert("d", "4")?;
                writer = Some(s.spawn(|| db.insert("e", "5")));
                panic!("on purpose")
            });
        }));
        assert!(writer.is_err());
    });
    assert_eq!(content(&db), "a=1 b=2 c=3 e=5");
}
