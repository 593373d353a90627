//! As much linear algebra as compaction needs, in 64 bits: tall matrices by columns, QR, and singular values of small ones.

/// A matrix by its columns.
#[derive(Debug, Clone)]
pub struct Columns {
    columns: Vec<Vec<f64>>,
    rows: usize,
}

impl Columns {
    /// From [rows, width] numbers, row after row.
    pub fn of_rows(numbers: &[f32], width: usize) -> Self {
        let rows = numbers.len() / width.max(1);
        let column = |n: usize| (0..rows).map(|row| f64::from(numbers[row * width + n])).collect();
        Self { columns: (0..width).map(column).collect(), rows }
    }

    /// From the transpose: [width, rows] numbers, column after column.
    pub fn of_columns(numbers: &[f32], width: usize) -> Self {
        let rows = numbers.len() / width.max(1);
        let column = |n: usize| numbers[n * rows..(n + 1) * rows].iter().map(|x| f64::from(*x)).collect();
        Self { columns: (0..width).map(column).collect(), rows }
    }

    fn zeros(rows: usize, width: usize) -> Self {
        Self { columns: vec![vec![0.0; rows]; width], rows }
    }

    /// Numbers in a column.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A column.
    pub fn column(&self, n: usize) -> &[f64] {
        &self.columns[n]
    }

    /// The product of two of its columns.
    pub fn dot(&self, i: usize, j: usize) -> f64 {
        dot(&self.columns[i], &self.columns[j])
    }

    /// Multiplies every number.
    pub fn scale(&mut self, by: f64) {
        self.columns.iter_mut().flatten().for_each(|x| *x *= by);
    }

    /// self · other.
    pub fn times(&self, other: &Columns) -> Columns {
        let mut product = Columns::zeros(self.rows, other.columns.len());
        for (to, weights) in product.columns.iter_mut().zip(&other.columns) {
            for (from, weight) in self.columns.iter().zip(weights) {
                to.iter_mut().zip(from).for_each(|(to, x)| *to += weight * x);
            }
        }
        product
    }

    /// self · otherᵀ.
    pub fn times_transposed(&self, other: &Columns) -> Columns {
        let mut product = Columns::zeros(self.rows, other.rows);
        for (left, right) in self.columns.iter().zip(&other.columns) {
            for (to, weight) in product.columns.iter_mut().zip(right) {
                to.iter_mut().zip(left).for_each(|(to, x)| *to += weight * x);
            }
        }
        product
    }

    /// Makes its columns orthonormal (those that hang on earlier ones become zero), and gives R with old = new · R.
    ///
    /// Gram-Schmidt done twice, which is as good as Householder's (Giraud et al. 2005).
    pub fn orthogonalise(&mut self) -> Columns {
        let width = self.columns.len();
        let mut r = Columns::zeros(width, width);
        for n in 0..width {
            let (before, rest) = self.columns.split_at_mut(n);
            let Some(column) = rest.first_mut() else { break };
            let size = dot(column, column).sqrt();
            for _ in 0..2 {
                for (i, other) in before.iter().enumerate() {
                    let along = dot(other, column);
                    r.columns[n][i] += along;
                    column.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
                }
            }
            let left = dot(column, column).sqrt();
            if left > 1e-12 * size {
                r.columns[n][n] = left;
                column.iter_mut().for_each(|x| *x /= left);
            } else {
                column.fill(0.0);
            }
        }
        r
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Sweeps after which a matrix that has not settled never will; ten are usual.
const SWEEPS: usize = 60;

/// Singular values of a square matrix, descending, with the vectors on either side: m = u · diag(values) · vᵀ.
///
/// # Reference
/// Hestenes 1958, one-sided Jacobi: columns are turned in pairs until all are orthogonal.
pub fn svd(mut m: Columns) -> (Columns, Vec<f64>, Columns) {
    let n = m.columns.len();
    let mut v = Columns::zeros(n, n);
    (0..n).for_each(|i| v.columns[i][i] = 1.0);
    for _ in 0..SWEEPS {
        let mut turned = false;
        for j in 1..n {
            for i in 0..j {
                let (a, b, c) = (m.dot(i, i), m.dot(j, j), m.dot(i, j));
                if c.abs() <= 1e-15 * (a * b).sqrt() || c == 0.0 {
                    continue;
                }
                turned = true;
                let zeta = (b - a) / (2.0 * c);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                for columns in [&mut m.columns, &mut v.columns] {
                    let (low, high) = columns.split_at_mut(j);
                    for (x, y) in low[i].iter_mut().zip(&mut high[0]) {
                        (*x, *y) = (cos * (*x - t * *y), cos * (t * *x + *y));
                    }
                }
            }
        }
        if !turned {
            break;
        }
    }
    let values: Vec<f64> = (0..n).map(|i| m.dot(i, i).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let take = |from: &Columns, divide: bool| {
        let columns = order.iter().map(|&i| {
            let by = if divide && values[i] > 0.0 { values[i] } else { 1.0 };
            from.columns[i].iter().map(|x| x / by).collect()
        });
        Columns { columns: columns.collect(), rows: n }
    };
    let (u, v) = (take(&m, true), take(&v, false));
    (u, order.iter().map(|&i| values[i]).collect(), v)
}
