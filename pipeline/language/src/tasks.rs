//! What people are busy with when they say something, told by their words: the first level of where a memory belongs.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::words::{Term, stem};

/// A task and the words that tell of it, one list a line; words that tell of many things are in none. The order decides nothing but
/// between tasks of which a text tells equally much: then the one that it names first.
const TASKS: &[(&str, &str)] = &[
    (
        "work",
        "work job boss manager colleague coworker office career employer interview salary promotion deadline meeting client \
         customer project startup business company shift resume presentation freelance hire hired contract marketing sales \
         networking internship profession retail store inventory product launch team teammate report stakeholder",
    ),
    (
        "study",
        "school college university class course degree exam homework study studying student teacher professor lecture thesis \
         essay tutor lesson curriculum semester grade graduate learn learning workshop certification scholarship language \
         grammar vocabulary physics chemistry biology mathematics history textbook",
    ),
    (
        "family",
        "family mom mum mother dad father parent sister brother son daughter kid child children baby grandmother grandma \
         grandfather grandpa aunt uncle cousin nephew niece husband wife spouse marriage married wedding pregnant adoption \
         sibling toddler parenting",
    ),
    (
        "friends",
        "friend friendship boyfriend girlfriend partner date dating roommate flatmate neighbour neighbor breakup relationship \
         party hangout reunion crush",
    ),
    (
        "home",
        "home house apartment flat rent landlord mortgage kitchen bedroom bathroom furniture sofa decor decorate renovate \
         renovation clean cleaning laundry appliance moving garage basement chores storage declutter",
    ),
    (
        "health",
        "health doctor hospital clinic medicine medication pill surgery illness sick disease pain injury allergy allergic \
         therapy therapist anxiety depression stress sleep insomnia diagnosis symptom dentist nurse diet weight blood headache \
         mental wellness meditation mindfulness recovery counseling counselling vaccine vitamin",
    ),
    (
        "sport",
        "sport gym workout exercise fitness run running marathon race swim swimming yoga football soccer basketball tennis \
         baseball cricket hockey golf cycling bike climbing skiing surfing boxing training coach match tournament league \
         athlete stretching cardio skate volleyball",
    ),
    (
        "food",
        "food cook cooking recipe dinner lunch breakfast meal restaurant bake baking cake bread pizza pasta sushi vegetarian \
         vegan coffee tea wine beer chocolate cheese chicken fish meat salad soup dessert snack ingredient spice cuisine taste \
         delicious eat drink fruit vegetable sauce",
    ),
    (
        "travel",
        "travel trip vacation holiday flight airport plane hotel hostel passport visa luggage itinerary tour tourist abroad \
         cruise beach roadtrip destination sightseeing airline train souvenir backpacking resort",
    ),
    (
        "culture",
        "music song band concert album guitar piano violin singing singer movie film series show actor director book novel \
         author read reading poem poetry painting paint art artist museum gallery theater theatre dance dancing photography \
         photo camera pottery sculpture drawing craft exhibition podcast writing screenplay opera festival festivals",
    ),
    (
        "play",
        "game gaming gamer videogame console playstation xbox nintendo chess puzzle boardgame card hobby collect collection \
         lego anime comic",
    ),
    (
        "technology",
        "computer laptop phone software app code coding programming developer website internet algorithm robot data database \
         server python javascript device gadget camera drone ai model machine cloud security bug api network",
    ),
    (
        "money",
        "money budget saving savings invest investment stock bank loan debt tax insurance pay payment price cost expense income \
         shopping buy bought sell purchase pension credit dollar euro fund funding",
    ),
    (
        "nature",
        "nature hike hiking camping mountain forest lake river ocean sea sunset sunrise garden gardening plant flower tree \
         weather snow rain animal wildlife bird park environment climate sustainability recycle",
    ),
    ("pets", "pet dog cat puppy kitten vet leash hamster rabbit parrot turtle aquarium horse"),
    (
        "community",
        "community volunteer volunteering charity donate donation church faith prayer god religion temple mosque politics \
         election vote protest rights equality pride lgbtq homeless shelter veteran activism nonprofit awareness council",
    ),
    (
        "plans",
        "plan schedule calendar appointment reminder goal deadline milestone organize resolution priority routine agenda \
         checklist",
    ),
];

/// Where nothing tells of a task: people just talk.
pub const TALK: &str = "talk";

static BY_STEM: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let mut stems = HashMap::new();
    for (number, (_, words)) in TASKS.iter().enumerate() {
        for word in words.split_ascii_whitespace() {
            stems.entry(stem(word)).or_insert(number);
        }
    }
    stems
});

/// The words for all tasks.
pub fn all() -> impl Iterator<Item = &'static str> {
    TASKS.iter().map(|(task, _)| *task).chain([TALK])
}

/// The task that most different words of a text tell of, with the first of these words; `None` where no word tells of any.
pub fn task(terms: &[Term]) -> Option<(&'static str, &Term)> {
    // Per task: how many different words, and the first of them.
    let mut told: Vec<(usize, Vec<&Term>)> = Vec::new();
    for term in terms.iter().filter(|term| !term.stop) {
        let Some(number) = BY_STEM.get(term.stem.as_str()) else { continue };
        match told.iter_mut().find(|(task, _)| task == number) {
            Some((_, words)) if words.iter().any(|word| word.stem == term.stem) => {}
            Some((_, words)) => words.push(term),
            None => told.push((*number, vec![term])),
        }
    }
    let most = told.iter().map(|(_, words)| words.len()).max()?;
    let (number, words) = told.into_iter().find(|(_, words)| words.len() == most)?;
    Some((TASKS[number].0, *words.first()?))
}
