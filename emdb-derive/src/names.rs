//! Names of namespaces and of indexes: the default ones, and what legal ones are.

/// The longest name that the engine accepts, in bytes.
const MAX_LEN: usize = 255;

/// Names with this prefix are the engine's own.
const RESERVED: &str = "__emdb";

/// The constants of the trait `Record`, in front of which one of the type itself would stand, and the one of its
/// fields.
const TRAIT_CONSTANTS: &[&str] = &["NAMESPACE", "VERSION", "AUTO", "FIELDS"];

/// The mistake in a namespace's name, if there is one. The engine refuses the same names when
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

/// `by_org_age` and `byOrgAge` become `BY_ORG_AGE`.
pub(crate) fn screaming_case(name: &str) -> String {
    snake_case(name).to_uppercase()
}

/// The mistake in an index's name, if there is one: it names a constant, too.
pub(crate) fn index_mistake(name: &str) -> Option<String> {
    let constant = screaming_case(name);
    if name.is_empty() {
        Some("an index's name can't be empty".to_owned())
    } else if name.len() > MAX_LEN {
        let len = name.len();
        Some(format!("an index's name takes at most {MAX_LEN} bytes, and this one has {len}"))
    } else if TRAIT_CONSTANTS.contains(&constant.as_str()) {
        Some(format!("this index's constant would be `{constant}`, which `Record` has already"))
    } else if syn::parse_str::<syn::Ident>(&constant).is_err() {
        Some(
            "an index's name becomes a constant: use letters, digits and `_`, \
             and don't begin with a digit"
                .to_owned(),
        )
    } else {
        None
    }
}

/// By what the library knows a member, since names are no parameters of a trait: FNV-1a.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
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

    #[test]
    fn constants_scream() {
        for (name, expected) in
            [("email", "EMAIL"), ("by_org_age", "BY_ORG_AGE"), ("byOrgAge", "BY_ORG_AGE")]
        {
            assert_eq!(screaming_case(name), expected);
        }
    }

    #[test]
    fn names_of_indexes_are_names_of_constants() {
        for name in ["by_org", "type", "self", "x1", "_x"] {
            assert_eq!(index_mistake(name), None);
        }
        for (name, expected) in [
            ("", "empty"),
            ("by org", "letters"),
            ("1st", "letters"),
            ("_", "letters"),
            ("by-org", "letters"),
            ("version", "`VERSION`"),
            ("auto", "`AUTO`"),
        ] {
            assert!(index_mistake(name).unwrap().contains(expected), "{name}");
        }
        assert!(index_mistake(&"x".repeat(256)).unwrap().contains("256"));
    }
}
