//! Stand-ins for the primitives in a build without the feature `encrypt`: none can be made.

use crate::crypto::{Cipher, KdfParams};
use crate::error::{Error, Result};

pub(crate) type Hidden = Vec<u8>;

pub(crate) type Tag = [u8; 16];

#[cold]
fn refused<T>() -> Result<T> {
    Err(Error::EncryptionError(
        "this program was built without encryption; turn on the feature `encrypt` of emdb"
            .to_owned(),
    ))
}

pub(crate) enum Aead {}

impl Aead {
    pub(crate) fn new(_cipher: Cipher, _key: &[u8]) -> Result<Aead> {
        refused()
    }

    pub(crate) fn seal(&self, _nonce: [u8; 12], _aad: &[u8], _text: &mut [u8]) -> Option<Tag> {
        match *self {}
    }

    pub(crate) fn open(&self, _nonce: [u8; 12], _aad: &[u8], _text: &mut [u8], _tag: &Tag) -> bool {
        match *self {}
    }
}

pub(crate) enum Prf {}

impl Prf {
    pub(crate) fn new(_key: &[u8]) -> Result<Prf> {
        refused()
    }

    pub(crate) fn of(&self, _parts: &[&[u8]]) -> Tag {
        match *self {}
    }
}

pub(crate) fn derive(_secret: &[u8], _salt: &[u8], _info: &[&[u8]], _len: usize) -> Result<Hidden> {
    refused()
}

pub(crate) fn stretch(_passphrase: &[u8], _salt: &[u8], _params: KdfParams) -> Result<Hidden> {
    refused()
}

pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a == b
}

pub(crate) fn hide(bytes: Vec<u8>) -> Hidden {
    bytes
}
