//! An encrypted database: made with a passphrase, moved from plaintext, and given a new key.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, EncryptionInput, Error, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "patients")]
struct Patient {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    name: String,
}

fn main() -> Result<(), TableError> {
    let folder = tempfile::tempdir().map_err(Error::from)?;
    let path = folder.path().join("clinic.emdb");
    let ada = || Patient { id: 1, name: "Ada Lovelace".into() };

    // A database that began without encryption.
    let db = Emdb::open(&path)?;
    Table::<Patient>::open(&db)?.insert(&ada())?;
    db.close()?;

    // Encrypted in one step, while nobody has it open. The former file is gone then; what its blocks
    // still hold is the medium's affair.
    let passphrase = |text: &str| EncryptionInput::Passphrase(text.to_owned());
    Emdb::enable_encryption(&path, passphrase("five words that nobody guesses"))?;
    let bytes = std::fs::read(&path).map_err(Error::from)?;
    assert!(!bytes.windows(12).any(|part| part == b"Ada Lovelace"));

    // Without the passphrase, or with another one, there is an error that says so.
    for wrong in [Emdb::builder().path(&path), Emdb::builder().path(&path).encryption_key([7; 32])]
    {
        match wrong.build() {
            Err(Error::EncryptionError(reason)) => println!("refused: {reason}"),
            other => panic!("an encrypted database opened: {other:?}"),
        }
    }
    let open = |text: &str| Emdb::builder().path(&path).encryption_passphrase(text).build();
    let db = open("five words that nobody guesses")?;
    assert_eq!(Table::<Patient>::open(&db)?.get(&1)?, Some(ada()));
    db.close()?;

    // Another passphrase for the same data key: at once, whatever the file's size.
    let (old, new) = ("five words that nobody guesses", "five others, just as good ones");
    Emdb::change_passphrase(&path, passphrase(old), passphrase(new))?;

    // A key that others may know has to be replaced, and all data with it. This one is 256 random bits
    // from the program's key store.
    let raw = [0x5A; 32];
    Emdb::rotate_encryption_key(&path, passphrase(new), EncryptionInput::RawKey(raw))?;
    let db = Emdb::builder().path(&path).encryption_key(raw).build()?;
    println!("encrypted: {}, rows: {}", db.stats()?.encrypted, Table::<Patient>::open(&db)?.len()?);
    Ok(())
}
