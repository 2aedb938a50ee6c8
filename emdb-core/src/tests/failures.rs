//! Operations of the disk that fail: syncs, writes without room, mappings without address space.

use crate::tests::*;

#[test]
fn a_failed_sync_refuses_writes_from_then_on_and_reads_go_on() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
    write(&engine, &one).unwrap();
    disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
    assert!(matches!(engine.flush(), Err(Error::Io(_))));
    let syncs = disk.syncs();
    assert!(matches!(engine.flush(), Err(Error::Poisoned)));
    assert!(matches!(write(&engine, &one), Err(Error::Poisoned)));
    assert!(matches!(engine.clear(&engine.default_namespace), Err(Error::Poisoned)));
    assert!(matches!(engine.close(true), Err(Error::Poisoned)));
    assert_eq!(disk.syncs(), syncs, "a failed sync is never tried again");
    assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()));
}

#[test]
fn what_a_failed_sync_may_have_lost_is_written_again_at_the_next_open() {
    for mapped in [true, false] {
        let disk = SimDisk::new(mapped);
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
        write(&engine, &one).unwrap();
        disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
        assert!(engine.flush().is_err());
        engine.background.stop();
        // The process ends; the page cache still shows the record. Once served, it is durable.
        let disk = disk.killed();
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()));
        engine.background.stop();
        for seed in 0..50 {
            let disk = disk.power_cut(&mut Random(seed));
            let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
            assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()), "seed {seed}");
            engine.background.stop();
        }
    }
}

#[test]
fn a_namespace_that_could_not_be_renamed_is_none_of_those_that_have_gone() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    let state = engine.engine.open_namespace("former", Default::default()).unwrap();
    disk.set_faults(Faults { room: Some(200_000), ..Faults::default() });
    for len in [1000, 1] {
        while write(&engine, &[(b"key".to_vec(), Some(vec![1; len]))]).is_ok() {}
    }
    assert!(matches!(engine.rename_namespace("former", "another name"), Err(Error::Io(_))));
    state.check().unwrap();
    // A compaction takes what has gone for empty, while others read.
    let names = engine.names.lock();
    assert!(
        names.gone.iter().filter_map(std::sync::Weak::upgrade).all(|gone| gone.check().is_err())
    );
    assert!(Arc::ptr_eq(&names.live["former"], &state) && names.dropped.is_empty());
}

#[test]
fn a_full_disk_leaves_the_database_as_it_was() {
    for mapped in [true, false] {
        let disk = SimDisk::new(mapped);
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        disk.set_faults(Faults { room: Some(200_000), ..Faults::default() });
        let mut model = Model::new();
        let mut refused = 0;
        for n in 0..400u32 {
            let commit: Vec<_> = (0..1 + n % 3)
                .map(|i| ((n * 4 + i).to_be_bytes().to_vec(), Some(vec![n as u8; 1000])))
                .collect();
            match write(&engine, &commit) {
                Ok(()) => apply(&mut model, &commit),
                Err(Error::Io(e)) => {
                    assert_eq!(e.kind(), std::io::ErrorKind::StorageFull);
                    refused += 1;
                }
                Err(e) => panic!("{e}"),
            }
        }
        assert!(refused > 50 && model.len() > 100, "{refused} refused, {} kept", model.len());
        // A large one goes another way: one positional write, of which a part may go out.
        let large: Vec<_> =
            (0..300u32).map(|i| (i.to_le_bytes().to_vec(), Some(vec![1; 1000]))).collect();
        assert!(matches!(write(&engine, &large), Err(Error::Io(_))));
        assert_eq!(content(&engine), model);
        disk.set_faults(Faults::default());
        write(&engine, &large).unwrap();
        apply(&mut model, &large);
        assert_eq!(content(&engine), model);
        engine.close(true).unwrap();
        let engine = open(&disk.killed(), FlushPolicy::OnEachFlush).unwrap();
        assert_eq!(content(&engine), model);
        engine.background.stop();
    }
}

#[test]
fn any_single_failed_operation_leaves_an_error_or_the_right_state() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let disk = SimDisk::new(seed.is_multiple_of(2)).sealed(seed % 5 == 1);
        let Ok(engine) = open(&disk, FlushPolicy::Group) else { unreachable!("no fault is set") };
        disk.set_faults(Faults { fail_in: Some(random.below(40)), ..Faults::default() });
        let mut model = Model::new();
        let mut possible = vec![model.clone()];
        for _ in 0..40 {
            let commit = random_commit(&mut random);
            let done = write(&engine, &commit).and_then(|()| {
                apply(&mut model, &commit);
                possible = vec![model.clone()];
                if random.below(2) == 0 { engine.flush() } else { Ok(()) }
            });
            if done.is_err() {
                let mut more = model.clone();
                apply(&mut more, &commit);
                possible.push(more);
            }
            assert_eq!(content(&engine), model, "seed {seed}");
        }
        engine.background.stop();
        let engine = open(&disk.killed(), FlushPolicy::Group).unwrap();
        let left = content(&engine);
        assert!(possible.contains(&left), "seed {seed}");
        engine.background.stop();
    }
}

#[test]
fn what_can_not_be_mapped_is_not_acknowledged() {
    let disk = SimDisk::new(true);
    disk.set_faults(Faults { address_space: Some(200_000), ..Faults::default() });
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let mut model = Model::new();
    let mut refused = 0;
    for n in 0..400u32 {
        let commit = [(n.to_be_bytes().to_vec(), Some(vec![n as u8; 1000]))];
        match write(&engine, &commit) {
            Ok(()) => apply(&mut model, &commit),
            Err(Error::Io(e)) => {
                assert_eq!(e.kind(), std::io::ErrorKind::OutOfMemory);
                refused += 1;
            }
            Err(e) => panic!("{e}"),
        }
        assert_eq!(
            get(&engine, &n.to_be_bytes()).unwrap(),
            model.get(&n.to_be_bytes()[..]).cloned()
        );
        if n % 10 == 0 {
            engine.flush().unwrap();
        }
    }
    assert!(refused > 100 && model.len() > 100, "{refused} refused, {} kept", model.len());
    assert_eq!(content(&engine), model);
    disk.set_faults(Faults::default());
    write(&engine, &[(b"more".to_vec(), Some(vec![1; 10]))]).unwrap();
    model.insert(b"more".to_vec(), vec![1; 10]);
    assert_eq!(content(&engine), model);
    engine.background.stop();
}
