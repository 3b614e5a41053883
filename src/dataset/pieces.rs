// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows in pieces. Two versions of a set of rows share the pieces that are equal in both, so that a version with one
//! row more takes a piece more, not all of it again.

use std::sync::Arc;

use super::{Matrix, same_bits};

/// What a piece takes at most. To copy one takes some ten microseconds.
const PIECE_BYTES: usize = 512 << 10;

/// One set of rows. A clone shares all pieces with it, and a change of either copies the pieces that it touches.
#[derive(Clone, Debug)]
pub struct Pieces {
    dim: usize,
    rows: usize,
    /// Each piece has `1 << shift` rows, the last one as many as are left.
    shift: u32,
    pieces: Vec<Piece>,
    /// The matrix that it was made of, as long as nothing was changed.
    whole: Option<Arc<Matrix>>,
    /// How many pieces that matrix has.
    loaded: usize,
    /// How many of them are held for nothing, because others have taken their place.
    replaced: usize,
}

/// Rows of a matrix from `first` on. It is the matrix of all pieces, or one of a single piece, with `first` 0.
#[derive(Clone, Debug)]
struct Piece {
    matrix: Arc<Matrix>,
    first: usize,
}

impl Pieces {
    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The one matrix that holds all rows, one after the other, if nothing was changed yet.
    pub fn whole(&self) -> Option<&Matrix> {
        self.whole.as_deref()
    }

    /// Whether so much was changed that everything in one matrix anew would take a good deal less memory.
    pub fn is_worn(&self) -> bool {
        self.replaced > self.loaded / 4 + 1
    }

    /// How many rows a piece has.
    pub fn per_piece(&self) -> usize {
        1 << self.shift
    }

    /// Returns row `row` without padding.
    pub fn row(&self, row: usize) -> &[f32] {
        let (matrix, number) = self.place(row);
        matrix.row(number)
    }

    /// Returns row `row` with its padding.
    #[inline]
    pub fn padded_row(&self, row: usize) -> &[f32] {
        let (matrix, number) = self.place(row);
        matrix.padded_row(number)
    }

    /// Returns the inverse length of a row.
    #[inline]
    pub fn inverse_length(&self, row: usize) -> f32 {
        let (matrix, number) = self.place(row);
        matrix.inverse_lengths()[number]
    }

    /// Returns the matrix that row `row` lies in, and its number there. The rows of its piece lie behind each other.
    #[inline]
    pub fn place(&self, row: usize) -> (&Matrix, usize) {
        let piece = &self.pieces[row >> self.shift];
        (&piece.matrix, piece.first + (row & (self.per_piece() - 1)))
    }

    /// Whether both have equal rows, to the bit: `-0.0` is not `0.0` here.
    pub fn same_bits(&self, other: &Pieces) -> bool {
        if let (Some(one), Some(other)) = (&self.whole, &other.whole) {
            return one.same_bits(other);
        }
        (self.dim, self.rows) == (other.dim, other.rows)
            && (0..self.rows).all(|row| same_bits(self.row(row), other.row(row)))
    }

    /// Leaves the first `rows` rows, if there are more.
    pub fn truncate(&mut self, rows: usize) {
        if rows >= self.rows {
            return;
        }
        self.whole = None;
        self.rows = rows;
        let left = rows.div_ceil(self.per_piece());
        let gone = self.pieces.drain(left..);
        self.replaced += gone.filter(|piece| piece.first > 0).count();
    }

    /// Puts other elements into row `number`, or appends it if it is the one after the last.
    ///
    /// Panics if it is not of the dimension that all rows have, or lies beyond.
    pub fn set(&mut self, number: usize, row: &[f32]) {
        assert!(number <= self.rows, "a row beyond the end");
        let is_appended = number == self.rows;
        let within = number & (self.per_piece() - 1);
        let matrix = self.own(number >> self.shift);
        if is_appended {
            matrix.truncate(within);
            matrix.push(row);
            self.rows += 1;
        } else {
            matrix.set(within, row);
        }
    }

    /// Returns the matrix of a piece, which nobody else holds: a copy of it, if need be.
    fn own(&mut self, index: usize) -> &mut Matrix {
        self.whole = None;
        let first_row = index << self.shift;
        if index == self.pieces.len() {
            let matrix = Arc::new(self.room());
            self.pieces.push(Piece { matrix, first: 0 });
        }
        let most = self.per_piece();
        let piece = &self.pieces[index];
        let is_own = piece.first == 0 && piece.matrix.rows() <= most;
        if !is_own || Arc::strong_count(&piece.matrix) > 1 {
            let used = most.min(self.rows - first_row);
            let mut copy = self.room();
            (0..used).for_each(|row| copy.push(piece.matrix.row(piece.first + row)));
            self.replaced += usize::from(!is_own);
            self.pieces[index] = Piece {
                matrix: Arc::new(copy),
                first: 0,
            };
        }
        Arc::get_mut(&mut self.pieces[index].matrix).expect("nobody else holds it")
    }

