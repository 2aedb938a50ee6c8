//! Giving a namespace another name.
//!
//! Invariant: at every watermark it has one name, and with it its internal children and its entry in the
//! catalogue: that of before up to the end of what was committed until then, the new one behind it.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::commit::Commit;
use crate::engine::namespaces::control;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::Verb;
use crate::mvcc::names;
use crate::mvcc::namespace::NamespaceState;

/// A namespace on its way to another name.
struct Renaming {
    former: Arc<NamespaceState>,
    /// The same under the new one.
    state: Arc<NamespaceState>,
}

impl Renaming {
    fn op(&self, ends_commit: bool) -> WriteOp<'_> {
        let id = self.state.current(&crossbeam_epoch::pin()).id;
        let options = Options { ordered: self.state.is_ordered() };
        let (name, value) = (self.state.name.as_bytes(), options.renaming_bytes());
        let change = control(Verb::Configure, name, value).ending_commit(ends_commit);
        WriteOp::control(&self.state, id, change, None)
    }
}

impl Engine {
    /// Gives the namespace another name, with its internal children and its entry in the catalogue;
    /// tells whether it existed.
    pub(crate) fn rename_namespace(&self, from: &str, to: &str) -> Result<bool> {
        let commit = self.begin_commit(Access::Plain)?;
        let Some(parent) = self.existing(from) else { return Ok(false) };
        if from == to {
            return Ok(true);
        }
        let (former, new) = (names::child_prefix(from), names::child_prefix(to));
        let renamings = self.family(&parent).into_iter().map(|state| {
            let name = match state.name.strip_prefix(&former) {
                Some(child) => format!("{new}{child}"),
                None => to.to_owned(),
            };
            self.renaming(state, name)
        });
        let renamings = renamings.collect::<Result<Vec<_>>>()?;
        let entry = self.catalogued(from)?;
        let mut ops = Vec::with_capacity(renamings.len() + 2);
        for (at, renaming) in renamings.iter().enumerate() {
            ops.push(renaming.op(at + 1 == renamings.len() && entry.is_none()));
        }
        if let Some((catalogue, entry)) = &entry {
            let put = Change::put(to.as_bytes(), entry, None).ending_commit(false);
            ops.push(WriteOp::write(catalogue, put)?);
            ops.push(WriteOp::write(catalogue, Change::remove(from.as_bytes()))?);
        }
        self.write_renamings(commit, &renamings, &mut ops)?;
        Ok(true)
    }

    /// Gives one namespace another name: in a copy, where its children are told of by themselves.
    pub(crate) fn rename_copy(
        &self,
        state: &Arc<NamespaceState>,
        to: &str,
    ) -> Result<Arc<NamespaceState>> {
        let commit = self.begin_commit(Access::Plain)?;
        let renaming = self.renaming(state.clone(), to.to_owned())?;
        let state = renaming.state.clone();
        self.write_renamings(commit, std::slice::from_ref(&renaming), &mut [renaming.op(true)])?;
        Ok(state)
    }

    fn renaming(&self, former: Arc<NamespaceState>, name: String) -> Result<Renaming> {
        former.check()?;
        if self.existing(&name).is_some() {
            return Err(Error::config(format!(
                "a namespace has the name {name:?} already; drop that one first, or choose another name"
            )));
        }
        let state = Arc::new(former.renamed(name, &crossbeam_epoch::pin()));
        Ok(Renaming { former, state })
    }

    /// Commits it. Names change before the commit, for watermarks that come with it: a view that is taken
    /// meanwhile finds each namespace under one name.
    fn write_renamings(
        &self,
        mut commit: Commit<'_>,
        renamings: &[Renaming],
        ops: &mut [WriteOp<'_>],
    ) -> Result<()> {
        let end = self.generation(&crossbeam_epoch::pin()).generation.watermark();
        let mut names = self.names.lock();
        renamings.iter().for_each(|r| names.rename(&r.former, &r.state, end));
        drop(names);
        if let Err(error) = commit.write(ops) {
            let mut names = self.names.lock();
            renamings.iter().for_each(|r| names.keep(&r.former, &r.state));
            return Err(error);
        }
        commit.keep_dropped();
        commit.finish()
    }
}
