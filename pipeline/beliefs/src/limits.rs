//! Every threshold of this crate, with its unit and its reason, in one place.

/// Bytes of a text that are read for claims; the rest of a very long text is not. Claims stand in turns, not in documents.
pub const READ_BYTES_MAX: usize = 8_000;
/// Claims that are taken from one text; nobody says more about themselves in one breath, but a list pasted ten times does.
pub const CLAIMS_MAX: usize = 100;
/// Words of a sentence; what runs on longer is cut there, so that a text costs no more than its length.
pub const SENTENCE_WORDS_MAX: usize = 120;
/// Words that a value or a topic may have. Longer captures are sentences, not values.
pub const VALUE_WORDS_MAX: usize = 6;

/// Words that what is liked may have, with its relative clause.
pub const TOPIC_WORDS_MAX: usize = 12;

/// Days for which a stay somewhere is believed when no end was said.
pub const STAY_DAYS: i64 = 14;

/// Confidence of a plainly asserted claim of somebody about themselves.
pub const PLAIN: f32 = 0.9;
/// The same after a hedge ("I think", "probably").
pub const HEDGED: f32 = 0.5;
/// Factor for what somebody says about somebody else.
pub const ABOUT_OTHERS: f32 = 0.8;
/// Factor for a fact announced for the future with a date.
pub const ANNOUNCED: f32 = 0.8;
/// Texts of more bytes are likely pasted (articles, transcripts, prompts): their "I" need not be the speaker.
pub const PASTED_BYTES: usize = 1_500;
/// Factor for claims in such a text.
pub const FROM_PASTED: f32 = 0.6;
/// A current belief below this goes to the review list.
pub const REVIEW_BELOW: f32 = 0.6;

/// Bits of 64 by which the SimHashes of near duplicates may differ.
pub const NEAR_BITS_MAX: u32 = 6;
/// Cosine above which two texts without different words are the same statement, reworded. MiniLM gives sentences that differ in
/// one decisive word 0.9 and more, so a cosine alone never decides.
pub const RESTATED_COSINE_MIN: f32 = 0.92;
/// Cosine below which texts with the same claims are still no duplicates: they say much else.
pub const SAME_CLAIMS_COSINE_MIN: f32 = 0.55;
/// Without a cosine: share of all content words that texts with the same claims must have in common.
pub const SAME_CLAIMS_OVERLAP_MIN: f32 = 0.3;

/// Turns of one session between which a turn that is said again counts as sent twice.
pub const TURN_WINDOW: u64 = 10;
/// Words below which a turn may well be said twice: "yes", "thank you so much".
pub const TURN_WORDS_MIN: usize = 5;
/// Days between which two statements of an event may be about the same one.
pub const OCCASION_DAYS: i64 = 1;
