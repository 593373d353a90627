//! Questions and answers as the model reads and writes them.

use cubelog_model::ModelError;
use cubelog_model::text::{Message, Tokenizer};
use jiff::civil::DateTime;

/// A model's way of holding a conversation.
pub struct Talk<'a> {
    tokenizer: &'a Tokenizer,
}

impl<'a> Talk<'a> {
    /// That of a tokenizer; without a chat template a plain one is used.
    pub fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer }
    }

    /// The ids that a model reads before it answers a question.
    ///
    /// # Errors
    /// [`ModelError::Template`] or [`ModelError::Tokenize`].
    pub fn prompt(&self, question: &str) -> Result<Vec<u32>, ModelError> {
        match self.tokenizer.chat() {
            // Templates that ask for the date are told one and the same, so that a run can be repeated.
            Some(chat) => self.tokenizer.ids(&chat.render(&[Message::new("user", question)], true, DateTime::default())?),
            None => {
                let mut ids: Vec<u32> = self.tokenizer.begin().into_iter().collect();
                ids.extend(self.tokenizer.plain_ids(&format!("Question: {question}\nAnswer:"))?);
                Ok(ids)
            }
        }
    }

    /// The ids before the answer to a question that comes with a note.
    ///
    /// # Errors
    /// As [`prompt`](Self::prompt).
    pub fn prompt_with(&self, note: &str, question: &str) -> Result<Vec<u32>, ModelError> {
        self.prompt(&format!("{note}\n\n{question}"))
    }

    /// The ids of an answer, with the token that ends it.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`].
    pub fn answer(&self, words: &str) -> Result<Vec<u32>, ModelError> {
        let mut ids =
            self.tokenizer.plain_ids(&if self.tokenizer.chat().is_some() { words.to_owned() } else { format!(" {words}") })?;
        ids.extend(self.tokenizer.ends().first());
        Ok(ids)
    }

    /// The ids of a plain text.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`].
    pub fn plain(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.plain_ids(text)
    }

    /// What ids say.
    pub fn words(&self, ids: &[u32]) -> String {
        self.tokenizer.answer(ids).trim().to_owned()
    }

    /// Tokens that end an answer.
    pub fn ends(&self) -> &'a [u32] {
        self.tokenizer.ends()
    }
}
