//! Undoing AES-128: whole files in CBC, padded as PKCS #7 has it (rfc8216bis, 4.4.4.4).

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use cbc::Decryptor;

/// A file in clear; `None` when its padding is wrong, as that of nearly every file is with a wrong key.
pub(super) fn decrypt(file: &[u8], key: [u8; 16], iv: u128) -> Option<Vec<u8>> {
    let decryptor = Decryptor::<Aes128>::new(&key.into(), &iv.to_be_bytes().into());
    decryptor.decrypt_padded_vec::<Pkcs7>(file).ok()
}
