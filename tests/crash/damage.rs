//! Damage to the data file: cut anywhere, a bit of any byte flipped (any bit, if `EMDB_EVERY_BIT` is
//! set), sectors lost, stale or exchanged.
//!
//! An open must refuse the file and leave it alone, or give one of the states that were committed,
//! and none from before the last flush. On a database that is open, a read must give what was
//! written or an error.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use emdb::{Emdb, Error};
use emdb_testing::some_bits;
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::op::{LOG, Op};
use crate::common::state::{State, read_state};

/// Two header slots of 512 bytes, half of this apart.
const HEADER: usize = 8192;
const SECTOR: usize = 512;

/// A small file with a known past.
struct Sample {
    /// Committed states, oldest first.
    states: Vec<State>,
    /// The index of the one that was flushed last.
    flushed: usize,
    /// Earlier contents of the file.
    past: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// Behind the last byte that is not zero.
    used: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// Closed properly.
    Closed,
    /// Copied while open, as a kill leaves it, after a flush.
    Flushed,
    /// The same with commits after the flush.
    Unflushed,
}

fn calls() -> Vec<Op> {
    let bytes = |s: &str| s.as_bytes().to_vec();
    let put = |log, key, value| Op::Insert(log, bytes(key), bytes(value));
    let transfer = |left: &str, right: &str| Op::Transaction {
        clear: None,
        writes: vec![
            (false, bytes("left"), Some(bytes(left))),
            (true, bytes("right"), Some(bytes(right))),
            (true, bytes("gone"), None),
        ],
    };
    vec![
        put(false, "apple", "red"),
        Op::Flush,
        put(true, "gone", "soon"),
        put(false, "", "the empty key"),
        put(true, "nothing", ""),
        transfer("7", "3"),
        Op::Flush,
        Op::InsertTimed(false, bytes("lease"), bytes("until 2100")),
        put(false, "apple", "green"),
        Op::Remove(false, bytes("left")),
        Op::InsertMany(true, (0..5u8).map(|n| (vec![b'm', n], vec![n; n as usize * 9])).collect()),
        Op::Flush,
        Op::Clear(false),
        transfer("6", "4"),
        put(false, "apple", "blue"),
        put(true, "long", &"0123456789".repeat(13)),
        Op::Flush,
    ]
}

fn later_calls() -> Vec<Op> {
    let pair = [(false, b"late".to_vec(), Some(b"1".to_vec())), (true, b"right".to_vec(), None)];
    vec![
        Op::Insert(false, b"apple".to_vec(), b"yellow".to_vec()),
        Op::Transaction { clear: None, writes: pair.to_vec() },
        Op::Insert(true, b"last".to_vec(), b"unflushed".to_vec()),
    ]
}

fn sample(form: Form) -> Sample {
    let folder = memory_folder();
    let path = folder.path().join("sample.emdb");
    let db = Emdb::open(&path).unwrap();
    let (mut states, mut flushed, mut past) = (vec![State::new()], 0, Vec::new());
    let more = if form == Form::Unflushed { later_calls() } else { Vec::new() };
    for call in calls().into_iter().chain(more) {
        past.push(fs::read(&path).unwrap());
        call.apply(&db).unwrap();
        states.extend(call.outcomes(states.last().unwrap()));
        if matches!(call, Op::Flush) {
            flushed = states.len() - 1;
        }
    }
    if form == Form::Closed {
        db.close().unwrap();
        flushed = states.len() - 1;
    }
    let mut bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|b| *b != 0).unwrap() + 1;
    // Most of the zeros that are allocated ahead only make opening slow.
    bytes.truncate(used.next_multiple_of(SECTOR) + SECTOR);
    Sample { states, flushed, past, bytes, used }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Refused,
    /// The index of the state that was found.
    Found(usize),
}

/// Opens files and judges what comes of it.
struct Bench<'s> {
    sample: &'s Sample,
    _folder: TempDir,
    path: PathBuf,
    file: File,
}

