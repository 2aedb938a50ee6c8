//! The journal's changes to an index that lies in a checkpoint, which an open leaves to whoever looks first.

use crate::tests::checkpoint::*;

type Commit = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Commits that put again, remove, bring back and have one key twice, over a checkpoint of `large`.
fn changes(random: &mut Random, commits: usize, keys: u64) -> Vec<Commit> {
    let one = |random: &mut Random| {
        let key = (random.below(keys) as u32).to_be_bytes().to_vec();
        (key, (random.below(3) != 0).then(|| random.next().to_le_bytes().to_vec()))
    };
    let commit = |random: &mut Random| {
        let mut commit: Vec<_> = (0..1 + random.below(40)).map(|_| one(random)).collect();
        // A removal of a key that the commit puts first is none to the engine: transactions see to that.
        commit.sort();
        commit.dedup_by(|a, b| a.0 == b.0);
        if random.below(3) == 0 {
            let (again, _) = commit[random.below(commit.len() as u64) as usize].clone();
            commit.push((again, Some(b"twice".to_vec())));
        }
        commit
    };
    (0..commits).map(|_| commit(random)).collect()
}

/// The database of `large` with more commits behind its checkpoint, as a kill leaves it.
pub(crate) fn behind(seed: u64, commits: usize, keys: u64) -> (SimDisk, Model) {
    let (disk, mut model) = large();
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    for commit in changes(&mut Random(seed), commits, keys) {
        write(&engine, &commit).unwrap();
        apply(&mut model, &commit);
    }
    engine.flush().unwrap();
    engine.background.stop();
    (disk.killed(), model)
}

#[test]
fn lookups_walks_counts_and_writes_find_what_was_left_to_them() {
    for seed in 0..6 {
        let (disk, mut model) = behind(seed, 200, 25_000);
        let engine = open(&disk, FlushPolicy::Group).unwrap();
        assert!(from(&engine).is_some() && engine.recovery.as_ref().unwrap().records_replayed > 0);
        assert_eq!(engine.len(&engine.default_namespace).unwrap(), model.len());
        match seed % 3 {
            // Lookups first.
            0 => {
                for n in (0..25_000u32).rev().step_by(7) {
                    let key = n.to_be_bytes();
                    assert_eq!(get(&engine, &key).unwrap(), model.get(&key[..]).cloned());
                }
            }
            // Writes first, which need to know what they replace.
            1 => {
                for commit in changes(&mut Random(seed + 100), 300, 25_000) {
                    write(&engine, &commit).unwrap();
                    apply(&mut model, &commit);
                }
            }
            // A checkpoint first.
            _ => engine.checkpoint(CheckpointKind::Closing, || false).unwrap(),
        }
        assert_eq!(content(&engine), model, "seed {seed}");
        assert_eq!(engine.len(&engine.default_namespace).unwrap(), model.len());
        engine.close(true).unwrap();
        let engine = open(&disk, FlushPolicy::Group).unwrap();
        assert_eq!(content(&engine), model, "seed {seed}");
        engine.background.stop();
    }
}

#[test]
fn changes_that_have_no_room_in_their_segment_divide_it_at_the_open_or_at_the_first_look() {
    // More than two take by their number of slots, more than one does, and about the number where one may
    // not by chance.
    for more in [36_000u32, 14_000, 4_000, 1_500, 800] {
        let (disk, mut model) = large();
        let engine = open(&disk, FlushPolicy::Group).unwrap();
        for some in (20_000..20_000 + more).collect::<Vec<_>>().chunks(500) {
            let commit: Vec<_> =
                some.iter().map(|n| (n.to_be_bytes().to_vec(), Some(vec![5; 2]))).collect();
            write(&engine, &commit).unwrap();
            apply(&mut model, &commit);
        }
        engine.background.stop();
        let disk = disk.killed();
        let engine = open(&disk, FlushPolicy::Group).unwrap();
        assert!(from(&engine).is_some());
        std::thread::scope(|scope| {
            for start in 0..3 {
                let (engine, model) = (&engine, &model);
                scope.spawn(move || {
                    for n in (start..20_000 + more).step_by(11) {
                        let key = n.to_be_bytes();
                        assert_eq!(get(engine, &key).unwrap(), model.get(&key[..]).cloned());
                    }
                });
            }
        });
        assert_eq!(content(&engine), model, "{more}");
        engine.background.stop();
    }
}

#[test]
fn a_damaged_page_that_changes_wait_for_is_found_again_in_the_journal_with_them() {
    let (disk, model) = behind(9, 300, 22_000);
    let mut random = Random(7);
    for round in 0..8 {
        let at = 4096 + random.below(64 * 4096) as usize;
        let engine = open(&damage(&disk, at), FlushPolicy::Group).unwrap();
        assert!(from(&engine).is_some());
        let mut model = model.clone();
        if round % 2 == 0 {
            for n in (0..22_000u32).step_by(97) {
                let key = n.to_be_bytes();
                assert_eq!(get(&engine, &key).unwrap(), model.get(&key[..]).cloned());
            }
        } else {
            let commit = random_commit(&mut random);
            write(&engine, &commit).unwrap();
            apply(&mut model, &commit);
        }
        assert_eq!(content(&engine), model, "round {round}");
        engine.background.stop();
    }
}

#[test]
fn a_namespace_that_is_cleared_or_dropped_behind_a_checkpoint_takes_what_waits_with_it() {
    let (disk, model) = large();
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let other = engine.engine.open_namespace("other", Default::default()).unwrap();
    put(&engine, b"before", b"1");
    engine.clear(&engine.default_namespace).unwrap();
    put(&engine, b"after", b"2");
    drop(other);
    engine.background.stop();
    let engine = open(&disk.killed(), FlushPolicy::Group).unwrap();
    assert!(from(&engine).is_some() && !model.is_empty());
    assert_eq!(content(&engine), Model::from([(b"after".to_vec(), b"2".to_vec())]));
    assert_eq!(engine.list_namespaces(), ["other"]);
    engine.background.stop();
}
