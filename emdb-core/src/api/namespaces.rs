//! The namespaces of a database: opening, listing and dropping them.

use crate::api::db::Emdb;
use crate::api::namespace::Namespace;
use crate::engine::settings::NamespaceOptions;
use crate::error::Result;
use crate::format::options::Options;
use crate::mvcc::names::check_name;

impl Emdb {
    /// Opens the namespace, or begins it.
    ///
    /// # Errors
    /// `InvalidConfig` for a name that is empty, longer than 255 bytes, or begins with `__emdb`;
    /// where it has to be begun, as [`Namespace::insert`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("users")?.insert("alice", "1")?;
    /// assert_eq!(db.namespace("users")?.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(&self, name: impl AsRef<str>) -> Result<Namespace> {
        let name = name.as_ref();
        check_name(name)?;
        self.open_namespace(name, NamespaceOptions::new())
    }

    /// As [`namespace`](Emdb::namespace), with options, which are stored with it: a later
    /// `namespace(name)` has them without being told. An existing namespace gets what it lacks:
    /// if it is to be ordered, its order is built when it is first asked for.
    ///
    /// # Errors
    /// As [`namespace`](Emdb::namespace); `TransactionActive` inside a transaction of this thread
    /// if an existing namespace has to change.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::NamespaceOptions;
    ///
    /// let log = db.namespace("log")?;
    /// log.insert("2024-05-01", "started")?;
    /// assert!(log.range("2024".."2025").is_err());
    /// db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
    /// assert_eq!(log.range("2024".."2025")?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace_with(
        &self,
        name: impl AsRef<str>,
        options: NamespaceOptions,
    ) -> Result<Namespace> {
        let name = name.as_ref();
        check_name(name)?;
        self.open_namespace(name, options)
    }

    /// Ends the namespace with all it holds, at the cost of one record; tells whether it
    /// existed. Handles to it answer `NamespaceDropped` from then on; iterators go on.
    ///
    /// # Errors
    /// As [`Emdb::namespace`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
    ///
    /// let users = db.namespace("users")?;
    /// assert!(db.drop_namespace("users")?);
    /// assert!(!db.drop_namespace("users")?);
    /// assert!(matches!(users.len(), Err(Error::NamespaceDropped)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn drop_namespace(&self, name: impl AsRef<str>) -> Result<bool> {
        let name = name.as_ref();
        check_name(name)?;
        self.engine().drop_namespace(name)
    }

    /// Gives the namespace another name, with all it holds, at the cost of one commit, as durable as
    /// any; tells whether it existed.
    ///
    /// A table is moved with its indexes and its entry in the catalogue. Handles to the former name answer
    /// `NamespaceDropped` from then on: open it by its new one. Iterators go on, and snapshots have it
    /// under the name that it had when they were taken.
    ///
    /// A file is read by earlier releases of the library once it has been compacted; until then they refuse
    /// it.
    ///
    /// # Errors
    /// `InvalidConfig` when another namespace has the new name, or a name is one that
    /// [`namespace`](Emdb::namespace) refuses; `TransactionActive` inside a transaction of this thread;
    /// otherwise as [`Namespace::insert`]. The name is the former one then.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("persons")?.insert("alice", "1")?;
    /// assert!(db.rename_namespace("persons", "people")?);
    /// assert_eq!(db.namespace("people")?.get("alice")?, Some(b"1".to_vec()));
    /// assert_eq!(db.list_namespaces()?, ["people"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rename_namespace(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<bool> {
        let (from, to) = (from.as_ref(), to.as_ref());
        check_name(from)?;
        check_name(to)?;
        self.engine().rename_namespace(from, to)
    }

    /// The names of all namespaces but the default one, sorted.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("users")?;
    /// db.namespace("orders")?;
    /// assert_eq!(db.list_namespaces()?, ["orders", "users"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn list_namespaces(&self) -> Result<Vec<String>> {
        Ok(self.engine().list_namespaces())
    }

    pub(crate) fn open_namespace(
        &self,
        name: &str,
        options: NamespaceOptions,
    ) -> Result<Namespace> {
        let options = Options { ordered: options.ordered };
        let state = self.engine().open_namespace(name, options)?;
        Ok(Namespace { handle: self.handle().clone(), state })
    }
}
