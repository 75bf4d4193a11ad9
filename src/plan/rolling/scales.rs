//! The steps of a rolling upgrade, as numbers of replicas.
//!
//! The rule is Rancher's (*rancher-compose upgrade*): the new service grows by batches; the old one shrinks only while
//! both together exceed what the new one is to have in the end, and then by all of the excess.

use std::num::NonZeroU64;

/// How many replicas the two services have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scales {
    pub old: u64,
    pub new: u64,
}

impl Scales {
    /// What comes next on the way to `(0, last)`; `None` where that is reached. Depends on nothing but the present
    /// numbers, so that an interrupted upgrade goes on from wherever it stands.
    pub fn next(self, last: u64, batch: NonZeroU64) -> Option<Scales> {
        let Scales { old, new } = self;
        let kept = last.saturating_sub(new).min(old);
        // Nothing of the old goes before something of the new is there.
        if new > 0 && kept < old {
            return Some(Scales { old: kept, new });
        }
        match new.cmp(&last) {
            std::cmp::Ordering::Less => Some(Scales {
                old,
                new: new.saturating_add(batch.get()).min(last),
            }),
            std::cmp::Ordering::Greater => Some(Scales { old, new: last }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// All that comes next, this one first.
    pub fn steps(self, last: u64, batch: NonZeroU64) -> impl Iterator<Item = Scales> {
        std::iter::successors(Some(self), move |scales| scales.next(last, batch))
    }

    /// The most replicas of both at a time.
    pub fn most(self, last: u64, batch: NonZeroU64) -> u64 {
        let sums = self
            .steps(last, batch)
            .map(|scales| scales.old.saturating_add(scales.new));
        sums.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trace(old: u64, last: u64, batch: u64) -> Vec<(u64, u64)> {
        let batch = NonZeroU64::new(batch).expect("a batch");
        let steps = Scales { old, new: 0 }.steps(last, batch);
        steps.map(|scales| (scales.old, scales.new)).collect()
    }

    #[test]
    fn the_old_goes_only_while_both_together_exceed_the_final_scale() {
        assert_eq!(trace(2, 5, 2), [(2, 0), (2, 2), (2, 4), (1, 4), (1, 5), (0, 5)]);
        assert_eq!(trace(1, 1, 2), [(1, 0), (1, 1), (0, 1)]);
        assert_eq!(trace(3, 3, 1), [(3, 0), (3, 1), (2, 1), (2, 2), (1, 2), (1, 3), (0, 3)]);
        assert_eq!(trace(4, 2, 2), [(4, 0), (4, 2), (0, 2)]);
        assert_eq!(trace(5, 3, 1), [(5, 0), (5, 1), (2, 1), (2, 2), (1, 2), (1, 3), (0, 3)]);
        assert_eq!(trace(2, 5, 10), [(2, 0), (2, 5), (0, 5)]);
        assert_eq!(trace(0, 3, 2), [(0, 0), (0, 2), (0, 3)]);
    }

    #[test]
    fn more_of_the_new_than_wanted_goes_at_last() {
        let start = Scales { old: 1, new: 5 };
        let batch = NonZeroU64::MIN;
        let steps: Vec<_> = start.steps(3, batch).collect();
        assert_eq!(steps[1..], [Scales { old: 0, new: 5 }, Scales { old: 0, new: 3 }]);
    }

    proptest! {
        #[test]
        fn every_way_ends_and_never_has_less_than_the_smaller_of_both_ends(
            old in 0u64..40, last in 1u64..40, batch in 1u64..12
        ) {
            let steps = trace(old, last, batch);
            prop_assert_eq!(steps.last(), Some(&(0, last)));
            for pair in steps.windows(2) {
                let ((old_before, new_before), (old_after, new_after)) = (pair[0], pair[1]);
                prop_assert!(old_after <= old_before && new_after >= new_before && pair[0] != pair[1]);
                prop_assert!(new_after - new_before <= batch);
                // One thing at a time.
                prop_assert!(old_after == old_before || new_after == new_before);
            }
            for (now_old, now_new) in steps {
                prop_assert!(now_old + now_new >= old.min(last));
            }
        }

        #[test]
        fn from_wherever_it_stands_it_goes_on_the_same_way(old in 0u64..20, last in 1u64..20, batch in 1u64..6, at in 0usize..20) {
            let steps = trace(old, last, batch);
            let at = at.min(steps.len() - 1);
            let (now_old, now_new) = steps[at];
            let rest: Vec<_> = Scales { old: now_old, new: now_new }
                .steps(last, NonZeroU64::new(batch).expect("a batch"))
                .map(|scales| (scales.old, scales.new))
                .collect();
            prop_assert_eq!(&steps[at..], &rest[..]);
        }
    }
}
