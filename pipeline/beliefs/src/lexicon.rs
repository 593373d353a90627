//! Word lists that keep the rules precise: occupations, kin, what is no value.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// The entries of a list written as one text, apart by ", ".
pub fn words_of(list: &str) -> impl Iterator<Item = &str> {
    list.split(", ")
}

pub fn listed(list: &'static str, word: &str) -> bool {
    // Lists are long and asked for every word of every text, so each is taken apart once. A list is known by where it lies, which
    // is enough: its text lives as long as the program.
    SETS.with_borrow_mut(|sets| {
        sets.entry((list.as_ptr(), list.len())).or_insert_with(|| words_of(list).collect()).contains(word)
    })
}

type Sets = HashMap<(*const u8, usize), HashSet<&'static str>>;

thread_local! {
    static SETS: RefCell<Sets> = RefCell::default();
}

/// Last words of occupations. Endings that nearly always name one are tested apart.
const OCCUPATIONS: &str = "\
    accountant, actor, actress, agent, analyst, architect, artist, assistant, astronaut, attorney, author, baker, banker, \
    barber, barista, bartender, biologist, bookkeeper, bricklayer, broker, builder, butcher, captain, caregiver, carer, \
    carpenter, cashier, chef, chemist, clerk, coach, composer, consultant, contractor, cook, counsellor, counselor, \
    courier, curator, dancer, dealer, dentist, designer, detective, developer, director, doctor, doula, draftsman, driver, \
    ecologist, economist, editor, electrician, engineer, entrepreneur, farmer, filmmaker, florist, freelancer, gardener, \
    geologist, guard, guide, hairdresser, historian, illustrator, inspector, instructor, intern, interpreter, investor, \
    janitor, jeweller, journalist, judge, laborer, labourer, landscaper, lawyer, lecturer, librarian, lifeguard, \
    machinist, manager, masseur, mathematician, mechanic, midwife, miner, model, musician, nanny, nurse, nutritionist, \
    officer, operator, optician, painter, paralegal, paramedic, pharmacist, photographer, physician, physicist, \
    physiotherapist, pilot, plumber, poet, politician, porter, principal, producer, professor, programmer, psychiatrist, \
    psychologist, realtor, receptionist, recruiter, reporter, researcher, roofer, sailor, scientist, sculptor, secretary, \
    server, singer, soldier, solicitor, statistician, steward, stewardess, student, supervisor, surgeon, surveyor, tailor, \
    teacher, technician, therapist, trader, trainer, translator, tutor, vet, veterinarian, waiter, waitress, welder, \
    worker, writer";

const OCCUPATION_ENDINGS: &[&str] = &["ologist", "ographer", "smith", "sman", "swoman", "keeper", "maker", "ician", "therapist"];

pub fn is_occupation(word: &str) -> bool {
    let one = crate::normal::singular(word);
    listed(OCCUPATIONS, one.as_str()) || (one.len() > 6 && OCCUPATION_ENDINGS.iter().any(|end| one.ends_with(end)))
}

/// People somebody speaks of as "my ...".
const PEOPLE: &str = "\
    mother, father, mum, mom, dad, sister, brother, son, daughter, wife, husband, partner, girlfriend, boyfriend, fiance, \
    fiancé, fiancee, fiancée, friend, boss, manager, colleague, coworker, neighbour, neighbor, uncle, aunt, cousin, \
    nephew, niece, grandmother, grandfather, grandma, grandpa, roommate, flatmate, housemate, teacher, doctor, therapist, \
    dentist, coach, landlord, mentor, kid, baby, stepson, stepdaughter, twin, ex, nan, granddaughter, grandson, tutor, \
    trainer, assistant, supervisor, advisor, hubby, buddy, mate, child";
const PETS: &str = "\
    dog, cat, puppy, kitten, horse, parrot, hamster, rabbit, bunny, tortoise, turtle, goldfish, fish, bird, snake, lizard, \
    pony, budgie, pet, company, band, boat, team, school, startup, project";
/// What may stand before a person: "my older sister", "my best friend".
pub const KIN_ADJECTIVES: &str = "\
    older, elder, younger, little, big, best, new, old, eldest, oldest, youngest, late, twin, close, current, former";

pub fn is_person(word: &str) -> bool {
    listed(PEOPLE, word)
}

pub fn is_kin(word: &str) -> bool {
    is_person(word) || listed(PETS, word)
}

pub const DIETS: &[&str] =
    &["vegetarian", "vegan", "pescatarian", "flexitarian", "keto", "omnivore", "halal", "kosher", "veggie"];
