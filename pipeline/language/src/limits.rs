//! How much of a text is read; what lies beyond is passed over, never an error.

/// Most bytes read of one text; a longer one is cut at a character boundary.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of one word that count; a longer one (base64, a run of letters) is cut at a character boundary.
pub const WORD_BYTES_MAX: usize = 64;
/// Most dates found in one text.
pub const DATES_MAX: usize = 256;
/// Most entities found in one text.
pub const ENTITIES_MAX: usize = 256;

/// The part of `text` that is read.
pub(crate) fn readable(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}
