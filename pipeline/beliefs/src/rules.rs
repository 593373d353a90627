//! The written rules, as tables: how people say where they live, what they do, like, have, are called. Edit here to teach more.
//!
//! A pattern is words in order. `a|b` is either, a trailing `?` makes a word optional, `{slot}` captures. Adverbs, auxiliaries and
//! negations between words are passed over and noted. A target is a key (see `Attribute::from_key`), with `=` and the value where
//! the answer is not yes or no; several are joined by `;`.

/// One rule: pattern, targets, effects.
pub struct Rule(pub &'static str, pub &'static str, pub &'static [Effect]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is a change by itself: "moved", "quit".
    Change,
    /// It denies or ends what it names.
    Deny,
    /// Its verb is in the past, and what it says over unless a time says otherwise.
    Over,
    /// Its verb is in the past, but what it says lasts: "was born", "moved".
    Lasting,
    /// Announced rather than so: believed from its date on, a plan without one.
    Announced,
}
use Effect::{Announced, Change, Deny, Lasting, Over};

/// What follows a subject: "I", "we", "Carla", "my sister".
pub const SUBJECT: &[Rule] = &[
    // Places.
    Rule("live|lives|living|reside|resides|residing in|at {place}", "home={place}", &[]),
    Rule("am|is|are based|settled in {place}", "home={place}", &[]),
    Rule("lived|resided in {place}", "home={place}", &[Over]),
    Rule("moved|relocated back|over|down|up? to {place}", "home={place}", &[Change, Lasting]),
    Rule("moved|relocated from {_} to {place}", "home={place}", &[Change, Lasting]),
    Rule("settled in {place}", "home={place}", &[Change, Lasting]),
    Rule("move|moving|relocating back|over? to {place}", "home={place}", &[Change, Announced]),
    Rule("moved away|out from|of {place}", "home={place}", &[Change, Lasting, Deny]),
    Rule("grew up in {place}", "hometown={place}", &[Lasting]),
    Rule("was|were raised in {place}", "hometown={place}", &[Lasting]),
    Rule("come|comes|am|is|are originally? from {place}", "hometown={place}", &[]),
    Rule("was|were born in {place}", "birthplace={place}", &[Lasting]),
    Rule("was|were born and raised in {place}", "birthplace={place};hometown={place}", &[Lasting]),
    Rule("am|is|are visiting|touring {place}", "travel={place}", &[]),
    Rule("am|is|are staying|travelling|traveling|holidaying in|to|at {place}", "travel={place}", &[]),
    Rule("am|is|are on holiday|vacation in {place}", "travel={place}", &[]),
    // Work and study.
    Rule("work|works|working part-time|full-time? at|for {org}", "employer={org}", &[]),
    Rule("work|works|working as a|an? {job}", "job={job}", &[]),
    Rule("work|works|working as a|an? {job} at|for {org}", "job={job};employer={org}", &[]),
    Rule("work|works|working at|for {org} as a|an? {job}", "job={job};employer={org}", &[]),
    Rule("worked at|for {org}", "employer={org}", &[Over]),
    Rule("worked as a|an? {job}", "job={job}", &[Over]),
    Rule("am|is|are employed by|at {org}", "employer={org}", &[]),
    Rule("am|is|are|became a|an? {job}", "job={job}", &[]),
    Rule("am|is|are a|an? {job} at|for {org}", "job={job};employer={org}", &[]),
    Rule("am|is|are a|an? {job} with {company}", "job={job};employer={company}", &[]),
    Rule("became a|an? {job}", "job={job}", &[Change, Lasting]),
    Rule("got promoted to {job}", "job={job}", &[Change, Lasting]),
    Rule("got a|my new? job|position as a|an? {job}", "job={job}", &[Change, Lasting]),
    Rule("got|landed|took|started|have a|my new? job|position at|with {org}", "employer={org}", &[Change, Lasting]),
    Rule("joined {company}", "employer={company}", &[Change, Lasting]),
    Rule("started working? at|with|for {company}", "employer={company}", &[Change, Lasting]),
    Rule("start|starting working? at|with {company}", "employer={company}", &[Change, Announced]),
    Rule("quit|quitted|resigned|left|lost from? my? job|position at|with {org}", "employer={org}", &[Change, Lasting, Deny]),
    Rule("quit|left|resigned|lost from? my job|position", "employer=;job=", &[Change, Lasting, Deny]),
    Rule("quit|resigned from {company}", "employer={company}", &[Change, Lasting, Deny]),
    Rule("quit|left {company}", "employer={company}", &[Change, Lasting, Deny]),
    Rule("got|was|were|am|been fired|sacked|dismissed from|by? {org?}", "employer={org?}", &[Change, Lasting, Deny]),
    Rule("got|was|were|am|been laid off from|by? {org?}", "employer={org?}", &[Change, Lasting, Deny]),
    Rule("got|was|were|am|been made redundant by? {org?}", "employer={org?}", &[Change, Lasting, Deny]),
    Rule("got|was|were|am|been let go from|by {org}", "employer={org}", &[Change, Lasting, Deny]),
    Rule("retired", "job=retired;employer=", &[Change, Lasting]),
    Rule("am|is|are retired", "job=retired;employer=", &[]),
    Rule("go|goes to {school}", "school={school}", &[]),
    Rule("attend|attends|attending {school}", "school={school}", &[]),
    Rule("am|is a student at {school}", "school={school}", &[]),
    Rule("study|studies|studying at {school}", "school={school}", &[]),
    Rule("transferred|switched|moved to {school}", "school={school}", &[Change, Lasting]),
    Rule("study|studies|studying {field}", "field={field}", &[]),
    Rule("study|studies|studying {field} at {org}", "field={field};school={org}", &[]),
    Rule("major|majors|majoring in {field}", "field={field}", &[]),
    Rule("switched|changed to studying {field}", "field={field}", &[Change, Lasting]),
    Rule("switched|changed my? major? from? {_} to {field}", "field={field}", &[Change, Lasting]),
    // Likes.
    Rule("like|likes|love|loves|enjoy|enjoys|adore|adores|prefer|prefers|loving {topics}", "likes/{topics}", &[]),
    Rule("hate|hates|dislike|dislikes|detest|detests|loathe|loathes|despise|despises {topics}", "likes/{topics}", &[Deny]),
    // "cannot stand": the negation is noted by itself.
    Rule("avoid|avoids {topics}", "likes/{topics}", &[Deny]),
    Rule("can|could stand|bear {topics}", "likes/{topics}", &[]),
    Rule("am|is|are into {topics}", "likes/{topics}", &[]),
    Rule("am|is|are fond|enamoured of {topics}", "likes/{topics}", &[]),
    Rule("am|is|are keen on {topics}", "likes/{topics}", &[]),
    Rule("am|is|are obsessed|crazy|passionate with|about {topics}", "likes/{topics}", &[]),
    Rule("am|is|are a big|huge|massive|great? fan of {topics}", "likes/{topics}", &[]),
    Rule("prefer|prefers to avoid {topics}", "likes/{topics}", &[Deny]),
    Rule("have|has a|an strong|real|deep|extreme? dislike for|of {topics}", "likes/{topics}", &[Deny]),
    Rule("have|has a|an strong|clear? preference for {topics}", "likes/{topics}", &[]),
    Rule("am|is|are interested in {topics}", "likes/{topics}", &[]),
    Rule("have|has a|an strong|real|deep|extreme? aversion to {topics}", "likes/{topics}", &[Deny]),
    Rule("gone|went off {topics}", "likes/{topics}", &[Change, Lasting, Deny]),
    // What is done, eaten, taken.
    Rule("am|is|are a? {diet}", "diet={diet}", &[]),
    Rule("gone|went|became|turned|become a? {diet}", "diet={diet}", &[Change, Lasting]),
    Rule("follow|follows|eat|eats|keep|keeps a|an strict|strictly|mostly? {diet} diet", "diet={diet}", &[]),
    Rule("stick|sticks to a|an strict? {diet} diet", "diet={diet}", &[]),
    Rule("am|is|are allergic to {topics}", "allergy/{topics}", &[]),
    Rule("have|has a|an strong|severe|bad|mild|serious? allergy to {topics}", "allergy/{topics}", &[]),
    Rule("have|has a|an {sort} allergy", "allergy/{sort}", &[]),
    Rule("play|plays|playing the? {act}", "does/{act}", &[]),
    Rule("smoke|smokes|smoking", "does/smoking", &[]),
    Rule("run|runs {often}", "does/running", &[]),
    Rule("jog|jogs {often}", "does/jogging", &[]),
    Rule("drink|drinks|drinking {act}", "does/drinking {act}", &[]),
    Rule("eat|eats|consume|consumes {act}", "does/eating {act}", &[]),
    Rule("refuse|refuses to eat|consume {act}", "does/eating {act}", &[Deny]),
    Rule("learn|learning {act}", "does/learning {act}", &[]),
    Rule("speak|speaks {language}", "does/speaking {language}", &[]),
    Rule("am|is|are on|taking {drug}", "does/{drug}", &[]),
    Rule("quit|stopped smoking", "does/smoking", &[Change, Lasting, Deny]),
    Rule("gave|given up smoking", "does/smoking", &[Change, Lasting, Deny]),
    Rule("quit|stopped playing the? {act}", "does/{act}", &[Change, Lasting, Deny]),
    Rule("quit|stopped {doing}", "does/{doing}", &[Change, Lasting, Deny]),
    Rule("gave|given up {doing}", "does/{doing}", &[Change, Lasting, Deny]),
    Rule("started|began|begun playing the? {act}", "does/{act}", &[Change, Lasting]),
    Rule("took|taken up {doing}", "does/{doing}", &[Change, Lasting]),
    Rule("started|began|begun {doing}", "does/{doing}", &[Change, Lasting]),
    // What somebody has.
    Rule("have|has|own|owns got? {n} {noun}", "count/{noun}={n}", &[]),
    Rule("have|has got? a|an|any|my {durable}", "has/{durable}", &[]),
    Rule("own|owns a|an|any {thing}", "has/{thing}", &[]),
    Rule("bought|adopted a|an {thing}", "has/{thing}", &[Change, Lasting]),
    Rule("sold my|our {thing}", "has/{thing}", &[Change, Lasting, Deny]),
    Rule("lost my|our {durable}", "has/{durable}", &[Change, Lasting, Deny]),
    Rule("got rid of my|our {thing}", "has/{thing}", &[Change, Lasting, Deny]),
    Rule("gave away my|our {thing}", "has/{thing}", &[Change, Lasting, Deny]),
    Rule("drive|drives a|an {car}", "car={car}", &[]),
    Rule("lead|leads|manage|manages a team of {n} {noun}", "count/{noun} in team={n}", &[]),
    // With whom.
    Rule("am|is|are {marital}", "status/relationship={marital}", &[]),
    Rule("am|is|are {marital} to {name}", "status/relationship={marital};relation/partner={name}", &[]),
    Rule("got|became {marital}", "status/relationship={marital}", &[Change, Lasting]),
    Rule("am|is|are dating|seeing {name}", "status/relationship=dating;relation/partner={name}", &[]),
    Rule("broke|split up", "status/relationship=single;relation/partner=", &[Change, Lasting]),
    // Numbers.
    Rule("am|is|are {age} years|yrs|year old", "age={age}", &[]),
    Rule("am|is|are {age} {stop}", "age={age}", &[]),
    Rule("turned {age}", "age={age}", &[Change, Lasting]),
    Rule("was|were born on {day}", "birthday={day}", &[Lasting]),
    Rule("am|is|are called|named {name}", "name={name}", &[]),
];

