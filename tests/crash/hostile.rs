//! Files that nobody's database wrote: garbage, mutations, and forgeries with valid checksums.
//!
//! An open refuses them and leaves them alone, or gives a database that works. It never panics,
//! takes memory by what a file claims, or runs for long.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error};
use emdb_testing::forge::{
    self, CLEAR, CREATE, DROP, Header, JOURNAL_START, MARK, PUT, REMOVE, Record,
};
use emdb_testing::{Random, child};
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::state::{State, read_state};

/// A place for one file at a time.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = memory_folder();
        let path = folder.path().join("hostile.emdb");
        Place { _folder: folder, path }
    }

    /// The contents of the database of these bytes, if it opens. One that opens must take a write and
    /// have it after a reopen; one that does not must be as it was.
    fn open(&self, context: &str, bytes: &[u8]) -> Option<State> {
        fs::write(&self.path, bytes).unwrap();
        self.salvage(context, bytes);
        let db = match Emdb::open(&self.path) {
            Ok(db) => db,
            Err(Error::Corrupted { .. } | Error::MagicMismatch | Error::VersionMismatch { .. }) => {
                assert!(fs::read(&self.path).unwrap() == bytes, "{context}: a file was changed");
                return None;
            }
            Err(e) => panic!("{context}: {e:?}"),
        };
        let before = read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"));
        db.insert("a key of mine", "a value").unwrap_or_else(|e| panic!("{context}: {e}"));
        db.namespace("mine").and_then(|ns| ns.insert("k", "v")).unwrap();
        db.close().unwrap_or_else(|e| panic!("{context}: {e}"));
        let db = Emdb::open(&self.path).unwrap_or_else(|e| panic!("{context}: reopened: {e}"));
        assert!(db.recovery().unwrap().clean, "{context}");
        let mut after = read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"));
        after.remove(&(String::new(), b"a key of mine".to_vec())).unwrap();
        after.remove(&("mine".to_owned(), b"k".to_vec())).unwrap();
        assert!(after == before, "{context}: a reopen changed what is there");
        Some(before)
    }

    /// A salvage refuses the bytes, too, or makes a database of them that holds together.
    fn salvage(&self, context: &str, bytes: &[u8]) {
        let target = self.path.with_extension("salvaged");
        let salvaged = Emdb::salvage(&self.path, &target, None);
        assert!(fs::read(&self.path).unwrap() == bytes, "{context}: a salvage changed the file");
        match salvaged {
            Ok(report) => {
                let db = Emdb::open(&target).unwrap_or_else(|e| panic!("{context}: {e}"));
                let verified = db.verify().unwrap();
                assert!(verified.is_ok(), "{context}: {:?}", verified.problems);
                assert_eq!(verified.live_records, report.records, "{context}");
                drop(db);
                fs::remove_file(&target).unwrap();
            }
            Err(Error::Corrupted { .. } | Error::MagicMismatch | Error::VersionMismatch { .. }) => {
                assert!(!target.exists(), "{context}");
            }
            Err(e) => panic!("{context}: salvage: {e:?}"),
        }
    }

    fn forged(&self, context: &str, records: &[Record<'_>]) -> Option<State> {
        self.open(context, &forge::file(&Header::plain(), records))
    }
}

fn garbage(rng: &mut Random, len: usize) -> Vec<u8> {
    // Runs of one byte and small bytes look more like records than noise does.
    let style = rng.below(3);
    let mut run = 0;
    let bytes = (0..len).map(|_| match style {
        0 => rng.next() as u8,
        1 => rng.below(8) as u8,
        _ => {
            if rng.below(6) == 0 {
                run = rng.next() as u8;
            }
            run
        }
    });
    bytes.collect()
}

#[test]
fn a_forged_file_is_read_like_one_of_ours() {
    let place = Place::new();
    let state = place.forged(
        "plain",
        &[
            Record::new(PUT, 0, b"key", b"value"),
            Record::new(CREATE, 1, b"name", b""),
            Record { commit: false, ..Record::new(PUT, 1, b"half", b"1") },
            Record { expiry: Some(u64::MAX), ..Record::new(PUT, 1, b"whole", b"2") },
            Record { commit: false, ..Record::new(PUT, 0, b"never", b"committed") },
        ],
    );
    let state: Vec<_> = state.unwrap().into_iter().map(|((_, key), _)| key).collect();
    assert_eq!(state, [&b"key"[..], b"half", b"whole"]);
}

