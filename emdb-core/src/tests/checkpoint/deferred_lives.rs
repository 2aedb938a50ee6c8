//! Lives whose opens leave changes of large indexes to whoever looks first: with order, expiries and
//! encryption, beside views that are held, and whatever maintains a file.

use std::collections::VecDeque;

use crate::cursor::end::End;
use crate::cursor::walk::Walk;
use crate::engine::read_view::ReadView;
use crate::format::options::Options;
use crate::maintenance::sweep::sweep;
use crate::maintenance::verify::verify;
use crate::os::clock::ManualClock;
use crate::tests::checkpoint::*;

/// The records of a namespace, with expiries.
type Records = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

const NAMES: [&str; 2] = ["", "n"];

struct Life {
    seed: u64,
    random: Random,
    disk: SimDisk,
    settings: Settings,
    clock: ManualClock,
    now: u64,
    keys: u64,
    records: [Records; 2],
}

/// A database that is open, and views that are held with what they are to show.
struct Session {
    db: Arc<Database>,
    namespaces: [Arc<NamespaceState>; 2],
    held: Vec<(ReadView, [Arc<NamespaceState>; 2], [Model; 2])>,
}

fn walk(view: &ReadView, namespace: &NamespaceState) -> Walk {
    Walk::over(view.clone(), view.incarnation(namespace)).unwrap()
}

impl Drop for Life {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.seed);
        }
    }
}

impl Life {
    fn new(seed: u64) -> Life {
        let mut random = Random(seed + 1);
        let mut disk = SimDisk::new(true).sealed(random.below(5) == 0);
        disk.roomy = true;
        open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
        let clock = ManualClock::new(1_000_000);
        let settings = Settings {
            manual_clock: Some(clock.clone()),
            range_scans: random.below(2) == 0,
            ..settings(&disk)
        };
        let keys = [14_000, 15_000, 18_000, 28_000][random.below(4) as usize];
        let records = Default::default();
        Life { seed, random, disk, settings, clock, now: 1_000_000, keys, records }
    }

    fn open(&self) -> Session {
        let disk = Arc::new(self.disk.clone());
        let db = Database::on_disk(&self.settings, disk, Path::new(PATH)).unwrap();
        let options = Options { ordered: true };
        let other = db.engine.open_namespace(NAMES[1], options).unwrap();
        let namespaces = [db.default_namespace.clone(), other];
        Session { db, namespaces, held: Vec::new() }
    }

    /// The records that are to be seen.
    fn live(&self) -> [Model; 2] {
        let is_live = |at: &Option<u64>| at.is_none_or(|at| at > self.now);
        self.records.each_ref().map(|records| {
            let live = records.iter().filter(|(_, (_, at))| is_live(at));
            live.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
        })
    }

    fn write_all(&mut self, session: &Session) {
        let (keys, share) = (self.keys, 1 + self.random.below(4));
        let all: Vec<_> = (0..keys).flat_map(|key| [(0, key), (1, key)]).collect();
        for some in all.chunks(500) {
            let some = some.iter().filter(|(at, key)| *at == 0 || key % share == 0);
            let commit = some.map(|&(at, key)| self.change(at, key, true)).collect();
            self.commit(session, commit);
        }
    }

    fn change(&mut self, at: usize, key: u64, puts: bool) -> Planned {
        let key = (key as u32).to_be_bytes().to_vec();
        let value = puts.then(|| vec![self.random.next() as u8; self.random.below(12) as usize]);
        let expiry = (self.random.below(6) == 0).then(|| self.now + self.random.below(500));
        (at, key, value, expiry.filter(|_| puts))
    }

    fn commit(&mut self, session: &Session, commit: Vec<Planned>) {
        let mut ops = Vec::new();
        for (number, (at, key, value, expiry)) in commit.iter().enumerate() {
            let change = Change::write(key, value.as_deref(), *expiry);
            let change = change.ending_commit(number + 1 == commit.len());
            ops.push(WriteOp::write(&session.namespaces[*at], change).unwrap());
        }
        session.db.commit(&mut ops, Access::Plain).unwrap();
        for (at, key, value, expiry) in commit {
            match value {
                Some(value) => self.records[at].insert(key, (value, expiry)),
                None => self.records[at].remove(&key),
            };
        }
    }

    /// Puts and removals, some keys twice.
    fn random_commit(&mut self, session: &Session, keys: u64) {
        let mut commit = BTreeMap::new();
        for _ in 0..1 + self.random.below(60) {
            let (at, key) = (self.random.below(2) as usize, self.random.below(keys));
            let puts = self.random.below(3) != 0;
            commit.insert((at, key), self.change(at, key, puts));
        }
        let mut commit: Vec<_> = commit.into_values().collect();
        for _ in 0..self.random.below(4) {
            let (at, key, ..) = commit[self.random.below(commit.len() as u64) as usize].clone();
            commit.push((at, key, Some(b"again".to_vec()), None));
        }
        self.commit(session, commit);
    }

