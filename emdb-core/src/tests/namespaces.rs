//! Namespaces that come and go beside checkpoints, compactions and power cuts, against a model.

use crate::cursor::walk::Walk;
use crate::maintenance::verify::verify;
use crate::mvcc::retired::SeenNamespace;
use crate::tests::*;

type Names = BTreeMap<String, Model>;

fn all(engine: &Arc<Database>) -> Names {
    seen(engine, &engine.read_view())
}

fn seen(engine: &Arc<Database>, view: &crate::engine::read_view::ReadView) -> Names {
    let states = view.namespaces(engine).into_iter();
    let content = |state: &SeenNamespace| {
        let incarnation = state.incarnation.clone();
        let walk = Walk::over(view.clone(), Some(incarnation.clone())).unwrap();
        let found: Vec<_> =
            crate::api::iterators::EmdbIter(walk).results().collect::<Result<_>>().unwrap();
        if incarnation.order.get().is_some() {
            assert!(found.is_sorted(), "{}", state.name);
        }
        let map: Model = found.iter().cloned().collect();
        assert_eq!(map.len(), found.len(), "no key comes twice");
        let len = incarnation.records_at(view.watermark());
        assert_eq!(len, Some(found.len() as u64), "{}", state.name);
        map
    };
    states.map(|state| (state.name.clone(), content(&state))).collect()
}

/// One random change; each commit of it is a state of the history, whether it succeeds or not.
fn change(engine: &Arc<Database>, history: &mut Vec<Names>, random: &mut Random) -> Result<()> {
    let mut model = history.last().unwrap().clone();
    let name = ["", "a", "b"][random.below(3) as usize].to_owned();
    let ordered = random.below(2) == 0;
    let options = crate::format::options::Options { ordered };
    model.entry(name.clone()).or_default();
    history.push(model.clone());
    let state = match name.as_str() {
        "" => engine.default_namespace.clone(),
        name => engine.engine.open_namespace(name, options)?,
    };
    match random.below(12) {
        0 => {
            model.insert(name, Model::new());
            history.push(model);
            engine.clear(&state)
        }
        1 if !name.is_empty() => {
            model.remove(&name);
            history.push(model);
            engine.drop_namespace(&name).map(drop)
        }
        2 if !name.is_empty() && random.below(2) == 0 => {
            let other = if name == "a" { "b" } else { "a" };
            if model.contains_key(other) {
                assert!(engine.rename_namespace(&name, other).is_err(), "that name is taken");
                return Ok(());
            }
            let held = model.remove(&name).unwrap_or_default();
            model.insert(other.to_owned(), held);
            history.push(model);
            engine.rename_namespace(&name, other).map(drop)
        }
        3 if random.below(2) == 0 => {
            // Enough for segments of full size.
            let commit: Vec<_> = (0..9000u32)
                .map(|n| ([b"bulk".to_vec(), n.to_be_bytes().to_vec()].concat(), Some(vec![1])))
                .collect();
            apply(model.entry(name).or_default(), &commit);
            history.push(model);
            write_to(engine, &state, &commit)
        }
        _ => {
            let mut commit = random_commit(random);
            let bulk = [b"bulk".to_vec(), (random.below(9000) as u32).to_be_bytes().to_vec()];
            commit.push((bulk.concat(), (random.below(2) == 0).then(|| vec![2])));
            apply(model.entry(name).or_default(), &commit);
            history.push(model);
            write_to(engine, &state, &commit)
        }
    }
}

fn write_to(
    engine: &Arc<Database>,
    state: &Arc<NamespaceState>,
    commit: &[(Vec<u8>, Option<Vec<u8>>)],
) -> Result<()> {
    let mut steps = Vec::new();
    for (i, (key, value)) in commit.iter().enumerate() {
        let change = Change::write(key, value.as_deref(), None);
        steps.push(WriteOp::write(state, change.ending_commit(i + 1 == commit.len()))?);
    }
    engine.commit(&mut steps, Access::Plain)
}

fn live(
    disk: &SimDisk,
    random: &mut Random,
    history: &mut Vec<Names>,
    durable: &mut usize,
) -> Result<()> {
    let policy = [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough];
    let engine = open(disk, policy[random.below(3) as usize])?;
    assert_eq!(all(&engine), *history.last().unwrap(), "a reopen without a cut changes nothing");
    *durable = history.len() - 1;
    let done = live_in(&engine, random, history, durable);
    engine.background.stop();
    if done.is_ok() {
        assert_eq!(all(&engine), *history.last().unwrap());
        let report = verify(&engine, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_ok(), "{:?}", report.problems);
        if random.below(2) == 0 {
            engine.close(true)?;
            *durable = history.len() - 1;
        }
    }
    done
}

fn live_in(
    engine: &Arc<Database>,
    random: &mut Random,
    history: &mut Vec<Names>,
    durable: &mut usize,
) -> Result<()> {
    let mut views = Vec::new();
    for _ in 0..random.below(40) {
        let now = history.len() - 1;
        match random.below(9) {
            0 => {
                engine.flush()?;
                *durable = now;
            }
            1 => {
                let care =
                    [CheckpointKind::Durable, CheckpointKind::Closing, CheckpointKind::Passing]
                        [random.below(3) as usize];
                engine.checkpoint(care, || false)?;
                if care != CheckpointKind::Passing {
                    *durable = now;
                }
            }
            2 => {
                let mut broken = None;
                let mut meanwhile = |_| {
                    for _ in 0..random.below(4) {
                        if let Err(e) = change(engine, history, random) {
                            broken = Some(e);
                            return ControlFlow::Break(());
                        }
                    }
                    ControlFlow::Continue(())
                };
                let done = compact(engine, &mut ProgressMeter::new(&mut meanwhile, 0));
                broken.map_or(done, Err)?;
                assert_eq!(all(engine), *history.last().unwrap(), "a compaction changes nothing");
            }
            3 => views.push((engine.read_view(), now)),
            4 if !views.is_empty() => {
                let at = random.below(views.len() as u64) as usize;
                let (view, then) = views.swap_remove(at);
                assert_eq!(seen(engine, &view), history[then]);
            }
            _ => change(engine, history, random)?,
        }
    }
    Ok(())
}

#[test]
fn names_live_through_power_cuts_checkpoints_and_compactions() {
    for seed in 0..seeds() {
        let mut random = Random(seed * 7919 + 1);
        let mut disk = SimDisk::new(seed % 2 == 0).sealed(seed % 3 == 1);
        let mut history = vec![Names::from([(String::new(), Model::new())])];
        let mut durable = 0;
        for _ in 0..6 {
            if random.below(2) == 0 {
                let fail_in = Some(random.below(400));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
            }
            let ended = live(&disk, &mut random, &mut history, &mut durable);
            disk.set_faults(Faults::default());
            if ended.is_ok() && random.below(3) == 0 {
                disk = disk.killed();
                continue;
            }
            disk = disk.power_cut(&mut random);
            let engine = open(&disk, FlushPolicy::Group).unwrap();
            let left = all(&engine);
            engine.background.stop();
            let at = (durable..history.len()).rev().find(|&i| history[i] == left);
            let Some(at) = at else { panic!("seed {seed}: no state since the last durable one") };
            history.truncate(at + 1);
            durable = at;
        }
    }
}
