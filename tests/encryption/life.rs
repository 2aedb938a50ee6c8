//! Random calls on an encrypted database, compared with maps from the standard library.

use std::collections::BTreeMap;

use emdb::{Emdb, NamespaceOptions};
use emdb_testing::{Random, seed};

use crate::files::{KEY, OTHER_KEY, Place, raw};

/// Both namespaces against two maps, over reopens, kills, checkpoints, compactions and changed keys.
#[test]
fn a_long_life_gives_what_maps_give() {
    let seed = seed();
    let mut rng = Random(seed);
    for life in 0..6 {
        let mut place = Place::new();
        let mut key = KEY;
        let mut models = [BTreeMap::new(), BTreeMap::new()];
        for stage in 0..8 {
            let case = format!("EMDB_SEED={seed}, life {life}, stage {stage}");
            let db = Emdb::builder().path(&place.path).encryption_key(key).build().unwrap();
            let options = NamespaceOptions::new().ordered(true);
            let spaces = [(*db).clone(), db.namespace_with("sorted", options).unwrap()];
            for _ in 0..rng.below(200) {
                let at = rng.below(2) as usize;
                let (space, model) = (&spaces[at], &mut models[at]);
                let name = vec![b'a' + rng.below(4) as u8; 1 + rng.below(4) as usize];
                match rng.below(40) {
                    0..=24 => {
                        let value = vec![rng.next() as u8; rng.below(90) as usize];
                        space.insert(&name, &value).unwrap();
                        model.insert(name, value);
                    }
                    25..=34 => {
                        assert_eq!(space.remove(&name).unwrap(), model.remove(&name), "{case}")
                    }
                    35 => {
                        space.clear().unwrap();
                        model.clear();
                    }
                    36 => db.checkpoint().unwrap(),
                    37 => db.compact().unwrap(),
                    38 => db.flush().unwrap(),
                    _ => assert_eq!(space.get(&name).unwrap(), model.get(&name).cloned(), "{case}"),
                }
            }
            for (space, model) in spaces.iter().zip(&models) {
                let found: BTreeMap<_, _> = space.iter().unwrap().collect();
                assert_eq!(&found, model, "{case}");
                assert_eq!(space.len().unwrap(), model.len(), "{case}");
            }
            assert!(spaces[1].range(..).unwrap().into_iter().eq(models[1].clone()), "{case}");
            let report = db.verify().unwrap();
            assert!(report.is_ok(), "{case}: {report:?}");
            if rng.below(2) == 0 {
                // As a kill leaves it.
                let copy = place.copy();
                drop((spaces, db));
                place = copy;
                continue;
            }
            drop(spaces);
            db.close().unwrap();
            if rng.below(3) == 0 {
                let other = if key == KEY { OTHER_KEY } else { KEY };
                Emdb::rotate_encryption_key(&place.path, raw(key), raw(other)).unwrap();
                key = other;
            }
        }
    }
}
