//! Walks over all records.

use super::*;

fn filled(db: &Emdb) -> BTreeMap<Vec<u8>, Vec<u8>> {
    db.clear().unwrap();
    db.insert_many((0..3000u32).map(|n| (n.to_be_bytes(), n.to_le_bytes()))).unwrap();
    (0..3000u32).map(|n| (n.to_be_bytes().into(), n.to_le_bytes().into())).collect()
}

#[test]
fn are_send_and_static() {
    fn check<T: Send + 'static>(_: T) {}
    let db = Emdb::open_in_memory();
    check(db.iter().unwrap());
    check(db.keys().unwrap());
    check(db.iter().unwrap().results());
}

#[test]
fn give_everything_once() {
    on_both(|db| {
        let expected = filled(db);
        assert_eq!(db.iter().unwrap().count(), 3000);
        assert_eq!(content(db), expected);
        let mut keys: Vec<_> = db.keys().unwrap().collect();
        keys.sort();
        assert!(keys.iter().eq(expected.keys()));
    });
}

#[test]
fn of_nothing_are_empty() {
    on_both(|db| {
        assert_eq!(db.iter().unwrap().next(), None);
        assert_eq!(db.keys().unwrap().next(), None);
    });
}

#[test]
fn show_the_state_at_their_making_whatever_follows() {
    on_both(|db| {
        let expected = filled(db);
        let (all, keys) = (db.iter().unwrap(), db.keys().unwrap());
        let mut begun = db.iter().unwrap();
        let first: Vec<_> = begun.by_ref().take(100).collect();
        for n in 0..3000u32 {
            match n % 3 {
                0 => drop(db.remove(n.to_be_bytes()).unwrap()),
                1 => db.insert(n.to_be_bytes(), "changed").unwrap(),
                _ => {}
            }
        }
        // Enough for the index to be rebuilt several times.
        db.insert_many((5000..25_000u32).map(|n| (n.to_be_bytes(), "new"))).unwrap();
        for n in (0..3000u32).step_by(2) {
            db.insert(n.to_be_bytes(), "changed again").unwrap();
        }
        assert_eq!(all.collect::<BTreeMap<_, _>>(), expected);
        assert!(first.into_iter().chain(begun).collect::<BTreeMap<_, _>>() == expected);
        let late = db.iter().unwrap();
        db.clear().unwrap();
        db.insert("k", "v").unwrap();
        assert_eq!(keys.count(), 3000);
        assert_eq!(late.count(), 22_500);
    });
}

#[test]
fn survive_the_drop_of_all_handles() {
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let expected = filled(&db);
    let (all, keys) = (db.iter().unwrap(), db.keys().unwrap());
    drop(db);
    drop(folder);
    assert_eq!(thread::spawn(|| all.collect::<BTreeMap<_, _>>()).join().unwrap(), expected);
    assert_eq!(keys.count(), 3000);
}

#[test]
fn survive_the_drop_of_all_handles_in_memory() {
    let db = Emdb::open_in_memory();
    let expected = filled(&db);
    let all = db.iter().unwrap();
    drop(db);
    assert_eq!(all.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn have_a_good_status_and_stay_at_their_end() {
    let db = Emdb::open_in_memory();
    filled(&db);
    let mut all = db.iter().unwrap();
    all.status().unwrap();
    assert_eq!(all.by_ref().count(), 3000);
    all.status().unwrap();
    db.insert("late", "v").unwrap();
    assert_eq!(all.next(), None);
    let mut keys = db.keys().unwrap();
    assert_eq!(keys.by_ref().count(), 3001);
    keys.status().unwrap();
    assert_eq!(keys.next(), None);
}

#[test]
fn turn_into_iterators_of_results() {
    let db = Emdb::open_in_memory();
    let expected = filled(&db);
    let all: emdb::Result<BTreeMap<_, _>> = db.iter().unwrap().results().collect();
    assert_eq!(all.unwrap(), expected);
    let keys: emdb::Result<Vec<_>> = db.keys().unwrap().results().collect();
    assert_eq!(keys.unwrap().len(), 3000);
}

#[test]
fn show_many_keys_once_while_others_come() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..60_000u32).map(|n| (n.to_be_bytes(), ""))).unwrap();
    let mut seen = vec![false; 60_000];
    for (at, key) in db.keys().unwrap().enumerate() {
        let n = u32::from_be_bytes(key.try_into().unwrap()) as usize;
        assert!(!std::mem::replace(&mut seen[n], true), "{n} twice");
        if at % 2 == 0 {
            db.insert((100_000 + at as u32).to_be_bytes(), "").unwrap();
        }
    }
    assert!(seen.iter().all(|s| *s));
}
