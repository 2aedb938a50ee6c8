//! Which key opens what, and that nothing happens to a database without it.

use emdb::{
    Cipher, Emdb, EmdbBuilder, EncryptionInput, EncryptionOptions, Error, KdfParams, Result,
};

use crate::files::{KEY, OTHER_KEY, Place, QUICK, passphrase, raw, refused};
use crate::reading::read;
use crate::sample::{Form, Sample};

const TEXT: &str = "correct horse battery staple";
const WRONG: &str = "incorrect mule tea bag nail";

fn go_on(_: emdb::Progress) -> std::ops::ControlFlow<()> {
    std::ops::ControlFlow::Continue(())
}

fn with(path: &std::path::Path, input: Option<&EncryptionInput>) -> EmdbBuilder {
    let builder = Emdb::builder().path(path);
    match input {
        None => builder,
        Some(EncryptionInput::RawKey(key)) => builder.encryption_key(*key),
        Some(EncryptionInput::Passphrase(text)) => builder.encryption_passphrase(&**text),
        Some(other) => panic!("{other:?}"),
    }
}

/// Tells nothing of any key that is used here.
#[track_caller]
fn tells_nothing(text: &str) {
    let numbers = |key: [u8; 32]| format!("{:?}", &key[..4]).trim_matches(['[', ']']).to_owned();
    let secrets = [
        "horse".to_owned(),
        "mule".to_owned(),
        "raw key of these".to_owned(),
        "another raw".to_owned(),
        numbers(KEY),
        numbers(OTHER_KEY),
    ];
    for secret in secrets {
        assert!(!text.contains(&secret), "{text:?} tells {secret:?}");
    }
}

/// Does all that needs the key of `place` with `input` instead: each call is refused and changes
/// nothing.
#[track_caller]
fn nothing_happens(place: &Place, input: Option<&EncryptionInput>) {
    let before = place.files();
    let case = format!("{input:?}");
    let check = |call: &str, result: Result<()>| {
        let case = format!("{call} with {case}");
        let error = result.map_err(|e| {
            tells_nothing(&e.to_string());
            tells_nothing(&format!("{e:?}"));
            e
        });
        refused(error, &case);
        assert!(place.files() == before, "{case}: files changed");
    };
    let path = &place.path;
    check("open", with(path, input).build().map(drop));
    check("read_only", with(path, input).read_only(true).build().map(drop));
    let target = Place::new();
    check("salvage", Emdb::salvage(path, &target.path, input.cloned()).map(drop));
    assert!(target.files().is_empty());
    let Some(input) = input else { return };
    let new = raw([3; 32]);
    check("disable", Emdb::disable_encryption(path, input.clone()));
    check("rotate", Emdb::rotate_encryption_key(path, input.clone(), new.clone()));
    check("change", Emdb::change_passphrase(path, input.clone(), new));
}

fn plain() -> Place {
    let place = Place::new();
    let db = Emdb::open(&place.path).unwrap();
    db.insert("key", "value").unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    place
}

fn with_passphrase() -> Place {
    let place = Place::new();
    let builder = Emdb::builder().path(&place.path).encryption_passphrase(TEXT).kdf_params(QUICK);
    let db = builder.build().unwrap();
    db.insert("key", "value").unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    place
}

#[test]
fn nothing_but_its_key_opens_a_database_with_a_raw_key() {
    for form in [Form::Closed, Form::Killed] {
        let sample = Sample::new(form);
        let mut near = KEY;
        near[31] ^= 1;
        for input in [raw(OTHER_KEY), raw(near), raw([0; 32]), passphrase(TEXT), passphrase("")] {
            nothing_happens(&sample.place, Some(&input));
            if form == Form::Closed {
                refused(Emdb::enable_encryption(&sample.place.path, input), "enable");
            }
        }
        // The bytes of the key are not its passphrase.
        nothing_happens(&sample.place, Some(&passphrase(std::str::from_utf8(&KEY).unwrap())));
        nothing_happens(&sample.place, None);
        assert!(read(&sample.place.open(), sample.expected()).wrong.is_empty());
    }
}

#[test]
fn nothing_but_its_passphrase_opens_a_database_with_one() {
    let place = with_passphrase();
    let near = format!("{TEXT} ");
    for input in [passphrase(WRONG), passphrase(&near), passphrase(""), raw(KEY)] {
        nothing_happens(&place, Some(&input));
        let before = place.files();
        refused(Emdb::enable_encryption(&place.path, input), "enable");
        assert!(place.files() == before);
    }
    nothing_happens(&place, None);
    let db = with(&place.path, Some(&passphrase(TEXT))).build().unwrap();
    assert_eq!(db.get("key").unwrap().as_deref(), Some(&b"value"[..]));
}

#[test]
fn a_key_for_a_plain_database_is_refused() {
    let place = plain();
    nothing_happens(&place, Some(&raw(KEY)));
    nothing_happens(&place, Some(&passphrase(TEXT)));
    assert_eq!(Emdb::open(&place.path).unwrap().len().unwrap(), 1);
}

