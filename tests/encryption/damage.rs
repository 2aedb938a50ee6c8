//! Accidents to the files of an encrypted database: each bit flipped, and cut anywhere.
//!
//! One bit of each byte is flipped behind the header, and a sample of what lies empty, unless
//! `EMDB_EVERY_BIT` is set.

use std::fs;

use emdb_testing::forge::{JOURNAL_START, SLOT_LEN};
use emdb_testing::{every_bit, some_bits};

use crate::common::state::read_state;
use crate::files::Place;
use crate::reading::{is_refusal, read};
use crate::sample::{Form, Sample};

/// Opens the damaged file alone and with the checkpoint, if there is one.
fn judge(case: &str, sample: &Sample, bytes: &[u8]) {
    for image in [None, sample.image.as_ref()] {
        let place = Place::of(bytes);
        if let Some(image) = image {
            fs::write(place.beside(".meta"), image).unwrap();
        } else if sample.image.is_some()
            && !bytes.len().is_multiple_of(8)
            && bytes.len() != sample.bytes.len()
        {
            // Cuts are tried without it now and then.
            continue;
        }
        match place.builder().build() {
            Err(e) => {
                assert!(is_refusal(&e) || matches!(e, emdb::Error::MagicMismatch), "{case}: {e:?}");
                assert!(place.bytes() == bytes, "{case}: a refused open changed the file");
            }
            Ok(db) if image.is_some() => {
                let reading = read(&db, sample.expected());
                assert!(reading.wrong.is_empty(), "{case}: {:#?}", reading.wrong);
            }
            Ok(db) => {
                let found = read_state(&db).unwrap();
                let known = match sample.image {
                    Some(_) => found == *sample.expected(),
                    // Behind the last flush that the file tells of, a tail may be torn.
                    None => sample.states.contains(&found),
                };
                assert!(known, "{case}: {found:?}");
            }
        }
    }
}

fn flip(form: Form) {
    let sample = Sample::new(form);
    let used = sample.bytes.iter().rposition(|b| *b != 0).unwrap() + 1;
    for at in 0..sample.bytes.len() {
        let in_slot = at % (JOURNAL_START / 2) < SLOT_LEN;
        let matters = at < JOURNAL_START && in_slot || (JOURNAL_START..used).contains(&at);
        if !matters && at % 61 > 0 && !every_bit() {
            continue;
        }
        // Behind the envelope a slot is empty up to its seal.
        let in_envelope =
            in_slot && at < JOURNAL_START && !(192..492).contains(&(at % (JOURNAL_START / 2)));
        for bit in if in_envelope { 0..8 } else { some_bits(at) } {
            let mut bytes = sample.bytes.clone();
            bytes[at] ^= 1 << bit;
            judge(&format!("bit {bit} of byte {at}"), &sample, &bytes);
        }
    }
}

#[test]
fn a_flipped_bit_of_a_closed_file_is_an_error_or_right_data() {
    flip(Form::Closed);
}

#[test]
fn a_flipped_bit_of_a_killed_file_is_an_error_or_a_state_that_was() {
    flip(Form::Killed);
}

#[test]
fn a_closed_file_that_was_cut_is_an_error_or_right_data() {
    let sample = Sample::new(Form::Closed);
    for len in 1..sample.bytes.len() {
        judge(&format!("cut to {len}"), &sample, &sample.bytes[..len]);
    }
}

#[test]
fn a_killed_file_that_was_cut_is_an_error_or_a_state_that_was() {
    let sample = Sample::new(Form::Killed);
    let used = sample.bytes.iter().rposition(|b| *b != 0).unwrap() + 1;
    for len in 1..used + 9 {
        judge(&format!("cut to {len}"), &sample, &sample.bytes[..len]);
    }
}

/// A damaged or cut checkpoint is ignored.
#[test]
fn a_checkpoint_with_a_flipped_bit_or_a_cut_changes_nothing() {
    let sample = Sample::new(Form::Closed);
    let image = sample.image.clone().unwrap();
    let place = Place::of(&sample.bytes);
    let check = |case: String, image: &[u8]| {
        fs::write(&place.path, &sample.bytes).unwrap();
        fs::write(place.beside(".meta"), image).unwrap();
        let db = place.open();
        assert_eq!(&read_state(&db).unwrap(), sample.expected(), "{case}");
        assert_eq!(db.recovery().unwrap().from_checkpoint, None, "{case}");
    };
    for at in 0..image.len() {
        let bits = if at < 128 || at + 64 > image.len() { 0..8 } else { some_bits(at) };
        for bit in bits {
            let mut image = image.clone();
            image[at] ^= 1 << bit;
            check(format!("bit {bit} of byte {at}"), &image);
        }
    }
    for len in 0..image.len() {
        check(format!("cut to {len}"), &image[..len]);
    }
    check("a byte more".to_owned(), &[&image[..], b"x"].concat());
    // That it is taken otherwise shows that it was looked at.
    fs::write(&place.path, &sample.bytes).unwrap();
    fs::write(place.beside(".meta"), &image).unwrap();
    assert!(place.open().recovery().unwrap().from_checkpoint.is_some());
}
