//! Importers: bytes of a conversation file in, turns and questions out. Pure parsing, one item at a time, no clock.

mod chatgpt;
mod detect;
mod documents;
mod error;
mod fields;
mod jsonl;
mod lines;
mod locomo;
mod openai;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{BufRead, Chain, Cursor, Read};

use cubelog_memory::Timestamp;

pub use self::detect::{DETECT_BYTES, detect};
pub use self::documents::DOCUMENT_BYTES_MAX;
pub use self::error::{ImportError, ImportErrorKind, UnknownFormat};

use self::documents::{Document, Documents};
use self::lines::Lines;

/// The forms that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Cubelog's own: one turn or question a line.
    Jsonl,
    /// LoCoMo's published JSON: an array of conversations with their sessions and questions.
    Locomo,
    /// OpenAI chat messages: an array of messages, `{"messages": [...]}`, or one of these a line.
    OpenAi,
    /// `conversations.json` of a ChatGPT export.
    ChatGpt,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::Jsonl, Format::Locomo, Format::OpenAi, Format::ChatGpt];

    /// The name that commands use.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Locomo => "locomo",
            Format::OpenAi => "openai",
            Format::ChatGpt => "chatgpt",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| UnknownFormat::Name { name: text.chars().take(64).collect() })
    }
}

/// One turn as its source has it; nothing is checked yet beyond its form (the limits on content are the ingest's to hold).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TurnInput {
    pub conversation: String,
    pub session: Option<String>,
    /// The source's own id, unique within the conversation.
    pub turn_id: String,
    pub speaker: Option<String>,
    /// When it was said, by the source's account; sources need not be in time order.
    pub at: Option<Timestamp>,
    pub text: String,
    /// Describes an image that was shared with the text.
    pub caption: Option<String>,
    /// Place among the turns of the stream, from 0.
    pub index: u64,
    /// Line of the source, from 1; in a JSON array the line where the turn's element begins.
    pub line: u64,
}

/// One question with its known answer, kept as the source has it for evaluation; never part of a memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuestionInput {
    pub conversation: String,
    pub id: Option<String>,
    pub question: String,
    /// Absent where the right answer is that nothing is known.
    pub answer: Option<String>,
    pub category: Option<String>,
    /// Turn ids that hold the answer.
    pub evidence: Vec<String>,
    /// The evidence after a later audit of the labels, where there was one.
    pub evidence_audited: Option<Vec<String>>,
    pub asked_at: Option<Timestamp>,
    /// Only sessions before this one may be searched: the question was asked inside the stream.
    pub before_session: Option<String>,
    /// What was said just before the question, one turn a line.
    pub context: Vec<String>,
    /// Answers to choose from, with the place of the right one.
    pub choices: Vec<String>,
    pub choice: Option<u64>,
    pub line: u64,
}

/// What a conversation file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Turn(TurnInput),
    Question(QuestionInput),
}

/// What the reader of a file knows and the file itself may not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Name for a conversation that carries none, usually the file's stem; the second such one gets `-2` behind it, and so on.
    pub conversation: String,
}

/// Reads a file item by item. An error stands for one bad item and reading goes on behind it, except that after an I/O
/// error there is nothing more: the caller decides whether the first error ends the import.
pub struct Importer<R: BufRead> {
    source: Source<R>,
    parser: Parser,
    ready: VecDeque<Result<Item, ImportError>>,
    turns: u64,
}

/// The beginning of the file may have been read to look at it; it is chained back in front.
type Input<R> = Chain<Cursor<Vec<u8>>, R>;

enum Source<R: BufRead> {
    Unopened(R),
    Lines(Lines<Input<R>>),
    Documents(Documents<Input<R>>),
    Ended,
}

enum Parser {
    Jsonl,
    Locomo,
    OpenAi(openai::Chats),
    ChatGpt,
}

impl<R: BufRead> Importer<R> {
    pub fn new(reader: R, format: Format, options: ImportOptions) -> Self {
        let parser = match format {
            Format::Jsonl => Parser::Jsonl,
            Format::Locomo => Parser::Locomo,
            Format::OpenAi => Parser::OpenAi(openai::Chats::new(options.conversation)),
            Format::ChatGpt => Parser::ChatGpt,
        };
        Self { source: Source::Unopened(reader), parser, ready: VecDeque::new(), turns: 0 }
    }

    /// Puts the items of the next line or document into `ready`; false at the end of the source.
    fn read_more(&mut self) -> bool {
        match &mut self.source {
            Source::Unopened(_) => self.open(),
            Source::Lines(lines) => match lines.next_line() {
                None => self.source = Source::Ended,
                Some(Err(error)) => self.refuse(error),
                Some(Ok((line, text))) => match &mut self.parser {
                    Parser::Jsonl => self.ready.push_back(jsonl::parse(text, Document::whole(line))),
                    Parser::OpenAi(chats) => chats.read(text, Document::whole(line), &mut self.ready),
                    // The other two forms are never read by lines.
                    Parser::Locomo | Parser::ChatGpt => self.source = Source::Ended,
                },
            },
            Source::Documents(documents) => match documents.next_document() {
                None => self.source = Source::Ended,
                Some(Err(error)) => self.refuse(error),
                Some(Ok((document, text))) => match &mut self.parser {
                    Parser::Jsonl => self.ready.push_back(jsonl::parse(text, document)),
                    Parser::Locomo => locomo::read(text, document, &mut self.ready),
                    Parser::OpenAi(chats) => chats.read(text, document, &mut self.ready),
                    Parser::ChatGpt => chatgpt::read(text, document, &mut self.ready),
                },
            },
            Source::Ended => return false,
        }
        true
    }

    /// Chooses between reading by lines and reading by documents, which for chat messages only the first line can tell.
    fn open(&mut self) {
        let Source::Unopened(mut reader) = std::mem::replace(&mut self.source, Source::Ended) else { return };
        let mut head = Vec::new();
        let by_lines = match self.parser {
            Parser::Jsonl => true,
            Parser::OpenAi(_) => match openai::is_by_lines(&mut reader, &mut head) {
                Ok(by_lines) => by_lines,
                Err(error) => return self.refuse(error),
            },
            Parser::Locomo | Parser::ChatGpt => false,
        };
        let input = Cursor::new(head).chain(reader);
        self.source = if by_lines { Source::Lines(Lines::new(input)) } else { Source::Documents(Documents::new(input)) };
    }

    fn refuse(&mut self, error: ImportError) {
        if matches!(error.kind, ImportErrorKind::Read { .. }) {
            self.source = Source::Ended;
        }
        self.ready.push_back(Err(error));
    }
}

impl<R: BufRead> Iterator for Importer<R> {
    type Item = Result<Item, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            if !self.read_more() {
                return None;
            }
        }
        let mut item = self.ready.pop_front();
        if let Some(Ok(Item::Turn(turn))) = &mut item {
            turn.index = self.turns;
            self.turns += 1;
        }
        item
    }
}
