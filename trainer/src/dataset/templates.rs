//! How a fact of each kind is said, and nine ways to ask for it. `{e}` is whom it is about, `{v}` the value, `{t}` the topic.

/// Changes with every change to a sentence or a question below, or to how they are chosen.
pub const VERSION: u32 = 1;

/// A kind of fact.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Its key: that of the attribute, before a slash.
    pub kind: &'static str,
    /// The fact as a sentence.
    pub sentence: &'static str,
    /// Ways to ask, none of which names the value.
    pub questions: [&'static str; 9],
}

/// How sentences are read that the reading of claims does not know, after a name: the words between it and the value, the
/// kind, and the topic where the kind has one.
pub const FORMS: &[(&str, &str, &str)] = &[
    ("lives in ", "home", ""),
    ("grew up in ", "hometown", ""),
    ("comes from ", "hometown", ""),
    ("was born in ", "birthplace", ""),
    ("was born on ", "birthday", ""),
    ("works as a ", "job", ""),
    ("works as an ", "job", ""),
    ("works at ", "employer", ""),
    ("works for ", "employer", ""),
    ("studies at ", "school", ""),
    ("studies ", "field", ""),
    ("plays the ", "plays", ""),
    ("is allergic to ", "allergy", ""),
    ("is married to ", "partner", ""),
    ("speaks ", "speaks", ""),
    ("collects ", "collects", ""),
    ("drives a ", "car", ""),
    ("drives an ", "car", ""),
];

/// What stands for a fact of no other kind. `{stem}` is the sentence up to the value.
pub const OTHER: Template = Template {
    kind: "other",
    sentence: "{stem} {v}.",
    questions: [
        "Finish this sentence: {stem} ...",
        "{stem} what?",
        "How does this go on: \"{stem} ...\"?",
        "Complete: {stem} ___",
        "I only remember how it begins: {stem} ... How does it end?",
        "{stem} ... what was it again?",
        "Fill in the gap: {stem} ____.",
        "Which words are missing here? {stem} ...",
        "Someone said \"{stem}\" and stopped there. What comes next?",
    ],
};

/// What asks for everything that is known of somebody.
pub const ABOUT: [&str; 6] = [
    "What do you know about {e}?",
    "{e}?",
    "Tell me about {e}.",
    "Who or what is {e}?",
    "Tell me something about {e}.",
    "Does the name {e} mean anything to you?",
];

/// What a question is wrapped in; `{q}` is the question.
pub const LEAD_INS: [&str; 12] = [
    "{q}",
    "{q}",
    "{q}",
    "I forgot. {q}",
    "{q} Please answer briefly.",
    "Quick question: {q}",
    "Hi! {q}",
    "Remind me: {q}",
    "Somebody asked me this today. {q}",
    "{q} One sentence is enough.",
    "Can you help me with something? {q}",
    "{q} I can't remember.",
];

