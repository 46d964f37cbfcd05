//! The two ways in which Thrift writes values.
//!
//! ```text
//!            compact                                               binary
//! message    82 · kind:3 version=1:5 · varint sequence             8001 00 kind · i32 length · name · i32 sequence
//!              · varint length · name                              or, of old: i32 length · name · kind · i32 sequence
//! field      delta:4 type:4, or 0:4 type:4 · zigzag id             type · i16 id
//! end        00                                                    00
//! list, set  count:4 type:4, or F:4 type:4 · varint count          type · i32 count
//! map        00, or varint count · key type:4 value type:4         key type · value type · i32 count
//! binary     varint length · bytes                                 i32 length · bytes
//! integers   zigzag varints, of 8 bits one byte                    big-endian
//! bool       in a field its type says it all; else one byte        one byte
//! ```

use crate::wire::cursor::{Cursor, Read};

/// What one has to know of a type to skip a value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wire) enum Kind {
    /// So many bytes.
    Fixed(usize),
    Varint,
    Binary,
    Struct,
    /// A list or a set.
    List,
    Map,
}

/// What stands in front of the arguments.
pub(in crate::wire) struct Message<'a> {
    pub kind: u8,
    pub name: &'a [u8],
    pub sequence: u32,
}

/// What stands in front of the value of a field.
#[derive(Debug, Clone, Copy)]
pub(in crate::wire) struct Field {
    pub id: i16,
    pub kind: Kind,
}

/// A way of writing values. Counts and lengths are compared with what the request can have.
pub(in crate::wire) trait Grammar: Default {
    /// The smallest event.
    const EVENT_BYTES_MIN: u64;

