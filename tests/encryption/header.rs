//! Header slots, changed by somebody who has no key but can compute their checksum.

use std::time::{Duration, Instant};

use emdb::Emdb;
use emdb_testing::forge::{JOURNAL_START, SLOT_LEN};

use crate::common::state::read_state;
use crate::files::{KEY, Place, QUICK, passphrase, raw, refused};
use crate::forge::{change_header, newest_slot};
use crate::reading::is_refusal;
use crate::sample::{Form, Sample};

/// Where a slot says what.
const FLAGS: usize = 12;
const FILE_ID: usize = 16;
const SYNCED: usize = 56;
const CLEAN_LEN: usize = 64;
const ENVELOPE: std::ops::Range<usize> = 80..192;
const STRETCH: usize = 81;
const MEMORY: usize = 84;
const PASSES: usize = 88;
const LANES: usize = 92;
const SEAL: std::ops::Range<usize> = 492..508;

const CLEAN: u8 = 1;
const ENCRYPTED: u8 = 2;
const CONVERTED: u8 = 4;

/// Asserts that nobody opens the file, with key or without, and that it stays as it is.
#[track_caller]
fn nobody_opens(case: &str, bytes: &[u8]) {
    let place = Place::of(bytes);
    let results = [
        place.builder().build().map(drop),
        Emdb::open(&place.path).map(drop),
        place.builder().read_only(true).build().map(drop),
        Emdb::builder().path(&place.path).read_only(true).build().map(drop),
        Emdb::builder().path(&place.path).encryption_passphrase("text").build().map(drop),
    ];
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Err(e) => assert!(is_refusal(&e), "{case}, open {n}: {e:?}"),
            Ok(()) => panic!("{case}: open {n} succeeds"),
        }
        assert!(place.bytes() == bytes, "{case}: open {n} changed the file");
    }
}

/// With the key it is refused, or what it was.
#[track_caller]
fn refused_or_right(case: &str, bytes: &[u8], sample: &Sample) {
    let place = Place::of(bytes);
    match place.builder().build() {
        Err(e) => {
            assert!(is_refusal(&e), "{case}: {e:?}");
            assert!(place.bytes() == bytes, "{case}: a refused open changed the file");
        }
        Ok(db) => assert_eq!(&read_state(&db).unwrap(), sample.expected(), "{case}"),
    }
    assert!(Emdb::open(&place.path).is_err(), "{case}: opens without a key");
}

/// A change to a slot.
type Change = &'static dyn Fn(&mut [u8]);

const DOWNGRADES: [(&str, Change); 4] = [
    ("flag cleared", &|slot| slot[FLAGS] &= !ENCRYPTED),
    ("flag and envelope cleared", &|slot| {
        slot[FLAGS] &= !ENCRYPTED;
        slot[ENVELOPE].fill(0);
    }),
    ("all of it cleared", &|slot| {
        slot[FLAGS] &= !ENCRYPTED;
        slot[ENVELOPE].fill(0);
        slot[SEAL].fill(0);
    }),
    ("all of it cleared, and nothing synced", &|slot| {
        slot[FLAGS] = 0;
        slot[ENVELOPE].fill(0);
        slot[SEAL].fill(0);
        slot[SYNCED..SYNCED + 8].copy_from_slice(&(JOURNAL_START as u64).to_le_bytes());
        slot[CLEAN_LEN..CLEAN_LEN + 8].fill(0);
    }),
];

#[test]
fn a_header_that_denies_the_encryption_is_refused() {
    for form in [Form::Closed, Form::Killed] {
        let sample = Sample::new(form);
        for (what, change) in DOWNGRADES {
            for slots in [&[0][..], &[1], &[0, 1]] {
                let bytes = change_header(&sample.bytes, slots, change);
                nobody_opens(&format!("{form:?}: {what} in slots {slots:?}"), &bytes);
            }
        }
    }
}

#[test]
fn a_header_that_denies_the_encryption_beside_a_damaged_one_is_refused() {
    let sample = Sample::new(Form::Killed);
    for (what, change) in DOWNGRADES {
        for slot in [0, 1] {
            let mut bytes = change_header(&sample.bytes, &[slot], change);
            bytes[(1 - slot) * JOURNAL_START / 2 + 100] ^= 1;
            nobody_opens(&format!("{what} in slot {slot}, the other damaged"), &bytes);
        }
    }
}

