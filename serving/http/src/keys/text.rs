//! The text form of a key, and the hash that stands for it in the file.

use std::fmt;

/// Bytes of a key's id: enough that ids never meet, and public.
const ID_BYTES: usize = 8;
/// Bytes of a key's secret.
const SECRET_BYTES: usize = 32;
/// Bytes of the pepper, which is a key of BLAKE3.
pub(super) const PEPPER_BYTES: usize = 32;

/// A key as its holder has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyText {
    pub id: String,
    secret: String,
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({})", self.id)
    }
}

impl KeyText {
    /// A key over random bytes that `fill` brings.
    pub fn random<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        fill(&mut id)?;
        fill(&mut secret)?;
        Ok(Self { id: hex::encode(id), secret: hex::encode(secret) })
    }

    /// Reads `clk_<id>_<secret>`; anything else is no key.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix("clk_")?.split_once('_')?;
        let is_hex = |text: &str, bytes: usize| {
            text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The whole key, to be shown once.
    pub fn reveal(&self) -> String {
        format!("clk_{}_{}", self.id, self.secret)
    }

    /// What the file keeps: a hash under the pepper, so that neither the file nor the pepper alone is worth anything.
    pub fn hash(&self, pepper: &[u8; PEPPER_BYTES]) -> blake3::Hash {
        blake3::keyed_hash(pepper, self.reveal().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyText {
        KeyText::random(|bytes| {
            bytes.fill(byte);
            Ok::<_, ()>(())
        })
        .unwrap()
    }

    #[test]
    fn a_key_is_read_back_from_its_text() {
        let text = key(0xab).reveal();
        assert_eq!(text.len(), 4 + 16 + 1 + 64);
        assert_eq!(KeyText::parse(&text).unwrap(), key(0xab));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let text = key(0xab).reveal();
        let upper = text.to_uppercase();
        for bad in ["", "clk_", "clk__", &text[1..], &text[..text.len() - 1], &format!("{text}0"), &upper, "clk_é_é"] {
            assert!(KeyText::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_hash_depends_on_the_whole_key_and_on_the_pepper() {
        let hash = key(1).hash(&[0; PEPPER_BYTES]);
        assert_eq!(hash, key(1).hash(&[0; PEPPER_BYTES]));
        assert_ne!(hash, key(2).hash(&[0; PEPPER_BYTES]));
        assert_ne!(hash, key(1).hash(&[1; PEPPER_BYTES]));
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        assert!(!format!("{:?}", key(0xab)).contains("abababababababababab"));
    }
}
