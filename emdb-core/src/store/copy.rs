//! Writing records into a store that is being made, in chunks.
//!
//! Each record is a commit of its own, so that damage to one never takes others along. The store
//! that is made so appears by a rename, whole, so nobody sees a part of it.

use std::borrow::Cow;
use std::sync::Arc;

use super::Store;
use super::commit::{Access, Step};
use super::names::NamespaceState;
use crate::error::Result;
use crate::format::record::Verb;

/// What a chunk holds at the most, but for a single larger record.
const CHUNK_BYTES: usize = 1 << 20;
const CHUNK_RECORDS: usize = 4096;

/// Puts records into `target`, which nobody else writes to.
#[derive(Debug)]
pub(super) struct Copier<'t, 'a> {
    target: &'t Arc<Store>,
    chunk: Vec<Copied<'a>>,
    bytes: usize,
}

#[derive(Debug)]
struct Copied<'a> {
    namespace: Arc<NamespaceState>,
    key: &'a [u8],
    value: Cow<'a, [u8]>,
    expiry: Option<u64>,
}

impl<'t, 'a> Copier<'t, 'a> {
    pub(super) fn new(target: &'t Arc<Store>) -> Copier<'t, 'a> {
        Copier { target, chunk: Vec::new(), bytes: 0 }
    }

    /// Takes a record in, and writes the chunk if that is full. No key of a namespace may come
    /// twice.
    pub(super) fn put(
        &mut self,
        namespace: &Arc<NamespaceState>,
        key: &'a [u8],
        value: impl Into<Cow<'a, [u8]>>,
        expiry: Option<u64>,
    ) -> Result<()> {
        let value = value.into();
        let bytes = key.len() + value.len();
        if self.bytes + bytes > CHUNK_BYTES || self.chunk.len() == CHUNK_RECORDS {
            self.write()?;
        }
        self.bytes += bytes;
        self.chunk.push(Copied { namespace: namespace.clone(), key, value, expiry });
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let target = self.target;
        let mut steps = Vec::with_capacity(self.chunk.len());
        for Copied { namespace, key, value, expiry } in &self.chunk {
            steps.push(Step::write(target, namespace, Verb::Put, (key, value), *expiry, true)?);
        }
        self.target.commit(&mut steps, Access::Plain)?;
        drop(steps);
        self.chunk.clear();
        self.bytes = 0;
        Ok(())
    }
}