#[test]
fn a_plain_file_that_is_said_to_be_encrypted_is_refused() {
    let place = Place::new();
    let db = Emdb::open(&place.path).unwrap();
    db.insert("key", "value").unwrap();
    db.close().unwrap();
    let (plain, sample) = (place.bytes(), Sample::new(Form::Closed));
    for slots in [&[0][..], &[1], &[0, 1]] {
        let bytes = change_header(&plain, slots, |slot| slot[FLAGS] |= ENCRYPTED);
        nobody_opens(&format!("flag set in {slots:?}"), &bytes);
        let bytes = change_header(&plain, slots, |slot| {
            slot[FLAGS] |= ENCRYPTED;
            slot[ENVELOPE].copy_from_slice(&sample.bytes[ENVELOPE]);
        });
        nobody_opens(&format!("an envelope in {slots:?}"), &bytes);
    }
}

#[test]
fn every_byte_of_a_header_is_vouched_for() {
    for form in [Form::Closed, Form::Killed] {
        let sample = Sample::new(form);
        let newest = newest_slot(&sample.bytes);
        for at in FLAGS..SEAL.end {
            for bit in [0, 3, 7] {
                let flip = |slot: &mut [u8]| slot[at] ^= 1 << bit;
                let case = format!("{form:?}: bit {bit} of byte {at}");
                for slots in [&[newest][..], &[1 - newest], &[0, 1]] {
                    let bytes = change_header(&sample.bytes, slots, flip);
                    refused_or_right(&format!("{case} in {slots:?}"), &bytes, &sample);
                }
                // Unless it says that no such slot was ever written, it is refused.
                if at != 48 + 7 {
                    let bytes = change_header(&sample.bytes, &[0, 1], flip);
                    let opened = Place::of(&bytes).builder().build();
                    assert!(opened.is_err_and(|e| is_refusal(&e)), "{case} of both slots");
                }
            }
        }
    }
}

#[test]
fn what_a_header_says_of_close_sync_and_conversion_is_vouched_for() {
    let sample = Sample::new(Form::Closed);
    let changes: [(&str, Change); 4] = [
        ("not closed", &|slot| slot[FLAGS] &= !CLEAN),
        ("nothing synced", &|slot| {
            slot[FLAGS] &= !CLEAN;
            slot[CLEAN_LEN..CLEAN_LEN + 8].fill(0);
            slot[SYNCED..SYNCED + 8].copy_from_slice(&(JOURNAL_START as u64).to_le_bytes());
        }),
        ("converted", &|slot| slot[FLAGS] |= CONVERTED),
        ("another cipher", &|slot| slot[ENVELOPE.start] ^= 3),
    ];
    for (what, change) in changes {
        nobody_opens(what, &change_header(&sample.bytes, &[0, 1], change));
    }
}

/// Flags say that what lies beside may be removed: not before the header is known to be authentic.
#[test]
fn a_forged_header_has_nothing_removed() {
    let sample = Sample::new(Form::Closed);
    let place = Place::of(&change_header(&sample.bytes, &[0, 1], |slot| slot[FLAGS] |= CONVERTED));
    for end in [".torn", ".meta", ".compact.tmp"] {
        std::fs::write(place.beside(end), "kept").unwrap();
    }
    let before = place.files();
    refused(place.builder().build(), "a forged header");
    assert!(place.files() == before);
}

