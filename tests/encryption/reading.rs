//! Reading a database whose files may have been tampered with, in every way that there is.

use emdb::{Emdb, Error, Result};

use crate::common::state::State;
use crate::sample::{ABSENT, NAMES};

/// The outcomes of reads.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Whether one of them was refused.
    pub(crate) noticed: bool,
    /// The reads that were neither refused nor right.
    pub(crate) wrong: Vec<String>,
}

impl Reading {
    fn take<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: Result<T>, right: &T) {
        match got {
            Ok(got) if got == *right => {}
            Ok(got) => self.wrong.push(format!("{what} is {got:?}, not {right:?}")),
            Err(Error::EncryptionError(_) | Error::Corrupted { .. }) => self.noticed = true,
            Err(e) => self.wrong.push(format!("{what} fails for another reason: {e:?}")),
        }
    }
}

/// Whether a call that met a file that was tampered with ended as it may.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::EncryptionError(_) | Error::Corrupted { .. })
}

/// Reads everything that is expected, and what is expected to be absent.
pub(crate) fn read(db: &Emdb, expected: &State) -> Reading {
    let mut reading = Reading::default();
    let names = NAMES[1..].iter().map(|name| (*name).to_owned()).collect();
    reading.take("list_namespaces", db.list_namespaces(), &names);
    for name in NAMES {
        let namespace = match name {
            "" => Ok((**db).clone()),
            name => db.namespace(name),
        };
        let namespace = match namespace {
            Ok(namespace) => namespace,
            Err(e) if is_refusal(&e) => {
                reading.noticed = true;
                continue;
            }
            Err(e) => panic!("{name}: {e:?}"),
        };
        let records = expected.iter().filter(|((n, _), _)| n == name);
        let all: Vec<_> = records.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        reading.take("len", namespace.len(), &all.len());
        let present = all.iter().map(|(key, value)| (&key[..], Some(value.clone())));
        let absent = ABSENT.iter().filter(|(n, _)| *n == name);
        for (key, value) in present.chain(absent.map(|(_, key)| (key.as_bytes(), None))) {
            let what =
                |call: &str| format!("{call} of {name:?}/{:?}", key.escape_ascii().to_string());
            if value.is_none() && all.iter().any(|(k, _)| k == key) {
                continue;
            }
            reading.take(&what("get"), namespace.get(key), &value);
            let lent = namespace.get_zerocopy(key).map(|v| v.map(|v| v.to_vec()));
            reading.take(&what("get_zerocopy"), lent, &value);
            let many = namespace.get_many([key]);
            reading.take(&what("get_many"), many, &vec![value.clone()]);
            let is_there = value.is_some();
            reading.take(&what("contains_key"), namespace.contains_key(key), &is_there);
            #[cfg(feature = "ttl")]
            {
                let timed = [&b"lease"[..], b"token"].contains(&key) && name.is_empty();
                let at = timed.then_some(crate::sample::LATER);
                reading.take(&what("expires_at"), namespace.expires_at(key), &at);
            }
        }
        let walked = namespace.iter().and_then(|iter| sorted(iter.results()));
        reading.take(&format!("iter of {name:?}"), walked, &all);
        let keys: Vec<_> = all.iter().map(|(key, _)| key.clone()).collect();
        let walked = namespace.keys().and_then(|iter| sorted(iter.results()));
        reading.take(&format!("keys of {name:?}"), walked, &keys);
        if name == "sorted" {
            reading.take("range", namespace.range(..), &all);
            let backwards = namespace.range_iter(..).and_then(|mut range| {
                let items: Vec<_> = range.by_ref().rev().collect();
                range.status().map(|()| items.into_iter().rev().collect())
            });
            reading.take("range backwards", backwards, &all);
            let some = all.iter().filter(|(key, _)| key[..] >= b"k2"[..]).cloned().collect();
            reading.take("a part of the range", namespace.range("k2".."l"), &some);
        }
    }
    reading
}

fn sorted<T: Ord>(items: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut items = items.collect::<Result<Vec<_>>>()?;
    items.sort();
    Ok(items)
}
