//! Steps on the files: reopened, killed, copied, torn, salvaged, and under another key.

use super::*;

impl Twins {
    pub(super) fn reopen(&mut self) {
        for db in self.dbs.drain(..) {
            db.close().unwrap();
        }
        self.open();
        self.compare();
    }

    /// Goes on with a copy of the files as a killed process leaves them.
    pub(super) fn kill(&mut self) {
        let copy = self.place.copy();
        self.dbs.remove(0);
        self.place = copy;
        self.dbs.clear();
        self.open();
        self.compare();
    }

    pub(super) fn backup(&mut self) {
        // A copy has nothing that is expired.
        self.sweep();
        let place = Place::new();
        self.dbs[0].backup_to(&place.path).unwrap();
        if self.rng.below(2) == 0 {
            self.dbs.clear();
            self.place = place;
            self.open();
            self.compare();
        } else {
            let db = self.builder(&place).read_only(true).build().unwrap();
            self.is_as_modelled(&db, &self.model);
        }
    }

    pub(super) fn change_key(&mut self) {
        self.sweep();
        self.dbs.clear();
        let other = if self.key == KEY { OTHER_KEY } else { KEY };
        let path = self.place.path.clone();
        if self.rng.below(2) == 0 {
            Emdb::rotate_encryption_key(&path, raw(self.key), raw(other)).unwrap();
            self.key = other;
        } else {
            Emdb::disable_encryption(&path, raw(self.key)).unwrap();
            let db = Emdb::open(&path).unwrap();
            self.is_as_modelled(&db, &self.model);
            db.close().unwrap();
            Emdb::enable_encryption(&path, raw(other)).unwrap();
            self.key = other;
            self.cipher = Cipher::Aes256Gcm;
        }
        self.open();
        self.compare();
    }

    pub(super) fn read_only(&mut self) {
        let copy = self.place.copy();
        let before = copy.files();
        let db = self.builder(&copy).read_only(true).build().unwrap();
        self.is_as_modelled(&db, &self.model);
        drop(db);
        assert!(copy.files() == before);
    }

    /// Loses the end of what was not flushed, wherever that is, and goes on.
    pub(super) fn torn(&mut self) {
        let size = |db: &Emdb| db.stats().unwrap().logical_size_bytes;
        self.dbs[0].flush().unwrap();
        let (from, mut models) = (size(&self.dbs[0]), vec![self.model.clone()]);
        for _ in 0..1 + self.rng.below(10) {
            match self.rng.below(8) {
                0 => self.transaction(),
                1 => self.remove(),
                2 => self.clear(),
                _ => self.insert(),
            }
            models.push(self.model.clone());
        }
        let copy = self.place.copy();
        let cut = from + self.rng.below(size(&self.dbs[0]).saturating_sub(from) + 1);
        let mut bytes = copy.bytes();
        match self.rng.below(3) {
            0 => bytes.truncate(cut as usize),
            1 => bytes[cut as usize..].fill(0),
            _ if (cut as usize) < bytes.len() => bytes[cut as usize] ^= 1,
            _ => {}
        }
        fs::write(&copy.path, bytes).unwrap();
        let _ = fs::remove_file(copy.beside(".hot.meta"));
        let mut db = self.builder(&copy).build().unwrap();
        // Names without records don't show; nor do they matter.
        let flat = |model: &Model| -> crate::common::state::State {
            let of = |(name, records): (&String, &Records)| -> Vec<_> {
                let named = pairs(records).into_iter();
                named.map(|(k, v)| ((name.clone(), k), v)).collect()
            };
            model.iter().flat_map(of).collect()
        };
        db.sweep_expired();
        let mut state = read_state(&db).unwrap();
        assert!(models.iter().any(|model| flat(model) == state), "cut at {cut} from {from}");
        for round in 0..3 {
            for _ in 0..self.rng.below(5) {
                let (key, value) = (self.key(), self.value());
                db.insert(&key, &value).unwrap();
                state.insert((String::new(), key), value);
            }
            if round == 1 {
                db.checkpoint().unwrap();
            }
            db.flush().unwrap();
            assert!(db.verify().unwrap().is_ok());
            drop(db);
            db = self.builder(&copy).build().unwrap();
            assert!(read_state(&db).unwrap() == state, "after the cut, round {round}");
        }
    }

    pub(super) fn salvage(&mut self) {
        let (copy, target) = (self.place.copy(), Place::new());
        let report = Emdb::salvage(&copy.path, &target.path, Some(raw(self.key))).unwrap();
        let db = self.builder(&target).build().unwrap();
        self.is_as_modelled(&db, &self.model);
        assert!(report.lost.is_empty(), "{report:?}");
    }
}
