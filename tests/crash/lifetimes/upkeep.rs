//! The machine's work on the file as a whole.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use emdb::{Emdb, Error, FlushPolicy, Table};
use emdb_core::internal::with_clock;

use super::journal::Journal;
use super::machine::World;
use super::model::{Model, Rows, check, check_table};
use crate::common::sibling;

/// Makes a new file in the place of one that iterators may have mapped.
fn put(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

impl World {
    fn image(&self) -> PathBuf {
        sibling(&self.path, ".meta")
    }

    fn fresh_path(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.path().join(self.files.to_string())
    }

    pub(crate) fn open(&mut self) {
        self.model.all_ordered = self.below(3) == 0;
        let policies = [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough];
        let policy = policies[self.below(3) as usize];
        let mut builder = self
            .key
            .builder(&self.path)
            .enable_range_scans(self.model.all_ordered)
            .flush_policy(policy)
            .verify_reads(self.below(4) != 0);
        let ring = self.below(4) == 0;
        if ring {
            builder = builder.iouring_sqpoll(20);
        }
        if self.kind.auto {
            builder = builder.auto_compact(0.2, 4096);
        }
        self.note(format!("open, ordered {}, {policy:?}, ring {ring}", self.model.all_ordered));
        let db = with_clock(builder, self.clock.clone()).build().unwrap();
        let report = db.recovery().unwrap();
        assert_eq!((report.torn_bytes, report.commits_dropped), (0, 0));
        if self.kind.table {
            self.table = Some(Table::open(&db).unwrap());
            self.model.rows.get_or_insert_with(Rows::new);
        }
        self.db = Some(db);
    }

    fn read_only(&self, path: &Path, ordered: bool) -> Emdb {
        let builder = self.key.builder(path).read_only(true).enable_range_scans(ordered);
        with_clock(builder, self.clock.clone()).build().unwrap()
    }

    /// Compares a file with a model, without changing it.
    fn check_file(&mut self, path: &Path, model: &Model) {
        let ordered = self.below(2) == 0;
        let db = self.read_only(path, ordered);
        let model = Model { all_ordered: ordered, ..model.clone() };
        check(&db, &model, &mut self.rng);
        let report = db.verify().unwrap();
        assert!(report.is_ok(), "{:?}", report.problems);
        assert_eq!(report.live_records, model.stored() as u64);
        assert!(matches!(db.insert("k", "v"), Err(Error::ReadOnly)));
        assert!(matches!(db.compact(), Err(Error::ReadOnly)));
    }

    /// Compares what is salvaged of a file that nobody has open with the model.
    fn check_salvaged(&mut self, path: &Path) {
        let target = self.fresh_path();
        let report = Emdb::salvage(path, &target, self.key.input()).unwrap();
        assert!(report.lost.is_empty(), "{:?}", report.lost);
        let db = self.read_only(&target, false);
        let mut model = Model { all_ordered: false, ..self.model.clone() };
        if db.stats().unwrap().live_records != model.stored() as u64 {
            // What has expired may be left out.
            model.purge();
        }
        check(&db, &model, &mut self.rng);
        assert!(db.verify().unwrap().is_ok());
        drop(db);
        if self.kind.table {
            // It goes on as a table.
            let builder = self.key.builder(&target);
            let db = with_clock(builder, self.clock.clone()).build().unwrap();
            let table = Table::open(&db).unwrap();
            check_table(&table, &model);
        }
        let _ = fs::remove_file(&target);
    }

    /// Does something to the checkpoint of the closed file.
    fn meddle(&mut self) {
        let image = self.image();
        let Ok(mut bytes) = fs::read(&image) else {
            if !self.images.is_empty() && self.below(4) == 0 {
                self.note("an older checkpoint appears");
                let at = self.below(self.images.len() as u64) as usize;
                put(&image, &self.images[at]);
            }
            self.sound = false;
            return;
        };
        self.images.push(bytes.clone());
        if self.images.len() > 8 {
            self.images.remove(0);
        }
        match self.below(8) {
            0 => {
                self.note("the checkpoint goes");
                fs::remove_file(&image).unwrap();
            }
            1 | 2 => {
                self.note("an older checkpoint comes back");
                let at = self.below(self.images.len() as u64) as usize;
                put(&image, &self.images[at]);
            }
            3 | 4 => {
                let at = self.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.below(8);
                self.note(format!("byte {at} of the checkpoint flips"));
                put(&image, &bytes);
            }
            5 => {
                let len = self.below(bytes.len() as u64);
                self.note(format!("the checkpoint is cut at {len}"));
                bytes.truncate(len as usize);
                put(&image, &bytes);
            }
            _ => return,
        }
        self.sound = false;
    }

    fn live_bytes(&self) -> u64 {
        let stats = self.db().stats().unwrap();
        stats.logical_size_bytes - 8192 - stats.dead_bytes
    }

    /// Lets go of what would keep the database open.
    fn let_go(&mut self) {
        self.gone.clear();
        self.table = None;
        self.held.retain(|held| !matches!(held, super::held::Held::Table(..)));
    }

    pub(crate) fn reopen(&mut self) {
        let closed = self.below(2) == 0;
        self.note(if closed { "close" } else { "drop" });
        if self.kind.sealed {
            // A change of the key leaves out what had been found expired, which the model does not know.
            assert_eq!(self.db().sweep_expired(), self.model.purge());
        }
        // A compaction by itself changes it, for records take other lengths elsewhere.
        let before = (!self.kind.auto).then(|| self.live_bytes());
        self.let_go();
        let db = self.db.take().unwrap();
        if closed {
            db.close().unwrap()
        } else {
            drop(db)
        }
        if self.below(4) == 0 {
            let (path, model) = (self.path.clone(), self.model.clone());
            self.check_file(&path, &model);
        }
        let rewritten = self.change_key();
        self.sound &= !rewritten;
        self.meddle();
        if self.below(5) == 0 {
            let path = self.path.clone();
            self.check_salvaged(&path);
        }
        if self.below(5) == 0 {
            let (path, model) = (self.path.clone(), self.model.clone());
            self.check_file(&path, &model);
        }
        self.open();
        let db = self.db();
        assert!(db.recovery().unwrap().clean);
        if self.sound {
            assert!(db.recovery().unwrap().from_checkpoint.is_some(), "the checkpoint is used");
        }
        if before.is_some() && !self.kind.table && !rewritten {
            assert_eq!(Some(self.live_bytes()), before, "live bytes before and after");
        }
        self.look();
        if !self.kind.wide || self.below(4) == 0 {
            self.check();
        }
    }

    /// A copy of the files as a kill would leave them; the life goes on there, or where it was.
    pub(crate) fn killed(&mut self) {
        self.note("killed");
        let copy = self.fresh_path();
        let image = self.image();
        if image.exists() {
            // A compaction by itself may remove it at this moment.
            let _ = fs::copy(&image, sibling(&copy, ".meta"));
        }
        fs::copy(&self.path, &copy).unwrap();
        let before = (!self.kind.auto).then(|| self.live_bytes());
        if self.below(3) == 0 {
            self.check_salvaged(&copy);
        }
        if self.below(2) == 0 {
            let model = self.model.clone();
            self.check_file(&copy, &model);
        }
        if self.below(2) == 0 {
            let builder = self.key.builder(&copy);
            let db = with_clock(builder, self.clock.clone()).build().unwrap();
            assert_eq!(db.recovery().unwrap().torn_bytes, 0);
            let model = Model { all_ordered: false, ..self.model.clone() };
            check(&db, &model, &mut self.rng);
            assert!(db.verify().unwrap().is_ok());
            return;
        }
        self.let_go();
        self.db = None;
        let old = std::mem::replace(&mut self.path, copy);
        for end in ["", ".meta", ".lock"] {
            let _ = fs::remove_file(sibling(&old, end));
        }
        self.journal = Journal::default();
        self.sound &= !self.kind.auto;
        self.meddle();
        self.open();
        if before.is_some() && !self.kind.table {
            assert_eq!(Some(self.live_bytes()), before, "live bytes before and after a kill");
        }
        self.check();
    }

    pub(crate) fn checkpoint(&mut self) {
        self.note("checkpoint");
        self.db().checkpoint().unwrap();
        self.sound = true;
        if let Ok(bytes) = fs::read(self.image()) {
            self.images.push(bytes);
        }
        if self.images.len() > 8 {
            self.images.remove(0);
        }
    }

    pub(crate) fn compact(&mut self) {
        self.note("compact");
        let db = self.db();
        let busy = self.below(2) == 0;
        let done = match busy {
            true => db.compact_with(|_| self.in_callback()),
            false => db.compact(),
        };
        match done {
            Ok(()) => drop(self.model.purge()),
            Err(Error::Cancelled) => assert!(busy),
            Err(error) => panic!("{error}"),
        }
        let stats = db.stats().unwrap();
        if !busy && !self.kind.auto {
            // Creates and marks are what is left; sealed ones are longer.
            let each = if self.key.is_none() { 80 } else { 160 };
            let most = 64 + each * (self.model.names().len() + 8) as u64;
            assert!(stats.dead_bytes <= most, "{} bytes are dead", stats.dead_bytes);
        }
        let left = sibling(&self.path, ".compact.tmp").exists();
        assert!(!left || self.kind.auto, "a file was left behind");
        self.note("compacted");
        self.figures();
        if !self.kind.wide || self.below(4) == 0 {
            self.check();
        }
    }

    pub(crate) fn backup(&mut self) {
        self.note("backup");
        let target =
            if self.below(3) == 0 { self.folder.path().join("backup") } else { self.fresh_path() };
        let db = self.db();
        let mut model = self.model.clone();
        model.purge();
        let done = match self.below(2) {
            0 => db.backup_to_with(&target, |_| self.in_callback()),
            _ => db.backup_to(&target),
        };
        assert!(!sibling(&target, ".backup.tmp").exists(), "a file was left behind");
        match done {
            Ok(()) => self.check_file(&target, &model),
            Err(Error::Cancelled) => {}
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn verify(&mut self) {
        self.note("verify");
        let db = self.db();
        let stored = self.model.stored() as u64;
        let busy = self.below(3) == 0;
        let done = match busy {
            true => db.verify_with(|_| {
                let _ = self.in_callback();
                ControlFlow::Continue(())
            }),
            false => db.verify(),
        };
        let report = done.unwrap();
        assert!(report.is_ok(), "{:?}", report.problems);
        if !busy {
            assert_eq!(report.live_records, stored);
        }
    }
}