/// What follows an owner: "my", "our", "my sister's", "Carla's".
pub const OWNER: &[Rule] = &[
    Rule("favourite|favorite {noun} of? all? time? is|are {item}", "favourite/{noun}={item}", &[]),
    Rule("e-mail|email|mail address? is {email}", "email={email}", &[]),
    Rule("e-mail|email address? until {_} is {email}", "email={email}", &[]),
    Rule("temporary? phone|mobile|cell|telephone number? is {phone}", "phone={phone}", &[]),
    Rule("temporary? phone|mobile|cell|telephone number? until {_} is {phone}", "phone={phone}", &[]),
    Rule("number is {phone}", "phone={phone}", &[]),
    Rule("birthday is on? {day}", "birthday={day}", &[]),
    Rule("name is {name}", "name={name}", &[]),
    Rule("age is {age}", "age={age}", &[]),
    Rule("job|profession|occupation is a|an? {job}", "job={job}", &[]),
    Rule("employer is {org}", "employer={org}", &[]),
    Rule("major is {field}", "field={field}", &[]),
    Rule("home|house|flat|apartment is in {place}", "home={place}", &[]),
    Rule("hometown is {place}", "hometown={place}", &[]),
    Rule("car is a|an {car}", "car={car}", &[]),
    Rule("hobbies|interests are|include {topics}", "likes/{topics}", &[]),
    Rule("hobby is {topics}", "likes/{topics}", &[]),
    Rule("{kin} 's name is {name}", "name of/{kin}={name}", &[]),
    Rule("{kin} is|are|'s called|named {name}", "name of/{kin}={name}", &[]),
    Rule("{kin} is {name}", "relation/{kin}={name}", &[]),
];

