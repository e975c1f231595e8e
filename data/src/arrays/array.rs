//! An array as it lies in a file: a type of numbers, a shape, and bytes.

use std::borrow::Cow;

use half::{bf16, f16};

use crate::arrays::ArrayProblem;
use crate::tabular::ENCODED_NUMBERS_MAX;

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }
}

/// How the bytes of a number and the numbers of an array follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// The most significant byte first.
    pub(super) big_endian: bool,
    /// The first index varies fastest, as in Fortran; otherwise the last.
    pub(super) first_fastest: bool,
}

/// An array of a file.
#[derive(Debug, Clone)]
pub(super) struct Array<'a> {
    pub(super) shape: Vec<usize>,
    kind: Kind,
    /// Row-major, the least significant byte first.
    bytes: Cow<'a, [u8]>,
}

impl<'a> Array<'a> {
    /// An array of a file. `bytes` must be exactly what type and shape need.
    pub(super) fn new(
        kind: Kind,
        shape: Vec<usize>,
        layout: Layout,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, ArrayProblem> {
        let mut bytes = bytes.into();
        let size = kind.size();
        let expected = byte_count(&shape, kind)?;
        if bytes.len() != expected {
            return Err(ArrayProblem::Length { shape, expected, found: bytes.len() });
        }
        if layout.big_endian && size > 1 {
            bytes.to_mut().chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        if layout.first_fastest && shape.len() > 1 {
            bytes = Cow::Owned(last_fastest(&bytes, size, &shape));
        }
        Ok(Self { shape, kind, bytes })
    }

    /// The numbers as unsigned bytes, if they are.
    pub(super) fn into_bytes(self) -> Result<Vec<u8>, Self> {
        if self.kind == Kind::U8 { Ok(self.bytes.into_owned()) } else { Err(self) }
    }

    /// The numbers as 32-bit floats, all of them finite.
    pub(super) fn floats(&self) -> Result<Vec<f32>, ArrayProblem> {
        let count = self.bytes.len() / self.kind.size();
        if count > ENCODED_NUMBERS_MAX {
            return Err(ArrayProblem::Overflow { shape: self.shape.clone() });
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "features are 32-bit numbers; what is too large becomes infinite and is refused"
        )]
        let floats: Vec<f32> = match self.kind {
            Kind::Bool => self.each(|[byte]| f32::from(u8::from(byte != 0))),
            Kind::U8 => self.each(|[byte]: [u8; 1]| f32::from(byte)),
            Kind::I8 => self.each(|bytes| f32::from(i8::from_le_bytes(bytes))),
            Kind::U16 => self.each(|bytes| f32::from(u16::from_le_bytes(bytes))),
            Kind::I16 => self.each(|bytes| f32::from(i16::from_le_bytes(bytes))),
            Kind::U32 => self.each(|bytes| u32::from_le_bytes(bytes) as f32),
            Kind::I32 => self.each(|bytes| i32::from_le_bytes(bytes) as f32),
            Kind::U64 => self.each(|bytes| u64::from_le_bytes(bytes) as f32),
            Kind::I64 => self.each(|bytes| i64::from_le_bytes(bytes) as f32),
            Kind::F16 => self.each(|bytes| f16::from_le_bytes(bytes).to_f32()),
            Kind::Bf16 => self.each(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            Kind::F32 => self.each(f32::from_le_bytes),
            Kind::F64 => self.each(|bytes| f64::from_le_bytes(bytes) as f32),
        };
        match floats.iter().position(|float| !float.is_finite()) {
            Some(place) => Err(ArrayProblem::NotFinite { row: self.row_of(place) }),
            None => Ok(floats),
        }
    }

    /// The numbers as classes, each at most `most`.
    pub(super) fn classes(&self, most: u32) -> Result<Vec<u32>, ArrayProblem> {
        if self.kind.is_float() {
            return Err(ArrayProblem::FloatClasses);
        }
        let numbers: Vec<i128> = match self.kind {
            Kind::Bool => self.each(|[byte]| i128::from(byte != 0)),
            Kind::U8 => self.each(|[byte]: [u8; 1]| i128::from(byte)),
            Kind::I8 => self.each(|bytes| i8::from_le_bytes(bytes).into()),
            Kind::U16 => self.each(|bytes| u16::from_le_bytes(bytes).into()),
            Kind::I16 => self.each(|bytes| i16::from_le_bytes(bytes).into()),
            Kind::U32 => self.each(|bytes| u32::from_le_bytes(bytes).into()),
            Kind::I32 => self.each(|bytes| i32::from_le_bytes(bytes).into()),
            Kind::U64 => self.each(|bytes| u64::from_le_bytes(bytes).into()),
            Kind::I64 => self.each(|bytes| i64::from_le_bytes(bytes).into()),
            Kind::F16 | Kind::Bf16 | Kind::F32 | Kind::F64 => return Err(ArrayProblem::FloatClasses),
        };
        let class = |(place, number): (usize, i128)| {
            let class = u32::try_from(number).ok().filter(|&class| class <= most);
            class.ok_or_else(|| ArrayProblem::NotAClass { row: self.row_of(place), found: number, most })
        };
        numbers.into_iter().enumerate().map(class).collect()
    }

    /// The row, from 0, of a number.
    fn row_of(&self, place: usize) -> usize {
        place / self.shape.iter().skip(1).product::<usize>().max(1)
    }

    fn each<const SIZE: usize, T>(&self, number: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
        self.bytes.as_chunks::<SIZE>().0.iter().map(|&bytes| number(bytes)).collect()
    }
}

/// The bytes that an array of this type and shape has.
pub(super) fn byte_count(shape: &[usize], kind: Kind) -> Result<usize, ArrayProblem> {
    let bytes = shape.iter().try_fold(kind.size(), |product, &length| product.checked_mul(length));
    bytes.ok_or_else(|| ArrayProblem::Overflow { shape: shape.to_vec() })
}

/// Brings numbers of `size` bytes from the order in which the first index varies fastest into that of the last.
fn last_fastest(bytes: &[u8], size: usize, shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![size; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    while ordered.len() < bytes.len() {
        let start: usize = index.iter().zip(&strides).map(|(index, stride)| index * stride).sum();
        ordered.extend(&bytes[start..start + size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::{Array, ArrayProblem, Kind, Layout};

    const ROWS: Layout = Layout { big_endian: false, first_fastest: false };

    #[test]
    fn every_kind_of_number_is_read() {
        let read = |kind, bytes: &[u8]| {
            Array::new(kind, vec![1], ROWS, bytes.to_vec()).unwrap().floats().unwrap()[0]
        };
        assert_eq!(read(Kind::Bool, &[2]).to_bits(), 1.0_f32.to_bits());
        assert_eq!(read(Kind::U8, &[200]), 200.0);
        assert_eq!(read(Kind::I8, &(-3_i8).to_le_bytes()), -3.0);
        assert_eq!(read(Kind::U16, &60_000_u16.to_le_bytes()), 60_000.0);
        assert_eq!(read(Kind::I16, &(-300_i16).to_le_bytes()), -300.0);
        assert_eq!(read(Kind::U32, &3_000_000_000_u32.to_le_bytes()), 3_000_000_000.0);
        assert_eq!(read(Kind::I32, &(-70_000_i32).to_le_bytes()), -70_000.0);
        assert_eq!(read(Kind::U64, &u64::MAX.to_le_bytes()), 18_446_744_073_709_551_615.0);
        assert_eq!(read(Kind::I64, &(-1_i64).to_le_bytes()), -1.0);
        assert_eq!(read(Kind::F16, &half::f16::from_f32(0.5).to_le_bytes()), 0.5);
        assert_eq!(read(Kind::Bf16, &half::bf16::from_f32(-2.0).to_le_bytes()), -2.0);
        assert_eq!(read(Kind::F32, &0.1_f32.to_le_bytes()), 0.1);
        assert_eq!(read(Kind::F64, &0.1_f64.to_le_bytes()), 0.1);
    }

    #[test]
    fn both_orders_of_bytes_and_of_indices_give_the_same() {
        let bytes: Vec<u8> = [1_u16, 2, 3, 4, 5, 6].iter().flat_map(|n| n.to_le_bytes()).collect();
        let plain = Array::new(Kind::U16, vec![2, 3], ROWS, bytes).unwrap();
        // The same six numbers, by columns and with the greater byte first.
        let bytes: Vec<u8> = [1_u16, 4, 2, 5, 3, 6].iter().flat_map(|n| n.to_be_bytes()).collect();
        let layout = Layout { big_endian: true, first_fastest: true };
        let turned = Array::new(Kind::U16, vec![2, 3], layout, bytes).unwrap();
        assert_eq!(plain.floats().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(turned.floats().unwrap(), plain.floats().unwrap());
    }

    #[test]
    fn numbers_that_are_none_are_refused_with_their_row() {
        let floats = |values: [f64; 4]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            Array::new(Kind::F64, vec![2, 2], ROWS, bytes).unwrap().floats()
        };
        assert_eq!(floats([0.0, 1.0, 2.0, f64::NAN]), Err(ArrayProblem::NotFinite { row: 1 }));
        assert_eq!(floats([0.0, f64::INFINITY, 2.0, 3.0]), Err(ArrayProblem::NotFinite { row: 0 }));
        assert_eq!(floats([0.0, 1.0, 1e39, 3.0]), Err(ArrayProblem::NotFinite { row: 1 }));
        let classes = |values: [i8; 2]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            Array::new(Kind::I8, vec![2], ROWS, bytes).unwrap().classes(9)
        };
        assert_eq!(classes([0, 9]), Ok(vec![0, 9]));
        assert_eq!(classes([0, -1]), Err(ArrayProblem::NotAClass { row: 1, found: -1, most: 9 }));
        assert_eq!(classes([10, 0]), Err(ArrayProblem::NotAClass { row: 0, found: 10, most: 9 }));
    }

    #[test]
    fn a_shape_that_the_bytes_do_not_have_is_refused() {
        let of = |shape: Vec<usize>| Array::new(Kind::F32, shape, ROWS, vec![0; 8]).unwrap_err();
        assert!(matches!(of(vec![3]), ArrayProblem::Length { expected: 12, found: 8, .. }));
        assert!(matches!(of(vec![1]), ArrayProblem::Length { expected: 4, found: 8, .. }));
        assert!(matches!(of(vec![usize::MAX, 2]), ArrayProblem::Overflow { .. }));
    }
}
