use std::time::Duration;

use emdb::{Emdb, Record, Table, TableError, Ttl};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "30d")]
struct Session {
    #[emdb(key)]
    id: u64,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::builder().default_ttl(Duration::from_secs(60)).build()?;
    db.insert_with_ttl("key", "value", Ttl::Default)?;
    db.sweep_expired();

    let sessions = Table::<Session>::open(&db)?;
    sessions.insert_with_ttl(&Session { id: 1 }, Ttl::Default)?;
    sessions.touch(&1, Ttl::Default)?;
    assert!(sessions.expires_at(&1)?.is_some());
    Ok(())
}
