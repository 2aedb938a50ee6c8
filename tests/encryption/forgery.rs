//! Records of an encrypted file, changed by somebody who has no key but can compute all checksums.
//! Each forgery has to be refused, at open or, of what a checkpoint spares an open, when it is read.

use std::fs;

use emdb::{Emdb, ProblemKind};
use emdb_testing::forge as plain;

use crate::common::state::{State, read_state};
use crate::files::{Place, raw};
use crate::forge::{COMMIT, CONTINUES, Forge, Frame, TRAILER};
use crate::reading::{is_refusal, read};
use crate::sample::{Form, Sample, first_session};

/// A name for the change, and the file that came of it.
type Forged = (String, Vec<u8>);

/// One record changed in every way that there is, and as long as it was, so that all others are
/// where they were.
fn changed(bytes: &[u8]) -> Vec<Forged> {
    let forge = Forge::of(bytes);
    let frames = forge.frames(bytes);
    let mut forged = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let mut put = |what: String, change: &dyn Fn(&mut Frame)| {
            let mut other = frame.clone();
            change(&mut other);
            let Some(other) = forge.fit(&other, frame.len) else { return };
            let file = forge.put(bytes, &other);
            if file != bytes {
                forged.push((format!("record {n}: {what}"), file));
            }
        };
        for verb in 1..=7 {
            put(format!("verb {verb}"), &|f| f.kind = f.kind & !7 | verb);
        }
        put("commit bit".into(), &|f| f.kind ^= COMMIT);
        put("continues bit".into(), &|f| f.kind ^= CONTINUES);
        put("namespace".into(), &|f| f.namespace = Some(1));
        for at in [1, 1_000_000_000_000, 4_102_444_800_124, u64::MAX] {
            put(format!("expiry {at}"), &|f| f.expiry = Some(at));
        }
        put("no expiry".into(), &|f| f.expiry = None);
        put("no link".into(), &|f| f.link = None);
        for link in frames[..n].iter().map(|f| (frame.position - f.position) as u64) {
            put(format!("link {link}"), &|f| f.link = Some(link));
        }
        put("another fingerprint".into(), &|f| {
            if let Some(byte) = f.key.first_mut() {
                *byte ^= 1;
            }
        });
        put("no key".into(), &|f| f.key.clear());
        put("the key of a session".into(), &|f| f.key = b"S".to_vec());
        put("the key of a note".into(), &|f| f.key = b"C".to_vec());
        put("text".into(), &|f| f.value[0] ^= 1);
        for at in [0, 4, 8, TRAILER - 1] {
            put(format!("byte {at} behind the text"), &|f| {
                if let Some(byte) = f.trailer().get_mut(at) {
                    *byte ^= 1;
                }
            });
        }
        put("no seal".into(), &|f| {
            let text = f.value.len().saturating_sub(TRAILER);
            f.value.truncate(text);
        });
        for (m, other) in frames.iter().enumerate() {
            put(format!("fingerprint of {m}"), &|f| f.key = other.key.clone());
            put(format!("value of {m}"), &|f| f.value = other.value.clone());
            put(format!("all of {m}"), &|f| *f = other.at(f.position));
        }
    }
    forged
}

/// Records put elsewhere: moved, repeated, removed.
fn moved(bytes: &[u8]) -> Vec<Forged> {
    let forge = Forge::of(bytes);
    let frames = forge.frames(bytes);
    let mut forged = Vec::new();
    for n in 0..frames.len() {
        let mut keep = |what: &str, change: &dyn Fn(&mut Vec<Frame>)| {
            let mut frames = frames.clone();
            change(&mut frames);
            forged.push((format!("record {n} {what}"), forge.journal(bytes, &frames)));
        };
        keep("removed", &|frames| drop(frames.remove(n)));
        keep("repeated", &|frames| frames.insert(n, frames[n].clone()));
        keep("repeated at the end", &|frames| frames.push(frames[n].clone()));
        if n + 1 < frames.len() {
            keep("exchanged with the next", &|frames| frames.swap(n, n + 1));
        }
        keep("moved to the front", &|frames| frames[..=n].rotate_right(1));
    }
    forged.retain(|(_, file)| file != bytes);
    forged
}

