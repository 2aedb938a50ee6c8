//! Checkpoints on a simulated disk: those that fail or are damaged, and what they carry over.

pub(super) mod deferred;
#[cfg(feature = "ttl")]
mod deferred_lives;
mod forged;

use crate::format::image;
use crate::format::image::Header;
use crate::storage::Disk;
use crate::tests::*;

const IMAGE: &str = "db.meta";

fn bytes(disk: &SimDisk, name: &str) -> Vec<u8> {
    let medium = disk.open(Path::new(name)).unwrap();
    let len = medium.len().unwrap();
    medium.map(len).unwrap().bytes(0, len).unwrap().to_vec()
}

/// A disk with one more file, in place of one of that name.
fn with(disk: &SimDisk, name: &str, bytes: &[u8]) -> SimDisk {
    let disk = disk.killed();
    disk.create(Path::new(name)).unwrap().write_at(0, bytes).unwrap();
    disk
}

fn from(engine: &Engine) -> Option<u64> {
    engine.recovery.as_ref().and_then(|r| r.from_checkpoint)
}

#[test]
fn a_checkpoint_that_fails_anywhere_leaves_the_former_one_and_the_database() {
    for fail_in in 0..12 {
        let disk = SimDisk::new(true);
        let engine = open(&disk, FlushPolicy::Group).unwrap();
        put(&engine, b"a", b"1");
        engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
        let former = bytes(&disk, IMAGE);
        put(&engine, b"b", b"2");
        engine.flush().unwrap();
        disk.set_faults(Faults { fail_in: Some(fail_in), ..Faults::default() });
        let failed = engine.checkpoint(CheckpointKind::Durable, || false).is_err();
        disk.set_faults(Faults::default());
        assert!(!disk.exists(Path::new("db.meta.emdb-tmp")), "{fail_in}");
        let figures = stats(&engine);
        assert_eq!(figures.checkpoint_failures, u64::from(failed), "{fail_in}");
        if failed && bytes(&disk, IMAGE) == former && write(&engine, &[]).is_ok() {
            // Writes are refused where the journal's own sync failed, and there alone.
            put(&engine, b"c", b"3");
            engine.checkpoint(CheckpointKind::Closing, || false).unwrap();
        }
        let expected = content(&engine);
        engine.background.stop();
        let engine = open(&disk.killed(), FlushPolicy::Group).unwrap();
        assert!(from(&engine).is_some(), "{fail_in}");
        assert_eq!(content(&engine), expected, "{fail_in}");
        engine.background.stop();
    }
}

#[test]
fn a_full_disk_leaves_the_database_and_its_checkpoint_as_they_were() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    for n in 0..1000u32 {
        put(&engine, &n.to_be_bytes(), &[7; 40]);
    }
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    let former = bytes(&disk, IMAGE);
    disk.set_faults(Faults { room: Some(6000), ..Faults::default() });
    assert!(matches!(engine.checkpoint(CheckpointKind::Durable, || false), Err(Error::Io(_))));
    disk.set_faults(Faults::default());
    assert_eq!(bytes(&disk, IMAGE), former);
    assert!(!disk.exists(Path::new("db.meta.emdb-tmp")));
    put(&engine, b"more", b"1");
    engine.flush().unwrap();
    assert_eq!(content(&engine).len(), 1001);
    engine.background.stop();
}

#[test]
fn a_checkpoint_can_be_ended_early() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    put(&engine, b"a", b"1");
    assert!(matches!(engine.checkpoint(CheckpointKind::Durable, || true), Err(Error::Cancelled)));
    assert!(!disk.exists(Path::new(IMAGE)) && !disk.exists(Path::new("db.meta.emdb-tmp")));
    assert_eq!(stats(&engine).checkpoint_failures, 0);
    engine.background.stop();
}

/// A database whose index has full-size segments, with a checkpoint and writes after it.
fn large() -> (SimDisk, Model) {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let mut model = Model::new();
    for round in 0..20u32 {
        let commit: Vec<_> = (0..1000u32)
            .map(|n| ((round * 1000 + n).to_be_bytes().to_vec(), Some(vec![round as u8; 3])))
            .collect();
        write(&engine, &commit).unwrap();
        apply(&mut model, &commit);
    }
    let removed: Vec<_> = (0..500u32).map(|n| ((n * 7).to_be_bytes().to_vec(), None)).collect();
    write(&engine, &removed).unwrap();
    apply(&mut model, &removed);
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    engine.background.stop();
    (disk.killed(), model)
}

fn damage(disk: &SimDisk, at: usize) -> SimDisk {
    let mut image = bytes(disk, IMAGE);
    image[at] ^= 4;
    with(disk, IMAGE, &image)
}

