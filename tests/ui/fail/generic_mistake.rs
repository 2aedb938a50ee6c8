use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Pair<K, V, const N: usize>
where
    K: Clone,
{
    #[emdb(key, uniqe)]
    key: K,
    value: V,
}

// Using the type reports nothing further.
fn main() -> Result<(), TableError> {
    let pairs = Table::<Pair<String, u8, 3>>::open(&Emdb::open_in_memory())?;
    pairs.insert(&Pair { key: "a".into(), value: 1 })?;
    pairs.get("a")?;
    Ok(())
}
