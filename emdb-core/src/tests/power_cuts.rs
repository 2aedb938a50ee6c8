//! Power cuts, at every operation of a database's life: none loses what was durable or tears a commit.

use crate::tests::*;

/// One life of a database: random commits, flushes, reopens and clears until the power goes at a
/// random operation. `history` is every state it went through; the index of the last one that was
/// acknowledged as durable is kept beside it.
struct Life {
    history: Vec<Model>,
    durable: usize,
}

impl Life {
    fn model(&self) -> Model {
        self.history.last().cloned().unwrap_or_default()
    }

    fn live(&mut self, disk: &SimDisk, random: &mut Random) -> Result<()> {
        let policy = match random.below(3) {
            0 => FlushPolicy::OnEachFlush,
            1 => FlushPolicy::Group,
            _ => FlushPolicy::WriteThrough,
        };
        let engine = open(disk, policy)?;
        assert_eq!(content(&engine), self.model(), "a reopen without a cut changes nothing");
        // An open makes durable what it serves.
        self.durable = self.history.len() - 1;
        for _ in 0..random.below(60) {
            match random.below(12) {
                0 => {
                    let upto = self.history.len() - 1;
                    engine.flush()?;
                    self.durable = upto;
                }
                2 if random.below(3) == 0 => {
                    let upto = self.history.len() - 1;
                    let care =
                        [CheckpointKind::Durable, CheckpointKind::Closing, CheckpointKind::Passing]
                            [random.below(3) as usize];
                    engine.checkpoint(care, || false)?;
                    if care != CheckpointKind::Passing {
                        // Nothing is in an image that the journal could lose.
                        self.durable = upto;
                    }
                }
                1 if random.below(4) == 0 => {
                    self.history.push(Model::new());
                    engine.clear(&engine.default_namespace)?;
                }
                1 => self.compact(&engine, random)?,
                _ => {
                    let commit = random_commit(random);
                    let mut model = self.model();
                    apply(&mut model, &commit);
                    // It may be durable even if the call fails.
                    self.history.push(model);
                    write(&engine, &commit)?;
                    for (key, value) in &commit {
                        assert_eq!(get(&engine, key)?, *value);
                    }
                }
            }
            if policy == FlushPolicy::WriteThrough {
                self.durable = self.history.len() - 1;
            }
        }
        if random.below(2) == 0 {
            engine.close(true)?;
            self.durable = self.history.len() - 1;
        } else {
            engine.background.stop();
        }
        Ok(())
    }

    /// Compacts, with commits that come while it copies.
    fn compact(&mut self, engine: &Arc<Database>, random: &mut Random) -> Result<()> {
        let mut broken = None;
        let mut meanwhile = |_| {
            for _ in 0..random.below(4) {
                let mut model = self.model();
                let commit = random_commit(random);
                apply(&mut model, &commit);
                self.history.push(model);
                if let Err(e) = write(engine, &commit) {
                    broken = Some(e);
                    return ControlFlow::Break(());
                }
            }
            if random.below(3) == 0 {
                let upto = self.history.len() - 1;
                match engine.flush() {
                    Ok(()) => self.durable = upto,
                    Err(e) => broken = Some(e),
                }
            }
            ControlFlow::Continue(())
        };
        let done = compact(engine, &mut ProgressMeter::new(&mut meanwhile, 0));
        broken.map_or(done, Err)?;
        assert_eq!(content(engine), self.model(), "a compaction changes nothing");
        Ok(())
    }

    /// The state that is left after a cut must be one that there was, no older than the durable
    /// one.
    fn check(&mut self, engine: &Engine, context: &str) {
        let left = content(engine);
        let at = (self.durable..self.history.len()).rev().find(|&i| self.history[i] == left);
        let Some(at) = at else {
            panic!("{context}: what is left is no state since the last durable one");
        };
        self.history.truncate(at + 1);
        self.durable = at;
    }
}

/// The state that an open for reading alone shows, on a disk that would fail at the first write or
/// sync.
fn read_without_an_operation(disk: &SimDisk) -> Model {
    disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
    if !disk.exists(Path::new(PATH)) {
        return Model::new();
    }
    let settings = Settings { read_only: true, ..settings(disk) };
    let engine = Database::on_disk(&settings, Arc::new(disk.clone()), Path::new(PATH)).unwrap();
    let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
    assert!(matches!(write(&engine, &one), Err(Error::ReadOnly)));
    engine.flush().unwrap();
    engine.close(false).unwrap();
    assert!(engine.recovery.as_ref().is_some_and(|report| report.torn_file.is_none()));
    content(&engine)
}

#[test]
fn no_power_cut_loses_what_was_durable_or_tears_a_commit() {
    let mut cuts = 0;
    let mut seed = std::env::var("EMDB_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    while cuts < rounds() {
        let mut random = Random(seed);
        let mut disk = SimDisk::new(!seed.is_multiple_of(3)).sealed(seed % 4 == 1);
        let mut life = Life { history: vec![Model::new()], durable: 0 };
        // A few cuts in the life of each database.
        for _ in 0..4 {
            let fail_in = Some(random.below(90));
            disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
            // The error is the power's going, wherever it was.
            let _ = life.live(&disk, &mut random);
            if random.below(3) == 0 {
                // The process is killed first: recovery begins with a page cache that holds more
                // than the disk, and the power goes in the middle of it.
                disk = disk.killed();
                let fail_in = Some(random.below(8));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
                if let Ok(engine) = open(&disk, FlushPolicy::Group) {
                    life.check(&engine, &format!("seed {seed}"));
                    engine.background.stop();
                }
            }
            disk = disk.power_cut(&mut random);
            // A cut during recovery is a cut like any other.
            while random.below(4) == 0 {
                let fail_in = Some(random.below(6));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
                if let Ok(engine) = open(&disk, FlushPolicy::Group) {
                    life.check(&engine, &format!("seed {seed}"));
                    engine.background.stop();
                }
                disk = disk.power_cut(&mut random);
                cuts += 1;
            }
            let read = (cuts % 4 == 0).then(|| read_without_an_operation(&disk));
            disk.set_faults(Faults::default());
            match open(&disk, FlushPolicy::Group) {
                Ok(engine) => {
                    life.check(&engine, &format!("seed {seed}"));
                    assert!(read.is_none_or(|read| read == content(&engine)), "seed {seed}");
                    engine.background.stop();
                }
                Err(e) => panic!("seed {seed}: {e}"),
            }
            cuts += 1;
        }
        seed += 1;
    }
}
