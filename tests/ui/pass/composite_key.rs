use emdb::{Emdb, Key, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
struct OrgId(u64);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
enum Kind {
    Person,
    Robot,
}

// In the order of the list, not of the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(key(org, kind, r#type))]
struct User {
    r#type: String,
    name: String,
    kind: Kind,
    org: OrgId,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(key(1, 0))]
struct Point(u8, i64, f64);

// A list of one is that field.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(key(id))]
struct Single {
    id: String,
}

// The longest one.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(key(0, 1, 2, 3, 4, 5, 6, 7))]
struct Eight(u8, u8, u8, u8, u8, u8, u8, bool);

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let users = Table::<User>::open(&db)?;
    let user = User { r#type: "a".into(), name: "Ada".into(), kind: Kind::Person, org: OrgId(7) };
    let key: (OrgId, Kind, String) = user.key();
    users.insert(&user)?;
    assert_eq!(users.get(&key)?, Some(user));
    assert_eq!(users.get(&(OrgId(7), Kind::Robot, "a".to_owned()))?, None);
    assert_eq!(users.prefix(&(OrgId(7), Kind::Person))?.count(), 1);
    assert_eq!(users.prefix(&(OrgId(8),))?.count(), 0);

    assert_eq!(Point(1, -2, 0.5).key(), (-2, 1));
    let single = Table::<Single>::open(&db)?;
    single.insert(&Single { id: "x".into() })?;
    assert!(single.contains_key("x")?);
    assert_eq!(Eight(1, 2, 3, 4, 5, 6, 7, true).key(), (1, 2, 3, 4, 5, 6, 7, true));
    Ok(())
}
