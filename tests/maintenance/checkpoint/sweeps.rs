//! Sweeps of what a checkpoint has of expiries.

use std::fs;
use std::time::Duration;

use emdb::Ttl;

use super::{Place, from};

#[test]
fn sweeps_after_an_open_from_a_checkpoint_remove_what_has_expired_and_nothing_else() {
    for damaged in [false, true] {
        let place = Place::new();
        let db = place.open();
        let soon = Ttl::Duration(Duration::from_millis(400));
        for n in 0..3000u32 {
            let ttl = match n % 3 {
                0 => soon,
                1 => Ttl::Duration(Duration::from_secs(5000)),
                _ => Ttl::None,
            };
            db.insert_with_ttl(n.to_be_bytes(), "value", ttl).unwrap();
        }
        db.checkpoint().unwrap();
        // After it: some of the first kind are replaced or removed, more come.
        for n in 0..300u32 {
            db.insert((n * 3).to_be_bytes(), "stays").unwrap();
            db.remove(((n + 300) * 3).to_be_bytes()).unwrap();
            db.insert_with_ttl((n + 10_000).to_be_bytes(), "goes", soon).unwrap();
        }
        let copy = place.copy();
        if damaged {
            // The first section of so small a database is its expiries.
            let mut image = fs::read(copy.image()).unwrap();
            image[4096 + 100] ^= 1;
            fs::write(copy.image(), image).unwrap();
        }
        let db = copy.open();
        assert!(from(&db).is_some());
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!((db.sweep_expired(), db.sweep_expired()), (700, 0), "damaged: {damaged}");
        let stays = db.get(0u32.to_be_bytes()).unwrap();
        assert_eq!((db.len().unwrap(), stays.as_deref()), (2300, Some(&b"stays"[..])));
        db.checkpoint().unwrap();
        let again = copy.copy().open();
        assert_eq!((again.len().unwrap(), again.sweep_expired()), (2300, 0));
    }
}
