//! Prints a table as Markdown.

/// Rows of text under a head.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it, the first column to the left and the others to the right.
    pub fn print(&self, title: &str) {
        println!("\n## {title}\n");
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let rows = std::iter::once(&self.head).chain(&self.rows);
                rows.filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
                    .max(3)
            })
            .collect();
        print_row(&self.head, &widths);
        let rule = |(column, width): (usize, &usize)| {
            if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
        };
        print_row(&widths.iter().enumerate().map(rule).collect::<Vec<_>>(), &widths);
        self.rows.iter().for_each(|row| print_row(row, &widths));
    }
}

fn print_row(row: &[String], widths: &[usize]) {
    let pad = |(column, (cell, width)): (usize, (&String, &usize))| {
        if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    };
    let cells: Vec<_> = row.iter().zip(widths).enumerate().map(pad).collect();
    println!("| {} |", cells.join(" | "));
}

/// How many times as much `this` is as `that`.
pub fn ratio_text(this: f64, that: f64) -> String {
    if this.is_nan() || that.is_nan() { "–".to_owned() } else { format!("{:.2}", this / that) }
}
