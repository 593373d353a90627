//! The policy of forgetting as people write it: a TOML document, read with the line of whatever is wrong.

use std::collections::BTreeSet;

use cubelog_memory::forgetting::{Ending, Lives, Policy, Rule};
use cubelog_memory::{Path, SemanticType, Tag};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// What is wrong with a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy of forgetting, line {line}: {reason}")]
pub struct PolicyError {
    /// From 1.
    pub line: usize,
    pub reason: String,
}

/// Reads a policy; an empty document is the one that cubes have by themselves.
pub fn forgetting(document: &str) -> Result<Policy, PolicyError> {
    let line_of = |at: usize| 1 + document.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let written: Written = toml::from_str(document).map_err(|error| PolicyError {
        line: line_of(error.span().map_or(0, |span| span.start)),
        reason: error.message().trim().replace('\n', ", "),
    })?;
    let ordinary = Policy::default();
    let grace_s = written.grace.as_ref().map(|grace| grace.get_ref().0);
    let ending = match (written.ending, grace_s) {
        (None | Some(Ends::ArchiveThenExpire), Some(grace_s)) => Ending::ArchiveThenExpire { grace_s },
        (None | Some(Ends::ArchiveThenExpire), None) => ordinary.ending,
        (Some(_), Some(_)) => {
            let line = line_of(written.grace.map_or(0, |grace| grace.span().start));
            return Err(PolicyError { line, reason: "grace is for the ending \"archive-then-expire\" alone".to_owned() });
        }
        (Some(Ends::Archive), None) => Ending::Archive,
        (Some(Ends::Expire), None) => Ending::Expire,
    };
    let rules = written.rule.into_iter().map(|rule| {
        let line = line_of(rule.span().start);
        rule.into_inner().read().map_err(|reason| PolicyError { line, reason: reason.to_owned() })
    });
    Ok(Policy { ending, floor: written.floor.map_or(ordinary.floor, |floor| floor.0), rules: rules.collect::<Result<_, _>>()? })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    ending: Option<Ends>,
    grace: Option<Spanned<Seconds>>,
    floor: Option<Share>,
    #[serde(default)]
    rule: Vec<Spanned<WrittenRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ends {
    ArchiveThenExpire,
    Archive,
    Expire,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    #[serde(default)]
    semantic: Vec<Semantic>,
    path: Option<Below>,
    #[serde(default)]
    tags: Vec<Label>,
    ttl: Option<Seconds>,
    half_life: Option<Seconds>,
    #[serde(default)]
    keep: bool,
}

impl WrittenRule {
    fn read(self) -> Result<Rule, &'static str> {
        let lives = match (self.ttl, self.half_life, self.keep) {
            (Some(ttl), None, false) => Lives::For { ttl_s: ttl.0 },
            (None, Some(half_life), false) => Lives::WhileUsed { half_life_s: half_life.0 },
            (None, None, true) => Lives::On,
            _ => return Err("a rule says one of ttl, half-life and keep = true"),
        };
        let semantic = self.semantic.into_iter().map(|semantic| semantic.0).collect();
        let tags: BTreeSet<Tag> = self.tags.into_iter().map(|tag| tag.0).collect();
        Ok(Rule { semantic, path: self.path.map(|path| path.0), tags, lives })
    }
}

/// A text that is read by `read`; what it says of a text that cannot be read is the error.
fn read<'de, D: Deserializer<'de>, T>(deserializer: D, read: impl Fn(&str) -> Result<T, String>) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).map_err(serde::de::Error::custom)
}

struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, |text| {
            duration(text).map(Self).ok_or_else(|| format!("{text:?} is no duration, write 90d, 12h or 30m"))
        })
    }
}

/// `90d`, `2w`, `12h`, `30m`, `45s`: seconds, at least one and at most a thousand years.
fn duration(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?);
    let unit_s = match unit {
        "s" => 1,
        "m" => MINUTE_S,
        "h" => HOUR_S,
        "d" => DAY_S,
        "w" => 7 * DAY_S,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit_s)?;
    (1..=cubelog_memory::limits::HALF_LIFE_S_MAX).contains(&seconds).then_some(seconds)
}

