/// An integer of more than 128 bits, extended by its sign to 256; `limbs[0]` has the lowest bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    pub limbs: [u64; 4],
}

/// The items of a group; those of a newer sender may be longer than is known here.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    items: &'a [u8],
    step: usize,
}

impl<'a> Group<'a> {
    pub fn len(&self) -> usize {
        self.items.len() / self.step
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The bytes of the item of that number, to be read with its layout.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.step)?;
        self.items.get(start..start.checked_add(self.step)?)
    }
}

fn unsigned(at: &[u8], big: bool) -> u128 {
    let mut raw = [0u8; 16];
    raw[..at.len()].copy_from_slice(at);
    if big {
        raw[..at.len()].reverse();
    }
    u128::from_le_bytes(raw)
}

fn signed(at: &[u8], big: bool) -> i128 {
    let shift = 128 - 8 * at.len() as u32;
    ((unsigned(at, big) << shift) as i128) >> shift
}

fn wide(at: &[u8], is_signed: bool, big: bool) -> Wide {
    let top = if big { at[0] } else { at[at.len() - 1] };
    let mut raw = [if is_signed && top & 0x80 != 0 { 0xff } else { 0 }; 32];
    raw[..at.len()].copy_from_slice(at);
    if big {
        raw[..at.len()].reverse();
    }
    let mut limbs = [0u64; 4];
    for (limb, octets) in limbs.iter_mut().zip(raw.chunks_exact(8)) {
        *limb = unsigned(octets, false) as u64;
    }
    Wide { limbs }
}

fn text(at: &[u8]) -> &[u8] {
    let end = at.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    &at[..end]
}

fn data(message: &[u8], field: usize, big: bool) -> Option<&[u8]> {
    let offset = unsigned(&message[field..field + 4], big) as usize;
    let count = unsigned(&message[field + 4..field + 8], big) as usize;
    if count == 0 {
        return Some(&[]);
    }
    message.get(offset..offset.checked_add(count)?)
}

fn group(message: &[u8], field: usize, item_size: usize, big: bool) -> Option<Group<'_>> {
    let offset = unsigned(&message[field..field + 4], big) as usize;
    let count = unsigned(&message[field + 4..field + 8], big) as usize;
    if count == 0 {
        return Some(Group { items: &[], step: item_size });
    }
    let start = offset.checked_add(8)?;
    let step = unsigned(&message.get(offset..start)?[..4], big) as usize;
    if count > 65_535 || step < item_size {
        return None;
    }
    let items = message.get(start..start.checked_add(count.checked_mul(step)?)?)?;
    Some(Group { items, step })
}
