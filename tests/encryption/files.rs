//! A folder with an encrypted database in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use emdb::{Emdb, EmdbBuilder, EncryptionInput, Error, KdfParams};
use tempfile::TempDir;

use crate::common::memory_folder;

pub(crate) const KEY: [u8; 32] = *b"<the raw key of these databases>";
pub(crate) const OTHER_KEY: [u8; 32] = *b"{another raw key of 256 bits...}";

/// The least work that a passphrase may be.
pub(crate) const QUICK: KdfParams = KdfParams::new(19_456, 2, 1);

pub(crate) fn raw(key: [u8; 32]) -> EncryptionInput {
    EncryptionInput::RawKey(key)
}

pub(crate) fn passphrase(text: &str) -> EncryptionInput {
    EncryptionInput::Passphrase(text.to_owned())
}

/// Names of files and what is in them.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A folder, and the path of a database in it.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = memory_folder();
        let path = folder.path().join("db");
        Place { folder, path }
    }

    /// With these bytes as the database.
    pub(crate) fn of(bytes: &[u8]) -> Place {
        let place = Place::new();
        fs::write(&place.path, bytes).unwrap();
        place
    }

    /// `<path>` with this end.
    pub(crate) fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(end);
        name.into()
    }

    pub(crate) fn builder(&self) -> EmdbBuilder {
        Emdb::builder().path(&self.path).encryption_key(KEY)
    }

    pub(crate) fn open(&self) -> Emdb {
        self.builder().build().unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// A copy of all files, as a killed process would leave them: checkpoints first, since the
    /// journal only ever grows.
    pub(crate) fn copy(&self) -> Place {
        let copy = Place::new();
        for end in [".meta", ".hot.meta", ""] {
            if self.beside(end).exists() {
                fs::copy(self.beside(end), copy.beside(end)).unwrap();
            }
        }
        copy
    }

    /// All files in the folder, but the locks: their text tells who had them last.
    pub(crate) fn files(&self) -> Files {
        let mut files = self.all_files();
        files.retain(|name, _| !name.ends_with(".lock"));
        files
    }

    pub(crate) fn all_files(&self) -> Files {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap);
        let named = entries.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        });
        named.collect()
    }
}

/// Asserts that a call was refused for want of the right key, or of authenticity.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T, Error>, case: &str) -> String {
    match result {
        Err(Error::EncryptionError(reason)) => reason,
        Err(e) => panic!("{case}: refused for another reason: {e:?}"),
        Ok(_) => panic!("{case}: not refused"),
    }
}
