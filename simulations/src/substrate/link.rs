//! The faults that a link does to frames: some lost, some doubled, some late.

use super::chance::Chance;

/// How likely each fault is, for each frame, whatever happens to the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// The frame is lost.
    pub loss: f64,
    /// A frame that is not lost arrives twice.
    pub duplicate: f64,
    /// A frame that is not lost arrives after the next one.
    pub reorder: f64,
}

/// What happened to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives.
    Arrives {
        /// And once more.
        twice: bool,
        /// After the next one.
        late: bool,
    },
}

impl Faults {
    /// The fate of the next frame.
    pub fn fate(self, chance: &mut Chance) -> Fate {
        if chance.happens(self.loss) {
            return Fate::Lost;
        }
        Fate::Arrives { twice: chance.happens(self.duplicate), late: chance.happens(self.reorder) }
    }

    /// What arrives of frames numbered from 0 up to `frames`, in order of arrival.
    pub fn deliver(self, frames: u32, chance: &mut Chance) -> Vec<u32> {
        let mut arrived = Vec::new();
        let mut held = Vec::new();
        for frame in 0..frames {
            let Fate::Arrives { twice, late } = self.fate(chance) else {
                continue;
            };
            let copies = std::iter::repeat_n(frame, 1 + usize::from(twice));
            if late {
                held.extend(copies);
            } else {
                arrived.extend(copies);
                arrived.append(&mut held);
            }
        }
        arrived.append(&mut held);
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    fn delivered(loss: f64, duplicate: f64, reorder: f64) -> Vec<u32> {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        Faults { loss, duplicate, reorder }.deliver(4, &mut chance)
    }

    #[test]
    fn certain_faults_are_certain() {
        assert_eq!(delivered(0.0, 0.0, 0.0), [0, 1, 2, 3]);
        assert_eq!(delivered(1.0, 1.0, 1.0), [0; 0]);
        assert_eq!(delivered(0.0, 1.0, 0.0), [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
