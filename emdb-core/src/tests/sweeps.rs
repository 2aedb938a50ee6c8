//! Sweeps by expiries that are not those of the records that they name, as a forged image has.

use crate::api::db::Emdb;
use crate::api::internal::with_clock;
use crate::os::clock::ManualClock;
use crate::os::sync::lock;

#[test]
fn a_sweep_removes_no_record_that_does_not_expire_and_ends() {
    let db = with_clock(Emdb::builder(), ManualClock::new(1_000_000)).build().unwrap();
    for key in ["kept", "removed"] {
        db.insert(key, "value").unwrap();
    }
    db.remove("removed").unwrap();
    let engine = db.engine();
    let view = engine.read_view();
    let incarnation = view.incarnation(&engine.default_namespace).unwrap();
    let kept = view.stored(&incarnation, b"kept").unwrap().unwrap();
    // The first record, that of the removal, and one that is none.
    let removal = view.watermark() - (b"removed".len() as u64 + 12);
    let positions = [kept.position(), removal, removal - 1, view.watermark() + 5];
    let is_removal = view.reader().record(removal).unwrap();
    assert!(!is_removal.is_put() && is_removal.key() == b"removed");
    for position in positions {
        lock(&incarnation.expiries).insert(5, position);
    }
    assert_eq!(db.sweep_expired(), 0);
    assert_eq!(db.get("kept").unwrap().unwrap(), b"value");
    assert_eq!(lock(&incarnation.expiries).len(), 0);
}