#[test]
fn garbage_behind_a_good_header_is_dropped() {
    let seed = emdb_testing::seed();
    let mut rng = Random(seed);
    let place = Place::new();
    for round in 0..150 {
        let context = format!("EMDB_SEED={seed}, round {round}");
        let mut bytes = forge::file(&Header::plain(), &[Record::new(PUT, 0, b"key", b"value")]);
        let len = rng.below(20_000) as usize;
        bytes.extend(garbage(&mut rng, len));
        assert_eq!(place.open(&context, &bytes).unwrap().len(), 1, "{context}");
    }
}

#[test]
fn garbage_is_no_database() {
    let seed = emdb_testing::seed();
    let mut rng = Random(seed);
    let place = Place::new();
    for round in 0..600 {
        let len = 1 + rng.below(20_000) as usize;
        let mut bytes = garbage(&mut rng, len);
        if rng.below(2) == 0 {
            let magic = &Header::plain().slot()[..rng.below(64) as usize];
            let len = magic.len().min(bytes.len());
            bytes[..len].copy_from_slice(&magic[..len]);
        }
        let context = format!("EMDB_SEED={seed}, round {round}");
        assert_eq!(place.open(&context, &bytes), None, "{context}");
    }
}

#[test]
fn mutations_of_several_bytes_are_refused_or_harmless() {
    let seed = emdb_testing::seed();
    let mut rng = Random(seed);
    let place = Place::new();
    let keys: Vec<[u8; 2]> = (0..60u16).map(u16::to_be_bytes).collect();
    let mut records: Vec<_> = keys.iter().map(|k| Record::new(PUT, 1, k, &[b'v'; 40])).collect();
    records.insert(0, Record::new(CREATE, 1, b"name", b""));
    let whole = forge::file(&Header::plain(), &records);
    let expected = place.open("whole", &whole).unwrap();
    for round in 0..1500 {
        let mut bytes = whole.clone();
        for _ in 0..1 + rng.below(6) {
            let at = match rng.below(4) {
                0 => rng.below(JOURNAL_START as u64),
                1 => rng.below(96),
                _ => JOURNAL_START as u64 + rng.below((bytes.len() - JOURNAL_START) as u64),
            } as usize;
            let len = (1 + rng.below(8) as usize).min(bytes.len() - at);
            let new = garbage(&mut rng, len);
            match rng.below(4) {
                0 => drop(bytes.splice(at..at + len, [])),
                1 => drop(bytes.splice(at..at, new)),
                _ => bytes[at..at + len].copy_from_slice(&new),
            }
            bytes.resize(bytes.len().max(JOURNAL_START + 1), 0);
        }
        let context = format!("EMDB_SEED={seed}, round {round}");
        for (at, value) in place.open(&context, &bytes).into_iter().flatten() {
            assert_eq!(expected.get(&at), Some(&value), "{context}");
        }
    }
}

#[test]
fn claims_of_a_header_are_not_believed() {
    let place = Place::new();
    let records = [Record::new(PUT, 0, b"key", b"value")];
    let end = forge::file(&Header::plain(), &records).len() as u64;
    for number in [0, 1, end - 1, end, end + 1, 1 << 41, 1 << 62, u64::MAX - 1, u64::MAX] {
        let headers = [
            Header { sequence: number, ..Header::plain() },
            Header { synced: number, ..Header::plain() },
            Header { clean_len: Some(number), ..Header::plain() },
            Header { synced: number, clean_len: Some(end), ..Header::plain() },
        ];
        for header in headers {
            let context = format!("{header:?}");
            if let Some(state) = place.open(&context, &forge::file(&header, &records)) {
                assert_eq!(state.len(), 1, "{context}");
            }
        }
    }
    let future = Header { version: 2, ..Header::plain() };
    fs::write(&place.path, forge::file(&future, &records)).unwrap();
    let refused = Emdb::open(&place.path).map(drop);
    assert!(matches!(refused, Err(Error::VersionMismatch { found: 2, expected: 1 })));
}

