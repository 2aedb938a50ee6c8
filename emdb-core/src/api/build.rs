//! From options to an open database.

use crate::api::builder::EmdbBuilder;
use crate::api::db::Emdb;
use crate::error::Result;

impl EmdbBuilder {
    /// Opens the database.
    ///
    /// # Errors
    /// `InvalidConfig` for options that don't go together; otherwise as [`Emdb::open`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// let db = emdb::Emdb::builder().build()?;
    /// assert!(!db.path().exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<Emdb> {
        let settings = self.settled()?;
        match self.resolve()? {
            Some(path) => Emdb::open_at(path, &settings),
            None => Emdb::in_memory(&settings),
        }
    }
}
