//! The master key and its file: five short lines that only the owner may read.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::crypto::Secret;
use crate::disk;
use crate::error::KeyError;

const TITLE: &str = "cubelog master key 1";
/// Far longer than the file ever is.
const FILE_BYTES_MAX: u64 = 4_096;

/// Wraps the data keys of one keyring during one epoch; every erasure begins a new epoch.
pub(crate) struct Master {
    pub(crate) keyring: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) key: Secret,
}

impl Master {
    /// `None` if there is no file. Refuses a file that others may read, before reading it.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::io("open", path)(error)),
        };
        let mode = file.metadata().map_err(KeyError::io("read", path))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Rights { path: path.to_owned(), mode });
        }
        // Reserved before, so that no reallocation leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(KeyError::io("read", path))?;
        Self::parse(&text).map(Some).map_err(|what| KeyError::MasterFormat { path: path.to_owned(), what })
    }

    /// Writes a new file durably; the caller puts it in its place.
    pub(crate) fn write(&self, path: &Path) -> Result<(), KeyError> {
        disk::write_private(path, self.print().as_bytes())
    }

    fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(256));
        let mut key = Zeroizing::new([0; 64]);
        // Neither can fail: the buffer has the right length, and a string takes all that is written to it.
        let _ = hex::encode_to_slice(&self.key[..], &mut key[..]);
        let key_text = std::str::from_utf8(&key[..]).unwrap_or_default();
        let _ = write!(text, "{TITLE}\nkeyring {}\nepoch {}\nkey {key_text}\n", hex::encode(self.keyring), self.epoch);
        let check = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "check {check:08x}");
        text
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.bytes().all(|byte| byte == 0) {
            return Err("it is empty");
        }
        let (body, check) =
            text.strip_suffix('\n').unwrap_or(text).rsplit_once("\ncheck ").ok_or("it does not end with its check")?;
        let mut lines = body.lines();
        if lines.next() != Some(TITLE) {
            return Err("it does not begin with \"cubelog master key 1\"");
        }
        let mut checked = crc32c::crc32c(body.as_bytes());
        checked = crc32c::crc32c_append(checked, b"\n");
        if u32::from_str_radix(check, 16) != Ok(checked) {
            return Err("its check does not fit, so it was altered or cut");
        }
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).ok_or("a line is missing");
        let mut master = Self { keyring: [0; 16], epoch: 0, key: Secret::default() };
        hex::decode_to_slice(field("keyring ")?, &mut master.keyring).map_err(|_| "its keyring is not 32 hexadecimal digits")?;
        master.epoch = field("epoch ")?.parse().map_err(|_| "its epoch is no number")?;
        hex::decode_to_slice(field("key ")?, &mut master.key[..]).map_err(|_| "its key is not 64 hexadecimal digits")?;
        Ok(master)
    }
}