#[test]
fn a_damaged_page_gives_no_wrong_answer_and_is_put_right_by_readers_and_by_writers() {
    let (disk, model) = large();
    let image = bytes(&disk, IMAGE);
    let header = Header::read(&image).unwrap();
    assert!(header.meta_at > 60 * 4096);
    let mut random = Random(5);
    for round in 0..16 {
        let at = 4096 + random.below(64 * 4096) as usize;
        let engine = open(&damage(&disk, at), FlushPolicy::Group).unwrap();
        assert!(from(&engine).is_some());
        let mut model = model.clone();

        match round % 4 {
            // A walk, which meets the page.
            0 => assert_eq!(content(&engine), model),
            // Lookups alone.
            1 => {
                for n in 0..300u32 {
                    let key = (n * 83).to_be_bytes();
                    assert_eq!(get(&engine, &key).unwrap(), model.get(&key[..]).cloned());
                }
            }
            // A write first.
            2 => {
                let commit = random_commit(&mut random);
                write(&engine, &commit).unwrap();
                apply(&mut model, &commit);
            }
            // A checkpoint of what is damaged.
            _ => {
                engine.checkpoint(CheckpointKind::Closing, || false).unwrap();
                assert_eq!(content(&engine), model);
            }
        }
        assert_eq!(content(&engine), model, "round {round}");
        // The background does it, once a reader has met it.
        let damaged = || {
            let guard = crossbeam_epoch::pin();
            engine.default_namespace.current(&guard).table.damaged_segments(&guard).len()
        };
        let patience = std::time::Instant::now();
        while damaged() > 0 {
            assert!(patience.elapsed() < Duration::from_secs(20), "round {round}");
            std::thread::sleep(Duration::from_millis(1));
        }
        for n in 0..2000u32 {
            let key = (n * 3).to_be_bytes().to_vec();
            let commit = [(key, (n % 3 != 0).then(|| vec![9; 2]))];
            write(&engine, &commit).unwrap();
            apply(&mut model, &commit);
        }
        assert_eq!(content(&engine), model, "round {round}");
        engine.background.stop();
    }
}

#[test]
fn pages_of_two_images_can_not_be_exchanged() {
    let (disk, model) = large();
    let first = bytes(&disk, IMAGE);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let commit: Vec<_> =
        (0..900u32).map(|n| ((n * 5).to_be_bytes().to_vec(), Some(b"new".to_vec()))).collect();
    write(&engine, &commit).unwrap();
    let mut model = model;
    apply(&mut model, &commit);
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    engine.background.stop();
    let second = bytes(&disk, IMAGE);
    let mut mixed = second.clone();
    mixed[4096..60 * 4096].copy_from_slice(&first[4096..60 * 4096]);
    let engine = open(&with(&disk, IMAGE, &mixed), FlushPolicy::Group).unwrap();
    assert!(from(&engine).is_some());
    for n in (0..20_000u32).step_by(1700) {
        let key = n.to_be_bytes();
        assert_eq!(get(&engine, &key).unwrap(), model.get(&key[..]).cloned());
    }
    assert_eq!(content(&engine), model);
    engine.background.stop();
    // The former image as a whole is still right.
    let engine = open(&with(&disk, IMAGE, &first), FlushPolicy::Group).unwrap();
    assert!(from(&engine).is_some() && engine.recovery.as_ref().unwrap().records_replayed > 0);
    assert_eq!(content(&engine), model);
    engine.background.stop();
}

#[test]
fn a_record_that_was_damaged_below_a_checkpoint_is_not_taken_for_another_key() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    for n in 0..10u8 {
        put(&engine, &[b'k', n], b"former");
    }
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    put(&engine, &[b'k', 3], b"latter");
    engine.flush().unwrap();
    engine.background.stop();
    let disk = disk.killed();
    let data = bytes(&disk, PATH);
    let at = data.windows(8).position(|w| w == b"k\x03former").unwrap();
    for bit in 0..8 {
        let disk = disk.killed();
        disk.open(Path::new(PATH)).unwrap().write_at(at as u64 + 1, &[3 ^ 1 << bit]).unwrap();
        match open(&disk, FlushPolicy::OnEachFlush) {
            Err(e) => assert!(matches!(e, Error::Corrupted { .. }), "{e}"),
            Ok(engine) => {
                let len = engine.len(&engine.default_namespace).unwrap();
                engine.background.stop();
                assert_eq!(len, 10, "bit {bit}");
            }
        }
    }
}

#[test]
fn expiries_of_replaced_records_do_not_gather_in_checkpoints() {
    let disk = SimDisk::new(true);
    let far = crate::os::clock::unix_ms() + 1_000_000_000;
    for session in 0..6u8 {
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        for n in 0..100u8 {
            put_until(&engine, &[n], &[session], Some(far));
        }
        engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
        engine.background.stop();
    }
    let image = bytes(&disk, IMAGE);
    let header = Header::read(&image).unwrap();
    let meta = &image[header.meta_at as usize..][..header.meta_len as usize];
    let (_, namespaces, _) = image::read_meta(meta).unwrap();
    let expiries = namespaces[0].expiries.count / 2;
    assert!(expiries <= 200, "{expiries} expiries of 100 records");
}