#[test]
fn records_with_impossible_content_are_refused() {
    let place = Place::new();
    let create = Record::new(CREATE, 1, b"name", b"");
    let refused: &[(&str, Vec<Record<'_>>)] = &[
        ("a put to no namespace", vec![Record::new(PUT, 7, b"k", b"v")]),
        ("a removal from no namespace", vec![Record::new(REMOVE, 7, b"k", b"")]),
        ("a namespace twice", vec![create.clone(), Record::new(CREATE, 2, b"name", b"")]),
        ("an id twice", vec![create.clone(), Record::new(CREATE, 1, b"other", b"")]),
        ("the id of the default namespace", vec![Record::new(CREATE, 0, b"other", b"")]),
        ("the name of the default namespace", vec![Record::new(CREATE, 1, b"", b"")]),
        ("the last id", vec![Record::new(CREATE, u64::from(u32::MAX), b"name", b"")]),
        ("a name that is not UTF-8", vec![Record::new(CREATE, 1, b"\xFF", b"")]),
        ("a clear without a successor", vec![Record::new(CLEAR, 0, b"", b"")]),
        ("a clear to a former id", vec![create.clone(), Record::new(CLEAR, 0, b"", b"\x01")]),
        ("a clear of nothing", vec![Record::new(CLEAR, 5, b"", b"\x06")]),
        ("a drop of nothing", vec![Record::new(DROP, 5, b"", b"")]),
        ("a drop of the default namespace", vec![Record::new(DROP, 0, b"", b"")]),
        (
            "a put after the drop",
            vec![create, Record::new(DROP, 1, b"", b""), Record::new(PUT, 1, b"k", b"v")],
        ),
    ];
    for (what, records) in refused {
        assert_eq!(place.forged(what, records), None, "{what}");
    }
}

#[test]
fn links_that_lead_nowhere_do_no_harm() {
    let place = Place::new();
    for link in [1, 11, 100, JOURNAL_START as u64 - 1, JOURNAL_START as u64] {
        let records = [
            Record::new(PUT, 0, b"key", b"value"),
            Record { link, ..Record::new(PUT, 0, b"key", b"newer") },
            Record { link, ..Record::new(REMOVE, 0, b"other", b"") },
        ];
        let state = place.forged(&format!("link {link}"), &records).unwrap();
        assert_eq!(state.into_values().collect::<Vec<_>>(), [b"newer"]);
    }
}

#[test]
fn marks_that_are_none_do_no_harm() {
    let place = Place::new();
    for value in [&b""[..], &[0; 24], &[255; 24], &[7; 200]] {
        let records = [
            Record::new(MARK, 0, b"", value),
            Record::new(PUT, 0, b"key", b"value"),
            Record::new(MARK, 9, b"any key", value),
        ];
        assert_eq!(place.forged(&format!("{value:?}"), &records).unwrap().len(), 1);
    }
}

#[test]
fn a_dropped_commit_never_comes_back() {
    let place = Place::new();
    let value = vec![b'v'; 400_000];
    let records = [
        Record::new(PUT, 0, b"first", b"1"),
        Record::new(PUT, 0, b"large", &value),
        Record::new(PUT, 0, b"ghost", b"whole, in its place, and never promised"),
    ];
    let mut bytes = forge::file(&Header::plain(), &records);
    bytes[JOURNAL_START + 100] ^= 1;
    fs::write(&place.path, &bytes).unwrap();
    let db = Emdb::open(&place.path).unwrap();
    assert_eq!(db.recovery().unwrap().commits_dropped, 1);
    assert_eq!(read_state(&db).unwrap().len(), 1);
    // Ends where the ghost began.
    db.insert("large", &value).unwrap();
    let copy = place.path.with_extension("copy");
    fs::copy(&place.path, &copy).unwrap();
    let db = Emdb::open(&copy).unwrap();
    assert_eq!(db.get("ghost").unwrap(), None);
    assert_eq!(read_state(&db).unwrap().len(), 2);
}

/// Bytes at each of which a record with a key of 64 KiB seems to begin.
#[test]
fn a_torn_tail_made_to_cost_time_is_given_up_on() {
    let place = Place::new();
    let began = Instant::now();
    let mut bytes = forge::file(&Header::plain(), &[Record::new(PUT, 0, b"key", b"value")]);
    bytes.extend([PUT, 0xFF, 0xFF, 3].repeat(2 << 20));
    assert_eq!(place.open("torn", &bytes).unwrap().len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // Beside other tests, whose memory would count.
    child::alone(|| {
        let place = Place::new();
        let mut bytes = forge::file(&Header::plain(), &[Record::new(PUT, 0, b"key", b"value")]);
        // A key of 65,535 and a value of 2^30 bytes, which are not there.
        bytes.extend([0; 8]);
        bytes.extend([PUT, 0xFF, 0xFF, 3, 0x80, 0x80, 0x80, 0x80, 4]);
        bytes.extend([1; 64]);
        let before = anonymous_kib();
        assert_eq!(place.open("claims", &bytes).unwrap().len(), 1);
        let taken = anonymous_kib().saturating_sub(before);
        assert!(taken < 64 << 10, "{taken} KiB");
    });
}

/// Memory that this process holds beside mapped files; 0 where that can't be told.
fn anonymous_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