pub const MARITAL: &[&str] = &["single", "married", "divorced", "engaged", "widowed", "separated"];
pub const LANGUAGES: &str = "\
    english, spanish, french, german, italian, portuguese, dutch, russian, polish, ukrainian, turkish, arabic, hebrew, \
    hindi, urdu, bengali, chinese, mandarin, cantonese, japanese, korean, vietnamese, thai, swahili, greek, swedish, \
    norwegian, danish, finnish, czech, hungarian, romanian";
pub const DRUGS: &[&str] = &[
    "antibiotics",
    "antidepressants",
    "medication",
    "painkillers",
    "insulin",
    "ibuprofen",
    "steroids",
    "statins",
    "melatonin",
    "vitamins",
    "metformin",
];
pub const OFTEN: &[&str] = &["every", "daily", "regularly", "often", "weekly", "twice", "marathons", "three"];

/// What never begins a topic, an employer or a thing: it points elsewhere.
pub const POINTERS: &str = "\
    it, that, this, you, him, her, them, me, us, how, what, when, where, why, who, which, your, his, their, to, being, \
    having, everything, anything, nothing, something, someone, everyone, one, i, we, he, she, they, there, here, myself, \
    yourself, seeing, hearing, every, if, those, these, its";
/// What follows "have a" without being had.
pub const NO_THINGS: &str = "\
    question, lot, bit, feeling, good, great, nice, bad, problem, idea, meeting, look, chat, talk, plan, chance, time, \
    day, week, weekend, reason, hard, tough, crush, cold, headache, favour, favor, break, point, hunch, thing, sense, \
    strong, real, job, new job, allergy, aversion, date, call, blast, rest, minute, moment, second, drink, coffee, shower, \
    nap, walk, try, say, choice, clue, soft, few, couple, bunch, fun, busy, party, dream, goal, passion, big, long, \
    degree, appointment";
/// Counted, but only for a while or in passing.
pub const NO_COUNTS: &str = "\
    meeting, question, thing, minute, hour, day, week, month, year, more, idea, reason, problem, option, other, time, \
    clue, doubt, choice, way, word, issue, task, appointment, exam, deadline, tip, thought, percent, interest, plan, \
    regret, trouble, energy, longer, chance, point";
/// Not places, though they follow "in" or "to" with a capital.
pub const NO_PLACES: &str = "\
    i, the, a, an, my, monday, tuesday, wednesday, thursday, friday, saturday, sunday, january, february, march, april, \
    may, june, july, august, september, october, november, december, english, god, it, this, that, ai, tech, it's";
/// Not employers, though they follow "work at" or "work for".
pub const NO_EMPLOYERS: &str = "\
    home, night, nights, least, moment, once, all, me, myself, free, money, now, work, office, noon, school, weekends, \
    company, place, group, project, team, someone, people, hours, years, long, time, job, position, change, peace, best, \
    real";

/// What is had for long, so that "I have a ..." is a possession and not an occasion.
const DURABLE: &str = "\
    accordion, aquarium, balcony, banjo, basement, bass, bike, boat, cabin, camera, campervan, camper, car, caravan, cat, \
    cello, chicken, clarinet, computer, console, cottage, cow, dishwasher, dog, donkey, drone, dryer, drum kit, fireplace, \
    flat, flute, freezer, garage, garden, goat, goldfish, greenhouse, guitar, gym, hamster, harp, horse, house, ipad, \
    iphone, kayak, kitten, laptop, lizard, motorbike, motorcycle, moped, oven, parrot, pet, phone, piano, pony, pool, \
    printer, rabbit, sailboat, saxophone, scooter, sewing machine, smartphone, smartwatch, snake, surfboard, tablet, \
    telescope, tent, tortoise, tractor, trampoline, truck, trumpet, turtle, tv, van, violin, washing machine, yacht, xbox, \
    playstation, e-bike, tattoo, visa, mortgage, driving licence, passport, pension, scholarship, beard";

pub fn is_durable(thing: &str) -> bool {
    words_of(DURABLE).any(|word| thing == word || thing.ends_with(word) && thing[..thing.len() - word.len()].ends_with(' '))
}

/// Topics that carry "the" though they are general: "I love the sea".
pub const GENERAL_THE: &str = "\
    sea, beach, outdoors, mountains, mountain, countryside, theatre, theater, gym, cinema, city, rain, cold, heat, ocean, \
    sun, snow, summer, winter, autumn, forest, woods, water, smell, taste, sound, dark, cello, piano, guitar, violin, \
    opera, ballet, dentist, internet, beatles, seaside, lake, wilderness, holidays";
/// Words that take over a sentence as its subject.
pub const SUBJECTS: &str = "i, we, he, she, they, you, it, who, that, which, people, everyone, my";
/// Pronouns that make a phrase depend on what was said before.
pub const PRONOUNS: &[&str] =
    &["it", "them", "him", "her", "you", "me", "us", "your", "this", "these", "those", "his", "their", "its"];