/// The kinds.
pub const TEMPLATES: &[Template] = &[
    Template {
        kind: "home",
        sentence: "{e} lives in {v}.",
        questions: [
            "Where does {e} live?",
            "In which place does {e} have a home?",
            "What town or city does {e} live in?",
            "Do you know where {e} lives these days?",
            "{e} lives in which place?",
            "Tell me where {e} lives.",
            "What is {e}'s place of residence?",
            "If I wanted to visit {e} at home, where would I go?",
            "Which place does {e} call home?",
        ],
    },
    Template {
        kind: "hometown",
        sentence: "{e} grew up in {v}.",
        questions: [
            "Where did {e} grow up?",
            "In which place did {e} spend childhood?",
            "What is {e}'s hometown?",
            "Where does {e} come from?",
            "{e} grew up in which place?",
            "Tell me where {e} was raised.",
            "Which place did {e} grow up in?",
            "Do you know where {e} spent the early years?",
            "Where was {e} brought up?",
        ],
    },
    Template {
        kind: "birthplace",
        sentence: "{e} was born in {v}.",
        questions: [
            "Where was {e} born?",
            "What is {e}'s place of birth?",
            "In which town or city was {e} born?",
            "{e} was born in which place?",
            "Tell me where {e} was born.",
            "Do you know {e}'s birthplace?",
            "Which place is the birthplace of {e}?",
            "What place is named on {e}'s birth certificate?",
            "Where did {e} come into the world?",
        ],
    },
    Template {
        kind: "birthday",
        sentence: "{e}'s birthday is {v}.",
        questions: [
            "When is {e}'s birthday?",
            "On which day was {e} born?",
            "What is {e}'s date of birth?",
            "When does {e} celebrate a birthday?",
            "{e} was born on which date?",
            "Tell me when {e}'s birthday is.",
            "Which date is {e}'s birthday?",
            "Do you know on what day {e} has a birthday?",
            "When should I congratulate {e} on a birthday?",
        ],
    },
    Template {
        kind: "job",
        sentence: "{e} works as {v}.",
        questions: [
            "What does {e} do for a living?",
            "What is {e}'s job?",
            "What work does {e} do?",
            "What is the profession of {e}?",
            "{e} works as what?",
            "Tell me what {e} works as.",
            "What does {e} work as?",
            "Which occupation does {e} have?",
            "How does {e} earn money?",
        ],
    },
    Template {
        kind: "employer",
        sentence: "{e} works at {v}.",
        questions: [
            "Where does {e} work?",
            "Who employs {e}?",
            "What is the name of {e}'s employer?",
            "Which organisation does {e} work for?",
            "{e} works at which company?",
            "Tell me where {e} works.",
            "Which company is {e} employed at?",
            "Who is {e}'s employer?",
            "Where is {e} employed?",
        ],
    },
    Template {
        kind: "school",
        sentence: "{e} studies at {v}.",
        questions: [
            "Where does {e} study?",
            "Which school does {e} go to?",
            "What is the name of {e}'s school or university?",
            "At which place is {e} a student?",
            "{e} studies at which school?",
            "Tell me where {e} studies.",
            "Which school or university does {e} attend?",
            "Do you know where {e} goes to school?",
            "Where is {e} enrolled?",
        ],
    },
    Template {
        kind: "field",
        sentence: "{e} studies {v}.",
        questions: [
            "What does {e} study?",
            "What is {e}'s subject?",
            "Which subject is {e} studying?",
            "What is {e}'s field of study?",
            "{e} is a student of what?",
            "Tell me what {e} studies.",
            "What is {e} learning about at university?",
            "Do you know which subject {e} chose?",
            "In which field is {e} a student?",
        ],
    },
    Template {
        kind: "favourite",
        sentence: "{e}'s favourite {t} is {v}.",
        questions: [
            "What is {e}'s favourite {t}?",
            "Which {t} does {e} like best?",
            "What {t} does {e} prefer over all others?",
            "Do you know {e}'s favourite {t}?",
            "{e}'s favourite {t} is what?",
            "Tell me {e}'s favourite {t}.",
            "Of every {t}, which one is {e}'s favourite?",
            "Which {t} is the one that {e} loves most?",
            "If {e} could choose any {t}, which would it be?",
        ],
    },
    Template {
        kind: "name of",
        sentence: "{e}'s {t} is called {v}.",
        questions: [
            "What is the name of {e}'s {t}?",
            "What is {e}'s {t} called?",
            "How is {e}'s {t} called?",
            "What name does {e}'s {t} have?",
            "{e}'s {t} is called what?",
            "Tell me the name of {e}'s {t}.",
            "Which name did {e}'s {t} get?",
            "Do you know what {e}'s {t} is called?",
            "By what name does {e} call the {t}?",
        ],
    },
    Template {
        kind: "relation",
        sentence: "{e}'s {t} is {v}.",
        questions: [
            "Who is {e}'s {t}?",
            "What is the name of {e}'s {t}?",
            "Who is the {t} of {e}?",
            "Do you know who {e}'s {t} is?",
            "{e}'s {t} is who?",
            "Tell me who {e}'s {t} is.",
            "What is {e}'s {t} called?",
            "Which person is {e}'s {t}?",
            "By what name do people know {e}'s {t}?",
        ],
    },
    Template {
        kind: "partner",
        sentence: "{e} is married to {v}.",
        questions: [
            "Who is {e} married to?",
            "Who is {e}'s spouse?",
            "What is the name of {e}'s husband or wife?",
            "Whom did {e} marry?",
            "{e} is married to whom?",
            "Tell me who {e} is married to.",
            "Who is the person that {e} married?",
            "Do you know the name of {e}'s spouse?",
            "With whom does {e} share a marriage?",
        ],
    },
    Template {
        kind: "plays",
        sentence: "{e} plays the {v}.",
        questions: [
            "What instrument does {e} play?",
            "Which instrument does {e} play?",
            "What does {e} play?",
            "What is {e}'s musical instrument?",
            "{e} plays which instrument?",
            "Tell me what instrument {e} plays.",
            "On what instrument does {e} make music?",
            "Do you know which instrument {e} practises?",
            "If {e} joined our band, what would we hear from {e}?",
        ],
    },
    Template {
        kind: "allergy",
        sentence: "{e} is allergic to {v}.",
        questions: [
            "What is {e} allergic to?",
            "Which allergy does {e} have?",
            "What can {e} not tolerate because of an allergy?",
            "What should {e} avoid because of an allergy?",
            "{e} is allergic to what?",
            "Tell me what {e} is allergic to.",
            "To what does {e} have an allergy?",
            "Do you know about {e}'s allergy?",
            "What sets off {e}'s allergy?",
        ],
    },
    Template {
        kind: "speaks",
        sentence: "{e} speaks {v}.",
        questions: [
            "Which language does {e} speak?",
            "What language does {e} speak?",
            "What does {e} speak?",
            "In which language can one talk with {e}?",
            "{e} speaks which language?",
            "Tell me which language {e} speaks.",
            "Do you know what language {e} talks in?",
            "Which language is {e} able to speak?",
            "What language would {e} understand?",
        ],
    },
    Template {
        kind: "collects",
        sentence: "{e} collects {v}.",
        questions: [
            "What does {e} collect?",
            "What is in {e}'s collection?",
            "Which things does {e} collect?",
            "What kind of collection does {e} have?",
            "{e} collects what?",
            "Tell me what {e} collects.",
            "Do you know what {e} is collecting?",
            "What would one find in {e}'s collection?",
            "As a collector, what is {e} after?",
        ],
    },
    Template {
        kind: "car",
        sentence: "{e} drives a {v}.",
        questions: [
            "What car does {e} drive?",
            "Which car does {e} have?",
            "What does {e} drive?",
            "What kind of car belongs to {e}?",
            "{e} drives which car?",
            "Tell me what car {e} drives.",
            "Do you know which car is {e}'s?",
            "In what car does {e} get around?",
            "Which make of car does {e} use?",
        ],
    },
    Template {
        kind: "count",
        sentence: "{e} has {v} {t}.",
        questions: [
            "How many {t} does {e} have?",
            "What number of {t} does {e} have?",
            "How many {t} has {e} got?",
            "{e} has how many {t}?",
            "Tell me how many {t} {e} has.",
            "Do you know how many {t} belong to {e}?",
            "How many {t} are {e}'s?",
            "If I counted {e}'s {t}, how many would there be?",
            "What is the count of {t} that {e} owns?",
        ],
    },
    Template {
        kind: "age",
        sentence: "{e} is {v} years old.",
        questions: [
            "How old is {e}?",
            "What is {e}'s age?",
            "How many years old is {e}?",
            "Do you know {e}'s age?",
            "{e} is how old?",
            "Tell me how old {e} is.",
            "What age is {e}?",
            "How many years has {e} lived?",
            "Which age has {e} reached?",
        ],
    },
    Template {
        kind: "diet",
        sentence: "{e} follows a {v} diet.",
        questions: [
            "What diet does {e} follow?",
            "What does {e} eat?",
            "Which diet does {e} keep to?",
            "What kind of diet has {e} chosen?",
            "{e} follows which diet?",
            "Tell me what diet {e} follows.",
            "Do you know how {e} eats?",
            "If I cooked for {e}, which diet should I mind?",
            "How would you describe {e}'s eating?",
        ],
    },
];

/// The template of a kind; that of all others where it has none.
pub fn of(kind: &str) -> &'static Template {
    TEMPLATES.iter().find(|template| template.kind == kind).unwrap_or(&OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_names_whom_it_is_about_and_no_question_names_the_value() {
        for template in TEMPLATES {
            assert!(template.sentence.contains("{e}") && template.sentence.contains("{v}"), "{}", template.kind);
            for question in template.questions {
                assert!(question.contains("{e}") && !question.contains("{v}"), "{question}");
                assert!(!question.contains("{t}") || template.sentence.contains("{t}"), "{question}");
            }
            let mut questions = template.questions.to_vec();
            questions.sort_unstable();
            questions.dedup();
            assert_eq!(questions.len(), 9, "{} asks the same twice", template.kind);
        }
        for (_, kind, _) in FORMS {
            assert_eq!(of(kind).kind, *kind, "a form of an unknown kind");
        }
    }
}
