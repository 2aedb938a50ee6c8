//! Rows as they lie in the mapped file: strings and bytes are lent, not copied. Makes a file in a
//! temporary folder.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

/// The derive makes a second struct beside it, in which `title` and `body` are `&str`, `image` is
/// `Option<&[u8]>` and `tags` is `Vec<&str>`.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "articles")]
struct Article {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    title: String,
    body: String,
    image: Option<Vec<u8>>,
    tags: Vec<String>,
}

fn main() -> Result<(), TableError> {
    let folder = tempfile::tempdir().map_err(emdb::Error::from)?;
    let db = Emdb::open(folder.path().join("articles.emdb"))?;
    let articles = Table::<Article>::open(&db)?;
    articles.insert_many((1..=100).map(|id| Article {
        id,
        title: format!("Article {id}"),
        body: "all work and no play ".repeat(1000),
        image: (id % 2 == 0).then(|| vec![0xFF; 10_000]),
        tags: vec!["long".into(), "dull".into()],
    }))?;

    // The closure gets the row, and may keep what it makes of it, but not what it was lent.
    let words = articles.get_with(&7, |article| article.body.split_whitespace().count())?;
    println!("article 7 has {words:?} words");
    assert_eq!(words, Some(5000));
    assert_eq!(articles.get_with(&101, |article| article.id)?, None);

    // The same through a unique index.
    let found = articles.by(Article::TITLE).get_with("Article 8", |article| {
        let tags: &[&str] = &article.tags;
        (article.id, tags.len(), article.image.map_or(0, <[u8]>::len))
    })?;
    println!("`Article 8`: {found:?}");
    assert_eq!(found, Some((8, 2, 10_000)));

    // And on a walk over many rows: `next_with` in place of `next`.
    let (mut rows, mut letters, mut images) = (articles.range(1..=50)?, 0, 0);
    while let Some(row) = rows.next_with(|article| (article.body.len(), article.image.is_some())) {
        let (len, has_image) = row?;
        letters += len;
        images += usize::from(has_image);
    }
    println!("{letters} letters and {images} images in 50 articles");
    assert_eq!((letters, images), (50 * 21_000, 25));
    Ok(())
}
