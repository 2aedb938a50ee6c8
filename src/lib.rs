//! A serde-typed, ORM-style embedded database: derive a struct, get a durable table in one file.
//!
//! There is no server and no query language. A struct says which of its fields is the key, a
//! [`Table`] stores its values in a namespace of an [`Emdb`], indexes find them by other fields,
//! and several writes become one in a transaction. Whoever wants bytes instead finds them one call
//! below.
//!
//! Each table is a namespace of its own, beside the default one. `len`, `is_empty` and `clear` of an
//! [`Emdb`] are calls on the default namespace, where no table's rows are: ask the table
//! ([`Table::len`], [`Table::clear`]), or [`Emdb::total_len`] for all of them together.
//!
//! This page takes about ten minutes, from nothing to migrations:
//! [a record](#a-record), [a database](#a-database), [reading and writing](#reading-and-writing),
//! [keys, ranges and pages](#keys-ranges-and-pages), [indexes](#indexes),
//! [transactions](#transactions), [snapshots](#snapshots), [expiry](#expiry),
//! [versions and migration](#versions-and-migration),
//! [validation and errors](#validation-and-errors), [bytes beside types](#bytes-beside-types),
//! [verifying and repairing](#verifying-and-repairing), [encryption](#encryption). Then come the [features](#features), the
//! [guarantees](#guarantees) and the [limits](#limits).
//!
//! # A record
//!
//! A record is a struct that is stored as one row of a table. It derives serde's `Serialize` and
//! `Deserialize`, and [`Record`](derive@Record). One field is marked as its key. All else is
//! optional, and stands in attributes:
//!
//! ```
//! use emdb::{Emdb, Record, Table, TableError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
//! #[emdb(namespace = "users")]
//! struct User {
//!     #[emdb(key)]
//!     id: u64,
//!     name: String,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let users = Table::<User>::open(&db)?;
//! users.insert(&User { id: 1, name: "Ada".into() })?;
//! assert_eq!(users.get(&1)?, Some(User { id: 1, name: "Ada".into() }));
//! # Ok::<(), TableError>(())
//! ```
//!
//! | on the struct | meaning |
//! | --- | --- |
//! | `namespace = "users"` | the name of the table; otherwise it is the struct's name in snake case |
//! | `key(org, id)` | a key of several fields |
//! | `index(name = "by_org_age", fields(org, age))` | an index over several fields, also `fields(address.city)` where the type of `address` derives `Fields`; `unique` and `filter = path::to_fn` can be added |
//! | `index(name = "title_lower", with = path::to_fn, type = String)` | an index over what a function gives; with `sparse` an `Option`, with `each` an iterator |
//! | `version = 2, from = UserV1` | the struct changed, and this is what it was |
//! | `ttl = "30d"` | each row expires so long after it was inserted; units are `ms`, `s`, `m`, `h`, `d` |
//! | `validate = path::to_fn` | a check before every write |
//! | `unordered` | rows in no order: less memory, but no ranges |
//! | `crate = "path"` | where this library is, if it is renamed or re-exported |
//!
//! | on a field | meaning |
//! | --- | --- |
//! | `key` | the key; `key, auto` on an unsigned integer lets the table count it |
//! | `index`, `unique` | an index over this field; `index(sparse)`, `unique(sparse)` leave `None` out |
//! | `index(each)` | one index entry for each element of a `Vec`, a set or an `Option` |
//! | `expires_at` | this `u64` or `Option<u64>` says when the row expires, in milliseconds since 1970 |
//! | `revision` | this `u64` counts the writes of the row, for [`save`](Table::save) |
//!
//! # A database
//!
//! [`Emdb::open`] opens a file, or makes it. [`Emdb::builder`] has the options.
//! [`Emdb::open_in_memory`] needs no file. [`Table::open`] opens the table of a record, makes it if
//! it isn't there, and checks that the struct is still the one that the table was made with. Both
//! are handles: clone them, send them to other threads, drop them. The last one closes the file.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
//! # struct User { #[emdb(key)] id: u64, name: String }
//! # let folder = tempfile::tempdir().map_err(emdb::Error::from)?;
//! # let path = folder.path().join("app.emdb");
//! let db = Emdb::open(&path)?;
//! let users = Table::<User>::open(&db)?;
//! users.insert(&User { id: 1, name: "Ada".into() })?;
//! db.flush()?; // From here on, it survives a power cut.
//! drop((users, db));
//!
//! let db = Emdb::open(&path)?;
//! assert_eq!(Table::<User>::open(&db)?.len()?, 1);
//! # Ok::<(), TableError>(())
//! ```
//!
//! # Reading and writing
//!
//! `insert` replaces a row that has the same key, and gives it back. `update` changes a row in
//! place, `upsert` changes it or makes it. `remove` gives back what it removed. Each call is one
//! commit. Keys are taken by reference, and a `String` may be looked up by a `&str`.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
//! struct Counter {
//!     #[emdb(key)]
//!     name: String,
//!     hits: u64,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let counters = Table::<Counter>::open(&db)?;
//! let replaced = counters.insert(&Counter { name: "home".into(), hits: 1 })?;
//! assert_eq!(replaced, None);
//!
//! let home = counters.update("home", |counter| counter.hits += 1)?;
//! assert_eq!(home.map(|counter| counter.hits), Some(2));
//!
//! let make = || Counter { name: "about".into(), hits: 1 };
//! counters.upsert("about", make, |counter| counter.hits += 1)?;
//! assert!(counters.contains_key("about")?);
//!
//! assert_eq!(counters.remove("home")?.map(|counter| counter.hits), Some(2));
//! assert_eq!(counters.get("home")?, None);
//! # Ok::<(), TableError>(())
//! ```
//!
//! [`update_with`](Table::update_with) gives what the closure makes, and in
//! [`try_update`](Table::try_update) the closure may refuse.
//! [`try_insert`](Table::try_insert) refuses a key that is taken. With `#[emdb(key, auto)]`,
//! [`insert_new`](Table::insert_new) gives the row the next number.
//! [`insert_many`](Table::insert_many) and [`insert_all`](Table::insert_all) take any number of
//! rows: the first in bounded commits, the second in one, in which rows can swap unique values. [`retain`](Table::retain) and
//! [`clear`](Table::clear) remove many.
//!
//! [`get_with`](Table::get_with) lends a row to a closure: its strings and byte strings are not
//! copied. [`get_many`](Table::get_many) reads many rows of one state, and faster than one by one.
//!
//! # Keys, ranges and pages
//!
//! Nearly anything can be a key: integers, floats, text, bytes, tuples, arrays, `Option`s; the whole
//! list is at [`Key`](trait@Key). `#[derive(Key)]` makes keys of newtypes, of structs of keys, and
//! of enums without fields. Calls take a key by reference, or what stands for it without an
//! allocation ([`AsKey`]). Rows are kept in the order of their keys, so there are ranges and
//! prefixes. Walks are lazy and go both ways. Their items are `Result`s, and a row that can't be
//! read is an error, never left out.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(key(sensor, hour))]
//! struct Reading {
//!     sensor: String,
//!     hour: u32,
//!     degrees: f32,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let readings = Table::<Reading>::open(&db)?;
//! for sensor in ["cellar", "roof"] {
//!     let rows = (0..24).map(|hour| Reading { sensor: sensor.into(), hour, degrees: 11.5 });
//!     readings.insert_all(rows)?;
//! }
//!
//! // The key of several fields is their tuple, and each of them is given as it would be alone: a
//! // `&str` does for a `String`.
//! assert!(readings.get(&("roof", 7))?.is_some());
//! assert_eq!(readings.range(("roof", 6)..("roof", 12))?.count(), 6);
//!
//! // A prefix is a tuple of the first fields. Here the latest two of one sensor:
//! let mut latest = Vec::new();
//! for reading in readings.prefix(&("cellar",))?.rev().take(2) {
//!     latest.push(reading?.hour);
//! }
//! assert_eq!(latest, [23, 22]);
//!
//! // A page, and where the next one begins.
//! let page = readings.page(None, 40)?;
//! assert_eq!(page.rows.len(), 40);
//! let page = readings.page(page.next.as_ref(), 40)?;
//! assert_eq!((page.rows.len(), page.next), (8, None));
//! # Ok::<(), TableError>(())
//! ```
//!
//! A walk sees the state in which it was begun. Later writes neither change nor wait for it.
//!
//! # Indexes
//!
//! An index finds rows by something else than their key. It is kept with every write, in the same
//! commit. For each, the derive makes a constant: `User::EMAIL` for the field `email`,
//! `User::BY_CITY_AGE` for the index `by_city_age`. [`Table::by`] takes it.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(index(name = "by_city_age", fields(city, age)))]
//! struct User {
//!     #[emdb(key, auto)]
//!     id: u64,
//!     #[emdb(unique)]
//!     email: String,
//!     city: String,
//!     age: u8,
//!     #[emdb(index(each))]
//!     tags: Vec<String>,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let users = Table::<User>::open(&db)?;
//! # let user = |name: &str, city: &str, age, tag: &str| User {
//! #     id: 0, email: format!("{name}@example.org"), city: city.into(), age, tags: vec![tag.into()] };
//! users.insert_new(user("ada", "London", 36, "maths"))?;
//! users.insert_new(user("bea", "Basel", 71, "maths"))?;
//! users.insert_new(user("cyd", "Basel", 19, "music"))?;
//!
//! // At most one row has a unique value.
//! let ada = users.by(User::EMAIL).get("ada@example.org")?;
//! assert_eq!(ada.map(|ada| ada.id), Some(1));
//! let twice = users.insert_new(user("ada", "Bern", 20, "chess"));
//! assert!(matches!(twice, Err(TableError::UniqueViolation { .. })));
//!
//! // Others give any number, in the order of what is indexed.
//! let mut ages = Vec::new();
//! for user in users.by(User::BY_CITY_AGE).prefix(&("Basel",))? {
//!     ages.push(user?.age);
//! }
//! assert_eq!(ages, [19, 71]);
//!
//! // Counting reads no rows.
//! assert_eq!(users.by(User::TAGS).count("maths")?, 2);
//! # Ok::<(), TableError>(())
//! ```
//!
//! The questions are at [`Lookup`]: `get`, `all`, `range`, `prefix`, `keys`, `count`. An index
//! can be added to a table that has rows, or taken away: the next [`Table::open`] builds or
//! removes it.
//!
//! # Queries
//!
//! A record's `FIELDS` name its fields, and comparisons of them are conditions that the compiler checks: a number for a text
//! is an error where it stands. [`Table::query`] plans over the indexes that there are, and says how:
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! struct User {
//!     #[emdb(key)]
//!     id: u64,
//!     name: String,
//!     #[emdb(index)]
//!     city: String,
//!     age: u8,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let users = Table::<User>::open(&db)?;
//! # let user = |id, name: &str, age| User { id, name: name.into(), city: "Basel".into(), age };
//! users.insert_many([user(1, "Ada", 36), user(2, "Bea", 71), user(3, "Cyd", 12)])?;
//!
//! let f = User::FIELDS;
//! let adults = users.query().filter(f.city.eq("Basel") & f.age.ge(18)).order_by(f.age.desc());
//! let names = adults.select(|user| user.name.to_owned()).to_vec()?;
//! assert_eq!(names, ["Bea", "Ada"]);
//!
//! let old = users.query().filter(f.age.gt(30));
//! assert_eq!((old.count()?, old.sum(f.age)?, old.max(f.age)?), (2, 107, Some(71)));
//! println!("{}", old.explain()?);
//! # Ok::<(), TableError>(())
//! ```
//!
//! Conditions that no index answers are asked of each row where it lies: of it, the fields that they name are
//! decoded and no others. Pages by cursor, groups, `update` and `delete` are at [`query::Query`].
//!
//! # Transactions
//!
//! [`Emdb::transaction`] runs a closure. If it returns `Ok`, all that it wrote is committed as one.
//! If it returns `Err` or panics, nothing of it is. [`Table::with`] gives the calls of a table inside
//! of it; they see what was written before. Other writers wait, readers don't.
//! [`transact`](Transact::transact) is the same with [`TableError`] as its error, which need not be
//! written out then.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! use emdb::Transact;
//!
//! #[derive(Serialize, Deserialize, Record)]
//! struct Account {
//!     #[emdb(key)]
//!     owner: String,
//!     cents: u64,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let accounts = Table::<Account>::open(&db)?;
//! accounts.insert(&Account { owner: "ada".into(), cents: 500 })?;
//! accounts.insert(&Account { owner: "bob".into(), cents: 0 })?;
//!
//! let pay = |to: &str, cents: u64| {
//!     db.transact(|tx| {
//!         let accounts = accounts.with(tx);
//!         accounts.update("ada", |ada| ada.cents -= cents)?;
//!         let paid = accounts.update(to, |other| other.cents += cents)?;
//!         paid.ok_or(emdb::Error::KeyNotFound)?;
//!         Ok(())
//!     })
//! };
//! pay("bob", 200)?;
//! assert!(pay("eve", 200).is_err());
//! assert_eq!(accounts.get("ada")?.map(|ada| ada.cents), Some(300));
//! # Ok::<(), TableError>(())
//! ```
//!
//! `with` shares the transaction, so several tables are used at once:
//! `let (users, orders) = (users.with(tx), orders.with(tx));`. Inside of the closure, write through
//! `with` alone. A write through the table itself is refused.
//!
//! A function that is called inside of transactions and outside takes a `Table<T, S>`, where `S` is a
//! [`Store`] if it reads and a [`StoreMut`] if it writes:
//!
//! ```
//! # use emdb::{Emdb, Record, StoreMut, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, Record)]
//! # struct Account { #[emdb(key)] owner: String, cents: u64 }
//! fn deposit<S: StoreMut>(
//!     accounts: &Table<Account, S>,
//!     owner: &str,
//!     cents: u64,
//! ) -> Result<(), TableError> {
//!     let make = || Account { owner: owner.into(), cents };
//!     accounts.upsert(owner, make, |account| account.cents += cents)?;
//!     Ok(())
//! }
//!
//! # let db = Emdb::open_in_memory();
//! # let accounts = Table::<Account>::open(&db)?;
//! deposit(&accounts, "ada", 500)?;
//! db.transaction(|tx| deposit(&accounts.with(tx), "ada", 200))?;
//! assert_eq!(accounts.get("ada")?.map(|ada| ada.cents), Some(700));
//! # Ok::<(), TableError>(())
//! ```
//!
//! A step that may fail while the rest is kept is a [`savepoint`](Transaction::savepoint): its `Err`
//! undoes what it wrote, and nothing else. Here the one row of an import that isn't good:
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError, Transact};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, Record)]
//! # struct User { #[emdb(key)] id: u64, #[emdb(unique)] email: String }
//! # let db = Emdb::open_in_memory();
//! # let users = Table::<User>::open(&db)?;
//! let rows = [(1, "ada@example.org"), (2, "ada@example.org"), (3, "bob@example.org")];
//! let refused = db.transact(|tx| {
//!     let mut refused = Vec::new();
//!     for (id, email) in rows {
//!         let row = User { id, email: email.into() };
//!         if let Err(error) = tx.savepoint(|tx| users.with(tx).try_insert(&row)) {
//!             refused.push((id, error));
//!         }
//!     }
//!     Ok(refused)
//! })?;
//! assert_eq!((refused.len(), users.keys()?.to_vec()?), (1, vec![1, 3]));
//! # Ok::<(), TableError>(())
//! ```
//!
//! A write waits for another thread's transaction for up to
//! [`lock_timeout`](EmdbBuilder::lock_timeout), a minute by default, and then gives
//! [`Error::LockTimeout`]: a transaction must not wait for a thread that writes.
//! [`Emdb::transaction_within`] has a limit of its own, and [`Emdb::try_transaction`] doesn't wait.
//!
//! # Snapshots
//!
//! A [`Snapshot`] is one committed state of everything, for as long as it is wanted.
//! [`Table::at`] reads from it.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, Record)]
//! # struct User { #[emdb(key)] id: u64, name: String }
//! # let db = Emdb::open_in_memory();
//! let users = Table::<User>::open(&db)?;
//! users.insert(&User { id: 1, name: "Ada".into() })?;
//!
//! let before = db.snapshot();
//! users.clear()?;
//! assert_eq!(users.len()?, 0);
//! assert_eq!(users.at(&before).get(&1)?.map(|user| user.name), Some("Ada".into()));
//! # Ok::<(), TableError>(())
//! ```
//!
//! # Expiry
//!
//! A row can expire: by its type (`ttl = "30m"`), by a field (`expires_at`), or with a time of its
//! own. An expired row is not found any more, neither by its key nor through an index.
//! `insert` begins the time anew, `update` keeps it, and so does a transaction that reads a row by
//! `get` and inserts it again; `touch` moves it and leaves the row. Expired rows take room until
//! `Emdb::sweep_expired` (`try_sweep` tells why it could not). This needs the feature `ttl`, which is
//! on by default.
//!
#![cfg_attr(feature = "ttl", doc = "```")]
#![cfg_attr(not(feature = "ttl"), doc = "```ignore")]
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! use emdb::Ttl;
//!
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(ttl = "30m")]
//! struct Session {
//!     #[emdb(key)]
//!     token: String,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let sessions = Table::<Session>::open(&db)?;
//! sessions.insert(&Session { token: "a".into() })?;
//! assert!(sessions.expires_at("a")?.is_some());
//!
//! sessions.insert_with_ttl(&Session { token: "b".into() }, Ttl::None)?;
//! assert_eq!(sessions.expires_at("b")?, None);
//!
//! // A moment that has passed long ago.
//! sessions.insert_with_ttl(&Session { token: "c".into() }, Ttl::ExpiresAt(1))?;
//! assert!(sessions.get("c")?.is_none());
//! # Ok::<(), TableError>(())
//! ```
//!
//! # Versions and migration
//!
//! The database remembers the fields of each table. A struct that changed is refused with
//! [`TableError::SchemaMismatch`], which lists the differences. To change it, keep the old struct
//! under another name, give the new one a higher `version`, and say how to get from one to the other.
//! Rows of the old version are converted as they are read. Nothing has to be rewritten, and
//! [`Table::migrate`] does it when you want it.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(namespace = "users")]
//! struct UserV1 {
//!     #[emdb(key)]
//!     id: u64,
//! }
//!
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(namespace = "users", version = 2, from = UserV1)]
//! struct User {
//!     #[emdb(key)]
//!     id: u64,
//!     name: String,
//! }
//!
//! impl From<UserV1> for User {
//!     fn from(old: UserV1) -> User {
//!         User { id: old.id, name: format!("user {}", old.id) }
//!     }
//! }
//!
//! let db = Emdb::open_in_memory();
//! Table::<UserV1>::open(&db)?.insert(&UserV1 { id: 7 })?;
//!
//! let users = Table::<User>::open(&db)?;
//! assert_eq!(users.get(&7)?.map(|user| user.name), Some("user 7".into()));
//! assert_eq!(users.migrate()?.migrated, 1);
//!
//! // From now on, the old program is told so.
//! assert!(matches!(Table::<UserV1>::open(&db), Err(TableError::SchemaNewer { .. })));
//! # Ok::<(), TableError>(())
//! ```
//!
//! Where `From` is not enough, `#[emdb(version = 2, from = UserV1, migrate = path::to_fn)]` names a function
//! `fn(UserV1, &mut Migration) -> Result<Option<User>, E>`: it may refuse, drop a row, give it another key, and
//! write to other tables ([`Migration`]). [`Table::open`] runs it over all rows before it gives the table.
//! `#[emdb(namespace = "people", was = "persons")]` moves a table to another name when it is opened.
//!
//! `UserV1` may have a `from` of its own, and so on. Indexes are no part of the version: add them
//! and take them away as you like.
//!
//! # Validation and errors
//!
//! A function given as `validate` runs before every write. Its error comes back as
//! [`TableError::Invalid`]. Whatever is refused has changed nothing.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! #[emdb(validate = Product::check)]
//! struct Product {
//!     #[emdb(key)]
//!     name: String,
//!     cents: u32,
//! }
//!
//! impl Product {
//!     fn check(&self) -> Result<(), &'static str> {
//!         if self.cents == 0 { Err("it has no price") } else { Ok(()) }
//!     }
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let products = Table::<Product>::open(&db)?;
//! match products.insert(&Product { name: "tea".into(), cents: 0 }) {
//!     Err(TableError::Invalid { reason, .. }) => assert_eq!(reason, "it has no price"),
//!     other => panic!("{:?}", other.err()),
//! }
//!
//! products.try_insert(&Product { name: "tea".into(), cents: 350 })?;
//! let again = products.try_insert(&Product { name: "tea".into(), cents: 400 });
//! assert!(matches!(again, Err(TableError::Occupied { .. })));
//! # Ok::<(), TableError>(())
//! ```
//!
//! All calls of a table fail with a [`TableError`]. Those of the engine fail with an [`Error`], which
//! becomes a [`TableError::Core`] by `?`. Messages say what to do next. Bytes from disk never cause a
//! panic.
//!
//! # Bytes beside types
//!
//! [`Namespace`] is the one key/value type: `insert`, `get`, `remove`, `iter` and the rest on
//! bytes. [`Emdb`] derefs to its default namespace, and a transaction spans all of them. Typed and
//! raw data live in one file.
//!
//! ```
//! # fn main() -> emdb::Result<()> {
//! use emdb::{Emdb, NamespaceOptions};
//!
//! let db = Emdb::open_in_memory();
//! let log = db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
//! db.transaction(|tx| -> emdb::Result<()> {
//!     tx.insert("balance", "7")?;
//!     tx.namespace(&log).insert("2024-05-01", "balance set")
//! })?;
//! assert_eq!(db.get("balance")?.as_deref(), Some(&b"7"[..]));
//! // As it lies in the mapped file, not copied.
//! assert_eq!(db.get_zerocopy("balance")?.unwrap(), b"7"[..]);
//! assert_eq!(log.range_prefix("2024-05")?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! [`Table::raw`] gives the namespace of a table. Read there as you like. Writes there are not told
//! to the indexes.
//!
//! # Verifying and repairing
//!
//! [`Table::verify`] reads every row and every index entry, and reports what doesn't fit.
//! [`Table::rebuild_indexes`] repairs indexes. [`Emdb::verify`] does the same for the whole file and
//! the engine's own index, and [`Emdb::salvage`] copies what is intact of a damaged file into a new
//! one. None of them is needed in normal use.
//!
//! ```
//! # use emdb::{Emdb, Record, Table, TableError};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Record)]
//! struct User {
//!     #[emdb(key)]
//!     name: String,
//!     #[emdb(index)]
//!     age: u8,
//! }
//!
//! # let db = Emdb::open_in_memory();
//! let users = Table::<User>::open(&db)?;
//! users.insert(&User { name: "ada".into(), age: 36 })?;
//! assert!(users.verify()?.is_ok());
//!
//! users.raw().remove("ada")?; // Behind the index's back.
//! assert_eq!(users.verify()?.problems.len(), 1);
//! users.rebuild_indexes()?;
//! assert!(users.verify()?.is_ok());
//! # Ok::<(), TableError>(())
//! ```
//!
//! # Encryption
//!
//! With the feature `encrypt` a database is encrypted by giving the builder a key, 256 random bits, or a
//! passphrase. Keys, values and names are encrypted then, in the checkpoint and in temporary files
//! too, and everything else works as it does without, but reads own what they decrypt, and an open derives
//! the key and decrypts the checkpoint.
//!
//! ```
//! # #[cfg(feature = "encrypt")]
//! # fn main() -> emdb::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("db");
//! use emdb::{Emdb, EncryptionInput};
//!
//! # let key_from_the_key_store = [7; 32];
//! let db = Emdb::builder().path(&path).encryption_key(key_from_the_key_store).build()?;
//! db.insert("key", "value")?;
//! db.close()?;
//! assert!(Emdb::open(&path).is_err());
//!
//! let (current, new) = (EncryptionInput::RawKey([7; 32]), EncryptionInput::RawKey([8; 32]));
//! Emdb::rotate_encryption_key(&path, current, new)?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "encrypt"))]
//! # fn main() {}
//! ```
//!
//! Somebody who has the files, but neither the key nor a hand on the process, reads nothing of that, and
//! whatever they change is an error when it is read, not data. They see sizes, counts, expiries, and
//! which records have the same key. They can put back an older state of the whole file, which is as
//! authentic as ever. A database that was plaintext before may live on in free blocks and in backups.
//! `SECURITY.md` in the repository says all of it, how keys are held, and how it is done; without both
//! slots of its header nobody can read an encrypted file any more.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! | --- | --- | --- |
//! | `ttl` | yes | records that expire: `default_ttl`, `insert_with_ttl`, `expires_at`, `ttl`, `persist`, `touch`, `sweep_expired`, and the attributes `ttl` and `expires_at` of records. Expiry that is stored is honoured without it, too |
//! | `json` | no | `Table::export_json`, `Table::import_json`: rows as lines of JSON; the module `dynamic`: rows and whole databases as JSON, without their Rust types |
//! | `nested` | no | dotted groups of keys: `focus`, `group`, `delete_group` |
//! | `encrypt` | no | [encryption](#encryption): `encryption_key`, `encryption_passphrase`, `cipher` and `kdf_params` of the builder, `enable_encryption`, `disable_encryption`, `rotate_encryption_key`, `change_passphrase`, and `EncryptionOptions` |
//! | `uuid` | no | [`Key`](trait@Key) for `uuid::Uuid` |
//! | `jiff` | no | [`Key`](trait@Key) for `jiff::Timestamp` and the civil `Date`, `Time` and `DateTime` |
//! | `time` | no | [`Key`](trait@Key) for `time::OffsetDateTime`, `Date`, `Time` and `PrimitiveDateTime` |
//! | `chrono` | no | [`Key`](trait@Key) for `chrono::DateTime<Utc>`, `NaiveDate`, `NaiveTime` and `NaiveDateTime` |
//!
//! A call, type or key that is behind a feature which is off doesn't compile, and the message names the feature.
//!
//! A key is a field of a row, so a program that uses one of the last four turns on the `serde` feature
//! of that crate, too.
//!
//! # Guarantees
//!
//! - A write is in the journal when its call returns, and survives a kill of the process. After
//!   [`Emdb::flush`] it survives a power cut; [`FlushPolicy`] can make every write do so.
//! - A commit, be it one write or a transaction over many tables, is there as a whole or not at
//!   all: for readers, for iterators, and after a crash.
//! - A read or an iterator sees exactly one committed state, waits for no writer, and keeps none
//!   waiting.
//! - Every lookup verifies checksums. Damage is an error, never wrong data; an open that finds
//!   flushed data damaged refuses with [`Error::Corrupted`] and leaves the file as it is.
//! - What an open dropped of an unfinished tail stands in [`Emdb::recovery`].
//!
//! # Limits
//!
//! - One process at a time has a file open, or any number of them for reading alone
//!   ([`EmdbBuilder::read_only`]); another one gets [`Error::AlreadyLocked`]. A lock goes with its
//!   process, so that nothing is left to clean up after a crash.
//! - The hash index is in memory, 10 to 20 bytes a key, 18 more in ordered namespaces, as tables are
//!   unless they are `unordered`. Each index entry of a table counts as a key, too.
//! - The file grows with each write; [`EmdbStats::dead_bytes`] tells how much of it is no longer
//!   needed. [`Emdb::compact`] rewrites it, and [`EmdbBuilder::auto_compact`] has that done.
//! - An open reads what was written since the last checkpoint, `<path>.meta`, which is taken when the
//!   database is closed and as it grows ([`Emdb::checkpoint`]). That file can be thrown away.
//! - A key has up to 65,535 bytes, a value up to 1 GiB, a namespace up to 2^30 records, and a file
//!   up to 4 TiB.
//! - Iteration over a namespace that is not ordered has no particular order.
//! - The file is mapped into memory. A foreign process that truncates it, or a medium that fails
//!   below the mapping, kills the process (SIGBUS); what is on disk stays right.
//! - An empty file opens as a new database.
//! - 64-bit platforms, Rust 1.89 or later.
//!
//! # Where to go next
//!
//! - [`Record`](derive@Record), [`Key`](derive@Key): the attributes of the derives.
//! - [`Table`], [`Key`](trait@Key), [`TableError`]: typed tables, key types, what can go wrong.
//! - [`Emdb`], [`EmdbBuilder`], [`Namespace`], [`Transaction`], [`Snapshot`], [`Error`]: the engine.
//! - The `examples` folder. Typed tables: `typed`, `indexes`, `queries`, `pagination`, `aggregates`, `composite_keys`,
//!   `transactions`, `optimistic_locking`, `migration`, `ttl_sessions`, `zero_copy`, `json_export`, `async_service`, and the package
//!   `quickstart`, a whole program on real input. The engine: `raw`, `ranges`, `snapshots`, `nested`, `backup`,
//!   `maintenance`, `encryption`.

