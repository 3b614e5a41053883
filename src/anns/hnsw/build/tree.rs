// SPDX-License-Identifier: MIT OR Apache-2.0
//! A tree of links that no selection removes. Each of its edges leads both ways, so a walk can come from any node to
//! any other one, whatever the data.

use crate::anns::hnsw::graph::Level;

const NOBODY: u32 = u32::MAX;

pub struct Tree {
    /// The parent of each node that was inserted; node 0 has none.
    parent: Vec<u32>,
    children: Vec<u32>,
    first_child: Vec<u32>,
    /// The most children of a node.
    most: u32,
}

impl Tree {
    /// Begins with node 0. A node has `width` places for links, and few of them are for children: other links lead
    /// further.
    pub fn new(nodes: usize, width: usize) -> Self {
        Tree {
            parent: vec![NOBODY; nodes],
            children: vec![0; nodes],
            first_child: vec![NOBODY; nodes],
            most: (width / 16).max(1) as u32,
        }
    }

    /// Finds a tree in a graph in which `nodes` nodes hold together, of edges that lead both ways. Nothing comes
    /// back if there is none. It goes as deep as it can, so few nodes have more children than one or two.
    pub fn within(level: Level, nodes: usize, all: usize, width: usize) -> Option<Self> {
        let mut tree = Tree::new(all, width);
        let mut seen = vec![false; all];
        seen[0] = true;
        let mut path = vec![(0, level.neighbours(0))];
        let mut found = 1;
        while let Some((node, neighbours)) = path.last_mut() {
            let node = *node;
            let next = neighbours.find(|next| {
                !seen[*next as usize] && level.neighbours(*next).any(|back| back == node)
            });
            let Some(next) = next else {
                path.pop();
                continue;
            };
            seen[next as usize] = true;
            found += 1;
            tree.add(next, node);
            path.push((next, level.neighbours(next)));
        }
        (found == nodes).then_some(tree)
    }

    /// Adds a node below the first of `near` that has room. If none has, it goes down from the nearest one until there
    /// is room. Returns its parent.
    pub fn insert(&mut self, node: u32, near: impl Iterator<Item = u32> + Clone) -> u32 {
        let has_room = |node: &u32| self.children[*node as usize] < self.most;
        let parent = near.clone().find(has_room).unwrap_or_else(|| {
            let nearest = near.clone().next().expect("node 0 is near all others");
            std::iter::successors(Some(nearest), |node| Some(self.first_child[*node as usize]))
                .find(has_room)
                .expect("leaves have room")
        });
        self.add(node, parent);
        parent
    }

    fn add(&mut self, node: u32, parent: u32) {
        self.parent[node as usize] = parent;
        self.children[parent as usize] += 1;
        if self.children[parent as usize] == 1 {
            self.first_child[parent as usize] = node;
        }
    }

    /// Whether two nodes are neighbours in the tree.
    pub fn joins(&self, a: u32, b: u32) -> bool {
        self.parent[a as usize] == b || self.parent[b as usize] == a
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::file::NONE;

    #[test]
    fn a_tree_is_found_of_edges_that_lead_both_ways() {
        let found = |links: &[u32]| Tree::within(Level::new(links, 2), 3, 4, 2);
        let tree = found(&[1, NONE, 0, 2, 1, NONE]).expect("0 - 1 - 2");
        assert!(tree.joins(0, 1) && tree.joins(2, 1) && !tree.joins(0, 2));
        // Nothing leads back from 2, though it can be reached.
        assert!(found(&[1, NONE, 0, 2, NONE, NONE]).is_none());
        assert!(found(&[1, NONE, 0, NONE, 1, NONE]).is_none());
        assert!(found(&[NONE, NONE, 2, NONE, 1, NONE]).is_none());
    }
}
