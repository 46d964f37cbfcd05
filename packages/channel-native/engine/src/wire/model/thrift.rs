//! Thrift's values, as its libraries write them.

use proptest::{collection::vec, prelude::*};

use super::{Said, Sent, noise};
use crate::{
    batch::model::{Wild, long},
    wire::Protocol,
};

/// Any value of Thrift's.
#[derive(Debug, Clone)]
pub(in crate::wire) enum Value {
    Bool(bool),
    Byte(u8),
    Short(i16),
    Int(i32),
    Long(i64),
    Double([u8; 8]),
    Bytes(Vec<u8>),
    Struct(Vec<(i16, Value)>),
    List(Vec<Value>),
    Set(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<u8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        any::<[u8; 8]>().prop_map(Value::Double),
        noise().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        // Elements of a container are all of one type.
        let many = (inner.clone(), 0_usize..20).prop_map(|(value, count)| vec![value; count]);
        prop_oneof![
            vec((any::<i16>(), inner.clone()), 0..3).prop_map(Value::Struct),
            many.clone().prop_map(Value::List),
            many.prop_map(Value::Set),
            (inner.clone(), inner, 0_usize..4).prop_map(|(key, value, count)| Value::Map(vec![(key, value); count])),
        ]
    })
}

/// A request in Thrift.
pub(super) fn message(sent: &Sent, protocol: Protocol) -> Vec<u8> {
    let mut pen = Pen { protocol, padding: sent.padding, bytes: vec![] };
    pen.message(sent);
    pen.bytes
}

/// Writes what Thrift's own libraries write, and some that they only read.
struct Pen {
    protocol: Protocol,
    padding: usize,
    bytes: Vec<u8>,
}

impl Pen {
    fn message(&mut self, sent: &Sent) {
        let (_, name) = sent.said.call();
        let kind = if sent.oneway { 4 } else { 1 };
        match self.protocol {
            Protocol::Compact => {
                self.bytes.extend([0x82, kind << 5 | 1]);
                self.varint(u64::from(sent.serial));
                self.binary(name.as_bytes());
            }
            Protocol::Binary if self.padding == 0 => {
                self.bytes.extend([0x80, 1, 0, kind]);
                self.binary(name.as_bytes());
                self.bytes.extend(sent.serial.to_be_bytes());
            }
            Protocol::Binary => {
                self.binary(name.as_bytes());
                self.bytes.push(kind);
                self.bytes.extend(sent.serial.to_be_bytes());
            }
        }
        let argument = match &sent.said {
            Said::Other(_, bytes) => return self.bytes.extend(bytes),
            Said::Append(event) => event_of(event, &sent.unknown),
            Said::AppendBatch(_) => {
                Value::List(sent.said.events().iter().map(|event| event_of(event, &sent.unknown)).collect())
            }
        };
        let (before, behind) = sent.unknown.split_at(sent.unknown.len() / 2);
        self.value(&Value::Struct([before, &[(1, argument)], behind].concat()));
        self.bytes.extend(&sent.trailing);
    }

    fn value(&mut self, value: &Value) {
        let compact = self.protocol == Protocol::Compact;
        match value {
            Value::Bool(it) => self.bytes.push(u8::from(*it)),
            Value::Byte(it) => self.bytes.push(*it),
            Value::Short(it) if compact => self.zig_zag(i64::from(*it)),
            Value::Int(it) if compact => self.zig_zag(i64::from(*it)),
            Value::Long(it) if compact => self.zig_zag(*it),
            Value::Short(it) => self.bytes.extend(it.to_be_bytes()),
            Value::Int(it) => self.bytes.extend(it.to_be_bytes()),
            Value::Long(it) => self.bytes.extend(it.to_be_bytes()),
            Value::Double(it) => self.bytes.extend(it),
            Value::Bytes(it) => self.binary(it),
            Value::Struct(fields) => self.fields(fields),
            Value::List(values) | Value::Set(values) => {
                self.list(values);
                for value in values {
                    self.value(value);
                }
            }
            Value::Map(pairs) => {
                self.map(pairs);
                for (key, value) in pairs {
                    self.value(key);
                    self.value(value);
                }
            }
        }
    }

