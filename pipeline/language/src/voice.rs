//! How a text is said: whether it asks, and whether it speaks of its speaker.

use crate::sentence::sentences;
use crate::words::{fold, words};

/// How a text is said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Voice {
    /// Share of its words that stand in questions, 0 to 1.
    pub questions: f32,
    /// Its words.
    pub words: u32,
}

/// Reads how a text is said.
pub fn read(text: &str) -> Voice {
    let (mut all, mut asking) = (0u32, 0u32);
    for sentence in sentences(text) {
        let count = words(sentence).count() as u32;
        all += count;
        if sentence.ends_with(['?', '？']) {
            asking += count;
        }
    }
    Voice { questions: if all == 0 { 0.0 } else { asking as f32 / all as f32 }, words: all }
}

/// Whether a text speaks of whoever says it: "I", "my", "we".
pub fn is_own(text: &str) -> bool {
    words(text).any(|word| {
        // The country is nobody's own.
        if word.text == "US" {
            return false;
        }
        let folded = fold(word.text);
        let bare = folded.split('\'').next().unwrap_or_default();
        matches!(bare, "i" | "my" | "me" | "we" | "our" | "us" | "mine" | "ours")
    })
}

/// Whether a speaker's name is that of a program.
pub fn is_assistant(speaker: &str) -> bool {
    matches!(fold(speaker.trim()).as_str(), "assistant" | "ai" | "bot" | "agent" | "system" | "chatgpt" | "model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_counted_by_their_words() {
        assert_eq!(read("How are you? I went to the sea."), Voice { questions: 3.0 / 8.0, words: 8 });
        assert_eq!(read("").questions, 0.0);
        assert_eq!(read("¿Qué tal?！"), Voice { questions: 1.0, words: 2 });
    }

    #[test]
    fn who_speaks_of_themselves() {
        assert!(is_own("What did I say?") && is_own("we're late") && !is_own("It is in Iowa") && !is_own("Image: US map of Io"));
        assert!(is_assistant("Assistant") && !is_assistant("Ana"));
    }
}
