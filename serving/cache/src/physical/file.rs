//! The format of a run's file, version 1, and why one is a miss. All numbers are little-endian.
//!
//! ```text
//!  0   8  magic "CUBEKV\r\n"
//!  8   4  version
//! 12   4  bytes of the label
//! 16   4  parts: one for the manifest, then one per layer
//! 20   4  CRC-32C of bytes 0 to 20, then label and table
//! 24      label: JSON, in clear (see manifest.rs)
//!         table: per part 8 bytes offset, 8 bytes length, 4 bytes CRC-32C of the sealed part
//!         the parts, each sealed, one behind the other, up to the end of the file
//! ```
//!
//! A part is sealed with AES-256-GCM under a key that only all subjects' data keys together give; it is bound to its number and to
//! the label's digest. So whoever moves parts, labels or bytes gets a miss. The checksums serve `verify`, which has no keys. Files are
//! read at positions rather than mapped: parts have to be decrypted into memory anyway, and a mapped file that is cut while it is read
//! would end the process.

use cubelog_keyring::KeyError;

pub(crate) const MAGIC: &[u8; 8] = b"CUBEKV\r\n";
pub(crate) const VERSION: u32 = 1;
pub(crate) const PREAMBLE_BYTES: usize = 24;
pub(crate) const TABLE_ROW_BYTES: usize = 20;
/// A label names each subject, and there may be thousands.
pub(crate) const LABEL_BYTES_MAX: usize = 16 << 20;
pub(crate) const PARTS_MAX: usize = 1 + (1 << 10);

/// Why a file gives no numbers. Nobody has to handle these differently: build the block anew.
#[derive(Debug, thiserror::Error)]
pub enum Miss {
    #[error("there is no such file")]
    Absent,
    #[error("the file was written by version {0} of the format, and this one reads version {VERSION}")]
    Version(u32),
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    #[error("the file was made for another {0}")]
    Foreign(&'static str),
    #[error("somebody whom the block is about was erased")]
    Erased,
    #[error("the keys cannot be had: {0}")]
    Keys(KeyError),
    #[error("the file cannot be read: {0}")]
    Io(std::io::Error),
}

impl Miss {
    /// Whether the file will never serve again, so that it is to be removed. Failing disks and keyrings may come back.
    pub fn is_final(&self) -> bool {
        !matches!(self, Miss::Keys(_) | Miss::Io(_))
    }
}

impl From<std::io::Error> for Miss {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Miss::Absent,
            // The file was cut while it was read.
            std::io::ErrorKind::UnexpectedEof => Miss::Damaged("it ends early"),
            _ => Miss::Io(error),
        }
    }
}

impl From<KeyError> for Miss {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Tampered { .. } | KeyError::NoSubject => Miss::Damaged("its keys were altered"),
            error => Miss::Keys(error),
        }
    }
}

/// Where a sealed part lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
}

/// What stands before the parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Front {
    pub(crate) label: Vec<u8>,
    pub(crate) parts: Vec<Part>,
}

impl Front {
    pub(crate) fn bytes(label: usize, parts: usize) -> usize {
        PREAMBLE_BYTES + label + parts * TABLE_ROW_BYTES
    }

    pub(crate) fn print(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::bytes(self.label.len(), self.parts.len()));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.label.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.parts.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.label);
        for part in &self.parts {
            bytes.extend_from_slice(&part.at.to_le_bytes());
            bytes.extend_from_slice(&part.bytes.to_le_bytes());
            bytes.extend_from_slice(&part.crc.to_le_bytes());
        }
        let check = check_of(&bytes);
        bytes[20..PREAMBLE_BYTES].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Lengths of label and table, from the preamble.
    pub(crate) fn lengths(preamble: &[u8; PREAMBLE_BYTES]) -> Result<(usize, usize), Miss> {
        if preamble[..8] != MAGIC[..] {
            return Err(Miss::Damaged("it does not begin as such a file"));
        }
        let version = word(preamble, 8);
        if version != VERSION {
            return Err(Miss::Version(version));
        }
        let (label, parts) = (word(preamble, 12) as usize, word(preamble, 16) as usize);
        if label > LABEL_BYTES_MAX || !(2..=PARTS_MAX).contains(&parts) {
            return Err(Miss::Damaged("its lengths are absurd"));
        }
        Ok((label, parts))
    }

    /// Reads everything before the parts; `length` is that of the whole file.
    pub(crate) fn parse(bytes: &[u8], label: usize, parts: usize, length: u64) -> Result<Self, Miss> {
        if bytes.len() != Self::bytes(label, parts) {
            return Err(Miss::Damaged("it ends early"));
        }
        if word(bytes, 20) != check_of(bytes) {
            return Err(Miss::Damaged("label or table fail their checksum"));
        }
        let (label, table) = bytes[PREAMBLE_BYTES..].split_at(label);
        let mut expected = bytes.len() as u64;
        let mut read = Vec::with_capacity(parts);
        for row in table.chunks_exact(TABLE_ROW_BYTES) {
            let part = Part { at: long(row, 0), bytes: long(row, 8), crc: word(row, 16) };
            if part.at != expected {
                return Err(Miss::Damaged("its parts do not follow each other"));
            }
            expected = part.at.checked_add(part.bytes).ok_or(Miss::Damaged("its lengths are absurd"))?;
            read.push(part);
        }
        if expected != length {
            return Err(Miss::Damaged("it does not end where its last part does"));
        }
        Ok(Self { label: label.to_vec(), parts: read })
    }
}

/// Over everything but the place of the checksum itself.
fn check_of(front: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&front[..20]), &front[PREAMBLE_BYTES..])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

/// What a part is bound to beside its key and number.
pub(crate) fn about(label: &[u8]) -> Vec<u8> {
    let mut about = b"cubelog kv part 1".to_vec();
    about.extend_from_slice(blake3::hash(label).as_bytes());
    about
}
