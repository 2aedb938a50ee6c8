//! The records that live in a journal, by the words of `docs/format.md` alone.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const START: u64 = 8192;

/// The figures that a database has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) records: u64,
    pub(crate) namespaces: u64,
    pub(crate) dead_bytes: u64,
}

struct Record {
    verb: u8,
    commits: bool,
    namespace: u32,
    key: Vec<u8>,
    value: Vec<u8>,
    len: u64,
}

/// A journal as far as it was read. It goes on from there as long as the file is the same.
#[derive(Default)]
pub(crate) struct Journal {
    of: Option<(Vec<u8>, u64)>,
    at: u64,
    names: HashMap<u32, String>,
    live: HashMap<(u32, Vec<u8>), u64>,
    commit: Vec<Record>,
}

impl Journal {
    /// Reads the journal up to `end`.
    pub(crate) fn read(&mut self, path: &Path, end: u64) -> Account {
        let file = File::open(path).unwrap();
        let of = identity(&file);
        if self.of.as_ref() != Some(&of) || self.at > end {
            *self = Journal { of: Some(of), at: START, ..Journal::default() };
            self.names.insert(0, String::new());
        }
        let mut bytes = vec![0; (end - self.at) as usize];
        file.read_exact_at(&mut bytes, self.at).unwrap();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let record = parse(&mut rest);
            let commits = record.commits;
            self.commit.push(record);
            if commits {
                for record in std::mem::take(&mut self.commit) {
                    self.apply(record);
                }
            }
        }
        assert!(self.commit.is_empty(), "the journal ends inside of a commit");
        self.at = end;
        let counted = |id: &u32| !self.names[id].starts_with("__emdb");
        Account {
            records: self.live.keys().filter(|(id, _)| counted(id)).count() as u64,
            namespaces: self.names.keys().filter(|id| counted(id)).count() as u64,
            dead_bytes: end - START - self.live.values().sum::<u64>(),
        }
    }

    fn apply(&mut self, record: Record) {
        let id = record.namespace;
        let known = self.names.contains_key(&id);
        assert!(known || matches!(record.verb, 3 | 6), "a record of no namespace: {id}");
        match record.verb {
            1 => drop(self.live.insert((id, record.key), record.len)),
            2 => drop(self.live.remove(&(id, record.key))),
            3 => {
                let name = String::from_utf8(record.key).unwrap();
                assert!(!self.names.values().any(|other| *other == name), "{name:?} twice");
                assert!(self.names.insert(id, name).is_none(), "an id was used twice: {id}");
            }
            4 => {
                let name = self.names.remove(&id).unwrap();
                self.live.retain(|(other, _), _| *other != id);
                let fresh = varint(&mut &record.value[..]) as u32;
                assert!(self.names.insert(fresh, name).is_none(), "an id was used twice: {fresh}");
            }
            5 => {
                self.names.remove(&id);
                self.live.retain(|(other, _), _| *other != id);
            }
            6 | 7 => {}
            verb => panic!("no verb {verb}"),
        }
    }
}

/// File id and generation of the newer header slot.
fn identity(file: &File) -> (Vec<u8>, u64) {
    let slots = [0, 4096].map(|at| {
        let mut slot = [0; 512];
        file.read_exact_at(&mut slot, at).unwrap();
        let word = |at: usize| u64::from_le_bytes(slot[at..at + 8].try_into().unwrap());
        (word(48), slot[16..32].to_vec(), word(40))
    });
    let newer = slots.into_iter().max().unwrap();
    (newer.1, newer.2)
}

fn parse(rest: &mut &[u8]) -> Record {
    let before = rest.len();
    *rest = &rest[8..];
    let kind = rest[0];
    *rest = &rest[1..];
    let (key_len, value_len) = (varint(rest) as usize, varint(rest) as usize);
    let namespace = if kind & 64 != 0 { varint(rest) as u32 } else { 0 };
    (kind & 32 != 0).then(|| varint(rest));
    (kind & 16 != 0).then(|| varint(rest));
    let (key, after) = rest.split_at(key_len);
    let (value, after) = after.split_at(value_len);
    *rest = after;
    Record {
        verb: kind & 7,
        commits: kind & 8 != 0,
        namespace,
        key: key.to_vec(),
        value: value.to_vec(),
        len: (before - rest.len()) as u64,
    }
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = rest[0];
        *rest = &rest[1..];
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    number
}
