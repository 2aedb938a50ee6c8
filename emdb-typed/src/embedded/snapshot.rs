//! A snapshot of the database.

use emdb_core::internal::View;
use emdb_core::{Error, Snapshot};

use crate::backend::{self, NamedKeyspace};

impl backend::Snapshot for Snapshot {
    type Error = Error;
    type View = View;

    fn catalogue(&self) -> View {
        View::catalogue(self)
    }

    fn default_keyspace(&self) -> View {
        View::default_of(self)
    }

    fn keyspace(&self, name: &str) -> View {
        View::of(self, name)
    }

    fn child(&self, parent: &str, name: &str) -> View {
        View::child_of(self, parent, name)
    }

    fn keyspaces(&self) -> Result<Vec<NamedKeyspace>, Error> {
        let names = View::names(self).into_iter();
        Ok(names.map(|(name, ordered)| NamedKeyspace { name, ordered }).collect())
    }
}
