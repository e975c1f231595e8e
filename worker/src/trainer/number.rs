//! Numbers as activations hold them.

/// A number that is computed with in 32 bits.
pub(super) trait Number: Copy + Default + Send + Sync {
    fn wide(self) -> f32;
    fn of(wide: f32) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }

    #[inline(always)]
    fn of(wide: f32) -> Self {
        wide
    }
}

/// A bfloat16: the upper half of a 32-bit float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(super) struct Narrow(u16);

impl Number for Narrow {
    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// The nearest, of two as near the even one.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is kept")]
    fn of(wide: f32) -> Self {
        let bits = wide.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
        // Rounding would turn some that are not a number into infinity.
        let kept = if wide.is_nan() { bits | 0x0040_0000 } else { rounded };
        Self((kept >> 16) as u16)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::{Narrow, Number};

    #[test]
    fn numbers_are_narrowed_as_libtorch_does() {
        let wide = [0.0_f32, -0.0, 1.0, 1.003_906_2, 1.011_718_8, 3.4e38, f32::INFINITY, 1e-40, -2.7];
        let theirs = Tensor::from_slice(&wide).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let ours: Vec<f32> = wide.iter().map(|&wide| Narrow::of(wide).wide()).collect();
        assert_eq!(Vec::<f32>::try_from(theirs).expect("numbers"), ours);
        assert!(Narrow::of(f32::NAN).wide().is_nan());
    }
}
