//! Words of any script: where they stand, how they fold, what they stem to, which carry no content.

use std::ops::Range;

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::limits::{WORD_BYTES_MAX, readable};
use crate::vocabulary::{CONTRACTIONS, STOP_WORDS};

/// A word as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// As written, apostrophes and inner dots included.
    pub text: &'a str,
    /// Byte offset of its first character.
    pub start: usize,
}

impl Word<'_> {
    /// Its bytes in the text.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether its first character is an upper-case letter.
    pub fn is_capitalised(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// What a word is searched and compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its bytes in the text; two neighbouring characters where the script does not space its words.
    pub span: Range<usize>,
    /// Without case, diacritics and possessive ending; see [`fold`].
    pub folded: String,
    /// The English stem of a word in ASCII letters, otherwise the folded word.
    pub stem: String,
    /// Whether it is an English word without content of its own; see [`is_stop_word`].
    pub stop: bool,
}

/// The words of a text in order, by the word boundaries of Unicode; punctuation, symbols and emoji are none.
pub fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    readable(text).unicode_word_indices().map(|(start, text)| Word { text, start })
}

/// The terms of a text in order, stop words included and marked.
///
/// Scripts that write without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give overlapping pairs of characters instead of
/// words, and a single character only where it stands alone.
pub fn terms(text: &str) -> Vec<Term> {
    let stemmer = Stemmer::new(Algorithm::English);
    let mut terms = Vec::new();
    let mut words = words(text).peekable();
    // Where the last character of an unspaced script stood.
    let mut before: Option<Range<usize>> = None;
    while let Some(word) = words.next() {
        let span = word.span();
        if !is_unspaced(word.text) {
            before = None;
            terms.push(term(&stemmer, word.text, span));
            continue;
        }
        let adjacent = before.filter(|before| before.end == span.start);
        let goes_on = words.peek().is_some_and(|next| next.start == span.end && is_unspaced(next.text));
        match adjacent {
            Some(before) => terms.push(term(&stemmer, &text[before.start..span.end], before.start..span.end)),
            None if goes_on => {}
            None => terms.push(term(&stemmer, word.text, span.clone())),
        }
        before = Some(span);
    }
    terms
}

fn term(stemmer: &Stemmer, surface: &str, span: Range<usize>) -> Term {
    let folded = fold(&surface[..surface.floor_char_boundary(WORD_BYTES_MAX)]);
    let stop = is_stop_word(&folded);
    let folded = without_possessive(&folded).to_owned();
    Term { span, stem: stem_with(stemmer, &folded), folded, stop }
}

/// The English stem of a folded word; a word with anything but ASCII letters stays as it is.
pub fn stem(folded: &str) -> String {
    stem_with(&Stemmer::new(Algorithm::English), folded)
}

fn stem_with(stemmer: &Stemmer, folded: &str) -> String {
    if folded.bytes().all(|byte| byte.is_ascii_lowercase()) { stemmer.stem(folded).into_owned() } else { folded.to_owned() }
}

/// Text in one form for comparing: lower case, compatibility forms resolved, typographic apostrophes made plain, diacritics
/// dropped from alphabets that are commonly written without them (Latin, Greek, Cyrillic, Hebrew and Arabic points). Signs
/// that make another letter, such as the vowels of Devanagari or the voicing of kana, stay.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare = text.chars().flat_map(char::to_lowercase).nfkd().filter(|&c| !is_dropped_mark(c));
    let lower = bare.flat_map(char::to_lowercase).filter(|&c| !is_dropped_mark(c));
    let mut folded = String::with_capacity(text.len());
    for c in lower.nfc() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{02bc}' => folded.push('\''),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

fn is_dropped_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}'..='\u{05c7}' | '\u{064b}'..='\u{065f}' | '\u{0670}')
}

/// Whether a folded word is an English function word, a contraction of one, or a filler of conversation.
///
/// Negations are kept as content: a memory and its contradiction must not look alike.
pub fn is_stop_word(folded: &str) -> bool {
    STOP_WORDS.contains(folded) || CONTRACTIONS.contains(folded)
}

/// "melanie's" and "kids'" without their ending; expects a folded word.
pub(crate) fn without_possessive(folded: &str) -> &str {
    match folded.strip_suffix("'s").or_else(|| folded.strip_suffix('\'')) {
        Some(rest) if !rest.is_empty() => rest,
        _ => folded,
    }
}

/// A single character of a script that does not put spaces between words.
fn is_unspaced(word: &str) -> bool {
    word.chars().next().is_some_and(|first| {
        matches!(first,
            '\u{0e00}'..='\u{0eff}'      // Thai, Lao
            | '\u{1000}'..='\u{109f}'    // Burmese
            | '\u{1780}'..='\u{17ff}'    // Khmer
            | '\u{3040}'..='\u{309f}'    // Hiragana; Katakana comes as whole words
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    })
}
