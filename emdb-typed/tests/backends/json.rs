//! Tables as lines of JSON.

use emdb_typed::backend::Backend;
use emdb_typed::dynamic::DynamicTable;
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, verified};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct City {
    #[emdb(key)]
    name: String,
    #[emdb(index)]
    inhabitants: u32,
}

over_both! {
    a_table_goes_out_and_in
    a_table_is_read_without_its_type
}

fn city(name: &str, inhabitants: u32) -> City {
    City { name: name.into(), inhabitants }
}

fn a_table_goes_out_and_in<H: Harness>() {
    let db = H::new();
    let cities = db.open::<City>();
    cities.insert_many([city("Basel", 173_000), city("Bern", 134_000)]).unwrap();
    let mut out = Vec::new();
    assert_eq!(db.frozen(&cities).export_json(&mut out).unwrap(), 2);
    cities.clear().unwrap();
    assert_eq!(cities.import_json(&*out).unwrap(), 2);
    assert_eq!(cities.get("Bern").unwrap(), Some(city("Bern", 134_000)));
    assert_eq!(verified(&cities), (2, 2));
}

fn a_table_is_read_without_its_type<H: Harness>() {
    let db = H::new();
    db.open::<City>().insert(&city("Basel", 173_000)).unwrap();
    let snapshot = db.backend().snapshot();
    let table = DynamicTable::of_snapshot(&snapshot, "city").unwrap().unwrap();
    let basel = table.get("Basel").unwrap().unwrap();
    assert_eq!(basel.to_string(), r#"{"name":"Basel","inhabitants":173000}"#);
    assert_eq!(table.rows().unwrap().count(), 1);
    assert!(DynamicTable::of_snapshot(&snapshot, "other").unwrap().is_none());
}
