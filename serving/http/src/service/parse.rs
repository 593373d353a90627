//! Texts of requests into domain types; every refusal names the field.

use cubelog_api::paths::IDEMPOTENCY_KEY_BYTES_MAX;
use cubelog_api::{Code, Problem};
use cubelog_memory::{
    CommandId, CubeKey, CubeName, Cut, EventId, MemoryId, Path, Position, PrincipalId, Tag, TenantId, Timestamp, Validity,
    VersionRef, derive_uuid,
};
use cubelog_runner::{Caller, Moment};
use cubelog_views::Known;

/// Most of a refused text that a problem repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// `name` within the caller's tenant, or `tenant/name`.
pub(crate) fn cube(caller: &Caller, text: &str) -> Result<CubeKey, Problem> {
    let (tenant, name) = match text.split_once('/') {
        Some((tenant, name)) => (TenantId::new(tenant).map_err(|error| Problem::invalid("cube", error))?, name),
        None => (caller.tenant.clone(), text),
    };
    if tenant != caller.tenant {
        return Err(Problem::new(Code::ForeignTenant, format!("cube {text:?} belongs to another tenant than the caller")));
    }
    let name = CubeName::new(name).map_err(|error| Problem::invalid("cube", error))?;
    Ok(CubeKey::new(tenant, name))
}

pub(crate) fn cubes(caller: &Caller, texts: &[String]) -> Result<Vec<CubeKey>, Problem> {
    texts.iter().map(|text| cube(caller, text)).collect()
}

pub(crate) fn memory(field: &str, text: &str) -> Result<MemoryId, Problem> {
    text.parse().map_err(|_| not_uuid(field, text))
}

pub(crate) fn event(field: &str, text: &str) -> Result<EventId, Problem> {
    text.parse().map_err(|_| not_uuid(field, text))
}

fn not_uuid(field: &str, text: &str) -> Problem {
    Problem::invalid(field, format!("{:?} is no UUID", shown(text)))
}

pub(crate) fn principal(field: &str, text: &str) -> Result<PrincipalId, Problem> {
    PrincipalId::new(text).map_err(|error| Problem::invalid(field, error))
}

pub(crate) fn tag(field: &str, text: &str) -> Result<Tag, Problem> {
    Tag::new(text).map_err(|error| Problem::invalid(field, error))
}

pub(crate) fn tags(field: &str, texts: &[String]) -> Result<Vec<Tag>, Problem> {
    texts.iter().map(|text| tag(field, text)).collect()
}

pub(crate) fn path(text: &str) -> Result<Path, Problem> {
    Path::parse(text).map_err(|error| Problem::invalid("path", error))
}

pub(crate) fn time(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let instant: jiff::Timestamp = text
        .parse()
        .map_err(|_| Problem::invalid(field, format!("{:?} is no RFC 3339 time such as 2026-03-01T09:30:00Z", shown(text))))?;
    Ok(Timestamp(instant.as_microsecond()))
}

pub(crate) fn optional_time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| time(field, text)).transpose()
}

pub(crate) fn cut(field: &str, text: &str) -> Result<Cut, Problem> {
    text.parse().map_err(|error| Problem::invalid(field, error))
}

pub(crate) fn optional_cut(field: &str, text: Option<&str>) -> Result<Option<Cut>, Problem> {
    text.map(|text| cut(field, text)).transpose()
}

pub(crate) fn position(field: &str, text: &str) -> Result<Position, Problem> {
    text.parse().map_err(|error| Problem::invalid(field, error))
}

/// A time or a cut: what was known then.
pub(crate) fn known(field: &str, text: Option<&str>) -> Result<Known, Problem> {
    let Some(text) = text else { return Ok(Known::Now) };
    if let Ok(cut) = text.parse::<Cut>() {
        return Ok(Known::Below(cut));
    }
    let time = time(field, text).map_err(|_| {
        Problem::invalid(
            field,
            format!("{:?} is neither a time such as 2026-03-01T09:30:00Z nor a cut such as 0:1842", shown(text)),
        )
    })?;
    Ok(Known::At(time))
}

pub(crate) fn moment(fields: [&str; 2], at: Option<&str>, valid_at: Option<&str>) -> Result<Moment, Problem> {
    Ok(Moment { known: known(fields[0], at)?, valid_at: optional_time(fields[1], valid_at)? })
}

