//! The few cryptographic steps, each once: wrapping keys, deriving keys, and a data key ready for use.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::error::KeyError;

pub(crate) const TAG_BYTES: usize = 16;
/// Nonce, then 32 bytes of key, then the tag.
pub(crate) const WRAPPED_BYTES: usize = NONCE_LEN + 32 + TAG_BYTES;

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

pub(crate) fn random_secret(entropy: &dyn Entropy) -> Result<Secret, EntropyError> {
    let mut secret = Secret::default();
    entropy.fill(&mut secret[..])?;
    Ok(secret)
}

pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

fn aes(key: &[u8; 32]) -> LessSafeKey {
    // The key has the length that the algorithm wants, by its type.
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"))
}

/// A key derived from `secret` for one purpose; one secret never serves two purposes directly.
pub(crate) fn derive(secret: &[u8; 32], purpose: &str) -> Secret {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose.as_bytes());
    let mut derived = Secret::default();
    derived.copy_from_slice(tag.as_ref());
    derived
}

/// Joins parts so that no two lists of parts give the same bytes.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u32).to_le_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

/// Wraps and unwraps keys under the master key of one epoch.
pub(crate) struct Wrapper(LessSafeKey);

impl Wrapper {
    pub(crate) fn new(master: &[u8; 32]) -> Self {
        Self(aes(master))
    }

    /// `about` says which key it is, and must be the same when it is unwrapped.
    pub(crate) fn wrap(&self, secret: &Secret, about: &[u8], entropy: &dyn Entropy) -> Result<[u8; WRAPPED_BYTES], KeyError> {
        let nonce: [u8; NONCE_LEN] = random(entropy)?;
        let mut wrapped = [0; WRAPPED_BYTES];
        wrapped[..NONCE_LEN].copy_from_slice(&nonce);
        wrapped[NONCE_LEN..NONCE_LEN + 32].copy_from_slice(&secret[..]);
        let (key, tag_place) = wrapped[NONCE_LEN..].split_at_mut(32);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(about), key).map_err(|_| KeyError::TooLong { bytes: 32 })?;
        tag_place.copy_from_slice(tag.as_ref());
        Ok(wrapped)
    }

    /// `None` if the wrapped key is not of this master key or not about `about`.
    pub(crate) fn unwrap(&self, wrapped: &[u8; WRAPPED_BYTES], about: &[u8]) -> Option<Secret> {
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = Zeroizing::new([0; 32 + TAG_BYTES]);
        opened.copy_from_slice(rest);
        let clear = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(about), &mut opened[..]).ok()?;
        let mut secret = Secret::default();
        secret.copy_from_slice(clear);
        Some(secret)
    }
}

/// A data key, expanded for sealing and for fingerprints.
pub(crate) struct DataKey {
    pub(crate) number: u32,
    aead: LessSafeKey,
    fingerprint: hmac::Key,
}

impl DataKey {
    pub(crate) fn new(number: u32, secret: &Secret) -> Self {
        Self {
            number,
            aead: aes(&derive(secret, "cubelog seal 1")),
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &derive(secret, "cubelog fingerprint 1")[..]),
        }
    }

    /// Ciphertext and tag. `None` for inputs of gigabytes.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], about: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        sealed.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.aead.seal_in_place_append_tag(nonce, Aad::from(about), &mut sealed).ok()?;
        Some(sealed)
    }

    /// `None` if anything differs from when it was sealed.
    pub(crate) fn open(&self, nonce: [u8; NONCE_LEN], about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.aead.open_in_place(nonce, Aad::from(about), &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }

    pub(crate) fn fingerprint(&self, plaintext: &[u8]) -> [u8; 16] {
        short(&hmac::sign(&self.fingerprint, plaintext))
    }
}

/// A key for the parts of one artefact, told apart by their numbers.
pub(crate) struct PartKey(LessSafeKey);

impl PartKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(aes(&derive(secret, "cubelog parts 1")))
    }

    /// The key is used for one artefact only, so a number is a nonce that never repeats.
    fn nonce(number: u32) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&number.to_le_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    pub(crate) fn seal(&self, number: u32, about: &[u8], part: &mut Vec<u8>) -> Option<()> {
        self.0.seal_in_place_append_tag(Self::nonce(number), Aad::from(about), part).ok()
    }

    pub(crate) fn open<'p>(&self, number: u32, about: &[u8], part: &'p mut [u8]) -> Option<&'p mut [u8]> {
        self.0.open_in_place(Self::nonce(number), Aad::from(about), part).ok()
    }
}

/// The first half of an HMAC-SHA-256.
pub(crate) fn short(tag: &hmac::Tag) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&tag.as_ref()[..16]);
    first
}
