//! Word lists, small on purpose: what a rule can tell needs no list.

use std::collections::HashSet;
use std::sync::LazyLock;

type Words = LazyLock<HashSet<&'static str>>;

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_ascii_whitespace().collect()
}

/// English words without content of their own; negations are not among them.
pub(crate) static STOP_WORDS: Words = LazyLock::new(|| {
    set("a about above actually after again ah all also although am an and any anyway are as at be because been \
        before being below between both but by can could did do does doing down during each else ever every few for \
        from further get gets getting gonna got gotta had haha has have having he hello her here hers herself hey hi \
        him himself his hmm how however i if in into is it its itself just kind kinda let lol lot lots may me \
        might more most much must my myself now of off oh ok okay on once one only onto or other our ours ourselves \
        out over own per please quite rather really s same shall she should so some such t than thanks that the \
        their theirs them themselves then there these they this those though through thus to too uh um under until \
        up upon us very via wanna was we well were what when where whether which while who whom whose why will with \
        within would wow yeah yep yes yet you your yours yourself yourselves")
});

/// Contractions of stop words; those with a negation are not among them.
pub(crate) static CONTRACTIONS: Words = LazyLock::new(|| {
    set("could've he'd he'll he's here's how'd how's i'd i'll i'm i've it'd it'll it's let's she'd she'll she's \
        should've that'd that'll that's there's they'd they'll they're they've we'd we'll we're we've what're what's \
        when's where's who'd who'll who's why's would've y'all you'd you'll you're you've")
});

/// Stems of common verbs that are seldom nouns; one of them ends a noun phrase.
pub(crate) static VERB_STEMS: Words = LazyLock::new(|| {
    set("accept ache achiev add admir adopt advis affect agre allow announc answer appear appli appreci argu arriv \
        ask ate attend avoid bake be becom beg began begin believ belong blow borrow bought break bring brought \
        build built buy came cares carri catch caught celebr chase check choos chose clean climb collect come compet \
        complain consid contain continu convinc creat cri deal decid deliv describ deserv develop did die disappear \
        discov discuss do donat drank draw drew drove eat encourag enjoy enter exist expect explain explor express \
        fail feel fell felt figur fill find finish fix flew fli focus follow forget forgot found gain gather gave \
        get give go got grab graduat greet grew grow guess had hang happen has hate have hear heard held help hid \
        hide hit hold hopes improv includ inspir intend introduc invit join keep kept knew know laugh lay lead learn \
        leav led left lend let lie like listen live look lose lost loves made make manag matter mean meant meet \
        mention met miss move nail need notic obtain occur offer open organ own pack paid pass pay perform pick \
        prefer prepar prevent promis protect provid pull push put quit ran reach realiz receiv recommend reduc refer \
        refus rememb remind remov repair repli requir return rode said sang sat save saw say see seem seen sell send \
        sent serv shown sing sit slept smell sold solv speak spend spent spoke stand start stay stood struggl \
        succeed suggest supports suppos surpris surviv take taken taught teach tell tend thank think thought threw \
        throw told took tri turn understand understood use wait wake want was watch wear went were win wish woke won \
        wonder wore worri would write written wrote")
});

/// Nouns that name nothing in particular; a phrase that ends in one is no entity.
pub(crate) static GENERIC_NOUNS: Words = LazyLock::new(|| {
    set("account act advantage advice afternoon amount answer anyone anything approach area areas back balance beauty \
        beginning bit blast bottom break bunch case cause challenge challenges chance change changes chat choice \
        choices comfort content couple couples course day days deal decision decisions desire detail details \
        difference effect end energy escape evening everybody everyone everything example experience experiences \
        face fact fan favorite favorites favourites feeling feelings focus format front fun future goal guy guys \
        half hand happiness heart help hope hour hours idea ideas impact importance inspiration issue issues item \
        items journey joy kind kindness kinds level life line list look lot lots love many matter matters middle \
        mind minute minutes mix moment moments month months morning motivation name names need needs night nobody \
        note nothing number one ones opportunities opportunity option options other others part parts past people \
        person piece pieces place places plan plans plenty point points power process progress question questions \
        reality reason reasons response rest result ride role rush same scale second seconds section self sense set \
        side situation size somebody someone something sort space spot start step steps strength structure stuff \
        success summary talk task tasks term terms thing things thought thoughts time times title today tomorrow ton \
        tonight tons top topic total touch try type types value version vibe vibes view way ways week weekend \
        weekends weeks while word words work world year years yesterday")
});