/// Records of `other` in the place of those of `bytes`, one at a time.
fn exchanged(bytes: &[u8], other: &[u8]) -> Vec<Forged> {
    let (mine, theirs) = (Forge::of(bytes), Forge::of(other));
    let theirs = theirs.frames(other);
    let mut forged = Vec::new();
    for (n, frame) in mine.frames(bytes).iter().enumerate() {
        let fits = |f: &&Frame| f.kind == frame.kind && f.len == frame.len;
        for strange in theirs.iter().filter(fits) {
            let file = mine.put(bytes, &strange.at(frame.position));
            forged.push((format!("record {n} is that at {} of another", strange.position), file));
        }
    }
    forged.retain(|(_, file)| file != bytes);
    assert!(forged.len() > 5, "{} records fit", forged.len());
    forged
}

/// Plain records with right checksums, by either place, instead of a record and behind the last.
fn plain_records(bytes: &[u8]) -> Vec<Forged> {
    let (sealed, open) = (Forge::of(bytes), Forge::of_plain(bytes));
    let frames = sealed.frames(bytes);
    let mut forged = Vec::new();
    for (name, forge) in [("plain", open), ("sealed", sealed)] {
        let bare = |position| Frame {
            position,
            len: 0,
            kind: plain::PUT | COMMIT,
            namespace: None,
            expiry: None,
            link: None,
            key: b"apple".to_vec(),
            value: b"forged".to_vec(),
        };
        for (n, frame) in frames.iter().enumerate() {
            if let Some(other) = forge.fit(&bare(frame.position), frame.len) {
                forged.push((format!("{name} record {n}"), forge.put(bytes, &other)));
            }
        }
        let end = frames.last().map_or(plain::JOURNAL_START, |f| f.position + f.len);
        let mut longer = bytes[..end].to_vec();
        longer.extend(forge.encode(&bare(end)));
        longer.resize(longer.len().max(bytes.len()), 0);
        forged.push((format!("{name} record at the end"), longer));
    }
    forged
}

/// A closed file's forgeries without its checkpoint: the open refuses and changes nothing.
#[track_caller]
fn refused_at_open(sample: &Sample, forged: &[Forged]) {
    assert!(forged.len() > 10, "{} forgeries", forged.len());
    for (case, bytes) in forged {
        let place = Place::of(bytes);
        match place.builder().build() {
            Err(e) => assert!(is_refusal(&e), "{case}: {e:?}"),
            // What continues no commit is as good as any other bytes behind the last one.
            Ok(db) if case.ends_with("at the end") => {
                assert_eq!(&read_state(&db).unwrap(), sample.expected(), "{case}");
                continue;
            }
            Ok(_) => panic!("{case}: opened"),
        }
        assert!(place.bytes() == *bytes, "{case}: a refused open changed the file");
    }
}

/// With the checkpoint beside it: the open refuses, or whoever reads does, and so do those who copy.
#[track_caller]
fn refused_or_right(sample: &Sample, forged: &[Forged]) {
    let mut spared = 0;
    let mut wrong = Vec::new();
    for (case, bytes) in forged {
        let place = Place::of(bytes);
        fs::write(place.beside(".meta"), sample.image.as_ref().unwrap()).unwrap();
        let db = match place.builder().build() {
            Err(e) => {
                assert!(is_refusal(&e), "{case}: {e:?}");
                continue;
            }
            Ok(db) => db,
        };
        spared += u32::from(db.recovery().unwrap().from_checkpoint.is_some());
        let mut bad = read(&db, sample.expected()).wrong;
        #[cfg(feature = "ttl")]
        if db.sweep_expired() > 0 {
            bad.push("what has not expired is swept".to_owned());
        }
        match db.verify() {
            Ok(report) if report.is_ok() => bad.push("verify finds nothing".to_owned()),
            Ok(_) => {}
            Err(e) => assert!(is_refusal(&e), "{case}: {e:?}"),
        }
        let copy = Place::new();
        match db.backup_to(&copy.path) {
            Ok(()) => bad.extend(read(&copy.open(), sample.expected()).wrong),
            Err(e) => assert!(is_refusal(&e), "{case}: backup: {e:?}"),
        }
        match db.compact() {
            Ok(()) => bad.extend(read(&db, sample.expected()).wrong),
            Err(e) => assert!(is_refusal(&e), "{case}: compaction: {e:?}"),
        }
        wrong.extend(bad.into_iter().map(|what| format!("{case}: {what}")));
    }
    assert!(
        wrong.is_empty(),
        "{} wrong results: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(40)]
    );
    assert!(spared > 0, "no open began with the checkpoint");
}

