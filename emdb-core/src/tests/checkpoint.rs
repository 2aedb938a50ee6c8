//! Checkpoints on a simulated disk: what fails, what is damaged, what is forged.

use crate::format::image;
use crate::format::image::{Array, Full, Header, Namespace, Slots};
use crate::storage::Disk;
use crate::tests::*;

const IMAGE: &str = "db.meta";

fn put(engine: &Arc<Database>, key: &[u8], value: &[u8]) {
    write(engine, &[(key.to_vec(), Some(value.to_vec()))]).unwrap();
}

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

/// The image with its metadata and header changed, checksums and all.
fn forge(image: &[u8], change: impl FnOnce(&mut Header, &mut u32, &mut Vec<Namespace>)) -> Vec<u8> {
    let mut header = Header::read(image).unwrap();
    let meta = &image[header.meta_at as usize..][..header.meta_len as usize];
    let (mut next_id, mut namespaces, sessions) = image::read_meta(meta).unwrap();
    let length = header.len;
    change(&mut header, &mut next_id, &mut namespaces);
    let mut out = Vec::new();
    namespaces.iter().for_each(|n| n.encode(&mut out));
    let meta = image::meta(next_id, namespaces.len() as u32, &out, &sessions);
    let mut forged = image[..header.meta_at.min(image.len() as u64) as usize].to_vec();
    forged.extend(&meta);
    header.meta_len = meta.len() as u64;
    if header.len == length {
        header.len = forged.len() as u64;
    }
    let place = image::place(header.note, header.below);
    header.meta_sum = image::sum(&meta, place, header.meta_at);
    forged[..4096].copy_from_slice(&header.encode());
    forged
}

#[test]
fn an_image_that_the_journal_behind_it_contradicts_is_given_up() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    put(&engine, b"a", b"1");
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    engine.engine.open_namespace("later", Default::default()).unwrap();
    put(&engine, b"b", b"2");
    let expected = content(&engine);
    engine.close(true).unwrap();
    let forged = forge(&bytes(&disk, IMAGE), |_, next_id, _| *next_id = 1000);
    let engine = open(&with(&disk, IMAGE, &forged), FlushPolicy::Group).unwrap();
    assert_eq!((from(&engine), content(&engine)), (None, expected));
    assert_eq!(engine.list_namespaces(), ["later"]);
    engine.background.stop();
}

#[test]
fn a_forged_image_with_right_checksums_is_refused_or_does_no_harm() {
    let (disk, model) = large();
    let image = bytes(&disk, IMAGE);
    type Change = fn(&mut Header, &mut u32, &mut Vec<Namespace>);
    fn full(n: &mut [Namespace]) -> &mut Vec<Full> {
        match &mut n[0].slots {
            Slots::Full(full) => full,
            Slots::Small { .. } => unreachable!("the database is large"),
        }
    }
    let refused: [(&str, Change); 18] = [
        ("another file", |h, _, _| h.file_id[3] ^= 1),
        ("another generation", |h, _, _| h.generation += 1),
        ("another note", |h, _, _| h.note[7] ^= 1),
        ("another position", |h, _, _| h.below += 1),
        ("a note far out", |h, _, _| h.note_at = u64::MAX),
        ("a note in the header", |h, _, _| h.note_at = 0),
        ("another length", |h, _, _| h.len += 1),
        ("no id is left", |_, next, _| *next = 0),
        ("no namespace", |_, _, n| n.clear()),
        ("no default namespace", |_, _, n| n[0].name = "x".into()),
        ("two of a name", |_, next, n| {
            *next = 9;
            let slots = Slots::Small { bucket_bits: 1, slots: Vec::new() };
            n.push(Namespace {
                id: 5,
                slots,
                expiries: Array::default(),
                run: None,
                ..n[0].clone()
            });
        }),
        ("unknown options", |_, _, n| n[0].options = vec![77]),
        ("more records than there can be", |_, _, n| n[0].records = u64::MAX),
        ("more bytes than there are", |_, _, n| n[0].live_bytes = u64::MAX),
        ("a part is missing", |_, _, n| full(n)[0].depth += 1),
        ("a part too many", |_, _, n| {
            let more = full(n)[0].clone();
            full(n).push(more);
        }),
        ("a part outside", |_, _, n| full(n)[0].at = u64::MAX - 4095),
        ("expiries outside", |_, _, n| {
            n[0].expiries = Array { at: 8, count: u64::MAX / 8, sum: 0 };
        }),
    ];
    for (what, change) in refused {
        let engine = open(&with(&disk, IMAGE, &forge(&image, change)), FlushPolicy::Group).unwrap();
        assert_eq!(from(&engine), None, "{what}");
        assert_eq!(get(&engine, &9999u32.to_be_bytes()).unwrap(), Some(vec![9; 3]), "{what}");
        engine.background.stop();
    }
    let taken: [(&str, Change); 5] = [
        ("nothing", |_, _, _| {}),
        ("checksums of pages", |_, _, n| full(n)[0].sums.fill(7)),
        ("slots in use", |_, _, n| full(n)[0].used = 0),
        ("all slots in use", |_, _, n| full(n)[0].used = 32768),
        ("expiries that are none", |_, _, n| {
            n[0].expiries = Array { at: 4096 * 65, count: 2, sum: 0 };
        }),
    ];
    for (what, change) in taken {
        let engine = open(&with(&disk, IMAGE, &forge(&image, change)), FlushPolicy::Group).unwrap();
        let mut model = model.clone();
        assert_eq!(content(&engine), model, "{what}");
        for n in 0..3000u32 {
            let commit = [((n * 11).to_be_bytes().to_vec(), Some(vec![1; 2]))];
            write(&engine, &commit).unwrap();
            apply(&mut model, &commit);
        }
        assert_eq!(content(&engine), model, "{what}");
        engine.background.stop();
    }
    // Slots that point anywhere, with the checksums of their pages.
    let mut random = Random(3);
    let header = Header::read(&image).unwrap();
    let place = image::place(header.note, header.below);
    for _ in 0..10 {
        let mut wild = image.clone();
        let page = random.below(64) as usize;
        for word in wild[4096 * (1 + page)..][..4096].chunks_mut(8) {
            word.copy_from_slice(&(random.next() >> random.below(64)).to_le_bytes());
        }
        let at = 4096 * (1 + page as u64);
        let sum = image::sum(&wild[at as usize..][..4096], place, at);
        let forged = forge(&wild, |_, _, n| full(n)[0].sums[page] = sum);
        let engine = open(&with(&disk, IMAGE, &forged), FlushPolicy::Group).unwrap();
        for n in 0..20_000u32 {
            let key = n.to_be_bytes().to_vec();
            // An error, or whatever the forger liked; no panic.
            let _ = get(&engine, &key);
            let _ = write(&engine, &[(key, (n % 5 != 0).then(|| vec![1]))]);
        }
        let _ = engine.checkpoint(CheckpointKind::Closing, || false);
        engine.background.stop();
    }
}
