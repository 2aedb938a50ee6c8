//! Rows that expire: by their type, one by one, and by a field. Needs the feature `ttl`.
#![allow(clippy::print_stdout)]

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use emdb::{Emdb, Record, Table, TableError, Ttl};
use serde::{Deserialize, Serialize};

/// Each write of a session gives it half an hour. Its index entry lives exactly as long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "sessions", ttl = "30m")]
struct Session {
    #[emdb(key)]
    token: String,
    #[emdb(index)]
    user: u64,
    pages: u32,
}

/// Here the row says it itself: a point in time, or `None` for never.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "coupons")]
struct Coupon {
    #[emdb(key)]
    code: String,
    #[emdb(expires_at)]
    valid_until: Option<u64>,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let sessions = Table::<Session>::open(&db)?;

    let session = |token: &str, user| Session { token: token.into(), user, pages: 0 };
    sessions.insert(&session("abc", 1))?;
    let expires_at = sessions.expires_at("abc")?.expect("sessions expire");
    let minutes = (expires_at - now_ms()).div_ceil(60_000);
    println!("abc expires in {minutes} minutes");
    assert!((29..=30).contains(&minutes));

    // An update is no new session: it keeps the time. `insert` begins it anew.
    sessions.update("abc", |session| session.pages += 1)?;
    assert_eq!(sessions.expires_at("abc")?, Some(expires_at));

    // One row can have a time of its own, or none at all.
    let short = Ttl::Duration(Duration::from_millis(20));
    sessions.insert_with_ttl(&session("guest", 1), short)?;
    sessions.insert_with_ttl(&session("robot", 2), Ttl::None)?;
    assert_eq!(sessions.expires_at("robot")?, None);

    // What has expired is found no more, neither by its key nor through an index.
    sleep(Duration::from_millis(30));
    assert_eq!(sessions.get("guest")?, None);
    assert_eq!(sessions.by(Session::USER).count(1)?, 1);
    println!("guest is gone, {:?} stays", sessions.get("robot")?.map(|session| session.token));

    // Until they are swept, such rows take room, and `len` counts them.
    println!("{} rows, {} swept", sessions.len()?, db.sweep_expired());
    assert_eq!(sessions.len()?, 2);

    let coupons = Table::<Coupon>::open(&db)?;
    coupons.insert(&Coupon { code: "SPRING".into(), valid_until: Some(now_ms() + 20) })?;
    coupons.insert(&Coupon { code: "ALWAYS".into(), valid_until: None })?;
    sleep(Duration::from_millis(30));
    let valid = coupons.keys()?.collect::<Result<Vec<_>, _>>()?;
    println!("coupons: {valid:?}");
    assert_eq!(valid, ["ALWAYS"]);
    Ok(())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
