//! Rows in one piece. A row has a column for everything that people ask about, but reading one row from forty columns costs
//! forty reads; so `memories` and `versions` also carry their rows packed, and the store reads those alone.
//!
//! Numbers are little-endian base 128, texts have their length in front, optional values a flag.

use std::collections::BTreeSet;

use cubelog_memory::*;

use crate::rows::{MemoryRow, Shown, VersionRow};

/// First byte of every packed value.
const FORM: u8 = 1;
/// First byte of a row whose memory says more than the first form has room for. A memory that does not is packed in the first
/// form for ever, so that rows written before the second one came equal those of a fresh replay.
const FORM_MORE: u8 = 2;

/// A packed value that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a packed {what} cannot be read")]
pub struct Unreadable {
    what: &'static str,
}

#[derive(Default)]
struct Packer(Vec<u8>);

impl Packer {
    fn new() -> Self {
        Self(vec![FORM])
    }
    fn row_of(memory: &Memory) -> Self {
        Self(vec![if says_more(memory) { FORM_MORE } else { FORM }])
    }
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
    /// Small magnitudes of either sign are short.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }
    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }
    fn bytes(&mut self, bytes: &[u8; 16]) {
        self.0.extend_from_slice(bytes);
    }
    fn time(&mut self, time: Timestamp) {
        self.signed(time.micros());
    }
    fn maybe<T>(&mut self, value: Option<T>, pack: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            pack(self, value);
        }
    }
    fn list<T>(&mut self, values: impl ExactSizeIterator<Item = T>, mut pack: impl FnMut(&mut Self, T)) {
        self.number(values.len() as u64);
        for value in values {
            pack(self, value);
        }
    }
    fn position(&mut self, position: Position) {
        self.number(u64::from(position.partition));
        self.number(position.offset);
    }
    fn validity(&mut self, valid: &Validity) {
        self.time(valid.from);
        self.maybe(valid.to, Self::time);
    }
    fn about(&mut self, subject: &SubjectId, fingerprint: &Fingerprint, valid: &Validity) {
        self.text(subject.as_str());
        self.bytes(&fingerprint.0);
        self.validity(valid);
    }
    fn cube(&mut self, cube: &CubeKey) {
        self.text(cube.tenant.as_str());
        self.text(cube.cube.as_str());
    }
    fn memory(&mut self, memory: &Memory) {
        self.bytes(memory.id.as_bytes());
        self.text(memory.kind.word());
        self.text(memory.lifecycle.word());
        self.number(u64::from(memory.current));
        self.number(u64::from(memory.last));
        self.list(memory.siblings.iter(), |pack, sibling| {
            pack.number(u64::from(sibling.version));
            pack.about(&sibling.subject, &sibling.fingerprint, &sibling.valid);
        });
        self.about(&memory.subject, &memory.fingerprint, &memory.valid);
        self.text(memory.descriptive.semantic.word());
        self.maybe(memory.descriptive.path.as_ref(), |pack, path| pack.text(&path.to_string()));
        self.list(memory.descriptive.tags.iter(), |pack, tag| pack.text(tag.as_str()));
        self.text(memory.governance.sensitivity.word());
        self.text(memory.governance.trust.word());
        self.signed(i64::from(memory.governance.priority));
        let end = match memory.governance.lifespan {
            Lifespan::Keep | Lifespan::Decay { .. } => None,
            Lifespan::Until(end) => Some(end),
        };
        self.maybe(end, Self::time);
        self.maybe(memory.governance.watermark.as_ref(), |pack, tag| pack.text(tag.as_str()));
        self.text(memory.origin.word());
        self.maybe(memory.stream_index, Self::number);
        self.maybe(memory.merged_into, |pack, id| pack.bytes(id.as_bytes()));
        self.maybe(memory.expired_at, Self::time);
        self.time(memory.created_at);
        self.time(memory.changed_at);
        self.position(memory.changed);
        if says_more(memory) {
            self.more(memory);
        }
    }
    fn more(&mut self, memory: &Memory) {
        let half_life_s = match memory.governance.lifespan {
            Lifespan::Decay { half_life_s } => Some(half_life_s),
            Lifespan::Keep | Lifespan::Until(_) => None,
        };
        self.maybe(half_life_s, Self::number);
        self.flag(memory.governance.pinned);
        self.maybe(memory.carrier, |pack, carrier| {
            pack.text(carrier.tier().word());
            pack.bytes(carrier.memory().as_bytes());
        });
        self.maybe(memory.superseded, |pack, superseded| {
            pack.bytes(superseded.by.as_bytes());
            pack.time(superseded.since);
            pack.maybe(superseded.valid_to, Self::time);
        });
    }
}