impl<'s> Bench<'s> {
    fn new(sample: &'s Sample) -> Bench<'s> {
        let folder = memory_folder();
        let path = folder.path().join("damaged.emdb");
        fs::write(&path, &sample.bytes).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        Bench { sample, _folder: folder, path, file }
    }

    /// Makes the file `damaged`, opens it, and judges.
    fn open(&mut self, case: &str, damaged: &[u8]) -> Verdict {
        // The same inode again, so that nothing but the bytes differs.
        self.file.set_len(damaged.len() as u64).unwrap();
        self.file.seek(SeekFrom::Start(0)).unwrap();
        self.file.write_all(damaged).unwrap();
        self.judge(case, damaged)
    }

    fn judge(&mut self, case: &str, damaged: &[u8]) -> Verdict {
        let db = match Emdb::open(&self.path) {
            Err(Error::Corrupted { .. } | Error::MagicMismatch) => {
                let mut now = Vec::with_capacity(damaged.len());
                self.file.seek(SeekFrom::Start(0)).unwrap();
                self.file.read_to_end(&mut now).unwrap();
                assert!(now == damaged, "{case}: a refused open changed the file");
                return Verdict::Refused;
            }
            Err(e) => panic!("{case}: refused for another reason: {e:?}"),
            Ok(db) => db,
        };
        let found = read_state(&db).unwrap_or_else(|e| panic!("{case}: unreadable: {e}"));
        let states = &self.sample.states;
        let Some(index) = states.iter().rposition(|s| *s == found) else {
            panic!("{case}: a state that never was: {found:?}")
        };
        let flushed = self.sample.flushed;
        assert!(index >= flushed, "{case}: state {index} is from before the flush ({flushed})");
        assert!(db.recovery().is_some(), "{case}: no report");
        Verdict::Found(index)
    }

    /// As [`Bench::open`], for a file that differs from the sample by one bit. `open` restores.
    fn flip(&mut self, at: usize, bit: u32) -> Verdict {
        let mut damaged = self.sample.bytes.clone();
        damaged[at] ^= 1 << bit;
        self.open(&format!("bit {bit} of byte {at}"), &damaged)
    }
}

fn flip_bits(form: Form) {
    let sample = sample(form);
    let mut bench = Bench::new(&sample);
    for at in 0..sample.bytes.len() {
        for bit in some_bits(at) {
            let verdict = bench.flip(at, bit);
            if form == Form::Closed && (HEADER..sample.used).contains(&at) {
                assert_eq!(verdict, Verdict::Refused, "bit {bit} of byte {at} was synced");
            }
            if at < HEADER || at >= sample.used {
                let whole = Verdict::Found(sample.states.len() - 1);
                assert_eq!(verdict, whole, "nothing is lost by bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_closed_file_is_refused_or_harmless() {
    flip_bits(Form::Closed);
}

#[test]
fn a_flipped_bit_of_a_killed_file_is_refused_or_harmless() {
    flip_bits(Form::Flushed);
}

#[test]
fn a_flipped_bit_behind_the_last_flush_drops_only_what_was_not_flushed() {
    let sample = sample(Form::Unflushed);
    let mut bench = Bench::new(&sample);
    let last = sample.states.len() - 1;
    let mut dropped = 0;
    for at in HEADER..sample.used {
        let verdict = bench.flip(at, at as u32 % 8);
        if matches!(verdict, Verdict::Found(index) if index < last) {
            dropped += 1;
        }
    }
    assert!(dropped > 0);
}

#[test]
fn commits_dropped_behind_a_damaged_one_are_reported_and_kept_aside() {
    let sample = sample(Form::Unflushed);
    let mut bench = Bench::new(&sample);
    let late = sample.bytes.windows(6).rposition(|w| w == b"yellow").unwrap();
    let mut damaged = sample.bytes.clone();
    damaged[late] ^= 1;
    fs::write(&bench.path, &damaged).unwrap();
    let db = Emdb::open(&bench.path).unwrap();
    let report = db.recovery().unwrap().clone();
    assert!(!report.clean);
    assert_eq!(report.commits_dropped, 2);
    assert!(report.torn_bytes > 0);
    let torn = fs::read(report.torn_file.unwrap()).unwrap();
    assert!(torn.windows(9).any(|w| w == b"unflushed"));
    drop(db);
    let repaired = fs::read(&bench.path).unwrap();
    let again = bench.judge("reopened", &repaired);
    assert_eq!(again, Verdict::Found(sample.flushed));
}

fn cut_everywhere(form: Form) {
    let sample = sample(form);
    let mut bench = Bench::new(&sample);
    for len in 1..=sample.bytes.len() {
        let verdict = bench.open(&format!("cut to {len}"), &sample.bytes[..len]);
        if len < HEADER || (form == Form::Closed && len < sample.bytes.len()) {
            assert_eq!(verdict, Verdict::Refused, "cut to {len}");
        }
    }
    assert_eq!(bench.open("whole", &sample.bytes), Verdict::Found(sample.states.len() - 1));
}

#[test]
fn a_closed_file_that_was_cut_is_refused() {
    cut_everywhere(Form::Closed);
}

#[test]
fn a_killed_file_that_was_cut_is_refused_or_has_what_was_flushed() {
    cut_everywhere(Form::Flushed);
    cut_everywhere(Form::Unflushed);
}

#[test]
fn a_file_cut_to_nothing_opens_as_a_new_database() {
    let sample = sample(Form::Closed);
    let bench = Bench::new(&sample);
    bench.file.set_len(0).unwrap();
    let db = Emdb::open(&bench.path).unwrap();
    assert_eq!(read_state(&db).unwrap(), State::new());
}

#[test]
fn a_destroyed_magic_is_no_database() {
    let sample = sample(Form::Closed);
    let bench = Bench::new(&sample);
    let mut damaged = sample.bytes.clone();
    damaged[0] = b'X';
    damaged[HEADER / 2] = b'X';
    fs::write(&bench.path, &damaged).unwrap();
    assert!(matches!(Emdb::open(&bench.path), Err(Error::MagicMismatch)));
    assert!(fs::read(&bench.path).unwrap() == damaged);
}

fn sectors(sample: &Sample) -> impl Iterator<Item = usize> + use<> {
    (0..sample.used.next_multiple_of(SECTOR)).step_by(SECTOR)
}

#[test]
fn a_sector_of_zeros_or_older_content_is_refused_or_harmless() {
    for form in [Form::Closed, Form::Flushed, Form::Unflushed] {
        let sample = sample(form);
        let mut bench = Bench::new(&sample);
        for at in sectors(&sample) {
            for (age, past) in [Vec::new()].iter().chain(&sample.past).enumerate() {
                let mut damaged = sample.bytes.clone();
                let sector = at..damaged.len().min(at + SECTOR);
                let old = past.get(sector.clone()).unwrap_or(&[0; SECTOR][..sector.len()]);
                damaged[sector].copy_from_slice(old);
                if damaged != sample.bytes {
                    bench.open(&format!("{form:?}: sector {at} from file {age}"), &damaged);
                }
            }
        }
    }
}

#[test]
fn exchanged_sectors_are_refused_or_harmless() {
    for form in [Form::Closed, Form::Flushed, Form::Unflushed] {
        let mut sample = sample(form);
        let flushed = sample.flushed;
        for left in sectors(&sample) {
            for right in sectors(&sample).filter(|right| *right > left) {
                // A header slot and a part of the journal at once can be both that say what was
                // flushed last. What is found is a committed state all the same.
                let both_witnesses = left < HEADER && right >= HEADER;
                sample.flushed = if both_witnesses { 0 } else { flushed };
                let mut bench = Bench::new(&sample);
                let mut damaged = sample.bytes.clone();
                let (front, back) = damaged.split_at_mut(right);
                let len = SECTOR.min(back.len());
                front[left..left + len].swap_with_slice(&mut back[..len]);
                if damaged != sample.bytes {
                    bench.open(&format!("{form:?}: sectors {left} and {right}"), &damaged);
                }
            }
        }
    }
}

/// Reads each key of `expected`, and `absent` ones, of a database under which the file changes.
fn read_live(case: &str, db: &Emdb, expected: &State, absent: &[(&str, &str)]) -> bool {
    let log = db.namespace(LOG).unwrap();
    let mut damaged = false;
    let mut right = |what: &str, key: &[u8], result: Result<bool, Error>| match result {
        Ok(right) => assert!(right, "{case}: {what} of {key:?} is wrong"),
        Err(Error::Corrupted { .. }) => damaged = true,
        Err(e) => panic!("{case}: {what} of {key:?}: {e:?}"),
    };
    let present = expected.iter().map(|((name, key), value)| (&**name, &**key, Some(value)));
    let absent = absent.iter().map(|(name, key)| (*name, key.as_bytes(), None));
    for (name, key, value) in present.chain(absent) {
        let namespace = if name.is_empty() { &**db } else { &log };
        right("get", key, namespace.get(key).map(|v| v.as_ref() == value));
        let many = namespace.get_many([key]);
        right("get_many", key, many.map(|many| many[0].as_ref() == value));
        let borrowed = namespace.get_zerocopy(key).map(|v| v.as_deref() == value.map(|v| &v[..]));
        right("get_zerocopy", key, borrowed);
        right("contains_key", key, namespace.contains_key(key).map(|c| c == value.is_some()));
    }
    for namespace in [&**db, &log] {
        let name = namespace.name();
        let mut count = 0;
        for item in namespace.iter().unwrap().results() {
            let Ok((key, value)) = item else {
                damaged = true;
                count = usize::MAX;
                break;
            };
            count += 1;
            assert_eq!(expected.get(&(name.to_owned(), key)), Some(&value), "{case}: iter");
        }
        let all = expected.keys().filter(|(n, _)| n == name).count();
        assert!(count == usize::MAX || count == all, "{case}: iter ended early without an error");
    }
    damaged
}

#[test]
fn damage_under_an_open_database_is_an_error_never_wrong_data() {
    let sample = sample(Form::Flushed);
    let bench = Bench::new(&sample);
    let db = Emdb::open(&bench.path).unwrap();
    let expected = sample.states.last().unwrap();
    let absent = [("", "left-over"), ("log", "gone"), ("", "lease"), ("log", "never")];
    let mut file = &bench.file;
    let mut put = |at: usize, byte: u8| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    let mut noticed = 0;
    for at in HEADER..sample.used {
        for bit in 0..8 {
            put(at, sample.bytes[at] ^ 1 << bit);
            let case = format!("bit {bit} of byte {at}");
            noticed += u32::from(read_live(&case, &db, expected, &absent));
            put(at, sample.bytes[at]);
        }
    }
    assert!(noticed > 1000, "the flips hit live records: {noticed}");
    assert!(!read_live("restored", &db, expected, &absent));
    drop(db);
    let db = Emdb::open(&bench.path).unwrap();
    assert_eq!(read_state(&db).unwrap(), *expected);
}

#[test]
fn a_write_over_a_damaged_record_fails_and_changes_nothing() {
    let sample = sample(Form::Flushed);
    let bench = Bench::new(&sample);
    let db = Emdb::open(&bench.path).unwrap();
    let blue = sample.bytes.windows(4).rposition(|w| w == b"blue").unwrap();
    let mut file = &bench.file;
    file.seek(SeekFrom::Start(blue as u64 - 2)).unwrap();
    file.write_all(b"X").unwrap();
    let expected = sample.states.last().unwrap();
    assert!(matches!(db.insert("apple", "new"), Err(Error::Corrupted { .. })));
    assert!(matches!(db.remove("apple"), Err(Error::Corrupted { .. })));
    assert!(matches!(db.get("apple"), Err(Error::Corrupted { .. })));
    file.seek(SeekFrom::Start(blue as u64 - 2)).unwrap();
    file.write_all(&sample.bytes[blue - 2..blue - 1]).unwrap();
    assert_eq!(read_state(&db).unwrap(), *expected);
}