/// Adverbs, and adjectives that praise or place more than they tell; they are no part of a noun phrase.
pub(crate) static MODIFIERS: Words = LazyLock::new(|| {
    set("able about ago ahead almost alone along already always amazing around aside available away awesome back bad \
        beautiful best better big can't cannot certain cool critical current different don't due early enough \
        especially essential even excited fantastic far fast favorite favourite final finally first forward full \
        glad good great happy hard high home huge important incredible instead key last late lately later latest \
        least less likely little long lovely low main major many maybe mine minor more most much near nearby \
        negative never new next nice nope not often old outside own perfect perhaps positive possible powerful \
        pretty probably proud quick random ready real recent right safe safer second several short significant \
        similar simply since small so solid sometimes somewhere soon sorry special specific still straight strong \
        super sure third together too tough true truly twice unique usual various welcome whole wild won't wonderful \
        worth wrong yet")
});

/// Words that often open a sentence and are no part of a name there.
pub(crate) static SENTENCE_STARTERS: Words = LazyLock::new(|| {
    set("absolutely agreed ah alright also although amazing another answer anyway are awesome because before besides \
        bravo but bye can certainly cheers congrats congratulations cool could day dear definitely did do does don't \
        each even everyone everything exactly example excellent fantastic finally first gee given glad good goodbye \
        gosh great had haha happy has have he hello here hey hi hmm hopefully how however i if in indeed instead \
        interesting is it just last lately let like look looking lovely maybe meanwhile my nah next nice no nope not \
        note nothing now oh ok okay on once one option our overall part perfect perhaps phase please probably question \
        really recently regarding right sadly same secondly section see seems she should since so some someone \
        something sometimes soon sorry sounds speaking step still summary sure surely take talk thank thankfully \
        thanks that the their then there therefore these they thirdly this those though thus tip today tomorrow \
        tonight too totally true try ugh unfortunately wait was we week well were what when where which while who whoa \
        why will wonderful would wow yay yeah yep yes yesterday yet you your")
});

/// First names that are ordinary words too; they need their capital.
pub(crate) static COMMON_NAME_WORDS: Words = LazyLock::new(|| {
    set("amber angel april art august autumn baker bill brook brooks buck candy carol carter chance charity chase chip \
        christian clay cliff cook cooper crystal daisy dale dawn dean destiny dick dot drew duke earl eve faith fern \
        flora forest frank gene ginger glen grace grant guy harmony hazel heath heather holly honey hope hunter iris \
        ivy jack jade jasmine jay jean jewel jimmy joy june king lance laurel lee lily love major mark mason max may \
        melody mercy miles misty norm olive opal page pansy paris parker pat patience pearl peg penny pepper pierce \
        poppy porter precious price queen ray rich rob robin rod rose ruby rusty sage sandy scout serenity skip sky \
        star sterling stone storm sue summer sunny taylor terry trinity tucker victor violet wade walker ward wells \
        will willow winter woody wren young")
});

/// Speakers that are roles; a query that says "memory" or "you" does not name them.
pub(crate) static ROLES: Words =
    LazyLock::new(|| set("agent ai assistant bot chatbot human i me memory model narrator speaker system unknown user you"));

/// Months, weekdays and seasons: capitalised, but dates rather than names.
pub(crate) static CALENDAR_WORDS: Words = LazyLock::new(|| {
    set("apr april aug august autumn dec december fall feb february fri friday jan january jul july jun june mar march \
        may mon monday nov november oct october sat saturday sep sept september spring summer sun sunday thu thur \
        thurs thursday tue tues tuesday wed wednesday winter")
});

/// Verbs that open a question which is answered by yes or no.
pub(crate) static AUXILIARIES: Words = LazyLock::new(|| {
    set("am are aren't can can't could couldn't did didn't do does doesn't don't had has hasn't have haven't is isn't may \
        might must shall should shouldn't was wasn't were weren't will won't would wouldn't")
});
