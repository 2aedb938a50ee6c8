//! The words that may stand in `#[emdb(...)]`, and what to say about one that may not.

use std::fmt::Display;

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Struct,
    Field,
}

impl Place {
    fn other(self) -> Place {
        match self {
            Place::Struct => Place::Field,
            Place::Field => Place::Struct,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::Struct => "the struct",
            Place::Field => "a field",
        }
    }
}

/// Words with a meaning today.
const STRUCT: &[&str] = &["namespace", "crate"];
const FIELD: &[&str] = &["key"];

/// Words of the language that this release doesn't have yet. They are refused by name: ignoring
/// one would silently leave out, say, a uniqueness check.
const STRUCT_PLANNED: &[&str] =
    &["version", "from", "key", "index", "unique", "ttl", "validate", "unordered"];
const FIELD_PLANNED: &[&str] = &["unique", "index", "auto", "expires_at"];

fn known(place: Place) -> &'static [&'static str] {
    match place {
        Place::Struct => STRUCT,
        Place::Field => FIELD,
    }
}

fn planned(place: Place) -> &'static [&'static str] {
    match place {
        Place::Struct => STRUCT_PLANNED,
        Place::Field => FIELD_PLANNED,
    }
}

/// What to say about `word`, which has no meaning at `place`.
pub(crate) fn refusal(word: &str, place: Place) -> String {
    if place == Place::Struct && word == "key" {
        return "`key` on the struct, for a composite key, isn't supported yet in this release of \
                emdb: mark one field with `#[emdb(key)]`"
            .to_owned();
    }
    if planned(place).contains(&word) {
        return format!("`{word}` isn't supported yet in this release of emdb: remove it for now");
    }
    let there = place.other();
    if known(there).contains(&word) {
        return format!("`{word}` belongs on {}, not on {}", there.name(), place.name());
    }
    if planned(there).contains(&word) {
        return format!(
            "`{word}` belongs on {}, not on {}, and isn't supported yet in this release of emdb",
            there.name(),
            place.name(),
        );
    }
    match nearest(word, place) {
        Some(near) => format!("unknown attribute `{word}`: did you mean `{near}`?"),
        None => {
            format!("unknown attribute `{word}`: {} takes {}", place.name(), list(known(place)))
        }
    }
}

/// The one word that a key takes, in front of the type.
const KEY: &str = "crate";

/// What to say about `word`, which has no meaning at `place` of a derived key.
pub(crate) fn key_refusal(word: &str, place: Place) -> String {
    let record = [Place::Struct, Place::Field]
        .iter()
        .any(|place| known(*place).contains(&word) || planned(*place).contains(&word));
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

/// What to say about `word` standing a second time.
pub(crate) fn duplicate(word: impl Display) -> String {
    format!("duplicate attribute `{word}`: remove one of the two")
}

/// The word a user most likely meant: few letters away, and those of this place first.
fn nearest(word: &str, place: Place) -> Option<&'static str> {
    let here = known(place).iter().chain(planned(place));
    let there = known(place.other()).iter().chain(planned(place.other()));
    here.chain(there)
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| is_near(*distance, candidate))
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

fn list(words: &[&str]) -> String {
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
        assert_eq!(nearest("uniqe", Place::Field), Some("unique"));
        assert_eq!(nearest("name_space", Place::Struct), Some("namespace"));
        assert_eq!(nearest("kee", Place::Field), Some("key"));
        assert_eq!(nearest("primary", Place::Field), None);
    }
}
