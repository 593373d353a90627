//! Where sentences begin, well enough to tell a capital that opens a sentence from one that opens a name.

use crate::words::Word;

/// Whether each word opens a sentence, a line, a list item or a quotation.
pub(crate) fn openings(text: &str, words: &[Word<'_>]) -> Vec<bool> {
    let mut before: Option<&Word<'_>> = None;
    words
        .iter()
        .map(|word| {
            let opens = before.is_none_or(|previous| is_break(previous.text, &text[previous.span().end..word.start]));
            before = Some(word);
            opens
        })
        .collect()
}

fn is_break(previous: &str, gap: &str) -> bool {
    let stop = gap.trim_start_matches(['"', '\'', ')', '*', '\u{201d}', '\u{2019}']).starts_with('.');
    let hard = gap.contains(|c: char| {
        matches!(
            c,
            '!' | '?'
                | '\n'
                | ':'
                | ';'
                | '"'
                | '\u{201c}'
                | '\u{201d}'
                | '\u{2026}'
                | '。'
                | '！'
                | '？'
                | '*'
                | '|'
                | '#'
                | '•'
        )
    });
    let dashed = gap.contains(" - ") || gap.contains('\u{2014}') || gap.contains('\u{2013}');
    let emoji = gap.chars().any(|c| c >= '\u{2190}' && !matches!(c, '\u{3000}'..='\u{303f}'));
    hard || dashed || emoji || (stop && !is_abbreviation(previous))
}

/// A word whose full stop does not end a sentence: a title, or an initial.
fn is_abbreviation(word: &str) -> bool {
    let initial = word.chars().count() == 1 && word != "I";
    initial || ["Dr", "Mr", "Mrs", "Ms", "St", "Prof", "Jr", "Sr", "Lt", "Mt", "vs", "e.g", "i.e", "etc"].contains(&word)
}

/// The sentences of a text in order, without surrounding white space, each at least one character long.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    crate::limits::readable(text)
        .split_inclusive(['.', '!', '?', '\n', '。', '！', '？'])
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}
