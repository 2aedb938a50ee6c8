//! Expiries under clocks that go back: what a commit was made for, later opens don't take back.

use crate::os::clock::{ManualClock, STANDS_STILL_MAX};
use crate::tests::*;

const BEGIN: u64 = 1_000_000_000;

fn is_there(engine: &Engine, key: &str) -> bool {
    get(engine, key.as_bytes()).unwrap().is_some()
}

struct Life {
    disk: SimDisk,
    clock: ManualClock,
    settings: Settings,
    random: Random,
    /// The latest time that there was.
    now: u64,
    /// Keys that were written, by their numbers.
    written: u64,
}

impl Life {
    fn new(seed: u64) -> Life {
        let disk = SimDisk::new(seed.is_multiple_of(2)).sealed(seed % 3 == 1);
        open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
        let clock = ManualClock::new(BEGIN);
        let flush_policy = match seed % 4 {
            0 => FlushPolicy::WriteThrough,
            _ => FlushPolicy::OnEachFlush,
        };
        let settings =
            Settings { manual_clock: Some(clock.clone()), flush_policy, ..settings(&disk) };
        Life { disk, clock, settings, random: Random(seed + 1), now: BEGIN, written: 0 }
    }

    fn open(&self) -> Arc<Database> {
        let disk = Arc::new(self.disk.clone());
        Database::on_disk(&self.settings, disk, Path::new(PATH)).unwrap()
    }

    /// Finds some keys expired, and commits that they were.
    fn go_on(&mut self, engine: &Arc<Database>) {
        for _ in 0..self.random.below(30) {
            match self.random.below(12) {
                0 => engine.checkpoint(CheckpointKind::Durable, || false).unwrap(),
                1 => {
                    let mut nothing = |_| ControlFlow::Continue(());
                    compact(engine, &mut ProgressMeter::new(&mut nothing, 0)).unwrap();
                }
                2 => engine.flush().unwrap(),
                3..6 => {
                    let expiry = self.now + self.random.below(2000);
                    let key = format!("row {}", self.written);
                    put_until(engine, key.as_bytes(), b"v", Some(expiry));
                    self.written += 1;
                }
                6 => {
                    self.now += self.random.below(1500);
                    self.clock.set(self.now);
                }
                // A little back, for this clock alone.
                7 => self.clock.set(self.now - self.random.below(5) * 60_000),
                _ if self.written > 0 => {
                    let n = self.random.below(self.written);
                    let (row, gone) = (format!("row {n}"), format!("gone {n}"));
                    let by_view = self.random.below(2) == 0;
                    let there = if by_view {
                        content(engine).contains_key(row.as_bytes())
                    } else {
                        is_there(engine, &row)
                    };
                    // It may have gone with the commits that a crash took.
                    if !there {
                        put(engine, gone.as_bytes(), b"");
                    }
                }
                _ => {}
            }
        }
    }

    /// Ends the life in one of the ways there are.
    fn end(&mut self, engine: &Arc<Database>) {
        match self.random.below(3) {
            0 => engine.close(true).unwrap(),
            1 => engine.background.stop(),
            _ => {
                engine.background.stop();
                self.disk = self.disk.power_cut(&mut self.random);
                return;
            }
        }
        self.disk = self.disk.killed();
    }
}

#[test]
fn what_was_committed_after_an_expiry_is_not_contradicted_by_an_open_with_any_earlier_clock() {
    for seed in 0..seeds() * 3 {
        let mut life = Life::new(seed);
        for _ in 0..8 {
            let back = match life.random.below(3) {
                0 => 0,
                1 => life.random.below(5000),
                _ => life.random.below(BEGIN),
            };
            life.clock.set(life.now - back);
            let engine = life.open();
            for n in 0..life.written {
                let contradicted = is_there(&engine, &format!("gone {n}"))
                    && is_there(&engine, &format!("row {n}"));
                assert!(!contradicted, "seed {seed}: row {n} is back");
            }
            life.clock.set(life.now);
            life.go_on(&engine);
            life.end(&engine);
        }
    }
}

/// A database whose clock was a day ahead, by which `row` was found expired.
fn of_a_day_ahead() -> (Life, u64) {
    let mut life = Life::new(2);
    let (day, right) = (24 * 60 * 60 * 1000, BEGIN);
    let engine = life.open();
    put_until(&engine, b"row", b"v", Some(right + day / 2));
    life.now = right + day;
    life.clock.set(life.now);
    assert!(!is_there(&engine, "row"));
    put(&engine, b"other", b"v");
    engine.close(true).unwrap();
    drop(engine);
    (life, right)
}

#[test]
fn a_time_that_was_a_day_ahead_holds_for_some_minutes_after_an_open() {
    let (life, right) = of_a_day_ahead();
    life.clock.set(right);
    let engine = life.open();
    assert!(!is_there(&engine, "row"));
    let minutes = STANDS_STILL_MAX.as_millis() as u64;
    life.clock.set(right + minutes);
    assert!(is_there(&engine, "row"));
    let expiry = engine.clock.after(Duration::from_secs(60)).unwrap();
    assert_eq!(expiry, right + minutes + 60_000);
    // And the next open knows better from the beginning.
    put(&engine, b"other", b"v");
    engine.close(true).unwrap();
    drop(engine);
    let engine = life.open();
    assert!(is_there(&engine, "row"));
}

#[test]
fn a_clock_that_is_put_right_while_open_is_followed_at_once() {
    let mut life = Life::new(2);
    let engine = life.open();
    put_until(&engine, b"row", b"v", Some(BEGIN + 1_000_000));
    life.now = BEGIN + 24 * 60 * 60 * 1000;
    life.clock.set(life.now);
    assert!(!is_there(&engine, "row"));
    life.clock.set(BEGIN + 1);
    assert!(is_there(&engine, "row"));
    assert_eq!(engine.clock.after(Duration::from_secs(60)).unwrap(), BEGIN + 60_001);
}

#[test]
fn nothing_is_written_for_the_time_where_nothing_expires() {
    let life = Life::new(2);
    let engine = life.open();
    let position = || engine.append_lock.lock().writer.position;
    put_until(&engine, b"a", b"v", Some(u64::MAX));
    let one = position() - crate::format::JOURNAL_START;
    assert!(is_there(&engine, "a") && content(&engine).len() == 1);
    let before = position();
    put_until(&engine, b"b", b"v", Some(u64::MAX));
    assert_eq!(position() - before, one);
}
