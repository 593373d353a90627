//! A text as words with their places: lower-cased, contractions written out, punctuation kept as words of its own.

/// One word or punctuation mark. Several words share a place where a contraction was written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Lower case.
    pub text: String,
    /// Byte range in the text.
    pub start: usize,
    pub end: usize,
    /// Written with a capital, or in a script without case.
    pub capital: bool,
}

impl Word {
    pub fn is_mark(&self) -> bool {
        !self.text.chars().any(char::is_alphanumeric) && self.text != "'s"
    }
    pub fn ends_sentence(&self) -> bool {
        matches!(self.text.as_str(), "." | "!" | "?" | "…" | "\n" | ";")
    }
}

/// What is written as one word and read as several.
const WHOLE: &[(&str, &[&str])] = &[
    ("can't", &["can", "not"]),
    ("cannot", &["can", "not"]),
    ("cant", &["can", "not"]),
    ("won't", &["will", "not"]),
    ("wont", &["will", "not"]),
    ("shan't", &["shall", "not"]),
    ("ain't", &["am", "not"]),
    ("dont", &["do", "not"]),
    ("doesnt", &["does", "not"]),
    ("didnt", &["did", "not"]),
    ("isnt", &["is", "not"]),
    ("im", &["i", "am"]),
    ("ive", &["i", "have"]),
    ("gonna", &["going", "to"]),
    ("wanna", &["want", "to"]),
    ("gotta", &["have", "to"]),
    ("anymore", &["any", "more"]),
    ("nowadays", &["now"]),
    ("let's", &["let", "us"]),
];

const ENDS: &[(&str, &str)] =
    &[("n't", "not"), ("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'s", "'s")];

/// Heads after which 's is a short "is", never a genitive.
const IS_HEADS: &[&str] = &["it", "that", "he", "she", "what", "who", "where", "there", "here", "this", "how", "everything"];

pub fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_whitespace() || c.is_control() {
            if let Some(from) = start.take() {
                chunk(text, from, at, &mut out);
            }
            if c == '\n' {
                out.push(Word { text: "\n".to_owned(), start: at, end: at + 1, capital: false });
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    out
}

fn chunk(text: &str, from: usize, to: usize, out: &mut Vec<Word>) {
    let whole = &text[from..to];
    let keeps = |c: char| c.is_alphanumeric() || c == '+';
    let (Some(first), Some(last)) = (whole.find(keeps), whole.rfind(char::is_alphanumeric)) else {
        marks(text, from, to, out);
        return;
    };
    let last = last + whole[last..].chars().next().map_or(0, char::len_utf8);
    if first >= last {
        marks(text, from, to, out);
        return;
    }
    marks(text, from, from + first, out);
    let core = &whole[first..last];
    if core.contains('@') || core.contains("://") {
        push(text, from + first, from + last, out);
    } else {
        let mut begin = first;
        for (at, c) in core.char_indices() {
            if splits(core, at, c) {
                if first + at > begin {
                    push(text, from + begin, from + first + at, out);
                }
                marks(text, from + first + at, from + first + at + c.len_utf8(), out);
                begin = first + at + c.len_utf8();
            }
        }
        if last > begin {
            push(text, from + begin, from + last, out);
        }
    }
    marks(text, from + last, to, out);
}

/// Whether a mark inside a word ends it: not in "don't", "part-time", "H&M", "3.5", "10:30".
fn splits(core: &str, at: usize, c: char) -> bool {
    if c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '&' | '+' | '_') {
        return false;
    }
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let inside = digit(core[..at].chars().next_back()) && digit(core[at + c.len_utf8()..].chars().next());
    let joins = inside && matches!(c, '.' | ',' | ':' | '/') || is_combining(c);
    !joins
}

/// Marks that belong to the letter before them in the scripts that use them.
fn is_combining(c: char) -> bool {
    matches!(c as u32, 0x300..=0x36f | 0x900..=0x109f | 0x200c..=0x200d)
}

fn marks(text: &str, from: usize, to: usize, out: &mut Vec<Word>) {
    for (at, c) in text[from..to].char_indices() {
        let mark = match c {
            '“' | '”' | '„' | '«' | '»' => '"',
            '—' | '–' => '-',
            '。' => '.',
            '？' => '?',
            '！' => '!',
            '，' => ',',
            c => c,
        };
        out.push(Word { text: mark.to_string(), start: from + at, end: from + at + c.len_utf8(), capital: false });
    }
}

fn push(text: &str, start: usize, end: usize, out: &mut Vec<Word>) {
    let raw = &text[start..end];
    let capital = raw.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase());
    let lower = raw.to_lowercase().replace('’', "'");
    let mut add = |text: &str, capital| out.push(Word { text: text.to_owned(), start, end, capital });
    if let Some((_, parts)) = WHOLE.iter().find(|(whole, _)| *whole == lower) {
        parts.iter().for_each(|part| add(part, capital && *part == "i"));
        return;
    }
    for (suffix, word) in ENDS {
        if let Some(head) = lower.strip_suffix(suffix).filter(|head| !head.is_empty()) {
            add(head, capital);
            add(if *suffix == "'s" && IS_HEADS.contains(&head) { "is" } else { word }, false);
            return;
        }
    }
    add(&lower, capital);
}
