//! The words that may stand in `#[emdb(...)]`, and what to say about one that may not.

use std::fmt::Display;

/// Where a word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Struct,
    Field,
    /// Between the brackets of `index(...)` on the struct.
    StructIndex,
    /// Between the brackets of `index(...)` or `unique(...)` on a field.
    FieldIndex,
}

const PLACES: [Place; 4] = [Place::Struct, Place::Field, Place::StructIndex, Place::FieldIndex];

impl Place {
    /// The words that have a meaning here.
    fn words(self) -> &'static [&'static str] {
        match self {
            Place::Struct => &[
                "namespace",
                "was",
                "version",
                "from",
                "migrate",
                "key",
                "index",
                "ttl",
                "validate",
                "unordered",
                "crate",
            ],
            Place::Field => &["key", "auto", "unique", "index", "expires_at", "revision"],
            Place::StructIndex => {
                &["name", "fields", "with", "type", "unique", "sparse", "each", "filter"]
            }
            Place::FieldIndex => &["sparse", "each"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::Struct => "the struct",
            Place::Field => "a field",
            Place::StructIndex => "an index on the struct",
            Place::FieldIndex => "an index on a field",
        }
    }

    /// Where a word of this place belongs.
    fn home(self) -> &'static str {
        match self {
            Place::Struct => "on the struct",
            Place::Field => "on a field",
            Place::StructIndex => "inside of `index(...)` on the struct",
            Place::FieldIndex => "inside of `index(...)` or `unique(...)` on a field",
        }
    }
}

/// The message about `word`, which has no meaning at `place`.
pub(crate) fn refusal(word: &str, place: Place) -> String {
    if place == Place::Field && Place::FieldIndex.words().contains(&word) {
        return format!("`{word}` says more about an index: write `index({word})`");
    }
    if let Some(there) = PLACES.iter().find(|there| there.words().contains(&word)) {
        return format!("`{word}` belongs {}, not {}", there.home(), place.home());
    }
    match nearest_word(word, place) {
        Some(near) => format!("unknown attribute `{word}`: did you mean `{near}`?"),
        None => {
            format!("unknown attribute `{word}`: {} takes {}", place.name(), list(place.words()))
        }
    }
}

/// The one word that a key takes, in front of the type.
const KEY: &str = "crate";

/// The message about `word`, which has no meaning at `place` of a derived key.
pub(crate) fn key_refusal(word: &str, place: Place) -> String {
    let record = PLACES.iter().any(|place| place.words().contains(&word));
    if word == KEY {
        format!("`{KEY}` belongs in front of the type, not on one of its fields or variants")
    } else if record {
        format!("`{word}` belongs on a record, not on a key: the one word here is `{KEY}`")
    } else if place == Place::Struct && is_near(distance(word, KEY), KEY) {
        format!("unknown attribute `{word}`: did you mean `{KEY}`?")
    } else if place == Place::Struct {
        format!("unknown attribute `{word}`: a key takes `{KEY}`")
    } else {
        format!("unknown attribute `{word}`: fields and variants of a key take none")
    }
}

/// The message about `word` standing a second time.
pub(crate) fn duplicate(word: impl Display) -> String {
    format!("duplicate attribute `{word}`: remove one of the two")
}

/// The word a user most likely meant: few letters away, and those of this place first.
fn nearest_word(word: &str, place: Place) -> Option<&'static str> {
    let elsewhere = PLACES.iter().filter(|other| **other != place);
    let candidates = place.words().iter().chain(elsewhere.flat_map(|other| other.words()));
    nearest(word, candidates.copied())
}

/// The nearest of the candidates, if one is near; the first of several.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        // A name of one letter has nothing in common with another one.
        .filter(|(distance, candidate)| {
            *distance < candidate.len() && is_near(*distance, candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn is_near(distance: usize, candidate: &str) -> bool {
    distance <= candidate.len().max(3) / 3
}

/// Edit distance with adjacent transpositions (Damerau and Levenshtein's optimal string
/// alignment): the number of insertions, deletions, replacements and swaps between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// `a`, `b`, `c`, each in backticks.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_each_kind_of_slip_once() {
        assert_eq!(distance("unique", "unique"), 0);
        assert_eq!(distance("uniqe", "unique"), 1);
        assert_eq!(distance("kye", "key"), 1);
        assert_eq!(distance("index", "indexx"), 1);
        assert_eq!(distance("", "ttl"), 3);
    }

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest_word("uniqe", Place::Field), Some("unique"));
        assert_eq!(nearest_word("name_space", Place::Struct), Some("namespace"));
        assert_eq!(nearest_word("kee", Place::Field), Some("key"));
        assert_eq!(nearest_word("primary", Place::Field), None);
    }
}
