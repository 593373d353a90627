//! Which format a file has, told from its first bytes and, where these say nothing, from its name.

use super::Format;
use super::error::UnknownFormat;
use super::lines::BYTE_ORDER_MARK;

/// How much of a file's beginning is enough to look at, in bytes.
pub const DETECT_BYTES: usize = 64 * 1024;

/// Field names that only one format has near its top: those of a top-level object or of the objects in a top-level array.
const MARKS: [(&str, Format); 12] = [
    ("kind", Format::Jsonl),
    ("turn_id", Format::Jsonl),
    ("sample_id", Format::Locomo),
    ("qa", Format::Locomo),
    ("event_summary", Format::Locomo),
    ("session_summary", Format::Locomo),
    ("observation", Format::Locomo),
    ("role", Format::OpenAi),
    ("messages", Format::OpenAi),
    ("mapping", Format::ChatGpt),
    ("current_node", Format::ChatGpt),
    ("create_time", Format::ChatGpt),
];

/// Tells the format of the file called `file_name`, whose first bytes (at least [`DETECT_BYTES`] of a longer file) are `first`.
pub fn detect(first: &[u8], file_name: &str) -> Result<Format, UnknownFormat> {
    let first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
    if first.trim_ascii().is_empty() {
        return Err(UnknownFormat::Empty { file: file_name.to_owned() });
    }
    if let Some(format) = by_fields(first) {
        return Ok(format);
    }
    // A file that calls itself one object a line gets an error with a line number rather than none at all.
    let name = file_name.to_ascii_lowercase();
    if name.ends_with(".jsonl") || name.ends_with(".ndjson") {
        return Ok(Format::Jsonl);
    }
    Err(UnknownFormat::Content { file: file_name.to_owned() })
}

/// The format of the first marking field. The scan knows strings and brackets and no more: the bytes end anywhere.
fn by_fields(first: &[u8]) -> Option<Format> {
    let mut open = Vec::new();
    let mut text: Option<usize> = None;
    let mut last_text: &[u8] = &[];
    let mut escaped = false;
    for (index, byte) in first.iter().copied().enumerate() {
        if let Some(start) = text {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                last_text = &first[start..index];
                text = None;
            }
            continue;
        }
        match byte {
            b'"' => text = Some(index + 1),
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => drop(open.pop()),
            b':' if matches!(open.as_slice(), b"{" | b"[{") => {
                if let Some((_, format)) = MARKS.iter().find(|(name, _)| name.as_bytes() == last_text) {
                    return Some(*format);
                }
            }
            _ => {}
        }
    }
    None
}
