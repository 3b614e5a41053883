// SPDX-License-Identifier: MIT OR Apache-2.0
//! The elements of vectors in files: numbers of several types, which become f32.

use half::{bf16, f16};

use super::rows::Doubles;
use super::{Fault, ReadError};

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

/// The types that a file may have, for people.
pub(super) const TYPES: &str = "floats and integers of 8 to 64 bits are read";

impl Element {
    pub(super) fn bytes(self) -> usize {
        match self {
            Element::I8 | Element::U8 => 1,
            Element::F16 | Element::Bf16 | Element::I16 | Element::U16 => 2,
            Element::F32 | Element::I32 | Element::U32 => 4,
            Element::F64 | Element::I64 | Element::U64 => 8,
        }
    }

    /// Converts the elements of row `index`, which are little-endian. All but 64-bit floats are converted exactly, or
    /// are a fault.
    pub(super) fn decode(
        self,
        index: usize,
        from: &[u8],
        to: &mut [f32],
        doubles: Doubles,
    ) -> Result<(), ReadError> {
        let exactly = |integer: i128| {
            let float = integer as f32;
            (float as i128 == integer).then_some(float)
        };
        let inexact = match self {
            Element::F16 => each(from, to, |b| Some(f16::from_le_bytes(b).to_f32())),
            Element::Bf16 => each(from, to, |b| Some(bf16::from_le_bytes(b).to_f32())),
            Element::F32 => each(from, to, |b| Some(f32::from_le_bytes(b))),
            Element::F64 => each(from, to, |b| doubles.narrow(f64::from_le_bytes(b))),
            Element::I8 => each(from, to, |b| Some(i8::from_le_bytes(b).into())),
            Element::U8 => each(from, to, |b| Some(u8::from_le_bytes(b).into())),
            Element::I16 => each(from, to, |b| Some(i16::from_le_bytes(b).into())),
            Element::U16 => each(from, to, |b| Some(u16::from_le_bytes(b).into())),
            Element::I32 => each(from, to, |b| exactly(i32::from_le_bytes(b).into())),
            Element::U32 => each(from, to, |b| exactly(u32::from_le_bytes(b).into())),
            Element::I64 => each(from, to, |b| exactly(i64::from_le_bytes(b).into())),
            Element::U64 => each(from, to, |b| exactly(u64::from_le_bytes(b).into())),
        };
        let Some(at) = inexact else {
            return Ok(());
        };
        let fault = match self {
            Element::F64 => Fault::Inexact(at),
            _ => Fault::InexactInteger(at),
        };
        Err(ReadError::Malformed { row: index, fault })
    }
}

/// Converts all elements, and returns the number of the first that cannot be.
fn each<const N: usize>(
    from: &[u8],
    to: &mut [f32],
    number: impl Fn([u8; N]) -> Option<f32>,
) -> Option<usize> {
    let (elements, _) = from.as_chunks::<N>();
    elements
        .iter()
        .zip(to)
        .position(|(element, to)| match number(*element) {
            Some(float) => {
                *to = float;
                false
            }
            None => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(element: Element, bytes: &[u8]) -> Result<Vec<f32>, String> {
        let mut row = vec![f32::NAN; bytes.len() / element.bytes()];
        let decoded = element.decode(3, bytes, &mut row, Doubles::Exact);
        decoded.map(|()| row).map_err(|error| error.to_string())
    }

    #[test]
    fn every_type_becomes_the_number_that_it_was() {
        let wide =
            |numbers: &[i64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
        for (element, bytes, expected) in [
            (
                Element::F16,
                vec![0x00, 0xc2, 0x01, 0x00],
                vec![-3.0, 2f32.powi(-24)],
            ),
            (
                Element::Bf16,
                vec![0x40, 0xc0, 0x01, 0x00],
                vec![-3.0, 9.183_55e-41],
            ),
            (Element::F32, (-0.1f32).to_le_bytes().to_vec(), vec![-0.1]),
            (Element::F64, (-0.5f64).to_le_bytes().to_vec(), vec![-0.5]),
            (Element::I8, vec![0x80, 0x7f], vec![-128.0, 127.0]),
            (Element::U8, vec![0x80, 0xff], vec![128.0, 255.0]),
            (Element::I16, vec![0x00, 0x80], vec![-32768.0]),
            (Element::U16, vec![0xff, 0xff], vec![65535.0]),
            (
                Element::I32,
                (1i32 << 24).to_le_bytes().to_vec(),
                vec![16_777_216.0],
            ),
            (
                Element::U32,
                (1u32 << 31).to_le_bytes().to_vec(),
                vec![2_147_483_648.0],
            ),
            (
                Element::I64,
                wide(&[i64::MIN, -7]),
                vec![-9_223_372_036_854_775_808.0, -7.0],
            ),
            (
                Element::U64,
                wide(&[i64::MIN, 7]),
                vec![9_223_372_036_854_775_808.0, 7.0],
            ),
        ] {
            assert_eq!(decoded(element, &bytes), Ok(expected), "{element:?}");
        }
    }

    #[test]
    fn a_number_that_is_no_f32_is_refused() {
        let many: i64 = (1 << 24) + 1;
        for (element, bytes) in [
            (Element::I32, (many as i32).to_le_bytes().to_vec()),
            (Element::U32, u32::MAX.to_le_bytes().to_vec()),
            (Element::I64, i64::MAX.to_le_bytes().to_vec()),
            (Element::U64, u64::MAX.to_le_bytes().to_vec()),
        ] {
            let said = decoded(element, &[vec![0; element.bytes()], bytes].concat()).unwrap_err();
            assert!(said.starts_with("row 3: element 1 is an integer"), "{said}");
        }
        let said = decoded(Element::F64, &0.1f64.to_le_bytes()).unwrap_err();
        assert!(
            said.starts_with("row 3: element 0 is a 64-bit float"),
            "{said}"
        );
    }
}
