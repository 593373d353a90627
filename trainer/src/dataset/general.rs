//! What has nothing to do with any memory: turns to replay against forgetting, probes of what must stay, and a text to measure
//! the general loss on. The three share nothing, so that what is measured was never trained.

/// Turns whose answers training keeps as the base gives them.
pub const REPLAY: &[&str] = &[
    "What is the capital of France?",
    "Explain in two sentences why the sky is blue.",
    "Write a short poem about autumn leaves.",
    "How do I boil an egg?",
    "What is 12 plus 30?",
    "Give me three ideas for a birthday present.",
    "What is photosynthesis?",
    "Who wrote Romeo and Juliet?",
    "Translate \"good morning\" into Spanish.",
    "What is the largest planet in our solar system?",
    "How can I sleep better?",
    "Summarise the story of Cinderella in two sentences.",
    "What does a carpenter do?",
    "Name four kinds of fruit.",
    "What is the difference between weather and climate?",
    "Write a polite email that asks for a day off.",
    "How does a bicycle stay upright?",
    "What is a good way to learn a language?",
    "Tell me a joke about computers.",
    "Why do cats purr?",
    "What is the boiling point of water?",
    "Describe a sunset at the beach.",
    "What should I cook with potatoes and cheese?",
    "Who was Albert Einstein?",
    "What is a prime number?",
    "How many days does a leap year have?",
    "Give me a tip for saving money.",
    "What causes the tides?",
    "Suggest a name for a small bakery.",
    "What is the past tense of \"go\"?",
    "How do vaccines work?",
    "What is the purpose of a library?",
    "Write one sentence that uses the word \"lantern\".",
    "Which ocean is the deepest?",
    "How do I remove a coffee stain?",
    "What is gravity?",
    "List the colours of the rainbow.",
    "What is a healthy breakfast?",
    "Who painted the Mona Lisa?",
    "What is the opposite of generous?",
    "How does a refrigerator keep food cold?",
    "What is the meaning of the word \"brief\"?",
    "Give me a short exercise for the back.",
    "What do bees make?",
    "What is an atom?",
    "Why is reading good for children?",
    "How far is the moon from the earth?",
    "What is the currency of Japan?",
];

/// Turns whose answers must stay as they were, and are never replayed.
pub const PROBES: &[&str] = &[
    "What is the capital of Italy?",
    "How do plants drink water?",
    "Who wrote Hamlet?",
    "What is 7 times 8?",
    "Give me two tips for a job interview.",
    "What is the longest river in Africa?",
    "Why do leaves fall in autumn?",
    "Write a sentence about a quiet harbour.",
    "What does a nurse do?",
    "How is bread made?",
    "Who was Marie Curie?",
    "What is a volcano?",
    "Where does the polar bear live?",
    "What language do people speak in Brazil?",
    "What instrument has 88 keys?",
    "How many legs does a spider have?",
];

/// Prose written for this purpose. It is scored token by token and never trained on.
pub const TEXT: &[&str] = &[
    "Rivers are older than the roads beside them. Long before anyone drew a map, water found the lowest way through the hills, carried \
     stones from the mountains to the plain, and left behind the fertile ground on which the first villages were built. People followed \
     the river because it gave them fish, clay for their pots and a path for their boats. In dry years they dug channels from it to \
     their fields, and in wet years they raised banks to keep it out. Much of early law concerned who could take how much water, and \
     when, for a neighbour upstream has power over everyone who lives below him.",
    "A clock does nothing but count something that repeats. In a pendulum clock it is the swing of a weight, in a wristwatch the trembling \
     of a small crystal, in an atomic clock the light that certain atoms absorb. The more often the thing repeats in a second, and the \
     less it is disturbed by heat and movement, the better the clock. Sailors needed good clocks to know how far east or west they had \
     come, because the sun stands highest at a different moment in every place. A clock that lost a few seconds each day could put a ship \
     many miles off its course after a month at sea.",
    "When bread dough is left in a warm place, yeast begins to feed on the sugar in the flour and gives off gas. The gas cannot escape, \
     because kneading has turned the proteins of the wheat into a net that stretches like rubber. The bubbles grow, and the dough \
     rises. In the oven the gas expands once more, then the heat sets the walls of the bubbles, and the loaf keeps its shape when it \
     cools. Too little kneading gives a flat loaf, too much time gives one that falls in on itself, and the baker learns by touch when \
     the dough is ready.",
    "The library opened at nine, but by half past eight there were usually a few people on the steps. One of them read the newspapers in \
     the order in which they were laid out. Another came for the warmth and was honest about it. Children arrived after school in groups \
     and had to be reminded to whisper. The librarian knew that some books were borrowed only because somebody had returned them a \
     minute earlier, and she placed the ones she liked on the returns trolley for that reason.",
    "Insurance works because what is uncertain for one person is nearly certain for many. Nobody can say whether a particular house will \
     burn this year, but of a hundred thousand houses about the same number burn every year. If each owner pays a little more than \
     the average loss, there is enough to rebuild every house that does burn. The arrangement fails when many losses come together, as \
     in a flood, or when people who know that their risk is high are the only ones who join.",
];
