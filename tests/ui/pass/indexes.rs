//! Every form of an index, its constant, and what is looked up in it.

use std::collections::{BTreeSet, HashSet, VecDeque};

use emdb::{Emdb, Index, Key, Multi, Record, Table, TableError, Unique};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
struct OrgId(u32);

#[allow(non_snake_case)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(index(name = "by_org_age", fields(org, age)))]
#[emdb(index(name = "byAgeAndName", fields(age, name), unique, filter = User::is_adult))]
#[emdb(index(name = "only", fields(age), filter = adult))]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    city: Option<String>,
    #[emdb(index(sparse))]
    nick: Option<String>,
    #[emdb(unique(sparse))]
    phone: Option<u64>,
    #[emdb(index(each))]
    tags: Vec<String>,
    #[emdb(unique(each))]
    cards: BTreeSet<u64>,
    #[emdb(index(each))]
    partner: Option<u64>,
    #[emdb(index)]
    r#type: u8,
    #[emdb(index)]
    homeTown: OrgId,
    org: OrgId,
    age: u8,
    name: String,
}

impl User {
    fn is_adult(&self) -> bool {
        self.age >= 18
    }
}

fn adult(user: &User) -> bool {
    user.is_adult()
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "both", fields(1, 0)))]
struct Tuple(
    #[emdb(key)] u8,
    #[emdb(index)] String,
    #[emdb(index(each))] VecDeque<u8>,
    #[emdb(index(each))] HashSet<u8>,
    #[emdb(index(each))] [i64; 3],
    #[emdb(index(each))] Box<[bool]>,
);

fn main() -> Result<(), TableError> {
    let _: Index<User, String, Unique> = User::EMAIL;
    let _: Index<User, Option<String>, Multi> = User::CITY;
    let _: Index<User, Option<String>, Multi> = User::NICK;
    let _: Index<User, Option<u64>, Unique> = User::PHONE;
    let _: Index<User, String, Multi> = User::TAGS;
    let _: Index<User, u64, Unique> = User::CARDS;
    let _: Index<User, u64, Multi> = User::PARTNER;
    let _: Index<User, u8, Multi> = User::TYPE;
    let _: Index<User, OrgId, Multi> = User::HOME_TOWN;
    let _: Index<User, (OrgId, u8), Multi> = User::BY_ORG_AGE;
    let _: Index<User, (u8, String), Unique> = User::BY_AGE_AND_NAME;
    let _: Index<User, u8, Multi> = User::ONLY;
    let _: Index<Tuple, String, Multi> = Tuple::FIELD_1;
    let _: Index<Tuple, u8, Multi> = Tuple::FIELD_2;
    let _: Index<Tuple, u8, Multi> = Tuple::FIELD_3;
    let _: Index<Tuple, i64, Multi> = Tuple::FIELD_4;
    let _: Index<Tuple, bool, Multi> = Tuple::FIELD_5;
    let _: Index<Tuple, (String, u8), Multi> = Tuple::BOTH;

    let users = Table::<User>::open(&Emdb::open_in_memory())?;
    let ada = User {
        id: 1,
        email: "ada@example.org".into(),
        city: None,
        nick: None,
        phone: None,
        tags: vec!["a".into(), "b".into(), "a".into()],
        cards: BTreeSet::from([5, 6]),
        partner: Some(2),
        r#type: 3,
        homeTown: OrgId(1),
        org: OrgId(9),
        age: 36,
        name: "Ada".into(),
    };
    users.insert(&ada)?;
    let child = User { id: 2, email: "x".into(), age: 3, cards: BTreeSet::new(), ..ada.clone() };
    users.insert(&child)?;

    assert_eq!(users.by(User::EMAIL).get("ada@example.org")?, Some(ada.clone()));
    assert_eq!(users.by(User::CITY).count(&None)?, 2);
    assert_eq!(users.by(User::NICK).count(&None)?, 0);
    assert_eq!(users.by(User::PHONE).get(&None)?, None);
    assert_eq!(users.by(User::TAGS).count("a")?, 2);
    assert_eq!(users.by(User::CARDS).get(&6)?, Some(ada.clone()));
    assert_eq!(users.by(User::PARTNER).count(&2)?, 2);
    assert_eq!(users.by(User::TYPE).count(&3)?, 2);
    assert_eq!(users.by(User::HOME_TOWN).count(&OrgId(1))?, 2);
    assert_eq!(users.by(User::BY_ORG_AGE).prefix(&(OrgId(9),))?.count(), 2);
    assert_eq!(users.by(User::BY_AGE_AND_NAME).get(&(36, "Ada".to_owned()))?, Some(ada));
    assert_eq!(users.by(User::ONLY).range(..)?.count(), 1);
    Ok(())
}
