//! Applying committed records to an empty store, in the order of the journal.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::names::{DEFAULT_ID, Incarnation, Live, NamespaceState};
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::{Record, Verb};
use crate::format::varint;
use crate::generation::{Era, Generation};
use crate::index::Published;
use crate::sync::lock;

pub(crate) struct Replay<'g> {
    era: &'g Era,
    pub(crate) names: Live,
    /// The namespaces by their present incarnation.
    by_id: HashMap<u32, (Arc<NamespaceState>, Arc<Incarnation>)>,
    pub(crate) next_id: u32,
}

impl<'g> Replay<'g> {
    /// A store in which nothing exists but the default namespace.
    pub(crate) fn new(era: &'g Era) -> Replay<'g> {
        let mut replay =
            Replay { era, names: Live::new(), by_id: HashMap::new(), next_id: DEFAULT_ID + 1 };
        replay.create(String::new(), DEFAULT_ID, Options::default());
        replay
    }

    fn create(&mut self, name: String, id: u32, options: Options) {
        let incarnation = Arc::new(Incarnation::new(id));
        let state = Arc::new(NamespaceState::new(name.clone(), self.era, incarnation.clone()));
        state.set_options(options);
        self.names.insert(name, state.clone());
        self.by_id.insert(id, (state, incarnation));
    }

    /// The name of the namespace whose present incarnation has this id.
    pub(super) fn name(&self, id: u32) -> Option<&str> {
        self.by_id.get(&id).map(|(state, _)| &*state.name)
    }

    /// Applies one commit.
    pub(crate) fn apply(&mut self, records: &[Record<'_>]) -> Result<()> {
        for record in records {
            self.apply_one(record).map_err(|reason| Error::corrupted(record.position(), reason))?;
        }
        Ok(())
    }

    fn apply_one(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        const UNKNOWN: &str = "a record belongs to a namespace that does not exist";
        let id = record.namespace();
        match record.verb() {
            Verb::Put | Verb::Remove => {
                let (_, incarnation) = self.by_id.get(&id).ok_or(UNKNOWN)?;
                publish(&self.era.generation, incarnation, record)
            }
            Verb::Create => {
                let name = std::str::from_utf8(record.key()).map_err(|_| "a name is not UTF-8")?;
                if self.names.contains_key(name) {
                    return Err("a namespace is created twice");
                }
                let options = Options::read(record.value())?;
                self.take_id(id)?;
                self.create(name.to_owned(), id, options);
                Ok(())
            }
            Verb::Configure => {
                let (state, _) = self.by_id.get(&id).ok_or(UNKNOWN)?;
                state.set_options(Options::read(record.value())?);
                Ok(())
            }
            Verb::Clear => {
                let fresh = varint::get_all(record.value())
                    .and_then(|id| u32::try_from(id).ok())
                    .ok_or("a clear names no incarnation")?;
                self.take_id(fresh)?;
                let (state, _) = self.by_id.remove(&id).ok_or(UNKNOWN)?;
                let incarnation = Arc::new(Incarnation::new(fresh));
                // Nobody has seen the former one.
                let guard = crossbeam_epoch::pin();
                state.begin(&incarnation, record.position(), &guard);
                state.trim(|_, _| false, &guard);
                self.by_id.insert(fresh, (state, incarnation));
                Ok(())
            }
            Verb::Drop => {
                let (state, _) = self.by_id.remove(&id).ok_or(UNKNOWN)?;
                if state.name.is_empty() {
                    return Err("the default namespace is dropped");
                }
                state.mark_dropped(record.position());
                self.names.remove(&state.name);
                Ok(())
            }
            Verb::Mark => Ok(()),
        }
    }

    /// Ids only ever grow, so one that comes again is damage.
    fn take_id(&mut self, id: u32) -> Result<(), &'static str> {
        if id < self.next_id || id == u32::MAX {
            return Err("an incarnation's id comes out of order");
        }
        self.next_id = id + 1;
        Ok(())
    }
}

pub(super) fn publish(
    generation: &Generation,
    incarnation: &Incarnation,
    record: &Record<'_>,
) -> Result<(), &'static str> {
    let guard = crossbeam_epoch::pin();
    let hash = generation.hash(record.key());
    let read = |position| generation.memory.record(position);
    let prior = incarnation.table.probe(hash, &guard, |slot| match read(slot.position()) {
        Some(r) if r.key() == record.key() => ControlFlow::Break(r),
        _ => ControlFlow::Continue(()),
    });
    if record.verb() == Verb::Remove && prior.is_none() {
        return Ok(());
    }
    let published = incarnation.table.publish(
        hash,
        prior.map(|r| r.position()),
        (record.position(), record.verb() == Verb::Remove),
        || u64::MAX,
        |_| false,
        &guard,
    );
    if !matches!(published, Some(Published::New | Published::Replaced(_))) {
        return Err("a namespace holds more records than an index takes");
    }
    let (mut records, mut bytes) = (0, 0);
    if let Some(prior) = prior.filter(Record::is_put) {
        records -= 1;
        bytes -= prior.len() as i64;
        if let Some(at) = prior.expiry() {
            lock(&incarnation.expiries).remove(&(at, prior.position()));
        }
    }
    if record.is_put() {
        records += 1;
        bytes += record.len() as i64;
        if let Some(at) = record.expiry() {
            lock(&incarnation.expiries).insert((at, record.position()));
        }
    }
    incarnation.tally(records, bytes);
    Ok(())
}