#[test]
fn what_does_not_exist_is_not_made_by_a_change_of_its_key() {
    let place = Place::new();
    let path = &place.path;
    let results = [
        Emdb::enable_encryption(path, raw(KEY)),
        Emdb::disable_encryption(path, raw(KEY)),
        Emdb::rotate_encryption_key(path, raw(KEY), raw(OTHER_KEY)),
        Emdb::change_passphrase(path, raw(KEY), raw(OTHER_KEY)),
    ];
    for result in results {
        assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
        assert!(place.all_files().is_empty());
    }
}

#[test]
fn what_shows_a_key_for_debugging_tells_nothing() {
    let place = with_passphrase();
    for input in [raw(KEY), raw(OTHER_KEY), passphrase(TEXT)] {
        tells_nothing(&format!("{input:?} {input:#?}"));
        let builder = with(&place.path, Some(&input));
        tells_nothing(&format!("{builder:?} {builder:#?}"));
    }
    let db = with(&place.path, Some(&passphrase(TEXT))).build().unwrap();
    tells_nothing(&format!("{db:?} {:?} {:?}", db.stats().unwrap(), db.recovery()));
    tells_nothing(&format!("{:?} {:?}", db.snapshot(), db.namespace("n").unwrap()));
    tells_nothing(&format!("{:?}", EncryptionOptions::new().kdf_params(QUICK)));
}

#[track_caller]
fn invalid<T>(result: Result<T>, case: &str) {
    match result {
        Err(Error::InvalidConfig(_)) => {}
        Err(e) => panic!("{case}: {e:?}"),
        Ok(_) => panic!("{case}: taken"),
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let place = Place::new();
    let bare = || Emdb::builder().path(&place.path);
    invalid(bare().encryption_key(KEY).encryption_passphrase(TEXT).build(), "both");
    invalid(bare().encryption_passphrase(TEXT).encryption_key(KEY).build(), "both");
    invalid(bare().cipher(Cipher::Aes256Gcm).build(), "a cipher alone");
    invalid(bare().cipher(Cipher::ChaCha20Poly1305).build(), "a cipher alone");
    invalid(bare().kdf_params(QUICK).build(), "work alone");
    invalid(Emdb::builder().cipher(Cipher::Aes256Gcm).build(), "a cipher in memory");
    invalid(Emdb::builder().encryption_key(KEY).encryption_passphrase(TEXT).build(), "in memory");
    assert!(place.all_files().is_empty());
}

#[test]
fn another_cipher_than_the_stored_one_is_refused() {
    let both = [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305];
    for (has, asked) in [(both[0], both[1]), (both[1], both[0])] {
        let place = Place::new();
        place.builder().cipher(has).build().unwrap().close().unwrap();
        let before = place.files();
        invalid(place.builder().cipher(asked).build(), "another cipher");
        invalid(place.builder().cipher(asked).read_only(true).build(), "another cipher");
        assert!(place.files() == before);
        // A wrong key is told before anything is said of the cipher.
        let wrong = Emdb::builder().path(&place.path).encryption_key(OTHER_KEY).cipher(asked);
        refused(wrong.build(), "a wrong key and another cipher");
        place.builder().cipher(has).build().unwrap().close().unwrap();
        place.open();
    }
}

#[test]
fn work_for_a_passphrase_has_bounds() {
    let place = plain();
    let before = place.files();
    let bad = [
        (0, 0, 0),
        (7167, 8, 1),
        (7168, 1, 1),
        (19_456, 1, 1),
        ((1 << 20) + 1, 1, 1),
        (u32::MAX, 1, 1),
        (1 << 20, 17, 1),
        (19_456, 65, 1),
        (19_456, 2, 0),
        (19_456, 2, 65),
        (19_456, u32::MAX, u32::MAX),
    ];
    let new = Place::new();
    for (memory, passes, lanes) in bad {
        let params = KdfParams::new(memory, passes, lanes);
        let case = format!("{params:?}");
        let builder = || Emdb::builder().encryption_passphrase(TEXT).kdf_params(params);
        invalid(builder().path(&new.path).build(), &case);
        invalid(builder().build(), &case);
        let options = EncryptionOptions::new().kdf_params(params);
        invalid(options.enable(&place.path, passphrase(TEXT), go_on), &case);
        assert!(place.files() == before, "{case}");
    }
    assert!(new.all_files().is_empty());
    for (memory, passes, lanes) in [(7168, 5, 1), (19_456, 2, 1), (35_000, 1, 8)] {
        let builder = Emdb::builder().encryption_passphrase(TEXT);
        builder.kdf_params(KdfParams::new(memory, passes, lanes)).build().unwrap();
    }
}

#[test]
fn the_work_that_the_file_names_counts() {
    let place = with_passphrase();
    let builder = with(&place.path, Some(&passphrase(TEXT)));
    builder.kdf_params(KdfParams::new(35_000, 1, 2)).build().unwrap().close().unwrap();
    with(&place.path, Some(&passphrase(TEXT))).build().unwrap();
}

#[test]
fn a_passphrase_may_be_empty_long_and_of_any_letters() {
    for text in ["", "  ", "p\u{e4}ssw\u{f6}rd \u{1f511}\0", &"long ".repeat(10_000)] {
        let place = Place::new();
        let builder = || Emdb::builder().path(&place.path).encryption_passphrase(text);
        let db = builder().kdf_params(QUICK).build().unwrap();
        db.insert("key", "value").unwrap();
        db.close().unwrap();
        assert_eq!(builder().build().unwrap().len().unwrap(), 1);
    }
}
