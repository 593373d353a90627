//! Damage, foreign files and erasure: always a miss, never a panic, never other numbers.

use std::fs;
use std::path::PathBuf;

use cubelog_cache::logical::*;
use cubelog_cache::physical::*;

use crate::common::*;
use crate::files::{id, write};

struct Case {
    disk: Disk,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn case() -> Case {
    let disk = disk();
    let cache = Cache::new(options(4, 1 << 30));
    let (blocks, _) = spans(&cache, &scope("acme"), SMALL, &[1, 2, 3, 4, 5, 6], &["ada", "bob"]);
    write(&disk, id(1), &cache, blocks.last().unwrap());
    let path = disk.dir.path().join("kv").join(format!("{}.kv", id(1)));
    let bytes = fs::read(&path).unwrap();
    Case { disk, path, bytes }
}

/// Reads all that can be read. A miss anywhere is a miss.
fn read(disk: &Disk) -> Result<KvSpan, Miss> {
    disk.store.read(id(1))?.whole::<f32>(1)
}

#[test]
fn a_flipped_bit_anywhere_is_a_miss() {
    let Case { disk, path, bytes } = case();
    let right = read(&disk).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        fs::write(&path, &altered).unwrap();
        let miss = read(&disk).err().unwrap_or_else(|| panic!("byte {at} of {} was not missed", bytes.len()));
        assert!(matches!(miss, Miss::Damaged(_) | Miss::Version(_)) && miss.is_final(), "byte {at}: {miss}");
        assert!(disk.store.verify(id(1)).is_err(), "byte {at} passed without keys");
    }
    fs::write(&path, &bytes).unwrap();
    assert!(read(&disk).unwrap() == right);
}

#[test]
fn a_file_cut_or_lengthened_anywhere_is_a_miss() {
    let Case { disk, path, bytes } = case();
    for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(matches!(read(&disk), Err(Miss::Damaged(_))), "{length} of {}", bytes.len());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    fs::write(&path, &longer).unwrap();
    assert!(matches!(read(&disk), Err(Miss::Damaged(_))));
    // Cut after it was opened: a layer is a miss, not the end of the process.
    fs::write(&path, &bytes).unwrap();
    let reader = disk.store.read(id(1)).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 1).unwrap();
    assert!(matches!(reader.whole::<f32>(2), Err(Miss::Damaged(_))));
}

/// Rewrites the checksum of the front, as somebody would who wants a change to pass.
fn resign(bytes: &mut [u8]) {
    let label = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let parts = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
    let end = (24 + label + parts * 20).min(bytes.len());
    let check = crc32c::crc32c_append(crc32c::crc32c(&bytes[..20]), &bytes[24..end]);
    bytes[20..24].copy_from_slice(&check.to_le_bytes());
}

#[test]
fn changes_that_pass_the_checksum_are_misses_too() {
    let Case { disk, path, bytes } = case();
    let label = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    for at in (8..20).chain(24..24 + label + 80) {
        for flip in [1u8, 0x80] {
            let mut altered = bytes.clone();
            altered[at] ^= flip;
            let lengths = u32::from_le_bytes(altered[12..16].try_into().unwrap());
            if lengths < 1 << 20 && u32::from_le_bytes(altered[16..20].try_into().unwrap()) < 1 << 10 {
                resign(&mut altered);
            }
            fs::write(&path, &altered).unwrap();
            // The checksum of a part in the table is for `verify` only; nothing depends on it when reading.
            let crc_of_a_part = (0..4).any(|part| (24 + label + part * 20 + 16..24 + label + part * 20 + 20).contains(&at));
            assert_eq!(read(&disk).is_ok(), crc_of_a_part, "byte {at}");
        }
    }
    // Two layers in each other's place.
    let mut swapped = bytes.clone();
    let row = |part: usize| 24 + label + part * 20;
    let place = |part: usize| u64::from_le_bytes(bytes[row(part)..row(part) + 8].try_into().unwrap()) as usize;
    let length = place(2) - place(1);
    swapped[place(1)..place(2)].copy_from_slice(&bytes[place(2)..place(2) + length]);
    swapped[place(2)..place(2) + length].copy_from_slice(&bytes[place(1)..place(2)]);
    fs::write(&path, &swapped).unwrap();
    assert!(matches!(read(&disk), Err(Miss::Damaged("a part was altered"))));
}

#[test]
fn another_file_in_its_place_is_foreign_and_other_versions_are_not_guessed() {
    let Case { disk, path, bytes } = case();
    let other = disk.dir.path().join("kv").join(format!("{}.kv", id(2)));
    fs::copy(&path, &other).unwrap();
    assert!(matches!(disk.store.read(id(2)), Err(Miss::Foreign("block"))));
    for version in [0u32, 2, 700] {
        let mut newer = bytes.clone();
        newer[8..12].copy_from_slice(&version.to_le_bytes());
        resign(&mut newer);
        fs::write(&path, &newer).unwrap();
        assert!(matches!(disk.store.read(id(1)), Err(Miss::Version(found)) if found == version));
    }
    fs::write(&path, b"").unwrap();
    assert!(matches!(disk.store.read(id(1)), Err(Miss::Damaged(_))));
    fs::write(&path, vec![0xff; 10_000]).unwrap();
    assert!(matches!(disk.store.read(id(1)), Err(Miss::Damaged(_))));
    // A keyring of somebody else has no key for it.
    fs::write(&path, &bytes).unwrap();
    let stranger = crate::common::disk();
    let strange = Store::open(disk.dir.path().join("kv"), stranger.keyring.clone()).unwrap();
    assert!(matches!(strange.read(id(1)), Err(Miss::Erased)));
    stranger.keyring.ensure([&subject("ada"), &subject("bob")]).unwrap();
    assert!(strange.read(id(1)).is_err_and(|miss| miss.is_final()));
}

#[test]
fn the_first_erased_subject_makes_it_a_miss() {
    for who in ["ada", "bob"] {
        let Case { disk, .. } = case();
        assert!(read(&disk).is_ok());
        assert_eq!(disk.store.about(&subject(who)).unwrap(), [id(1)]);
        assert_eq!(disk.store.about(&subject("cy")).unwrap(), []);
        disk.keyring.destroy([&subject(who)]).unwrap();
        assert!(matches!(read(&disk), Err(Miss::Erased)));
        disk.keyring.ensure([&subject(who)]).unwrap();
        assert!(matches!(read(&disk), Err(Miss::Erased)));
    }
}