struct Share(f32);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f32::deserialize(deserializer)?;
        match (0.0..=1.0).contains(&number) {
            true => Ok(Self(number)),
            false => Err(serde::de::Error::custom("floor is a number from 0 to 1")),
        }
    }
}

struct Semantic(SemanticType);

impl<'de> Deserialize<'de> for Semantic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = || SemanticType::ALL.iter().map(|semantic| semantic.word()).collect::<Vec<_>>().join(", ");
        read(deserializer, |text| {
            SemanticType::from_word(text).map(Self).ok_or_else(|| format!("{text:?} is none of {}", words()))
        })
    }
}

struct Below(Path);

impl<'de> Deserialize<'de> for Below {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, |text| Path::parse(text).map(Self).map_err(|error| error.to_string().replace("; ", ", ")))
    }
}

struct Label(Tag);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, |text| Tag::new(text).map(Self).map_err(|error| error.to_string().replace("; ", ", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_as_it_is_written() {
        let policy = forgetting(
            "ending = \"archive-then-expire\"\ngrace = \"2w\"\nfloor = 0.2\n\n[[rule]]\nsemantic = [\"profile\", \"fact\"]\n\
             keep = true\n\n[[rule]]\npath = \"work/trips\"\ntags = [\"draft\"]\nttl = \"90d\"\n\n[[rule]]\nhalf-life = \"36h\"\n",
        )
        .unwrap();
        assert_eq!((policy.ending, policy.floor), (Ending::ArchiveThenExpire { grace_s: 14 * DAY_S }, 0.2));
        let lives: Vec<Lives> = policy.rules.iter().map(|rule| rule.lives).collect();
        assert_eq!(lives, [Lives::On, Lives::For { ttl_s: 90 * DAY_S }, Lives::WhileUsed { half_life_s: 36 * HOUR_S }]);
        assert_eq!(policy.rules[0].semantic, [SemanticType::Profile, SemanticType::Fact]);
        assert_eq!(policy.rules[1].path, Some(Path::parse("work/trips").unwrap()));
        assert_eq!(forgetting("").unwrap(), Policy::default());
        assert_eq!(forgetting("ending = \"expire\"").unwrap().ending, Ending::Expire);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (document, line, word) in [
            ("floor = 0.1\ngrave = \"1d\"\n", 2, "grave"),
            ("\n\nfloor = 2.0", 3, "from 0 to 1"),
            ("floor = nan", 1, "from 0 to 1"),
            ("grace = \"soon\"", 1, "no duration"),
            ("grace = \"1x\"", 1, "no duration"),
            ("grace = \"0d\"", 1, "no duration"),
            ("grace = \"\"", 1, "no duration"),
            ("grace = \"5\u{e9}\"", 1, "no duration"),
            ("grace = \"99999999999999999999d\"", 1, "no duration"),
            ("ending = \"burn\"", 1, "burn"),
            ("ending = \"expire\"\ngrace = \"1d\"", 2, "alone"),
            ("floor = 0.1\n\n[[rule]]\nttl = \"1d\"\n\n[[rule]]\nsemantic = [\"turn\"]\n", 6, "one of"),
            ("[[rule]]\nttl = \"1d\"\nhalf-life = \"1d\"\n", 1, "one of"),
            ("[[rule]]\nttl = \"1d\"\nsemantic = [\"turn\", \"rumour\"]\n", 3, "rumour"),
            ("[[rule]]\nttl = \"1d\"\n\npath = \"a/b/c/d\"\n", 4, "segments"),
            ("[[rule]]\nttl = \"1d\"\ntags = [\" \"]\n", 3, "tag"),
            ("[[rule]]\nttl = \"1d\"\nlife = 3\n", 3, "life"),
            ("floor = \n", 1, ""),
        ] {
            let error = forgetting(document).unwrap_err();
            assert!(error.line == line && error.reason.contains(word) && !error.reason.contains('\n'), "{document:?}: {error}");
        }
    }
}
