//! `Content`, the plaintext that is sealed.

use cubelog_memory::Content;

use super::{Reader, Writer};
use crate::error::DecodeError;

pub(crate) fn write_content(writer: &mut Writer<'_>, content: &Content) {
    writer.string(&content.text);
    writer.option_string(content.speaker.as_deref());
    writer.option_string(content.caption.as_deref());
    writer.option_string(content.session.as_deref());
    writer.option_string(content.source.as_deref());
}

pub(crate) fn read_content(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
    Ok(Content {
        text: reader.string("text")?.to_owned(),
        speaker: reader.option_string("speaker")?,
        caption: reader.option_string("caption")?,
        session: reader.option_string("session")?,
        source: reader.option_string("source")?,
    })
}