#[test]
fn work_out_of_bounds_is_refused_before_it_is_done() {
    let place = Place::new();
    let builder = || Emdb::builder().path(&place.path).encryption_passphrase("text");
    builder().kdf_params(QUICK).build().unwrap().close().unwrap();
    let bytes = place.bytes();
    let numbers: [(u32, u32, u32); 9] = [
        (u32::MAX, 1, 1),
        (u32::MAX, u32::MAX, u32::MAX),
        ((1 << 20) + 1, 1, 1),
        (1 << 20, 64, 1),
        (19_456, u32::MAX, 1),
        (19_456, 2, u32::MAX),
        (19_456, 0, 1),
        (0, 0, 0),
        (7167, 64, 1),
    ];
    for (memory, passes, lanes) in numbers {
        let forged = change_header(&bytes, &[0, 1], |slot| {
            for (at, n) in [(MEMORY, memory), (PASSES, passes), (LANES, lanes)] {
                slot[at..at + 4].copy_from_slice(&n.to_le_bytes());
            }
        });
        let began = Instant::now();
        nobody_opens(&format!("{memory} KiB, {passes} passes, {lanes} lanes"), &forged);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?} for {memory}, {passes}, {lanes}");
    }
    let forged = change_header(&bytes, &[0, 1], |slot| slot[PASSES] += 1);
    nobody_opens("other work within bounds", &forged);
}

#[test]
fn the_kind_of_a_key_is_vouched_for() {
    let sample = Sample::new(Form::Closed);
    for (memory, passes, lanes) in [(0, 0, 0), (19_456u32, 2u32, 1u32)] {
        let forged = change_header(&sample.bytes, &[0, 1], |slot| {
            slot[STRETCH] = 1;
            for (at, n) in [(MEMORY, memory), (PASSES, passes), (LANES, lanes)] {
                slot[at..at + 4].copy_from_slice(&n.to_le_bytes());
            }
        });
        nobody_opens("a raw key turned into a passphrase", &forged);
    }
    let forged = change_header(&sample.bytes, &[0, 1], |slot| slot[STRETCH] = 2);
    nobody_opens("a kind that is not known", &forged);
}

/// Puts the slots `from` of `source` into a copy of `target`.
fn graft(target: &[u8], source: &[u8], from: &[usize]) -> Vec<u8> {
    let mut out = target.to_vec();
    for slot in from {
        let at = slot * JOURNAL_START / 2;
        out[at..at + SLOT_LEN].copy_from_slice(&source[at..at + SLOT_LEN]);
    }
    out
}

#[test]
fn headers_of_two_databases_of_the_same_key_can_not_be_exchanged() {
    for form in [Form::Closed, Form::Killed] {
        let (one, two) = (Sample::new(form), Sample::new(form));
        nobody_opens("both slots", &graft(&one.bytes, &two.bytes, &[0, 1]));
        for slot in [0, 1] {
            let bytes = graft(&one.bytes, &two.bytes, &[slot]);
            refused_or_right(&format!("{form:?}: slot {slot}"), &bytes, &one);
        }
        let bytes = change_header(&one.bytes, &[0, 1], |slot| {
            let id = &two.bytes[FILE_ID..FILE_ID + 16];
            slot[FILE_ID..FILE_ID + 16].copy_from_slice(id);
        });
        nobody_opens("the id of the other", &bytes);
    }
}

#[test]
fn an_envelope_of_another_database_is_refused() {
    let (one, two) = (Sample::new(Form::Closed), Sample::new(Form::Closed));
    let bytes = change_header(&one.bytes, &[0, 1], |slot| {
        slot[ENVELOPE].copy_from_slice(&two.bytes[ENVELOPE]);
    });
    nobody_opens("another envelope of the same key", &bytes);
}

/// A header is never made up: without one there is no key.
#[test]
fn a_salvage_without_a_header_gives_nothing() {
    for form in [Form::Closed, Form::Killed] {
        let sample = Sample::new(form);
        for input in [None, Some(raw(KEY)), Some(passphrase("text"))] {
            for wipe in [true, false] {
                let mut bytes = sample.bytes.clone();
                for slot in [0, 1] {
                    let at = slot * JOURNAL_START / 2;
                    if wipe { bytes[at..at + SLOT_LEN].fill(0) } else { bytes[at + 200] ^= 1 }
                }
                let (place, target) = (Place::of(&bytes), Place::new());
                let result = Emdb::salvage(&place.path, &target.path, input.clone());
                let case = format!("{form:?}, {input:?}, wiped: {wipe}");
                assert!(result.is_err(), "{case}: {result:?}");
                assert!(target.files().is_empty(), "{case}");
            }
        }
    }
}