/// What stands alone. The subject is the speaker.
pub const FREE: &[Rule] = &[
    Rule("{place} is where i|we live", "home={place}", &[]),
    Rule("{item} is|are my favourite|favorite {noun}", "favourite/{noun}={item}", &[]),
    Rule("can|could reach|contact me at|under|on {email}", "email={email}", &[]),
    Rule("can|could reach|contact|call me at|under|on {phone}", "phone={phone}", &[]),
    Rule("there are|is {n} {noun} in my|our {thing}", "count/{noun} in {thing}={n}", &[]),
];

/// "The exam is on March 4th": what follows "the", "my" or "our".
pub const EVENT: &[Rule] = &[
    Rule("{event} is|will be? on|for? {date}", "date/{event}={date}", &[]),
    Rule(
        "{event} is|was been? moved|rescheduled|postponed|shifted|pushed back? to|until {date}",
        "date/{event}={date}",
        &[Change, Lasting],
    ),
    Rule(
        "{event} has been? moved|rescheduled|postponed|shifted|pushed back? to|until {date}",
        "date/{event}={date}",
        &[Change, Lasting],
    ),
];

/// What turns a sentence, up to the next "but", into no claim of fact.
pub const HYPOTHETICAL: &str = "\
    if, unless, imagine, suppose, supposing, pretend, maybe, perhaps, might, would, wish, wished, whether, hypothetically, \
    should, assuming, kidding, joking, dreamt, dreamed";
