//! Views of numbers in memory as matrices, and the product of two of them by the library that burn's CPU backend uses.
//!
//! burn's tensors are not used here because a step of training writes into parts of larger matrices, adds to what stands
//! there and reads transposes: each would be a copy.

use gemm::Parallelism;

/// A matrix to read: entry (i, j) is `data[i * row + j * column]`.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

/// A matrix to write, whose rows lie one after the other, `row` numbers apart.
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row: usize,
}

/// What becomes of the numbers that a product is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto {
    /// They are replaced.
    Nothing,
    /// The product is added to them.
    Itself,
}

/// Who computes a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// The calling thread, being one of several.
    One,
    /// All threads of the pool.
    All,
}

/// Whether every entry of a matrix lies within `len` numbers.
fn fits(len: usize, rows: usize, columns: usize, row: usize, column: usize) -> bool {
    let last = |n: usize, stride: usize| (n - 1).checked_mul(stride);
    if rows == 0 || columns == 0 {
        return true;
    }
    matches!((last(rows, row), last(columns, column)), (Some(a), Some(b)) if a.checked_add(b).is_some_and(|at| at < len))
}

impl<'a> Mat<'a> {
    /// Rows one after the other without gaps: [rows, columns].
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows `row` numbers apart: columns cut out of a wider matrix.
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, row: usize) -> Self {
        assert!(fits(data.len(), rows, columns, row, 1), "a matrix of {rows} x {columns} in {} numbers", data.len());
        Self { data, rows, columns, row, column: 1 }
    }

    /// The transpose, nothing being moved.
    pub fn t(self) -> Self {
        Self { data: self.data, rows: self.columns, columns: self.rows, row: self.column, column: self.row }
    }
}

impl<'a> MatMut<'a> {
    /// Rows one after the other without gaps: [rows, columns].
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows `row` numbers apart: columns of a wider matrix.
    pub fn strided(data: &'a mut [f32], rows: usize, columns: usize, row: usize) -> Self {
        assert!(row >= columns, "the rows of a matrix that is written may not overlap");
        assert!(fits(data.len(), rows, columns, row, 1), "a matrix of {rows} x {columns} in {} numbers", data.len());
        Self { data, rows, columns, row }
    }
}

/// out = scale · a b, or out + scale · a b. Every entry is summed in one order, whatever the number of threads.
#[expect(unsafe_code, reason = "the product's library takes pointers; what it may touch is checked here")]
pub fn product(out: MatMut<'_>, onto: Onto, scale: f32, a: Mat<'_>, b: Mat<'_>, hands: Hands) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert!(
        b.rows == k && out.rows == m && out.columns == n,
        "{m} x {k} times {} x {n} into {} x {}",
        b.rows,
        out.rows,
        out.columns
    );
    if m == 0 || n == 0 {
        return;
    }
    let parallelism = match hands {
        Hands::One => Parallelism::None,
        Hands::All => Parallelism::Rayon(rayon::current_num_threads()),
    };
    let keep = if onto == Onto::Itself { 1.0 } else { 0.0 };
    // SAFETY: each view was checked to lie within its slice, with these very numbers of rows and columns and these strides;
    // `out` is borrowed mutably, its rows do not overlap, and the element type of all three is f32.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.data.as_mut_ptr(),
            1,
            out.row as isize,
            onto == Onto::Itself,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            keep,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|n| ((n * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn a_product_of_cut_out_and_transposed_matrices_is_their_product() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 7), (17, 64, 33), (130, 48, 70)] {
            // a stands in a wider matrix, b is stored transposed, and the product is added to columns of a wider one.
            let (a, b, before) = (numbers(m * (k + 3)), numbers(n * k), numbers(m * (n + 2) + 1));
            for hands in [Hands::One, Hands::All] {
                for onto in [Onto::Nothing, Onto::Itself] {
                    let mut out = before.clone();
                    let view = MatMut::strided(&mut out[1..], m, n, n + 2);
                    product(view, onto, 0.5, Mat::strided(&a[2..], m, k, k + 3), Mat::new(&b, n, k).t(), hands);
                    for at in 0..out.len() {
                        let (i, j) = (at.wrapping_sub(1) / (n + 2), at.wrapping_sub(1) % (n + 2));
                        let old = if onto == Onto::Itself { before[at] } else { 0.0 };
                        let expected = match at == 0 || i >= m || j >= n {
                            true => before[at],
                            false => old + 0.5 * (0..k).map(|c| a[2 + i * (k + 3) + c] * b[j * k + c]).sum::<f32>(),
                        };
                        assert!((out[at] - expected).abs() < 1e-4, "{m} {k} {n} at {at}: {} {expected}", out[at]);
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "a matrix of 3 x 4")]
    fn a_view_beyond_its_numbers_is_refused() {
        Mat::strided(&[0.0; 13], 3, 4, 5);
    }
}
