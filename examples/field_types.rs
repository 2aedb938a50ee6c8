//! Fields of types that rows can't hold as they are: decimal numbers, addresses, JSON, enums with a
//! tag. Needs the feature `json`.
#![allow(clippy::print_stdout)]

use std::fmt;
use std::str::FromStr;

use emdb::{Emdb, Json, Record, Table, TableError, as_json, as_text};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An address on the web. Any type with `Display` and `FromStr` is stored alike, `url::Url` for one.
#[derive(Debug, Clone, PartialEq)]
struct Url {
    host: String,
    path: String,
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}/{}", self.host, self.path)
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").ok_or("it begins with https://")?;
        let (host, path) = rest.split_once('/').ok_or("a host ends at a slash")?;
        Ok(Url { host: host.to_owned(), path: path.to_owned() })
    }
}

/// serde writes it as an object with a field that tells which one it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Change {
    Price { from: Decimal, to: Decimal },
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Product {
    #[emdb(key)]
    sku: String,
    #[serde(with = "as_text")]
    price: Decimal,
    #[serde(with = "as_text::option")]
    page: Option<Url>,
    #[serde(with = "as_json")]
    changes: Vec<Change>,
    details: Json<Value>,
}

/// The same without another form for the price.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "plain_products")]
struct PlainProduct {
    #[emdb(key)]
    sku: String,
    price: Decimal,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();

    // A type whose rows could not be read back is refused, with the field and the way out.
    match Table::<PlainProduct>::open(&db) {
        Err(TableError::Unreadable { field, .. }) => println!("refused: the field `{field}`"),
        other => println!("not refused: {other:?}"),
    }

    let products = Table::<Product>::open(&db)?;
    let lamp = Product {
        sku: "lamp".to_owned(),
        price: Decimal::new(19_99, 2),
        page: "https://example.com/lamp".parse().ok(),
        changes: vec![
            Change::Price { from: Decimal::new(24_50, 2), to: Decimal::new(19_99, 2) },
            Change::Withdrawn,
        ],
        details: Json(json!({ "watts": 7, "colours": ["white", "red"] })),
    };
    products.insert(&lamp)?;

    let found = products.get("lamp")?;
    assert_eq!(found, Some(lamp));
    if let Some(Product { price, page: Some(page), changes, details, .. }) = found {
        println!("{price} at {page}, {} changes, {} watts", changes.len(), details["watts"]);
    }

    // In a row each of them is a string.
    println!("{}", products.schema());
    Ok(())
}