// Without any feature there is nothing in it.
#[allow(unused_imports, unreachable_pub)]
#[doc(inline)]
pub use emdb_core::by_feature::*;
// These say nothing new, and have the compiler say which feature a name is behind that is not there.
#[cfg(feature = "encrypt")]
pub use emdb_core::EncryptionOptions;
#[cfg(feature = "nested")]
pub use emdb_core::Focus;
#[cfg(feature = "ttl")]
pub use emdb_core::Ttl;
pub use emdb_core::{
    Cipher, Emdb, EmdbBuilder, EmdbIter, EmdbKeyIter, EmdbRangeIter, EmdbStats, EncryptionInput,
    Error, FlushPolicy, IoBackend, KdfParams, KeyRange, LockHolder, Lost, LostKind, Namespace,
    NamespaceOptions, ProblemKind, Progress, RecoveryReport, Result, Results, SalvageOptions,
    SalvageReport, Snapshot, SnapshotNamespace, Transaction, TransactionNamespace, ValueRef,
};
// A table's are called so, too.
pub use emdb_core::{Problem as FileProblem, VerifyReport as FileVerifyReport};
pub use emdb_derive::{Fields, Key, Record};
pub use emdb_typed::{
    AsKey, AutoKey, AutoRecord, ByIndex, ByKey, DecodeError, Each, EncodeError, EncodeKey,
    ExpiryTime, Expr, Field, FieldSchema, Fields, Frozen, Index, IndexSchema, Key, KeyBounds,
    KeyError, KeyPrefix, Keys, Live, Lookup, MigrateReport, Migrating, Migration, Multi, OneRow,
    OrderedRecord, Page, Problem, Record, RevisedRecord, Revision, Rows, Schema, SchemaDifference,
    Sparse, Staged, Store, StoreMut, Table, TableError, Transact, TwoEnded, Unique, VerifyReport,
    as_key, as_text, query,
};

#[allow(unused_imports, unreachable_pub)]
#[doc(inline)]
pub use emdb_typed::by_feature::*;
#[cfg(feature = "json")]
pub use emdb_typed::{Json, as_json, dynamic};

#[doc(hidden)]
pub use emdb_core::in_messages::*;
/// The names of the derive's expansion. No part of the API.
#[doc(hidden)]
pub use emdb_typed::__private;
#[doc(hidden)]
pub use emdb_typed::in_messages::*;

/// Compiles the README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
