// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows sorted into parts: lists around centroids, buckets of a hash table.

/// The members of each part, in ascending order.
pub struct Partition {
    /// Where the members of each part begin, and where the last ones end.
    pub starts: Vec<u32>,
    pub members: Vec<u32>,
}

impl Partition {
    /// Sorts members into parts. `part_of` tells the part of each member, beginning with member 0.
    pub fn of(part_of: impl Iterator<Item = u32> + Clone, parts: usize) -> Self {
        let mut starts = vec![0; parts + 1];
        for part in part_of.clone() {
            starts[part as usize + 1] += 1;
        }
        for part in 0..parts {
            starts[part + 1] += starts[part];
        }
        let mut next = starts.clone();
        let mut members = vec![0; starts[parts] as usize];
        for (member, part) in (0..).zip(part_of) {
            let place = &mut next[part as usize];
            members[*place as usize] = member;
            *place += 1;
        }
        Partition { starts, members }
    }

    pub fn of_part(&self, part: usize) -> &[u32] {
        &self.members[self.starts[part] as usize..self.starts[part + 1] as usize]
    }
}
