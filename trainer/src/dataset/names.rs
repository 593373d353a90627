//! Names that nobody in the memories has, for questions whose answer is not known.

use crate::random::Random;

const FIRST: &[&str] = &[
    "Adrian", "Bettina", "Callum", "Daria", "Edmund", "Fiona", "Gregor", "Helena", "Ivan", "Judith", "Kaspar", "Leonie",
    "Marius", "Nadine", "Oscar", "Petra", "Quincy", "Rosalind", "Simon", "Theresa", "Ulrich", "Vera", "Walter", "Xenia",
    "Yannick", "Zelda", "Arlo", "Beatrix", "Conrad", "Delphine", "Elias", "Frieda", "Gideon", "Hazel", "Ignatius", "Jolanda",
    "Kilian", "Lorna", "Matthias", "Noemi", "Ottavio", "Priya", "Raul", "Selma", "Tobias", "Una", "Viktor", "Wanda", "Yusuf",
    "Zora", "Amara", "Bruno", "Cosima", "Dmitri", "Esther", "Felix", "Greta", "Hugo", "Ines", "Jasper", "Katja", "Lukas", "Mina",
    "Nils",
];
const LAST: &[&str] = &[
    "Abbott",
    "Brenner",
    "Castellan",
    "Dufresne",
    "Eklund",
    "Farrow",
    "Galloway",
    "Hartwig",
    "Ibsen",
    "Jansson",
    "Kovacs",
    "Lindqvist",
    "Marchand",
    "Novak",
    "Osborne",
    "Pellegrini",
    "Quist",
    "Romero",
    "Sandoval",
    "Thackeray",
    "Ullman",
    "Vasquez",
    "Whitlock",
    "Yardley",
    "Zeller",
    "Ashby",
    "Bergstrom",
    "Coleman",
    "Delacroix",
    "Engel",
    "Fontaine",
    "Grimaldi",
    "Holloway",
    "Imhof",
    "Jarvis",
    "Keller",
    "Lombardi",
    "Mercer",
    "Nakamura",
    "Oyelaran",
    "Prescott",
    "Ramirez",
    "Sorensen",
    "Tanaka",
    "Underwood",
    "Vogel",
    "Winslow",
    "Yilmaz",
    "Zimmer",
    "Arden",
    "Bianchi",
    "Cardoso",
    "Dahl",
    "Evans",
    "Fischer",
    "Gupta",
];

/// Another name of the same form: as many words, and none of them a word of `taken`.
pub fn other(entity: &str, taken: &[String], random: &mut Random) -> String {
    let free = |name: &str| !taken.iter().any(|taken| taken.split(' ').any(|word| word.eq_ignore_ascii_case(name)));
    let mut draw = |from: &[&'static str]| {
        // Lists are longer than the names of any one data set; should all be taken, one of them has to do.
        (0..64).map(|_| *random.pick(from)).find(|name| free(name)).unwrap_or(from[0])
    };
    match entity.strip_prefix("The ") {
        Some(rest) => {
            let kind = rest.rsplit(' ').next().unwrap_or(rest);
            format!("The {} {kind}", draw(LAST))
        }
        None if entity.contains(' ') => format!("{} {}", draw(FIRST), draw(LAST)),
        None => draw(FIRST).to_owned(),
    }
}
