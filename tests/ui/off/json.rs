use emdb::{Emdb, Json, Record, Table, TableError, dynamic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct City {
    #[emdb(key)]
    name: String,
    #[serde(with = "emdb::as_json")]
    mayor: String,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let cities = Table::<City>::open(&db)?;
    let mut out = Vec::new();
    cities.export_json(&mut out)?;
    cities.import_json(&out[..])?;
    cities.at(&db.snapshot()).export_json(std::io::sink())?;
    dynamic::export_json(&db, &mut out)?;
    emdb::dynamic::import_json(&db, &out[..])?;
    let _: Option<Json<u8>> = None;
    Ok(())
}