#[test]
fn a_changed_record_is_refused_at_open() {
    let sample = Sample::new(Form::Closed);
    refused_at_open(&sample, &changed(&sample.bytes));
}

#[test]
fn a_changed_record_below_a_checkpoint_is_refused_or_never_read() {
    let sample = Sample::new(Form::Closed);
    refused_or_right(&sample, &changed(&sample.bytes));
}

#[test]
fn a_moved_repeated_or_removed_record_is_refused_at_open() {
    let sample = Sample::new(Form::Closed);
    refused_at_open(&sample, &moved(&sample.bytes));
}

#[test]
fn a_record_moved_below_a_checkpoint_is_refused_or_never_read() {
    let sample = Sample::new(Form::Closed);
    let mut forged = moved(&sample.bytes);
    // What continues no commit is dropped at open, as a torn tail.
    forged.retain(|(case, _)| !case.ends_with("at the end"));
    refused_or_right(&sample, &forged);
}

/// Whether checksums are verified or not: a seal is.
#[test]
fn a_forged_record_is_refused_or_never_read_without_checksums() {
    let sample = Sample::new(Form::Closed);
    let mut wrong = Vec::new();
    for (case, bytes) in changed(&sample.bytes).iter().step_by(3) {
        let place = Place::of(bytes);
        fs::write(place.beside(".meta"), sample.image.as_ref().unwrap()).unwrap();
        if let Ok(db) = place.builder().verify_reads(false).build() {
            let bad = read(&db, sample.expected()).wrong;
            wrong.extend(bad.into_iter().map(|what| format!("{case}: {what}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong results: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(40)]
    );
}

/// Which record of its session comes next is told by the note of a checkpoint.
#[test]
fn a_forged_note_of_a_checkpoint_is_refused_or_ignored() {
    for more in [false, true] {
        let sample = Sample::new(Form::Closed);
        let db = sample.place.open();
        if more {
            db.insert("more", "").unwrap();
        }
        db.flush().unwrap();
        let bytes = sample.place.copy().bytes();
        let forge = Forge::of(&bytes);
        let frames = forge.frames(&bytes);
        let note = frames.iter().rfind(|f| f.key == b"C").unwrap();
        for session in [0, 1, 2, 7, u32::MAX - 1, u32::MAX] {
            for counter in [0, 1, u32::MAX - 1, u32::MAX] {
                let mut forged = note.clone();
                forged.trailer()[..4].copy_from_slice(&session.to_le_bytes());
                forged.trailer()[4..8].copy_from_slice(&counter.to_le_bytes());
                let forged = forge.put(&bytes, &forged);
                if forged == bytes {
                    continue;
                }
                let place = Place::of(&forged);
                fs::write(place.beside(".meta"), sample.image.as_ref().unwrap()).unwrap();
                let case = format!("session {session}, counter {counter}, more: {more}");
                match place.builder().build() {
                    Err(e) => assert!(is_refusal(&e), "{case}: {e:?}"),
                    Ok(db) => {
                        let from = db.recovery().unwrap().from_checkpoint;
                        panic!("{case}: opened, with the checkpoint at {from:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn checkpoints_and_journals_of_different_times_go_together_or_not_at_all() {
    let place = Place::new();
    let db = place.open();
    let mut past = Vec::new();
    for n in 0..4u32 {
        for m in 0..10u32 {
            db.insert((n + m).to_be_bytes(), n.to_be_bytes()).unwrap();
        }
        db.checkpoint().unwrap();
        let copy = place.copy();
        past.push((
            copy.bytes(),
            fs::read(copy.beside(".meta")).unwrap(),
            read_state(&db).unwrap(),
        ));
    }
    for (n, (bytes, _, expected)) in past.iter().enumerate() {
        for (m, (_, image, _)) in past.iter().enumerate() {
            let place = Place::of(bytes);
            fs::write(place.beside(".meta"), image).unwrap();
            let db = place.open();
            assert_eq!(&read_state(&db).unwrap(), expected, "journal {n}, checkpoint {m}");
            assert_eq!(db.recovery().unwrap().from_checkpoint.is_some(), m <= n);
        }
    }
}

#[test]
fn a_record_of_another_file_of_the_same_key_is_refused() {
    let (sample, other) = (Sample::new(Form::Closed), Sample::new(Form::Closed));
    let forged = exchanged(&sample.bytes, &other.bytes);
    refused_at_open(&sample, &forged);
    refused_or_right(&sample, &forged);
}

#[test]
fn a_record_of_a_twin_of_the_file_is_refused() {
    let former = first_session();
    let (sample, twin) = (Sample::new(Form::Closed), Sample::fork(&former, Form::Closed));
    let other = Sample::fork(&former, Form::Closed);
    let forged = exchanged(&twin.bytes, &other.bytes);
    refused_at_open(&sample, &forged);
    let twin = Sample { states: sample.states, ..twin };
    refused_or_right(&twin, &forged);
}

#[test]
fn a_record_of_an_earlier_generation_is_refused() {
    let sample = Sample::new(Form::Closed);
    let db = sample.place.open();
    db.compact().unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    let after = sample.place.bytes();
    let image = fs::read(sample.place.beside(".meta")).ok();
    let forged = exchanged(&after, &sample.bytes);
    refused_at_open(&sample, &forged);
    let compacted = Sample { bytes: after, image, ..sample };
    refused_or_right(&compacted, &forged);
}

#[test]
fn a_plain_record_in_an_encrypted_file_is_refused() {
    let sample = Sample::new(Form::Closed);
    refused_at_open(&sample, &plain_records(&sample.bytes));
}

#[test]
fn a_plain_record_below_a_checkpoint_is_refused_or_never_read() {
    let sample = Sample::new(Form::Closed);
    // What is behind the checkpoint is told by the open, whatever is below.
    let mut forged = plain_records(&sample.bytes);
    forged.retain(|(case, _)| !case.ends_with("end"));
    refused_or_right(&sample, &forged);
    let ends: Vec<_> =
        plain_records(&sample.bytes).into_iter().filter(|(c, _)| c.ends_with("end")).collect();
    for (case, bytes) in ends {
        let place = Place::of(&bytes);
        fs::write(place.beside(".meta"), sample.image.as_ref().unwrap()).unwrap();
        assert!(place.builder().build().is_err_and(|e| is_refusal(&e)), "{case}");
    }
}

/// Cutting the tail of a file that was not closed can't be told from a crash; all else can.
#[test]
fn a_forged_file_that_was_not_closed_is_refused_or_has_a_state_that_was() {
    let sample = Sample::new(Form::Killed);
    let other = Sample::new(Form::Killed);
    let mut forged = changed(&sample.bytes);
    forged.extend(moved(&sample.bytes));
    forged.extend(exchanged(&sample.bytes, &other.bytes));
    forged.extend(plain_records(&sample.bytes));
    let mut refused = 0;
    for (case, bytes) in &forged {
        let place = Place::of(bytes);
        match place.builder().build() {
            Err(e) => {
                assert!(is_refusal(&e), "{case}: {e:?}");
                refused += 1;
            }
            Ok(db) => {
                let found = read_state(&db).unwrap();
                assert!(
                    sample.states.contains(&found),
                    "{case}: a state that never was: {found:?}"
                );
            }
        }
    }
    assert!(refused > forged.len() / 2, "{refused} of {}", forged.len());
}

#[test]
fn a_salvage_leaves_forged_records_out() {
    let sample = Sample::new(Form::Closed);
    let forged = [changed(&sample.bytes), moved(&sample.bytes), plain_records(&sample.bytes)];
    for (case, bytes) in forged.iter().flatten().step_by(7) {
        let (place, target) = (Place::of(bytes), Place::new());
        let report = match Emdb::salvage(&place.path, &target.path, Some(raw(crate::files::KEY))) {
            Ok(report) => report,
            Err(e) => {
                assert!(is_refusal(&e), "{case}: {e:?}");
                continue;
            }
        };
        let copy = target.open();
        let lost = report.lost;
        for ((name, key), value) in read_state(&copy).unwrap() {
            // Older versions come back where newer ones are lost.
            let was = |state: &State| state.iter().any(|((_, k), v)| (k, v) == (&key, &value));
            assert!(sample.states.iter().any(was), "{case}: {name:?}/{key:?} never was");
        }
        assert!(!lost.is_empty() || case.contains("moved") || case.contains("repeated"), "{case}");
    }
}

#[test]
fn a_verification_tells_forged_records_from_damaged_ones() {
    let sample = Sample::new(Form::Closed);
    let forge = Forge::of(&sample.bytes);
    let mut frame = forge.frames(&sample.bytes)[2].clone();
    frame.value[0] ^= 1;
    let place = Place::of(&forge.put(&sample.bytes, &frame));
    fs::write(place.beside(".meta"), sample.image.as_ref().unwrap()).unwrap();
    let db = place.open();
    let report = db.verify().unwrap();
    let seals: Vec<_> = report.problems.iter().filter(|p| p.kind == ProblemKind::Seal).collect();
    assert_eq!(seals.len(), 1, "{report:?}");
    assert_eq!(seals[0].offset, frame.position as u64);
}

/// Where a whole file can be exchanged for its twin, no more than the state of that comes of it.
#[test]
fn the_checkpoint_of_a_twin_with_its_note_leads_to_no_third_state() {
    let former = first_session();
    let write = |text: &str| {
        let place = former.copy();
        let db = place.open();
        db.insert(format!("key of {text}"), text).unwrap();
        if text == "two" {
            db.namespace("only in two").unwrap();
        } else {
            db.namespace("just in one").unwrap();
        }
        db.checkpoint().unwrap();
        let state = read_state(&db).unwrap();
        (place.copy(), state)
    };
    let ((one, mine), (two, of_twin)) = (write("one"), write("two"));
    let (bytes, other) = (one.bytes(), two.bytes());
    let (forge, frames) = (Forge::of(&bytes), Forge::of(&bytes).frames(&bytes));
    let at = frames.iter().rposition(|f| f.key == b"C").unwrap();
    let theirs = Forge::of(&other).frames(&other);
    let note = theirs.iter().rfind(|f| f.key == b"C").unwrap();
    assert_eq!(note.position, frames[at].position, "the twins wrote as much");
    // With what follows, and as a kill before that was written would leave it.
    let mut whole = forge.put(&bytes, note);
    for cut in [false, true] {
        if cut {
            whole[note.position + note.len..].fill(0);
        }
        let place = Place::of(&whole);
        fs::copy(two.beside(".meta"), place.beside(".meta")).unwrap();
        match place.builder().build() {
            Err(e) => assert!(is_refusal(&e), "cut: {cut}: {e:?}"),
            Ok(db) => match read_state(&db) {
                Err(e) => assert!(is_refusal(&e), "cut: {cut}: {e:?}"),
                Ok(found) => assert!([&mine, &of_twin].contains(&&found), "cut: {cut}: {found:?}"),
            },
        }
    }
}
