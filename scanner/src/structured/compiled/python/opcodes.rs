//! The instructions of Python's versions that matter here, by what they do to the stack: the numbers are those of
//! CPython's `Lib/opcode.py`, and of `Lib/_opcode_metadata.py` since 3.13. All others empty the stack.

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// What is not known here.
    Other,
    /// A constant.
    LoadConst,
    /// What a name stands for.
    LoadName,
    /// The same, and a NULL that a call needs.
    LoadGlobal,
    /// An attribute of what is on top, with that NULL in later versions.
    LoadAttr,
    /// The same, of a method.
    LoadMethod,
    /// Anything of which nothing is known.
    LoadOther,
    /// Two such.
    LoadTwo,
    /// To a name of the module or class.
    StoreName,
    /// To a variable.
    StoreLocal,
    /// To a variable that inner functions see.
    StoreCell,
    /// To an attribute.
    StoreAttr,
    /// To what a key tells.
    StoreItem,
    /// To a variable, and another is loaded.
    StoreLoad,
    /// To two variables.
    StoreTwo,
    /// A map of keys and values.
    BuildMap,
    /// A map of values, with their keys in a tuple on top.
    BuildKeyMap,
    /// A key and a value more.
    AddToMap,
    /// One of several.
    Build,
    /// One of two.
    Binary,
    /// One less.
    Pop,
    /// A call of what stands right below the arguments.
    CallOld,
    /// A call of what stands below them with a NULL or an object.
    Call,
    /// As `CallOld`, with names in a tuple on top.
    CallKwOld,
    /// As `Call`, with names in a tuple on top.
    CallKw,
    /// The names for the next call.
    KwNames,
    /// A function of a code object.
    MakeFunction,
    /// What a function has besides: its defaults.
    SetAttribute,
    /// What is on top once more.
    Duplicate,
    /// What is so far from the top once more.
    Copy,
    /// More of the next argument.
    Extended,
    /// Nothing, as far as the stack goes.
    Nothing,
}

/// A version of Python, as far as its files differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// Of `3.8`, the 8.
    pub(super) minor: u8,
    ops: &'static [(Op, &'static [u8])],
}

impl Version {
    /// By the number that a file begins with (CPython's `MAGIC_NUMBER`, of the releases).
    pub(super) fn of(magic: u16) -> Option<Self> {
        let (minor, ops) = match magic {
            3413 => (8, V8),
            3425 => (9, V8),
            3439 => (10, V8),
            3495 => (11, V11),
            3531 => (12, V12),
            3571 => (13, V13),
            3627 => (14, V14),
            _ => return None,
        };
        Some(Self { minor, ops })
    }

    /// What each instruction does.
    pub(super) fn ops(self) -> [Op; 256] {
        let mut all = [Op::Other; 256];
        for (op, codes) in self.ops {
            codes.iter().for_each(|code| all[usize::from(*code)] = *op);
        }
        all
    }
}

/// Of 3.8 to 3.10.
#[rustfmt::skip]
const V8: &[(Op, &[u8])] = &[
    (Op::LoadConst, &[100]), (Op::LoadName, &[101]), (Op::LoadGlobal, &[116]), (Op::LoadAttr, &[106]),
    (Op::LoadMethod, &[160]), (Op::LoadOther, &[71, 124, 136, 148]), (Op::StoreName, &[90, 97]),
    (Op::StoreLocal, &[125]), (Op::StoreCell, &[137]), (Op::StoreAttr, &[95]), (Op::StoreItem, &[60]),
    (Op::BuildMap, &[105]), (Op::BuildKeyMap, &[156]), (Op::AddToMap, &[147]), (Op::Build, &[102, 103, 104, 157]),
    (Op::Binary, &[22, 23, 25, 107, 117, 118]), (Op::Pop, &[1, 145, 146, 162, 163, 164, 165]), (Op::CallOld, &[131]),
    (Op::Call, &[161]), (Op::CallKwOld, &[141]), (Op::MakeFunction, &[132]), (Op::Duplicate, &[4]),
    (Op::Extended, &[144]), (Op::Nothing, &[9]),
];

