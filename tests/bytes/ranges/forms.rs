//! The forms in which a range can be written.

use super::*;

macro_rules! every_form {
    ($($name:ident: $b:expr, $d:expr;)*) => {$(
        #[test]
        fn $name() {
            let db = letters();
            assert_eq!(words(db.range($b..$d).unwrap()), "b c");
            assert_eq!(words(db.range($b..=$d).unwrap()), "b c d");
            assert_eq!(words(db.range($b..).unwrap()), "b c d e");
            assert_eq!(words(db.range(..$d).unwrap()), "a b c");
            assert_eq!(words(db.range(..=$d).unwrap()), "a b c d");
            assert_eq!(words(db.range((Included($b), Excluded($d))).unwrap()), "b c");
            assert_eq!(words(db.range((Excluded($b), Included($d))).unwrap()), "c d");
            assert_eq!(words(db.range((Excluded($b), Unbounded)).unwrap()), "c d e");
            assert_eq!(words(db.range((Unbounded, Excluded($d))).unwrap()), "a b c");
            assert_eq!(words(db.range_iter($b..$d).unwrap()), "b c");
            assert_eq!(words(db.range_prefix($b).unwrap()), "b");
            assert_eq!(words(db.range_prefix_iter($b).unwrap()), "b");
            assert_eq!(words(db.iter_from($d).unwrap()), "d e");
            assert_eq!(words(db.iter_after($d).unwrap()), "e");
        }
    )*};
}

every_form! {
    over_str: "b", "d";
    over_references_to_byte_arrays: b"b", b"d";
    over_byte_arrays: [b'b'], [b'd'];
    over_slices: b"b".as_slice(), b"d".as_slice();
    over_vectors: Vec::from(b"b"), Vec::from(b"d");
    over_references_to_vectors: &Vec::from(b"b"), &Vec::from(b"d");
    over_strings: String::from("b"), String::from("d");
    over_references_to_strings: &String::from("b"), &String::from("d");
    over_boxed_slices: Box::<[u8]>::from(*b"b"), Box::<[u8]>::from(*b"d");
}

#[test]
fn the_full_range_needs_no_key_type() {
    let db = letters();
    assert_eq!(words(db.range(..).unwrap()), "a b c d e");
    assert_eq!(words(db.range_iter(..).unwrap()), "a b c d e");
}

#[test]
fn two_unbounded_ends_are_the_full_range() {
    let db = letters();
    assert_eq!(words(db.range((Unbounded::<&str>, Unbounded)).unwrap()), "a b c d e");
}

#[test]
fn ends_need_not_be_present() {
    let db = letters();
    assert_eq!(words(db.range("aa".."dd").unwrap()), "b c d");
    assert_eq!(words(db.range((Excluded("aa"), Excluded("dd"))).unwrap()), "b c d");
    assert_eq!(words(db.range(""..="zzz").unwrap()), "a b c d e");
    assert!(db.range("x"..).unwrap().is_empty() && db.range(.."A").unwrap().is_empty());
}

#[test]
fn values_come_with_the_keys() {
    let found = letters().range("b"..="c").unwrap();
    assert_eq!(found, [(b"b".to_vec(), b"2".to_vec()), (b"c".to_vec(), b"3".to_vec())]);
}

/// Ends made at run time, so that no lint objects.
fn between(db: &Emdb, low: &str, high: &str) -> [usize; 6] {
    let pairs = [
        (Included(low), Included(high)),
        (Included(low), Excluded(high)),
        (Excluded(low), Included(high)),
        (Excluded(low), Excluded(high)),
    ];
    let count = |pair| {
        let found = db.range(pair).unwrap().len();
        assert_eq!(db.range_iter(pair).unwrap().rev().count(), found);
        found
    };
    let [a, b, c, d] = pairs.map(count);
    [a, b, c, d, db.range(low..high).unwrap().len(), db.range(low..=high).unwrap().len()]
}

#[test]
fn an_inverted_range_is_empty() {
    let db = letters();
    assert_eq!(between(&db, "d", "b"), [0; 6]);
    assert_eq!(between(&db, "z", "x"), [0; 6]);
    assert_eq!(between(&db, "bb", "b"), [0; 6]);
}

#[test]
fn equal_ends_hold_their_key_only_if_both_are_included() {
    let db = letters();
    assert_eq!(between(&db, "b", "b"), [1, 0, 0, 0, 0, 1]);
    assert_eq!(between(&db, "bb", "bb"), [0; 6]);
    assert_eq!(between(&db, "", ""), [0; 6]);
}

#[test]
fn the_empty_key_is_the_first_one() {
    let db = letters();
    db.insert("", "0").unwrap();
    assert_eq!(db.range(..).unwrap()[0], (Vec::new(), b"0".to_vec()));
    assert_eq!(db.range(..="").unwrap().len(), 1);
    assert_eq!(db.range(.."").unwrap().len(), 0);
    assert_eq!(words(db.iter_after("").unwrap()), "a b c d e");
}
