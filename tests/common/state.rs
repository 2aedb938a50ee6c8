//! The contents of a database, read in every way that there is.

use std::collections::BTreeMap;

use emdb::{Emdb, Namespace, Result};

/// Values by the name of their namespace and their key. A namespace without records doesn't show.
pub(crate) type State = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// Everything in the database.
///
/// # Panics
/// If `iter`, `keys`, `get`, `get_zerocopy`, `contains_key` and `len` disagree.
pub(crate) fn read_state(db: &Emdb) -> Result<State> {
    let mut state = State::new();
    read_namespace(db, &mut state)?;
    for name in db.list_namespaces()? {
        read_namespace(&db.namespace(name)?, &mut state)?;
    }
    Ok(state)
}

fn read_namespace(namespace: &Namespace, state: &mut State) -> Result<()> {
    let mut found = Vec::new();
    for item in namespace.iter()?.results() {
        let (key, value) = item?;
        assert_eq!(namespace.get(&key)?.as_ref(), Some(&value), "get of {key:?}");
        let borrowed = namespace.get_zerocopy(&key)?;
        assert_eq!(borrowed.as_deref(), Some(&value[..]), "get_zerocopy of {key:?}");
        assert!(namespace.contains_key(&key)?, "contains_key of {key:?}");
        let repeated = state.insert((namespace.name().to_owned(), key.clone()), value);
        assert_eq!(repeated, None, "{key:?} came twice");
        found.push(key);
    }
    let mut keys = namespace.keys()?.results().collect::<Result<Vec<_>>>()?;
    found.sort();
    keys.sort();
    assert_eq!(keys, found, "keys and iter disagree");
    assert_eq!(namespace.len()?, found.len(), "len and iter disagree");
    Ok(())
}
