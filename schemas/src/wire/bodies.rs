//! The body of an event: the table of kinds, and the unions that they stand in.

use cubelog_memory::Body;

use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

/// What a body of one kind knows to do: its fields, in the order of its `.avsc`.
pub(super) trait Record: Sized {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Rows of (place after the envelope, field, variant of `Body`), in the order of `event.avsc`.
macro_rules! kinds {
    ($($place:literal $field:ident $variant:ident;)+) => {
        const FIELDS: &[&str] = &[$(stringify!($field)),+];

        pub(super) fn write_body(writer: &mut Writer<'_>, body: &Body) -> Result<(), EncodeError> {
            match body {
                $(Body::$variant(body) => {
                    write_nulls(writer, $place);
                    writer.long(1);
                    body.write(writer)?;
                    write_nulls(writer, FIELDS.len() - $place - 1);
                })+
            }
            Ok(())
        }

        pub(super) fn read_body(reader: &mut Reader<'_>) -> Result<Body, DecodeError> {
            let mut found: Option<Body> = None;
            $(
                if reader.some(stringify!($field))? {
                    if let Some(first) = &found {
                        return Err(DecodeError::TwoBodies { first: first.kind(), second: stringify!($field) });
                    }
                    found = Some(Body::$variant(Record::read(reader)?));
                }
            )+
            found.ok_or(DecodeError::NoBody)
        }
    };
}

kinds! {
    0 turn_received TurnReceived;
    1 memory_recorded MemoryRecorded;
    2 memory_revised MemoryRevised;
    3 memory_merged MemoryMerged;
    4 memory_related MemoryRelated;
    5 memory_moved MemoryMoved;
    6 memory_tagged MemoryTagged;
    7 memory_expired MemoryExpired;
    8 conflict_resolved ConflictResolved;
    9 cube_created CubeCreated;
    10 cube_granted CubeGranted;
    11 cube_revoked CubeRevoked;
    12 policy_set PolicySet;
    13 cube_imported CubeImported;
    14 extraction_recorded ExtractionRecorded;
    15 hold_placed HoldPlaced;
    16 hold_lifted HoldLifted;
    17 erasure_requested ErasureRequested;
    18 erasure_completed ErasureCompleted;
    19 dead_letter_handled DeadLetterHandled;
    20 job_run JobRun;
    21 memory_governed MemoryGoverned;
    22 conflict_noted ConflictNoted;
    23 belief_resolved BeliefResolved;
    24 tier_changed TierChanged;
    25 block_built BlockBuilt;
    26 block_dropped BlockDropped;
    27 module_proposed ModuleProposed;
    28 module_trained ModuleTrained;
    29 module_evaluated ModuleEvaluated;
    30 module_published ModulePublished;
    31 module_activated ModuleActivated;
    32 module_retired ModuleRetired;
    33 module_rolled_back ModuleRolledBack;
}

fn write_nulls(writer: &mut Writer<'_>, count: usize) {
    for _ in 0..count {
        writer.long(0);
    }
}