/// Of 3.11.
#[rustfmt::skip]
const V11: &[(Op, &[u8])] = &[
    (Op::LoadConst, &[100]), (Op::LoadName, &[101]), (Op::LoadGlobal, &[116]), (Op::LoadAttr, &[106]),
    (Op::LoadMethod, &[160]), (Op::LoadOther, &[2, 71, 124, 137, 148]), (Op::StoreName, &[90, 97]),
    (Op::StoreLocal, &[125]), (Op::StoreCell, &[138]), (Op::StoreAttr, &[95]), (Op::StoreItem, &[60]),
    (Op::BuildMap, &[105]), (Op::BuildKeyMap, &[156]), (Op::AddToMap, &[147]), (Op::Build, &[102, 103, 104, 157]),
    (Op::Binary, &[25, 107, 117, 118, 122]), (Op::Pop, &[1, 145, 146, 162, 163, 164, 165]), (Op::Call, &[171]),
    (Op::KwNames, &[172]), (Op::MakeFunction, &[132]), (Op::Copy, &[120]), (Op::Extended, &[144]),
    (Op::Nothing, &[0, 9, 151, 166]),
];

/// Of 3.12.
#[rustfmt::skip]
const V12: &[(Op, &[u8])] = &[
    (Op::LoadConst, &[100]), (Op::LoadName, &[101]), (Op::LoadGlobal, &[116]), (Op::LoadAttr, &[106]),
    (Op::LoadOther, &[2, 71, 124, 127, 137]), (Op::StoreName, &[90, 97]), (Op::StoreLocal, &[125]),
    (Op::StoreCell, &[138]), (Op::StoreAttr, &[95]), (Op::StoreItem, &[60]), (Op::BuildMap, &[105]),
    (Op::BuildKeyMap, &[156]), (Op::AddToMap, &[147]), (Op::Build, &[102, 103, 104, 157]),
    (Op::Binary, &[25, 107, 117, 118, 122]), (Op::Pop, &[1, 145, 146, 162, 163, 164, 165]), (Op::Call, &[171]),
    (Op::KwNames, &[172]), (Op::MakeFunction, &[132]), (Op::Copy, &[120]), (Op::Extended, &[144]),
    (Op::Nothing, &[0, 9, 151]),
];

/// Of 3.13.
#[rustfmt::skip]
const V13: &[(Op, &[u8])] = &[
    (Op::LoadConst, &[83]), (Op::LoadName, &[92]), (Op::LoadGlobal, &[91]), (Op::LoadAttr, &[82]),
    (Op::LoadOther, &[24, 34, 84, 85, 87]), (Op::LoadTwo, &[88]), (Op::StoreName, &[113, 114]),
    (Op::StoreLocal, &[110]), (Op::StoreCell, &[109]), (Op::StoreAttr, &[108]), (Op::StoreItem, &[39]),
    (Op::StoreLoad, &[111]), (Op::StoreTwo, &[112]), (Op::BuildMap, &[48]), (Op::BuildKeyMap, &[46]),
    (Op::AddToMap, &[95]), (Op::Build, &[47, 49, 51, 52]), (Op::Binary, &[5, 45, 58, 59, 76]),
    (Op::Pop, &[32, 68, 69, 80, 81, 105, 107]), (Op::Call, &[53]), (Op::CallKw, &[57]), (Op::MakeFunction, &[26]),
    (Op::SetAttribute, &[106]), (Op::Copy, &[61]), (Op::Extended, &[71]), (Op::Nothing, &[0, 30, 149]),
];

/// Of 3.14.
#[rustfmt::skip]
const V14: &[(Op, &[u8])] = &[
    (Op::LoadConst, &[82]), (Op::LoadName, &[93]), (Op::LoadGlobal, &[92]), (Op::LoadAttr, &[80]),
    (Op::LoadOther, &[21, 33, 83, 84, 86, 88, 94]), (Op::LoadTwo, &[87, 89]), (Op::StoreName, &[115, 116]),
    (Op::StoreLocal, &[112]), (Op::StoreCell, &[111]), (Op::StoreAttr, &[110]), (Op::StoreItem, &[38]),
    (Op::StoreLoad, &[113]), (Op::StoreTwo, &[114]), (Op::BuildMap, &[47]), (Op::AddToMap, &[98]),
    (Op::Build, &[46, 48, 50, 51]), (Op::Binary, &[44, 56, 57, 74]), (Op::Pop, &[31, 66, 67, 78, 79, 107, 109]),
    (Op::Call, &[52]), (Op::CallKw, &[55]), (Op::MakeFunction, &[23]), (Op::SetAttribute, &[108]), (Op::Copy, &[59]),
    (Op::Extended, &[69]), (Op::Nothing, &[0, 27, 28, 128]),
];
