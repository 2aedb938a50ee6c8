//! The attributes of the struct that are no index.

use std::fmt;

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(ttl = "30d", validate = check, unordered)]
struct Session {
    #[emdb(key, auto)]
    id: u64,
    user: String,
}

#[derive(Debug)]
struct TooLong(usize);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

fn check(session: &Session) -> Result<(), TooLong> {
    match session.user.len() {
        0..20 => Ok(()),
        more => Err(TooLong(more)),
    }
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = Self::check)]
struct Token {
    #[emdb(key)]
    id: String,
    #[emdb(expires_at)]
    until: u64,
}

impl Token {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

#[derive(Serialize, Deserialize, Record)]
struct Maybe(#[emdb(key, auto)] u8, #[emdb(expires_at)] Option<u64>);

fn even(row: &FromMacro) -> bool {
    row.value % 2 == 0
}

// What comes through a macro's fragments sits in invisible groups.
macro_rules! from_macro {
    ($version:literal, $from:ty, $ttl:literal, $check:path, $name:literal, $even:path, $key:ident) => {
        #[derive(Serialize, Deserialize, Record)]
        #[emdb(version = $version, from = $from, ttl = $ttl, validate = $check, key($key))]
        #[emdb(index(name = $name, fields($key), filter = $even))]
        struct FromMacro {
            id: String,
            value: u8,
        }
    };
}

from_macro!(2, Token, "1ms", Self::check, "by_id", even, id);

impl FromMacro {
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl From<Token> for FromMacro {
    fn from(token: Token) -> Self {
        FromMacro { id: token.id, value: 0 }
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let sessions = Table::<Session>::open(&db)?;
    let session = sessions.insert_new(Session { id: 0, user: "Ada".into() })?;
    assert!(sessions.expires_at(&session.id)?.is_some());
    let long = Session { id: 5, user: "a".repeat(21) };
    assert!(sessions.insert(&long).unwrap_err().to_string().contains("21 bytes"));

    let tokens = Table::<Token>::open(&db)?;
    tokens.insert(&Token { id: "a".into(), until: 99_999_999_999_999 })?;
    assert_eq!(tokens.expires_at("a")?, Some(99_999_999_999_999));
    let maybe = Table::<Maybe>::open(&db)?;
    maybe.insert(&Maybe(7, None))?;
    assert_eq!(maybe.expires_at(&7)?, None);
    assert_eq!(maybe.insert_new(Maybe(0, None))?.0, 8);
    assert_eq!((FromMacro::VERSION, FromMacro { id: "a".into(), value: 1 }.key()), (2, "a".into()));
    let _ = FromMacro::BY_ID;
    Ok(())
}