    /// Looks at a whole namespace, from both ends where it has an order.
    fn look(&mut self, view: &ReadView, namespace: &NamespaceState, model: &Model) {
        let is_ordered = view.incarnation(namespace).is_some_and(|i| i.order.get().is_some());
        let mut walk = walk(view, namespace);
        if !is_ordered {
            let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
            let found: Model = std::iter::from_fn(|| walk.next(End::Front, pair)).collect();
            walk.status().unwrap();
            assert!(found == *model);
            return;
        }
        let mut left: VecDeque<_> = model.iter().collect();
        loop {
            let from_front = self.random.below(2) == 0;
            for _ in 0..self.random.below(400) {
                let (end, wanted) = match from_front {
                    true => (End::Front, left.pop_front()),
                    false => (End::Back, left.pop_back()),
                };
                let found = walk.next_entry(end);
                assert_eq!(found, wanted.map(|(key, value)| (&key[..], &value[..])));
                if found.is_none() {
                    return walk.status().unwrap();
                }
            }
        }
    }

    fn act(&mut self, session: &mut Session) {
        let at = self.random.below(2) as usize;
        match self.random.below(17) {
            0 | 1 => {
                let (view, live) = (session.db.read_view(), &self.live()[at]);
                for _ in 0..200 {
                    let key = (self.random.below(self.keys) as u32).to_be_bytes();
                    let incarnation = view.incarnation(&session.namespaces[at]).unwrap();
                    let found = view.get(&incarnation, &key).unwrap();
                    assert_eq!(found.map(|r| r.value().to_vec()), live.get(&key[..]).cloned());
                }
            }
            2 | 3 => {
                let view = session.db.read_view();
                self.look(&view, &session.namespaces[at], &self.live()[at]);
            }
            4..7 => {
                for _ in 0..self.random.below(100) {
                    self.random_commit(session, self.keys + 2000);
                }
            }
            7 => {
                sweep(&session.db, &session.namespaces[at], &mut 0).unwrap();
                let now = self.now;
                self.records[at].retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
            }
            8 => verified(session),
            9 => {
                let mut nothing = |_| ControlFlow::Continue(());
                compact(&session.db, &mut ProgressMeter::new(&mut nothing, 0)).unwrap();
                let now = self.now;
                for records in &mut self.records {
                    records.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
                }
            }
            10 => self.checkpoint(session),
            11 => {
                let view = session.db.read_view();
                session.held.push((view, session.namespaces.clone(), self.live()));
            }
            12 | 13 => {
                if let Some((view, namespaces, models)) = session.held.pop() {
                    self.look(&view, &namespaces[at], &models[at]);
                }
            }
            14 if self.random.below(4) == 0 => self.end(session),
            15 => {
                let (handle, incarnation) = session.namespaces[at].now();
                session.db.shrink_table(&handle, &incarnation, || false);
            }
            _ => {
                self.now += self.random.below(100);
                self.clock.set(self.now);
            }
        }
    }

    fn checkpoint(&mut self, session: &Session) {
        let kinds = [CheckpointKind::Durable, CheckpointKind::Closing, CheckpointKind::Passing];
        session.db.checkpoint(kinds[self.random.below(3) as usize], || false).unwrap();
    }

    /// Clears or drops a namespace, or removes most of it.
    fn end(&mut self, session: &mut Session) {
        match self.random.below(3) {
            0 => session.db.clear(&session.namespaces[1]).unwrap(),
            1 => {
                assert!(session.db.drop_namespace(NAMES[1]).unwrap());
                let options = Options { ordered: true };
                session.namespaces[1] =
                    session.db.engine.open_namespace(NAMES[1], options).unwrap();
            }
            _ => {
                let keys: Vec<_> = self.records[0].keys().cloned().collect();
                for some in keys.chunks(1000) {
                    let some = some.iter().filter(|key| key[3] % 32 != 0);
                    self.commit(session, some.map(|key| (0, key.clone(), None, None)).collect());
                }
                return;
            }
        }
        self.records[1].clear();
    }
}

/// A namespace, a key, what is put if anything is, and until when.
type Planned = (usize, Vec<u8>, Option<Vec<u8>>, Option<u64>);

/// Whether an open has read records behind a checkpoint.
fn left_changes(db: &Database) -> bool {
    from(db).is_some() && db.recovery.as_ref().is_some_and(|r| r.records_replayed > 0)
}

fn verified(session: &Session) {
    let report = verify(&session.db, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(report.problems.is_empty(), "{:?}", &report.problems[..1]);
}

#[test]
fn lives_that_end_by_kills_behind_checkpoints_show_what_was_written() {
    let mut opens = 0;
    for seed in 0..seeds().div_ceil(4) {
        let mut life = Life::new(seed);
        let session = life.open();
        life.write_all(&session);
        life.checkpoint(&session);
        let mut last = Some(session);
        for _ in 0..3 {
            let session = last.take().unwrap();
            for _ in 0..life.random.below(150) {
                life.random_commit(&session, life.keys + 3000);
            }
            if life.random.below(2) == 0 {
                session.db.flush().unwrap();
            }
            session.db.background.stop();
            // Some opens are killed before anybody has looked.
            for _ in 0..1 + life.random.below(2) {
                life.disk = life.disk.killed();
                let mut session = life.open();
                opens += u32::from(left_changes(&session.db));
                let before = life.random.below(3) * life.random.below(12);
                for _ in 0..before {
                    life.act(&mut session);
                }
                session.held.clear();
                session.db.background.stop();
                last = Some(session);
            }
        }
        let session = last.take().unwrap();
        let view = session.db.read_view();
        for at in 0..2 {
            life.look(&view, &session.namespaces[at], &life.live()[at]);
        }
        verified(&session);
    }
    assert!(opens > 0);
}
