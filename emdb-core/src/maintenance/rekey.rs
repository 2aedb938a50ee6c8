//! Giving a database another key, or none: a compaction into a file that is sealed otherwise.

use std::sync::Arc;

use crate::crypto::Unlocked;
use crate::engine::Engine;
use crate::error::Result;
use crate::format::envelope::Envelope;
use crate::maintenance::compact;
use crate::progress::ProgressMeter;
use crate::storage::data_file::DataFile;

impl Engine {
    /// Rewrites the file for this key, or without one, and removes what the former one left.
    pub(crate) fn convert(
        self: &Arc<Engine>,
        key: Option<Unlocked>,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        self.compact_with_key(compact::Key::Other(key), meter)?;
        self.finish_conversion()
    }

    /// Removes what the former file left. The header goes on saying that the file is converted, until
    /// it is opened for use: the call may be made again.
    pub(crate) fn finish_conversion(&self) -> Result<()> {
        let Some(DataFile { disk, path, .. }) = &self.file else { return Ok(()) };
        DataFile::remove_left(&**disk, path, None)?;
        self.change_header(|header| header.untidy = false)
    }

    /// Has both header slots wrap the data key in another way.
    pub(crate) fn rewrap(&self, envelope: Envelope) -> Result<()> {
        self.change_header(|header| header.envelope = Some(envelope.clone()))?;
        // The other slot must not open with the former key, either.
        self.change_header(|_| {})
    }
}