    fn fields(&mut self, fields: &[(i16, Value)]) {
        let mut last = 0_i16;
        for (id, value) in fields {
            if self.protocol == Protocol::Binary {
                let code = self.code(value);
                self.bytes.push(code);
                self.bytes.extend(id.to_be_bytes());
                self.value(value);
                continue;
            }
            let code = if let Value::Bool(false) = value { 2 } else { self.code(value) };
            match id.checked_sub(last) {
                Some(delta @ 1..16) if self.padding == 0 => self.bytes.push(delta.to_be_bytes()[1] << 4 | code),
                _ => {
                    self.bytes.push(code);
                    self.zig_zag(i64::from(*id));
                }
            }
            last = *id;
            if !matches!(value, Value::Bool(_)) {
                self.value(value);
            }
        }
        self.bytes.push(0);
    }

    fn list(&mut self, values: &[Value]) {
        let code = values.first().map_or(3, |value| self.code(value));
        let count = values.len();
        match self.protocol {
            Protocol::Binary => {
                self.bytes.push(code);
                self.bytes.extend((count as u32).to_be_bytes());
            }
            Protocol::Compact if count < 15 => self.bytes.push((count as u8) << 4 | code),
            Protocol::Compact => {
                self.bytes.push(0xf0 | code);
                self.varint(count as u64);
            }
        }
    }

    fn map(&mut self, pairs: &[(Value, Value)]) {
        let codes = pairs.first().map_or((11, 11), |(key, value)| (self.code(key), self.code(value)));
        match self.protocol {
            Protocol::Binary => {
                self.bytes.extend([codes.0, codes.1]);
                self.bytes.extend((pairs.len() as u32).to_be_bytes());
            }
            Protocol::Compact if pairs.is_empty() => self.varint(0),
            Protocol::Compact => {
                self.varint(pairs.len() as u64);
                self.bytes.push(codes.0 << 4 | codes.1);
            }
        }
    }

    const fn code(&self, value: &Value) -> u8 {
        let (compact, binary) = match value {
            Value::Bool(_) => (1, 2),
            Value::Byte(_) => (3, 3),
            Value::Short(_) => (4, 6),
            Value::Int(_) => (5, 8),
            Value::Long(_) => (6, 10),
            Value::Double(_) => (7, 4),
            Value::Bytes(_) => (8, 11),
            Value::Struct(_) => (12, 12),
            Value::List(_) => (9, 15),
            Value::Set(_) => (10, 14),
            Value::Map(_) => (11, 13),
        };
        match self.protocol {
            Protocol::Compact => compact,
            Protocol::Binary => binary,
        }
    }

    fn binary(&mut self, bytes: &[u8]) {
        match self.protocol {
            Protocol::Compact => self.varint(bytes.len() as u64),
            Protocol::Binary => self.bytes.extend((bytes.len() as u32).to_be_bytes()),
        }
        self.bytes.extend(bytes);
    }

    fn zig_zag(&mut self, number: i64) {
        self.varint(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn varint(&mut self, number: u64) {
        // Avro's own writer, which would double it.
        let half = long((number >> 1) as usize, self.padding);
        self.bytes.push(half[0] | (number & 1) as u8);
        self.bytes.extend(&half[1..]);
    }
}

/// An event with fields that nobody knows, and its own in any order.
fn event_of(event: &Wild, unknown: &[(i16, Value)]) -> Value {
    let text = |bytes: &Vec<u8>| Value::Bytes(bytes.clone());
    let headers = Value::Map(event.headers().map(|(key, value)| (text(key), text(value))).collect());
    let mut fields = vec![(1, headers), (2, Value::Bytes(event.body.clone()))];
    fields.extend(unknown.iter().map(|(id, value)| ((*id).max(3), value.clone())));
    if event.padding > 0 {
        fields.reverse();
    }
    Value::Struct(fields)
}