/// Both ends of a validity; with an end and no beginning it begins at `default`.
pub(crate) fn validity(
    from: Option<&str>,
    to: Option<&str>,
    default: impl FnOnce() -> Timestamp,
) -> Result<Option<Validity>, Problem> {
    let (from, to) = (optional_time("valid_from", from)?, optional_time("valid_to", to)?);
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    Ok(Some(Validity { from: from.unwrap_or_else(default), to }))
}

pub(crate) fn version_refs(field: &str, refs: &[cubelog_api::VersionRef]) -> Result<Vec<VersionRef>, Problem> {
    refs.iter()
        .map(|reference| Ok(VersionRef { memory: memory(field, &reference.memory)?, version: reference.version }))
        .collect()
}

/// One of a closed set of words; `from` and `all` are those of the type.
pub(crate) fn word<T: Copy + std::fmt::Display>(
    field: &str,
    text: &str,
    from: impl Fn(&str) -> Option<T>,
    all: &[T],
) -> Result<T, Problem> {
    from(text).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(ToString::to_string).collect();
        Problem::invalid(field, format!("{:?} is none of {}", shown(text), words.join(", ")))
    })
}

/// A command id from a caller's idempotency key: the same key of the same principal is the same command.
pub(crate) fn command(caller: &Caller, key: Option<&str>) -> Result<Option<CommandId>, Problem> {
    let Some(key) = key else { return Ok(None) };
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        let reason = format!("must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters");
        return Err(Problem::invalid("Idempotency-Key", reason));
    }
    let parts = [caller.tenant.as_str(), caller.principal.as_str(), key];
    Ok(Some(CommandId::new(derive_uuid("idempotency", &parts))))
}

pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cubelog_memory::{Origin, SemanticType};

    fn caller() -> Caller {
        Caller {
            tenant: TenantId::new("acme").unwrap(),
            principal: PrincipalId::new("ann").unwrap(),
            admin: false,
            origin: Origin::Api,
        }
    }

    #[test]
    fn a_cube_is_named_with_or_without_its_tenant() {
        assert_eq!(cube(&caller(), "notes").unwrap().to_string(), "acme/notes");
        assert_eq!(cube(&caller(), "acme/notes").unwrap().to_string(), "acme/notes");
        assert_eq!(cube(&caller(), "other/notes").unwrap_err().code, Code::ForeignTenant);
        for bad in ["", "/", "acme/", "acme/a/b", "a b", "../x"] {
            assert_ne!(cube(&caller(), bad).unwrap_err().code, Code::Internal, "{bad:?}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_a_cut() {
        assert_eq!(known("at", None).unwrap(), Known::Now);
        assert_eq!(known("at", Some("1970-01-01T00:00:01.5+00:00")).unwrap(), Known::At(Timestamp(1_500_000)));
        assert_eq!(known("at", Some("0:5,2:7")).unwrap(), Known::Below([(0, 5), (2, 7)].into_iter().collect()));
        assert_eq!(known("at", Some("start")).unwrap(), Known::Below(Cut::start()));
        for bad in ["", "yesterday", "0:", ":1", "1:2:3", "2026-03-01"] {
            assert_eq!(known("at", Some(bad)).unwrap_err().code, Code::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let problem = word("semantic", "guess", SemanticType::from_word, SemanticType::ALL).unwrap_err();
        assert!(problem.detail.contains("\"guess\"") && problem.detail.contains("preference"), "{problem}");
    }

    #[test]
    fn an_idempotency_key_belongs_to_its_principal() {
        let (ann, mut bob) = (caller(), caller());
        bob.principal = PrincipalId::new("bob").unwrap();
        let id = |caller: &Caller, key| command(caller, Some(key)).unwrap();
        assert_eq!(id(&ann, "k1"), id(&ann, "k1"));
        assert_ne!(id(&ann, "k1"), id(&ann, "k2"));
        assert_ne!(id(&ann, "k1"), id(&bob, "k1"));
        for bad in ["", "a\nb", "é", &"x".repeat(256)] {
            assert_eq!(command(&ann, Some(bad)).unwrap_err().code, Code::Invalid, "{bad:?}");
        }
    }
}
