use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User {
    #[emdb(key)]
    id: u64,
}

fn main() {
    let db = Emdb::open_in_memory();
    let users = Table::<User>::open(&db).unwrap();
    let mut kept = None;
    let _ = db.transaction(|tx| -> Result<_, TableError> {
        kept = Some(users.with(tx));
        Ok(())
    });
}
