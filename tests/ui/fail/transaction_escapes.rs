use emdb::{Emdb, TableError};

fn main() {
    let db = Emdb::open_in_memory();
    let mut kept = None;
    let _ = db.transaction(|tx| -> Result<_, TableError> {
        kept = Some(tx);
        Ok(())
    });
}