/// Words of speech and thought: what follows is the reporter's, unless the reporter is the speaker.
pub const REPORT: &str = "\
    said, says, say, told, tells, claims, claimed, wrote, writes, thinks, thought, believes, insists, heard, mentioned, \
    assumes, assumed";
pub const REPORT_ALWAYS: &[&str] = &["according", "apparently", "supposedly", "allegedly", "rumour", "rumor", "heard"];
pub const HEDGES: &[&str] = &["think", "guess", "probably", "possibly", "suppose", "roughly", "sort", "seemingly"];
/// What takes something back, with its weight (1 also begins sentences that correct nothing).
pub const CORRECTIONS: &[(&str, u8)] = &[
    ("actually", 1),
    ("sorry", 1),
    ("oops", 2),
    ("i meant", 2),
    ("i mean", 1),
    ("meant to say", 2),
    ("meant to write", 2),
    ("correction", 2),
    ("correct that", 2),
    ("correct myself", 2),
    ("misspoke", 2),
    ("mistyped", 2),
    ("typo", 2),
    ("autocorrect", 2),
    ("scratch that", 2),
    ("strike that", 2),
    ("my mistake", 2),
    ("my bad", 2),
    ("wait no", 2),
    ("no wait", 2),
    ("was wrong", 2),
    ("got that wrong", 2),
    ("wrong about", 2),
    ("to be precise", 1),
];
/// Words near a claim that make it a change.
pub const CHANGES: &[&str] =
    &["now", "any more", "no longer", "these days", "again", "as of", "lately", "recently", "finally", "by now", "at last"];
/// Intentions that are no facts; the claim behind them is planned.
pub const INTENTS: &str = "\
    want to, wants to, wanted to, hope to, hoping to, plan to, plan on, planning to, planning on, thinking about, thinking \
    of, considering, need to, trying to, try to, dream of, dreaming of, looking forward to, have to, decided to";
/// Intentions that a date settles.
pub const FIRM_INTENTS: &str = "going to, will, about to";
