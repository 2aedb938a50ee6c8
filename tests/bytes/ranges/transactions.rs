//! Ranges inside a transaction: what it wrote over what is committed.

use super::*;

#[test]
fn show_staged_over_committed_in_order_and_from_both_ends() {
    let db = letters();
    commit(&db, |tx| {
        tx.insert("bb", "staged")?;
        tx.insert("c", "over")?;
        tx.insert("A", "first")?;
        tx.insert("f", "last")?;
        assert_eq!(words(tx.range(..)?), "A a b bb c d e f");
        assert_eq!(words(tx.range_iter(..)?.rev()), "f e d c bb b a A");
        assert_eq!(words(tx.range("b"..="c")?), "b bb c");
        assert_eq!(words(tx.range_prefix("b")?), "b bb");
        assert_eq!(words(tx.range_prefix_iter("b")?.rev()), "bb b");
        assert_eq!(words(tx.iter_from("bb")?), "bb c d e f");
        assert_eq!(words(tx.iter_after("bb")?), "c d e f");
        assert_eq!(tx.range("c".."d")?[0].1, b"over");
        let all = tx.range(..)?;
        for bits in [0, u64::MAX, 0xAAAA_AAAA_AAAA_AAAA, 0b1001, 0b0110, 0b1110] {
            assert_eq!(from_ends(tx.range_iter(..)?, bits), all);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(words(db.range(..).unwrap()), "A a b bb c d e f");
}

#[test]
fn lend_staged_entries_too() {
    let db = letters();
    commit(&db, |tx| {
        tx.insert("0", "staged")?;
        tx.insert("z", "staged")?;
        let mut iter = tx.range_iter(..)?;
        assert_eq!(iter.next_entry(), Some((&b"0"[..], &b"staged"[..])));
        assert_eq!(iter.next_entry_back(), Some((&b"z"[..], &b"staged"[..])));
        assert_eq!(iter.next_entry(), Some((&b"a"[..], &b"1"[..])));
        assert_eq!(iter.next_entry_back(), Some((&b"e"[..], &b"5"[..])));
        Ok(())
    })
    .unwrap();
}

#[test]
fn hide_what_they_removed() {
    let db = letters();
    commit(&db, |tx| {
        tx.insert("cc", "")?;
        for key in ["a", "c", "cc", "e"] {
            tx.remove(key)?;
        }
        assert_eq!(words(tx.range(..)?), "b d");
        assert_eq!(words(tx.range_iter(..)?.rev()), "d b");
        tx.insert("c", "back")?;
        assert_eq!(words(tx.range(..)?), "b c d");
        Ok(())
    })
    .unwrap();
    assert_eq!(words(db.range(..).unwrap()), "b c d");
}

#[test]
fn show_only_later_writes_after_a_clear() {
    let db = letters();
    commit(&db, |tx| {
        tx.insert("x", "")?;
        tx.clear()?;
        assert!(tx.range(..)?.is_empty());
        tx.insert("d", "new")?;
        tx.insert("b", "new")?;
        assert_eq!(words(tx.range(..)?), "b d");
        assert_eq!(words(tx.range_iter("c"..)?.rev()), "d");
        Ok(())
    })
    .unwrap();
    assert_eq!(words(db.range(..).unwrap()), "b d");
}

#[test]
fn leave_nothing_when_they_are_rolled_back() {
    let db = letters();
    let before = db.range(..).unwrap();
    for clears in [false, true] {
        commit(&db, |tx| {
            tx.insert("x", "")?;
            tx.remove("a")?;
            if clears {
                tx.clear()?;
                tx.insert("y", "")?;
            }
            assert_ne!(tx.range(..)?, before);
            Err::<(), _>(Error::KeyNotFound)
        })
        .unwrap_err();
        assert_eq!(db.range(..).unwrap(), before);
    }
}

#[test]
fn show_nothing_of_themselves_to_others_before_they_commit() {
    let db = letters();
    commit(&db, |tx| {
        tx.insert("x", "")?;
        tx.remove("a")?;
        assert_eq!(words(db.range(..)?), "a b c d e");
        assert_eq!(words(db.snapshot().range(..)?), "a b c d e");
        Ok(())
    })
    .unwrap();
}

#[test]
fn give_iterators_that_later_writes_leave_alone_and_that_outlive_them() {
    let db = letters();
    let iter = commit(&db, |tx| {
        tx.insert("bb", "")?;
        let iter = tx.range_iter("b".."d")?;
        tx.insert("bc", "")?;
        tx.clear()?;
        Ok(iter)
    })
    .unwrap();
    drop(db);
    assert_eq!(words(iter), "b bb c");
}

#[test]
fn have_ranges_of_other_namespaces_each_if_it_is_ordered() {
    let db = Emdb::open_in_memory();
    let (yes, no) = (db.namespace_with("yes", ORDERED).unwrap(), db.namespace("no").unwrap());
    yes.insert("b", "").unwrap();
    commit(&db, |tx| {
        tx.namespace(&yes).insert("a", "")?;
        tx.namespace(&no).insert("a", "")?;
        assert_eq!(words(tx.namespace(&yes).range(..)?), "a b");
        assert_eq!(words(tx.namespace(&yes).iter()?), "a b");
        assert!(is_config(tx.namespace(&no).range(..)));
        assert!(is_config(tx.range(..)));
        Ok(())
    })
    .unwrap();
}

#[test]
fn merge_thousands_of_staged_keys_with_thousands_of_committed_ones() {
    let db = ordered();
    let even = |n: u32| (2 * n).to_be_bytes();
    let odd = |n: u32| (2 * n + 1).to_be_bytes();
    db.insert_many((0..3000).map(|n| (even(n), "committed"))).unwrap();
    commit(&db, |tx| {
        (0..3000).try_for_each(|n| tx.insert(odd(n), "staged"))?;
        let all: Vec<_> = (0..6000u32).map(|n| n.to_be_bytes().to_vec()).collect();
        assert!(tx.keys()?.eq(all.clone()));
        assert!(tx.range_iter(..)?.rev().map(|(k, _)| k).eq(all.into_iter().rev()));
        Ok(())
    })
    .unwrap();
}

#[test]
fn walk_past_many_removals_once() {
    let db = ordered();
    numbers(&db, 60_000);
    let began = std::time::Instant::now();
    commit(&db, |tx| {
        for n in 0..30_000u32 {
            tx.remove(n.to_be_bytes())?;
        }
        assert_eq!(tx.iter()?.count(), 30_000);
        assert_eq!(tx.range_iter(..)?.rev().count(), 30_000);
        Ok(())
    })
    .unwrap();
    // When each step looked at all of them it took more than ten times as long.
    assert!(began.elapsed() < Duration::from_secs(4));
}
