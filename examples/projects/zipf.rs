//! A sampler of Zipf's law: few things are asked for often, most of them seldom.

use fastrand::Rng;

/// Ranks from 0, where rank `r` comes up in proportion to `1 / (r + 1)^exponent`.
pub struct Zipf {
    /// The sum of the weights up to and including each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// A sampler of `ranks` ranks; of one, where `ranks` is 0.
    pub fn new(ranks: u32, exponent: f64) -> Self {
        let weights = (1..=ranks.max(1)).map(|rank| f64::from(rank).powf(-exponent));
        let cumulative = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self { cumulative }
    }

    /// A rank.
    pub fn sample(&self, rng: &mut Rng) -> usize {
        let last = self.cumulative.len() - 1;
        let point = rng.f64() * self.cumulative[last];
        self.cumulative.partition_point(|sum| *sum <= point).min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_ranks_come_up_in_proportion_to_their_weight() {
        let zipf = Zipf::new(100, 1.0);
        let mut rng = Rng::with_seed(7);
        let mut seen = [0_u32; 100];
        for _ in 0..100_000 {
            seen[zipf.sample(&mut rng)] += 1;
        }
        // The weights of 100 ranks sum to 5.187, so that rank 0 has 19.3 % of the draws and rank 9 has 1.93 %.
        assert!((18_800..19_800).contains(&seen[0]), "{}", seen[0]);
        assert!((1_750..2_110).contains(&seen[9]), "{}", seen[9]);
        assert!(seen[99] > 0);
    }
}
