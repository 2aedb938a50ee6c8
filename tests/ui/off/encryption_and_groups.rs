use emdb::{Emdb, EncryptionInput, EncryptionOptions, Focus, Result};

fn main() -> Result<()> {
    Emdb::enable_encryption("db", EncryptionInput::RawKey([7; 32]))?;
    let db = Emdb::builder().path("db").encryption_key([7; 32]).build()?;
    db.insert("users.ada", "1815")?;
    assert_eq!(db.group("users")?.count(), 1);
    db.delete_group("users")?;
    Ok(())
}