    /// A matrix with room for a piece.
    fn room(&self) -> Matrix {
        let mut matrix = Matrix::new(self.dim);
        // Without room now, it grows as it is filled.
        let _ = matrix.try_reserve(self.per_piece());
        matrix
    }
}

impl From<Matrix> for Pieces {
    fn from(matrix: Matrix) -> Self {
        let row_bytes = (matrix.stride() * size_of::<f32>()).max(1);
        let shift = (PIECE_BYTES / row_bytes).max(1).ilog2();
        let matrix = Arc::new(matrix);
        let piece = |first| Piece {
            matrix: matrix.clone(),
            first,
        };
        let pieces: Vec<_> = (0..matrix.rows()).step_by(1 << shift).map(piece).collect();
        Pieces {
            dim: matrix.dim(),
            rows: matrix.rows(),
            shift,
            loaded: pieces.len(),
            pieces,
            whole: Some(matrix),
            replaced: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of 17 elements, `per` of which fill a piece.
    fn pieces(rows: usize) -> (Pieces, usize) {
        let mut matrix = Matrix::new(17);
        (0..rows).for_each(|row| matrix.push(&[row as f32; 17]));
        let pieces = Pieces::from(matrix);
        let per = pieces.per_piece();
        (pieces, per)
    }

    fn first_elements(pieces: &Pieces) -> Vec<f32> {
        (0..pieces.rows())
            .map(|row| pieces.padded_row(row)[0])
            .collect()
    }

    #[test]
    fn a_change_is_seen_in_one_version_only() {
        let per = pieces(1).1;
        let (old, _) = pieces(2 * per + 3);
        assert!(old.whole().is_some());
        let before = first_elements(&old);

        let mut new = old.clone();
        new.set(per + 1, &[-1.0; 17]);
        new.set(2 * per + 3, &[-2.0; 17]);
        assert_eq!(first_elements(&old), before);
        assert!(new.whole().is_none());
        let mut expected = before.clone();
        expected[per + 1] = -1.0;
        expected.push(-2.0);
        assert_eq!(first_elements(&new), expected);
        assert!(
            Arc::ptr_eq(&old.pieces[0].matrix, &new.pieces[0].matrix),
            "what was not touched is shared"
        );

        // The last piece has room left, which is another version's as well.
        let mut newer = new.clone();
        newer.set(2 * per + 4, &[-3.0; 17]);
        assert_eq!(first_elements(&new), expected);
        drop(new);
        let matrix = Arc::as_ptr(&newer.pieces[2].matrix);
        newer.set(2 * per + 5, &[-4.0; 17]);
        assert_eq!(Arc::as_ptr(&newer.pieces[2].matrix), matrix, "not copied");
        expected.extend([-3.0, -4.0]);
        assert_eq!(first_elements(&newer), expected);
    }

    #[test]
    fn what_is_cut_off_does_not_come_back() {
        let per = pieces(1).1;
        for rows in [2 * per + 3, 2 * per, per + 1] {
            let (old, _) = pieces(rows);
            for left in [0, 1, per - 1, per, per + 1, rows - 1] {
                let mut new = old.clone();
                new.truncate(left);
                assert_eq!(first_elements(&new), first_elements(&old)[..left]);
                new.set(left, &[-1.0; 17]);
                let mut expected = first_elements(&old)[..left].to_owned();
                expected.push(-1.0);
                assert_eq!(first_elements(&new), expected, "{left} of {rows}");
            }
        }
    }

    #[test]
    fn lengths_are_those_of_the_rows() {
        let per = pieces(1).1;
        let (mut rows, _) = pieces(per + 2);
        let inverse = |rows: &Pieces, row| rows.inverse_length(row);
        let _ = inverse(&rows, 1);
        rows.set(1, &[2.0; 17]);
        rows.set(per + 2, &[4.0; 17]);
        let expected = |value: f32| Matrix::from_row(&[value; 17]).inverse_lengths()[0];
        assert_eq!(inverse(&rows, 1), expected(2.0));
        assert_eq!(inverse(&rows, 5), expected(5.0));
        assert_eq!(inverse(&rows, per + 2), expected(4.0));
        rows.set(1, &[8.0; 17]);
        assert_eq!(inverse(&rows, 1), expected(8.0));
    }

    #[test]
    fn rows_that_were_changed_all_over_are_worn() {
        let per = pieces(1).1;
        let (mut rows, _) = pieces(20 * per);
        for piece in 1..20 {
            assert_eq!(rows.is_worn(), piece > 7, "{piece}");
            rows.set(piece * per, &[0.5; 17]);
        }
        let (mut grows, _) = pieces(per);
        (per..9 * per).for_each(|row| grows.set(row, &[0.5; 17]));
        assert!(!grows.is_worn(), "appended rows replace none");
    }
}
