//! The metadata that TraceLogging puts into events, which describes them.

/// Why an event cannot be decoded.
pub(super) type Malformed = &'static str;

/// Reads bytes one after the other.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let split = self.bytes.split_at_checked(length);
        let (taken, rest) = split.ok_or("it is shorter than its metadata says")?;
        self.bytes = rest;
        Ok(taken)
    }

    pub fn number(&mut self, length: usize) -> Result<u64, Malformed> {
        let bytes = self.take(length)?.iter().rev();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.number(1)? as u8)
    }

    pub fn short(&mut self) -> Result<usize, Malformed> {
        Ok(self.number(2)? as usize)
    }

    /// Up to a zero unit, which is passed; units of `size` bytes.
    pub fn until_zero(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let mut units = self.bytes.chunks_exact(size);
        let end = units.position(|unit| unit.iter().all(|byte| *byte == 0));
        let end = size * end.ok_or("a string has no end")?;
        let taken = self.take(end)?;
        self.take(size)?;
        Ok(taken)
    }

    /// A name: UTF-8 with a zero at its end.
    fn name(&mut self) -> Result<String, Malformed> {
        let name = self.until_zero(1)?.to_vec();
        String::from_utf8(name).map_err(|_| "a name is not UTF-8")
    }

    /// A tag: 7 bits in each byte, of which all but the last have their upper bit set; 4 at most.
    fn tag(&mut self) -> Result<(), Malformed> {
        for _ in 0..4 {
            if self.byte()? & 0x80 == 0 {
                return Ok(());
            }
        }
        Err("a tag is longer than 4 bytes")
    }
}

/// The metadata's own length must be that of its descriptor.
fn whole(bytes: &[u8]) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.short()? == bytes.len() {
        Ok(reader)
    } else {
        Err("the length of metadata is not what it says")
    }
}

/// The name in a provider's metadata, whose traits are checked.
pub(super) fn provider_name(bytes: &[u8]) -> Result<String, Malformed> {
    let mut reader = whole(bytes)?;
    let name = reader.name()?;
    while !reader.is_empty() {
        let length = reader.short()?;
        let rest = length.checked_sub(2).filter(|rest| *rest > 0);
        reader.take(rest.ok_or("a provider's trait has no type")?)?;
    }
    Ok(name)
}

/// How often a field's value is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Scalar,
    /// As the metadata says.
    Constant(usize),
    /// As the data says.
    Variable,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    pub intype: u8,
    /// How it is to be shown; of a structure, how many fields it has.
    pub outtype: u8,
    pub count: Count,
}

/// An event's name and fields.
pub(super) fn event(bytes: &[u8]) -> Result<(String, Vec<Field>), Malformed> {
    let mut reader = whole(bytes)?;
    reader.tag()?;
    let name = reader.name()?;
    let mut fields = Vec::new();
    while !reader.is_empty() {
        fields.push(field(&mut reader)?);
    }
    Ok((name, fields))
}

fn field(reader: &mut Reader<'_>) -> Result<Field, Malformed> {
    const MORE: u8 = 0x80;
    const TYPE_MASK: u8 = 0x1f;
    const CONSTANT_COUNT: u8 = 0x20;
    const VARIABLE_COUNT: u8 = 0x40;
    let name = reader.name()?;
    let intype = reader.byte()?;
    let mut outtype = 0;
    if intype & MORE != 0 {
        outtype = reader.byte()?;
        if outtype & MORE != 0 {
            reader.tag()?;
        }
    }
    let count = match intype & !MORE & !TYPE_MASK {
        0 => Count::Scalar,
        CONSTANT_COUNT => Count::Constant(reader.short()?),
        VARIABLE_COUNT => Count::Variable,
        _ => return Err("a field has a serializer of its own"),
    };
    Ok(Field {
        name,
        intype: intype & TYPE_MASK,
        outtype: outtype & !MORE,
        count,
    })
}
