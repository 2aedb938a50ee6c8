//! Giving a database another key, or none: a compaction into a file that is sealed otherwise.

use crate::crypto::Unlocked;
use crate::error::Result;
use crate::format::envelope::Envelope;
use crate::maintenance::compact::{Key, compact_with_key};
use crate::maintenance::database::Database;
use crate::progress::ProgressMeter;
use crate::storage::data_file::DataFile;

/// Rewrites the file for this key, or without one, and removes what the former one left.
pub(crate) fn convert(
    database: &Database,
    key: Option<Unlocked>,
    meter: &mut ProgressMeter<'_>,
) -> Result<()> {
    compact_with_key(database, Key::Other(key), meter)?;
    finish_conversion(database)
}

/// Removes what the former file left. The header goes on saying that the file is converted, until
/// it is opened for use: the call may be made again.
pub(crate) fn finish_conversion(database: &Database) -> Result<()> {
    let engine = &database.engine;
    let Some(file) = &engine.file else { return Ok(()) };
    file.check_name()?;
    let DataFile { disk, path, .. } = file;
    DataFile::remove_left(&**disk, path, None)?;
    engine.durability.change_header(&**engine, |header| header.untidy = false)
}

/// Has both header slots wrap the data key in another way.
pub(crate) fn rewrap(database: &Database, envelope: Envelope) -> Result<()> {
    let engine = &database.engine;
    let durability = &engine.durability;
    durability.change_header(&**engine, |header| header.envelope = Some(envelope))?;
    // The other slot must not open with the former key, either.
    durability.change_header(&**engine, |_| {})
}