    fn message<'a>(cursor: &mut Cursor<'a>) -> Read<Message<'a>>;

    /// The next field of a struct, if there is one; `last` is the number of the one before.
    fn field(cursor: &mut Cursor<'_>, last: &mut i16) -> Read<Option<Field>>;

    /// The type of the elements of a list, and how many there are.
    fn list(cursor: &mut Cursor<'_>) -> Read<(Kind, usize)>;

    /// The types of keys and values, and how many pairs there are.
    fn map(cursor: &mut Cursor<'_>) -> Read<([Kind; 2], usize)>;

    /// The length of what follows.
    fn length(cursor: &mut Cursor<'_>) -> Read<usize>;
}

/// `TCompactProtocol`.
#[derive(Default)]
pub(in crate::wire) struct Compact;

impl Compact {
    const MAGIC: u8 = 0x82;
    const VERSION: u8 = 1;

    fn kind(cursor: &Cursor<'_>, code: u8) -> Read<Kind> {
        Ok(match code {
            1..=3 => Kind::Fixed(1),
            4..=6 => Kind::Varint,
            7 => Kind::Fixed(8),
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            13 => Kind::Fixed(16),
            _ => return Err(cursor.wrong("a type is unknown")),
        })
    }
}

impl Grammar for Compact {
    const EVENT_BYTES_MIN: u64 = 5;

    fn message<'a>(cursor: &mut Cursor<'a>) -> Read<Message<'a>> {
        if cursor.byte()? != Self::MAGIC {
            return Err(cursor.wrong("a message does not begin as those of Thrift's compact protocol"));
        }
        let head = cursor.byte()?;
        if head & 0x1f != Self::VERSION {
            return Err(cursor.wrong("a message is of another version of Thrift's compact protocol"));
        }
        let sequence = cursor.varint()? as u32;
        let length = Self::length(cursor)?;
        Ok(Message { kind: head >> 5, name: cursor.bytes(length)?, sequence })
    }

    #[inline]
    fn field(cursor: &mut Cursor<'_>, last: &mut i16) -> Read<Option<Field>> {
        let head = cursor.byte()?;
        let (delta, code) = (head >> 4, head & 0x0f);
        if code == 0 {
            return Ok(None);
        }
        let kind = if code <= 2 { Kind::Fixed(0) } else { Self::kind(cursor, code)? };
        let id = if delta == 0 { cursor.long()? as i16 } else { last.wrapping_add(i16::from(delta)) };
        *last = id;
        Ok(Some(Field { id, kind }))
    }

    fn list(cursor: &mut Cursor<'_>) -> Read<(Kind, usize)> {
        let head = cursor.byte()?;
        let count = if head >> 4 == 0x0f { cursor.varint()? } else { u64::from(head >> 4) };
        let kind = if count == 0 { Kind::Fixed(1) } else { Self::kind(cursor, head & 0x0f)? };
        Ok((kind, cursor.believe(count)?))
    }

    #[inline]
    fn map(cursor: &mut Cursor<'_>) -> Read<([Kind; 2], usize)> {
        let count = cursor.varint()?;
        if count == 0 {
            return Ok(([Kind::Fixed(1); 2], 0));
        }
        let kinds = cursor.byte()?;
        let kinds = [Self::kind(cursor, kinds >> 4)?, Self::kind(cursor, kinds & 0x0f)?];
        Ok((kinds, cursor.believe(count.saturating_mul(2))? / 2))
    }

    #[inline]
    fn length(cursor: &mut Cursor<'_>) -> Read<usize> {
        let length = cursor.varint()?;
        cursor.believe(length)
    }
}

/// `TBinaryProtocol`.
#[derive(Default)]
pub(in crate::wire) struct Binary;

impl Binary {
    const VERSION: u32 = 0x8001_0000;

    fn kind(cursor: &Cursor<'_>, code: u8) -> Read<Kind> {
        Ok(match code {
            2 | 3 => Kind::Fixed(1),
            4 | 10 => Kind::Fixed(8),
            6 => Kind::Fixed(2),
            8 => Kind::Fixed(4),
            11 => Kind::Binary,
            12 => Kind::Struct,
            13 => Kind::Map,
            14 | 15 => Kind::List,
            16 => Kind::Fixed(16),
            _ => return Err(cursor.wrong("a type is unknown")),
        })
    }

    #[inline]
    fn number(cursor: &mut Cursor<'_>) -> Read<u64> {
        // Negative ones become too large to be believed.
        cursor.array().map(|bytes| u64::from(u32::from_be_bytes(bytes)))
    }

    /// A kind that matters only where there is something of it.
    fn kind_of_some(cursor: &Cursor<'_>, code: u8, count: u64) -> Read<Kind> {
        if count == 0 { Ok(Kind::Fixed(1)) } else { Self::kind(cursor, code) }
    }
}

impl Grammar for Binary {
    const EVENT_BYTES_MIN: u64 = 17;

    fn message<'a>(cursor: &mut Cursor<'a>) -> Read<Message<'a>> {
        let first = u32::from_be_bytes(cursor.array()?);
        let strict = first >> 31 == 1;
        if strict && first & 0xffff_0000 != Self::VERSION {
            return Err(cursor.wrong("a message does not begin as those of Thrift's binary protocol"));
        }
        let length = if strict { Self::length(cursor)? } else { cursor.believe(u64::from(first))? };
        let name = cursor.bytes(length)?;
        let kind = if strict { first as u8 } else { cursor.byte()? };
        Ok(Message { kind, name, sequence: Self::number(cursor)? as u32 })
    }

    #[inline]
    fn field(cursor: &mut Cursor<'_>, last: &mut i16) -> Read<Option<Field>> {
        let code = cursor.byte()?;
        if code == 0 {
            return Ok(None);
        }
        let kind = Self::kind(cursor, code)?;
        let id = i16::from_be_bytes(cursor.array()?);
        *last = id;
        Ok(Some(Field { id, kind }))
    }

    fn list(cursor: &mut Cursor<'_>) -> Read<(Kind, usize)> {
        let code = cursor.byte()?;
        let count = Self::number(cursor)?;
        Ok((Self::kind_of_some(cursor, code, count)?, cursor.believe(count)?))
    }

    #[inline]
    fn map(cursor: &mut Cursor<'_>) -> Read<([Kind; 2], usize)> {
        let [key, value] = cursor.array()?;
        let count = Self::number(cursor)?;
        let kinds = [Self::kind_of_some(cursor, key, count)?, Self::kind_of_some(cursor, value, count)?];
        Ok((kinds, cursor.believe(count.saturating_mul(2))? / 2))
    }

    #[inline]
    fn length(cursor: &mut Cursor<'_>) -> Read<usize> {
        let length = Self::number(cursor)?;
        cursor.believe(length)
    }
}