fn says_more(memory: &Memory) -> bool {
    memory.governance.pinned
        || matches!(memory.governance.lifespan, Lifespan::Decay { .. })
        || memory.carrier.is_some()
        || memory.superseded.is_some()
}

struct Unpacker<'a> {
    rest: &'a [u8],
    what: &'static str,
    says_more: bool,
}

type Unpacked<T> = Result<T, Unreadable>;

impl<'a> Unpacker<'a> {
    fn of(bytes: &'a [u8], what: &'static str) -> Unpacked<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => Ok(Self { rest, what, says_more: false }),
            Some((&FORM_MORE, rest)) => Ok(Self { rest, what, says_more: true }),
            _ => Err(Unreadable { what }),
        }
    }
    fn bad(&self) -> Unreadable {
        Unreadable { what: self.what }
    }
    fn end(&self) -> Unpacked<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.bad()) }
    }
    fn take(&mut self, count: usize) -> Unpacked<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.bad())?;
        self.rest = rest;
        Ok(taken)
    }
    fn number(&mut self) -> Unpacked<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.bad())
    }
    fn small(&mut self) -> Unpacked<u32> {
        u32::try_from(self.number()?).map_err(|_| self.bad())
    }
    fn signed(&mut self) -> Unpacked<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
    fn flag(&mut self) -> Unpacked<bool> {
        match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.bad()),
        }
    }
    fn text(&mut self) -> Unpacked<&'a str> {
        let count = usize::try_from(self.number()?).map_err(|_| self.bad())?;
        std::str::from_utf8(self.take(count)?).map_err(|_| self.bad())
    }
    fn bytes(&mut self) -> Unpacked<[u8; 16]> {
        self.take(16)?.try_into().map_err(|_| self.bad())
    }
    fn time(&mut self) -> Unpacked<Timestamp> {
        self.signed().map(Timestamp)
    }
    fn maybe<T>(&mut self, unpack: impl FnOnce(&mut Self) -> Unpacked<T>) -> Unpacked<Option<T>> {
        if self.flag()? { unpack(self).map(Some) } else { Ok(None) }
    }
    fn list<T, C: FromIterator<T>>(&mut self, mut unpack: impl FnMut(&mut Self) -> Unpacked<T>) -> Unpacked<C> {
        let count = self.number()?;
        (0..count).map(|_| unpack(self)).collect()
    }
    /// A text that must be one of something's names or words.
    fn named<T, E>(&mut self, parse: impl FnOnce(&'a str) -> Result<T, E>) -> Unpacked<T> {
        let text = self.text()?;
        parse(text).map_err(|_| self.bad())
    }
    fn word<T>(&mut self, parse: impl FnOnce(&'a str) -> Option<T>) -> Unpacked<T> {
        self.named(|text| parse(text).ok_or(()))
    }
    fn position(&mut self) -> Unpacked<Position> {
        Ok(Position { partition: self.small()?, offset: self.number()? })
    }
    fn validity(&mut self) -> Unpacked<Validity> {
        Ok(Validity { from: self.time()?, to: self.maybe(Self::time)? })
    }
    fn about(&mut self) -> Unpacked<(SubjectId, Fingerprint, Validity)> {
        Ok((self.named(SubjectId::new)?, Fingerprint(self.bytes()?), self.validity()?))
    }
    fn cube(&mut self) -> Unpacked<CubeKey> {
        Ok(CubeKey::new(self.named(TenantId::new)?, self.named(CubeName::new)?))
    }
    fn memory(&mut self) -> Unpacked<Memory> {
        let id = MemoryId::from_bytes(self.bytes()?);
        let kind = self.word(Kind::from_word)?;
        let lifecycle = self.word(Lifecycle::from_word)?;
        let (current, last) = (self.small()?, self.small()?);
        let siblings = self.list(|unpack| {
            let version = unpack.small()?;
            let (subject, fingerprint, valid) = unpack.about()?;
            Ok(Sibling { version, subject, fingerprint, valid })
        })?;
        let (subject, fingerprint, valid) = self.about()?;
        let semantic = self.word(SemanticType::from_word)?;
        let path = self.maybe(|unpack| unpack.named(Path::parse))?;
        let tags: BTreeSet<Tag> = self.list(|unpack| unpack.named(Tag::new))?;
        let governance = Governance {
            sensitivity: self.word(Sensitivity::from_word)?,
            trust: self.word(Trust::from_word)?,
            priority: i32::try_from(self.signed()?).map_err(|_| self.bad())?,
            lifespan: self.maybe(Self::time)?.map_or(Lifespan::Keep, Lifespan::Until),
            pinned: false,
            watermark: self.maybe(|unpack| unpack.named(Tag::new))?,
        };
        let mut memory = Memory {
            id,
            kind,
            lifecycle,
            current,
            last,
            siblings,
            subject,
            fingerprint,
            valid,
            descriptive: Descriptive { semantic, path, tags },
            governance,
            origin: self.word(Origin::from_word)?,
            stream_index: self.maybe(Self::number)?,
            merged_into: self.maybe(Self::bytes)?.map(MemoryId::from_bytes),
            expired_at: self.maybe(Self::time)?,
            superseded: None,
            carrier: None,
            created_at: self.time()?,
            changed_at: self.time()?,
            changed: self.position()?,
        };
        if self.says_more {
            self.more(&mut memory)?;
        }
        Ok(memory)
    }
    fn more(&mut self, memory: &mut Memory) -> Unpacked<()> {
        if let Some(half_life_s) = self.maybe(Self::number)? {
            memory.governance.lifespan = Lifespan::Decay { half_life_s };
        }
        memory.governance.pinned = self.flag()?;
        let carrier = self.maybe(|unpack| Ok((unpack.word(Kind::from_word)?, MemoryId::from_bytes(unpack.bytes()?))))?;
        memory.carrier = match carrier {
            Some((tier, id)) => Some(Carrier::of(tier, id).ok_or_else(|| self.bad())?),
            None => None,
        };
        memory.superseded = self.maybe(|unpack| {
            let by = MemoryId::from_bytes(unpack.bytes()?);
            Ok(Superseded { by, since: unpack.time()?, valid_to: unpack.maybe(Self::time)? })
        })?;
        Ok(())
    }
}

/// `None` for erased content.
pub fn content(shown: &Shown) -> Option<Vec<u8>> {
    let content = shown.clear()?;
    let mut pack = Packer::new();
    pack.text(&content.text);
    for field in [&content.speaker, &content.caption, &content.session, &content.source] {
        pack.maybe(field.as_deref(), Packer::text);
    }
    Some(pack.0)
}

pub fn to_content(bytes: Option<&[u8]>) -> Unpacked<Shown> {
    let Some(bytes) = bytes else { return Ok(Shown::Erased) };
    let mut unpack = Unpacker::of(bytes, "content")?;
    if unpack.says_more {
        return Err(unpack.bad());
    }
    let field = |unpack: &mut Unpacker<'_>| unpack.maybe(|unpack| unpack.text().map(str::to_owned));
    let content = Content {
        text: unpack.text()?.to_owned(),
        speaker: field(&mut unpack)?,
        caption: field(&mut unpack)?,
        session: field(&mut unpack)?,
        source: field(&mut unpack)?,
    };
    unpack.end()?;
    Ok(Shown::Clear(content))
}

/// Everything of the row but content and vector.
pub fn memory_row(row: &MemoryRow) -> Vec<u8> {
    let mut pack = Packer::row_of(&row.memory);
    pack.memory(&row.memory);
    pack.cube(&row.cube);
    pack.text(row.actor.as_str());
    pack.time(row.occurred_at);
    pack.0
}

/// The memory of a packed row alone.
pub fn to_memory(bytes: &[u8]) -> Unpacked<Memory> {
    Unpacker::of(bytes, "memory")?.memory()
}

/// The row, as yet without content and vector.
pub fn to_memory_row(bytes: &[u8]) -> Unpacked<MemoryRow> {
    let mut unpack = Unpacker::of(bytes, "memory")?;
    let memory = unpack.memory()?;
    let row = MemoryRow {
        memory,
        cube: unpack.cube()?,
        actor: unpack.named(PrincipalId::new)?,
        occurred_at: unpack.time()?,
        content: Shown::Erased,
        vector: None,
    };
    unpack.end()?;
    Ok(row)
}

/// Everything of the row but content.
pub fn version_row(row: &VersionRow) -> Vec<u8> {
    let mut pack = Packer::row_of(&row.memory);
    pack.memory(&row.memory);
    pack.cube(&row.cube);
    pack.bytes(row.event.as_bytes());
    pack.text(&row.change);
    pack.text(row.actor.as_str());
    pack.time(row.occurred_at);
    pack.time(row.recorded_at);
    pack.position(row.position);
    pack.number(u64::from(row.version));
    pack.list(row.parents.iter(), |pack, parent| {
        pack.bytes(parent.memory.as_bytes());
        pack.number(u64::from(parent.version));
    });
    pack.flag(row.conflict);
    pack.about(&row.subject, &row.fingerprint, &row.valid);
    pack.maybe(row.reason.as_deref(), Packer::text);
    pack.0
}

/// The row, as yet without content.
pub fn to_version_row(bytes: &[u8]) -> Unpacked<VersionRow> {
    let mut unpack = Unpacker::of(bytes, "version")?;
    let memory = unpack.memory()?;
    let cube = unpack.cube()?;
    let event = EventId::from_bytes(unpack.bytes()?);
    let change = unpack.text()?.to_owned();
    let actor = unpack.named(PrincipalId::new)?;
    let (occurred_at, recorded_at) = (unpack.time()?, unpack.time()?);
    let position = unpack.position()?;
    let version = unpack.small()?;
    let parents =
        unpack.list(|unpack| Ok(VersionRef { memory: MemoryId::from_bytes(unpack.bytes()?), version: unpack.small()? }))?;
    let conflict = unpack.flag()?;
    let (subject, fingerprint, valid) = unpack.about()?;
    let reason = unpack.maybe(|unpack| unpack.text().map(str::to_owned))?;
    unpack.end()?;
    Ok(VersionRow {
        cube,
        event,
        change,
        actor,
        occurred_at,
        recorded_at,
        position,
        memory,
        version,
        parents,
        conflict,
        subject,
        fingerprint,
        valid,
        content: Shown::Erased,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_bytes_are_errors_and_never_panics() {
        let mut script = crate::conformance::script::Script::default();
        script.turn(&crate::conformance::script::cube("acme", "home"), 1, "ana", "a text");
        let rows = script.batch();
        let (version, memory) = (version_row(&rows.versions[0]), memory_row(&rows.memories[0]));
        let packed_content = content(&rows.memories[0].content).unwrap();
        let mut more = rows.versions[0].clone();
        more.memory.governance.lifespan = Lifespan::Decay { half_life_s: 86_400 };
        more.memory.carrier = Some(Carrier::Block(BlockId::from_bytes([7; 16])));
        more.memory.superseded =
            Some(Superseded { by: MemoryId::from_bytes([8; 16]), since: Timestamp(5), valid_to: Some(Timestamp(9)) });
        let more = version_row(&more);
        assert_eq!((version[0], more[0]), (FORM, FORM_MORE));
        for bytes in [&version, &more, &memory, &packed_content] {
            for end in 0..bytes.len() {
                let cut = &bytes[..end];
                assert!(to_version_row(cut).is_err() && to_memory_row(cut).is_err() && to_content(Some(cut)).is_err(), "{end}");
            }
            for place in 0..bytes.len() {
                for bit in 0..8 {
                    let mut flipped = bytes.clone();
                    flipped[place] ^= 1 << bit;
                    let _ = (to_version_row(&flipped), to_memory_row(&flipped), to_content(Some(&flipped)));
                }
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(to_version_row(&longer).is_err() && to_memory_row(&longer).is_err() && to_content(Some(&longer)).is_err());
        }
    }

    #[test]
    fn numbers_of_all_sizes() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut pack = Packer::new();
            pack.number(number);
            pack.signed(number as i64);
            let mut unpack = Unpacker::of(&pack.0, "number").unwrap();
            assert_eq!((unpack.number().unwrap(), unpack.signed().unwrap()), (number, number as i64));
        }
    }
}
