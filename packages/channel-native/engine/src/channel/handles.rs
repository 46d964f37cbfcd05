//! Numbers for things that JavaScript holds: a number that was given back never again means something else.

/// Bits of a handle that say the place; the rest count how often places were given out.
const INDEX_BITS: u32 = 20;

/// Things under handles. A handle fits a JavaScript number: 20 bits of place, 32 bits of generation.
#[derive(Debug)]
pub(super) struct Handles<T> {
    places: Vec<Option<(u32, T)>>,
    free: Vec<u32>,
    generation: u32,
    max: u32,
}

impl<T> Handles<T> {
    pub const fn new(max: u32) -> Self {
        assert!(max <= 1 << INDEX_BITS);
        Self { places: Vec::new(), free: Vec::new(), generation: 0, max }
    }

    pub fn len(&self) -> u32 {
        self.places.len() as u32 - self.free.len() as u32
    }

    pub fn is_full(&self) -> bool {
        self.len() == self.max
    }

    /// Keeps a thing; there must be a place left.
    pub fn insert(&mut self, thing: T) -> u64 {
        assert!(!self.is_full(), "every handle is in use");
        self.generation = self.generation.wrapping_add(1);
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Some((self.generation, thing));
        u64::from(self.generation) << INDEX_BITS | u64::from(place)
    }

    pub fn get_mut(&mut self, handle: u64) -> Option<&mut T> {
        match self.places.get_mut(place(handle) as usize) {
            Some(Some((generation, thing))) if u64::from(*generation) == handle >> INDEX_BITS => Some(thing),
            _ => None,
        }
    }

    pub fn remove(&mut self, handle: u64) -> Option<T> {
        self.get_mut(handle)?;
        self.free.push(place(handle));
        self.places[place(handle) as usize].take().map(|(_, thing)| thing)
    }

    /// The handles of the things that `chosen` says yes to.
    pub fn find(&self, chosen: impl Fn(&T) -> bool) -> Vec<u64> {
        let of = |(at, it): (usize, &Option<(u32, T)>)| match it {
            Some((generation, thing)) if chosen(thing) => Some(u64::from(*generation) << INDEX_BITS | at as u64),
            _ => None,
        };
        self.places.iter().enumerate().filter_map(of).collect()
    }
}

/// The place of a handle, below the `max` of its table.
pub(super) const fn place(handle: u64) -> u32 {
    (handle & ((1 << INDEX_BITS) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_given_back_means_nothing_any_more() {
        let mut handles = Handles::new(2);
        let first = handles.insert('a');
        assert_eq!(handles.remove(first), Some('a'));
        let second = handles.insert('b');
        assert_eq!(place(first), place(second));
        assert_eq!(handles.remove(first), None);
        assert_eq!(handles.get_mut(second), Some(&mut 'b'));
        assert_eq!(handles.find(|thing| *thing == 'b'), vec![second]);
        handles.insert('c');
        assert!(handles.is_full());
    }
}
