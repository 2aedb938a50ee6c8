//! A table as lines of JSON, and back into another database. Makes a file in a temporary folder.
//! Needs the feature `json`.
#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "books")]
struct Book {
    #[emdb(key)]
    isbn: String,
    title: String,
    #[emdb(index)]
    year: i16,
    format: Format,
    tags: Vec<String>,
    price: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Format {
    Printed { pages: u16 },
    Audio,
}

fn book(isbn: &str, title: &str, year: i16, format: Format, price: Option<f64>) -> Book {
    let tags = vec!["classic".into()];
    Book { isbn: isbn.into(), title: title.into(), year, format, tags, price }
}

fn main() -> Result<(), TableError> {
    let folder = tempfile::tempdir().map_err(emdb::Error::from)?;
    let path = folder.path().join("books.jsonl");

    let books = Table::<Book>::open(&Emdb::open_in_memory())?;
    books.insert_all([
        book("0141439602", "A Tale of Two Cities", 1859, Format::Printed { pages: 544 }, Some(9.5)),
        book("0679720200", "L'\u{c9}tranger", 1942, Format::Audio, None),
    ])?;

    // One row a line, in the order of the keys, all of one state. Each looks as serde_json has it.
    let file = File::create(&path).map_err(emdb::Error::from)?;
    let exported = books.export_json(BufWriter::new(file))?;
    let text = fs::read_to_string(&path).map_err(emdb::Error::from)?;
    print!("{exported} rows:\n{text}");
    assert_eq!(text.lines().count(), 2);

    // The import inserts them as `insert_many` does: validated, indexed, the same keys replaced.
    let copy = Table::<Book>::open(&Emdb::open_in_memory())?;
    let file = File::open(&path).map_err(emdb::Error::from)?;
    assert_eq!(copy.import_json(BufReader::new(file))?, 2);
    for book in books.iter()? {
        let book = book?;
        assert_eq!(copy.get(&book.isbn)?, Some(book));
    }
    assert_eq!(copy.by(Book::YEAR).range(1900..)?.count(), 1);

    // A line that is no row is refused with its number.
    let broken = text.replace("1942", "\"last year\"");
    let Err(error) = copy.import_json(broken.as_bytes()) else { panic!("it was taken") };
    println!("{error}");
    assert!(error.to_string().contains("line 2"));
    Ok(())
}
