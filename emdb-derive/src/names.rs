//! Names of namespaces: the default one, and what a legal one is.

/// The longest name that the engine accepts, in bytes.
const MAX_LEN: usize = 255;

/// Names with this prefix are the engine's own.
const RESERVED: &str = "__emdb";

/// What is wrong with a namespace's name, if something is. The engine refuses the same names when
/// the table is opened; here the compiler does.
pub(crate) fn mistake(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("a namespace's name can't be empty".to_owned())
    } else if name.len() > MAX_LEN {
        let len = name.len();
        Some(format!("a namespace's name takes at most {MAX_LEN} bytes, and this one has {len}"))
    } else if name.starts_with(RESERVED) {
        Some(format!("names that begin with `{RESERVED}` are reserved for emdb itself"))
    } else {
        None
    }
}

/// `HTTPServer` becomes `http_server`, `UserV1` becomes `user_v1`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, &c) in chars.iter().enumerate() {
        if at > 0 && starts_word(chars[at - 1], c, chars.get(at + 1).copied()) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// Whether an upper case letter begins a word: after anything that isn't one (`userV`), or as the
/// last of a run of them, where the word goes on in lower case (the `S` of `HTTPServer`).
fn starts_word(before: char, c: char, after: Option<char>) -> bool {
    c.is_uppercase()
        && before != '_'
        && (!before.is_uppercase() || after.is_some_and(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_splits_words_and_keeps_abbreviations_whole() {
        for (name, expected) in [
            ("User", "user"),
            ("UserV1", "user_v1"),
            ("HTTPServer", "http_server"),
            ("OrderLine", "order_line"),
            ("X", "x"),
            ("Already_Snake", "already_snake"),
            ("already_snake", "already_snake"),
            ("Base64Blob", "base64_blob"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }

    #[test]
    fn illegal_names_are_told_apart() {
        assert!(mistake("users").is_none());
        assert!(mistake(&"x".repeat(255)).is_none());
        assert!(mistake("").unwrap().contains("empty"));
        assert!(mistake(&"x".repeat(256)).unwrap().contains("256"));
        assert!(mistake("__emdb_users").unwrap().contains("reserved"));
    }
}
