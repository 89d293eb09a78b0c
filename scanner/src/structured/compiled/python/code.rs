//! The instructions of a code object, followed without a machine: of what would lie on its stack only constants and names
//! are known. An instruction of which nothing is known empties the stack; what is put on it later is right again, for
//! everything is looked for from the top.

use super::super::super::value::{Path, Scalar, Step};
use super::super::Form;
use super::Module;
use super::marshal::{Code, Id, Object};
use super::opcodes::Op;

/// How much of the stack is kept in mind.
const MOST: usize = 512;

/// What lies on the stack.
#[derive(Debug, Clone, Copy)]
enum Item {
    Constant(Id),
    /// What this name stands for, or an attribute called so.
    Named(Id),
    /// A function, by its code.
    Function(Id),
    Other,
}

/// What is known while a code object is followed.
struct Frame<'c, 't> {
    code: &'c Code,
    path: &'c Path<'t>,
    stack: Vec<Item>,
    /// The names of the next call's last arguments.
    keywords: Option<Id>,
}

impl Frame<'_, '_> {
    fn push(&mut self, item: Item) {
        if self.stack.len() >= MOST {
            self.stack.drain(..MOST / 2);
        }
        self.stack.push(item);
    }

    fn pop(&mut self) -> Item {
        self.stack.pop().unwrap_or(Item::Other)
    }

    /// So far from the top.
    fn peek(&self, depth: usize) -> Item {
        let at = self.stack.len().checked_sub(depth + 1);
        at.and_then(|at| self.stack.get(at)).copied().unwrap_or(Item::Other)
    }

    fn drop(&mut self, count: usize) {
        self.stack.truncate(self.stack.len().saturating_sub(count));
    }
}

impl<'t> Module<'_, 't, '_> {
    pub(super) fn instructions(&mut self, code: &Code, path: &Path<'t>) {
        let Some(range) = self.objects.text(code.instructions) else { return };
        let mut frame = Frame { code, path, stack: Vec::new(), keywords: None };
        let mut extended = 0usize;
        // Since 3.6 an instruction is two bytes, and what is kept behind it for the interpreter are such too.
        for word in self.text[range].as_chunks::<2>().0 {
            let Some(left) = self.budget.checked_sub(1) else { return };
            self.budget = left;
            let argument = extended << 8 | usize::from(word[1]);
            let op = self.ops[usize::from(word[0])];
            extended = if op == Op::Extended { argument & 0xff_ffff } else { 0 };
            if op != Op::Extended {
                self.step(op, argument, &mut frame);
            }
        }
    }

    fn step(&mut self, op: Op, argument: usize, frame: &mut Frame<'_, 't>) {
        let objects = self.objects;
        let constant = |at: usize| objects.items(frame.code.constants).get(at).copied();
        let name = |at: usize| objects.items(frame.code.names).get(at).copied();
        let variable = |at: usize| objects.items(frame.code.variables).get(at).copied();
        let named = |at: usize| name(at).map_or(Item::Other, Item::Named);
        // Since then the lowest bit of an argument says whether a NULL is pushed besides.
        let (globals, attributes) = (self.version.minor >= 11, self.version.minor >= 12);
        match op {
            Op::Nothing | Op::Extended => {}
            Op::LoadConst => frame.push(constant(argument).map_or(Item::Other, Item::Constant)),
            Op::LoadName => frame.push(named(argument)),
            Op::LoadGlobal if globals => self.load(named(argument >> 1), argument & 1 == 1, frame),
            Op::LoadGlobal => frame.push(named(argument)),
            Op::LoadAttr => {
                frame.drop(1);
                match attributes {
                    true => self.load(named(argument >> 1), argument & 1 == 1, frame),
                    false => frame.push(named(argument)),
                }
            }
            Op::LoadMethod => {
                frame.drop(1);
                self.load(named(argument), true, frame);
            }
            Op::LoadOther => frame.push(Item::Other),
            Op::LoadTwo => [Item::Other; 2].into_iter().for_each(|item| frame.push(item)),
            Op::StoreName => self.store(name(argument), frame),
            Op::StoreLocal => self.store(variable(argument), frame),
            Op::StoreCell if globals => self.store(variable(argument), frame),
            Op::StoreCell => self.store(objects.items(frame.code.cells).get(argument).copied(), frame),
            Op::StoreLoad => {
                self.store(variable(argument >> 4), frame);
                frame.push(Item::Other);
            }
            Op::StoreTwo => {
                self.store(variable(argument >> 4), frame);
                self.store(variable(argument & 15), frame);
            }
            Op::StoreAttr => {
                frame.drop(1);
                self.store(name(argument), frame);
            }
            Op::StoreItem => {
                let key = frame.pop();
                frame.drop(1);
                let value = frame.pop();
                self.keyed(key, value, frame);
            }
            Op::BuildMap => {
                for pair in (0..argument.min(frame.stack.len() / 2)).rev() {
                    self.keyed(frame.peek(2 * pair + 1), frame.peek(2 * pair), frame);
                }
                frame.drop(argument.saturating_mul(2));
                frame.push(Item::Other);
            }
            Op::BuildKeyMap => {
                let keys = frame.pop();
                self.each(keys, Form::Keyed, argument, frame);
                frame.drop(argument);
                frame.push(Item::Other);
            }
            Op::AddToMap => {
                let value = frame.pop();
                let key = frame.pop();
                self.keyed(key, value, frame);
            }
            Op::Build => self.becomes(argument, frame),
            Op::Binary => self.becomes(2, frame),
            Op::Pop => frame.drop(1),
            Op::Duplicate => frame.push(frame.peek(0)),
            Op::Copy => frame.push(frame.peek(argument.saturating_sub(1))),
            Op::KwNames => frame.keywords = constant(argument),
            Op::CallOld => {
                self.called(argument, 1, frame);
                self.becomes(argument.saturating_add(1), frame);
            }
            Op::CallKwOld => {
                let keys = frame.pop();
                self.each(keys, Form::Assigned, argument, frame);
                self.becomes(argument.saturating_add(1), frame);
            }
            Op::Call => {
                match frame.keywords.take() {
                    Some(keys) => self.each(Item::Constant(keys), Form::Assigned, argument, frame),
                    None => self.called(argument, 2, frame),
                }
                self.becomes(argument.saturating_add(2), frame);
            }
            Op::CallKw => {
                let keys = frame.pop();
                self.each(keys, Form::Assigned, argument, frame);
                self.becomes(argument.saturating_add(2), frame);
            }
            Op::MakeFunction => self.function(argument, frame),
            Op::SetAttribute => {
                let function = frame.pop();
                let attribute = frame.pop();
                if argument == 1 {
                    self.defaults(function, attribute, frame);
                }
                frame.push(function);
            }
            Op::Other => frame.stack.clear(),
        }
    }

    /// Puts what is called on the stack, with the NULL that belongs to it. Which of both comes first changed.
    fn load(&self, item: Item, with_null: bool, frame: &mut Frame<'_, 't>) {
        let null_first = with_null && self.version.minor < 13;
        if null_first {
            frame.push(Item::Other);
        }
        frame.push(item);
        if with_null && !null_first {
            frame.push(Item::Other);
        }
    }

    fn becomes(&self, count: usize, frame: &mut Frame<'_, 't>) {
        frame.drop(count);
        frame.push(Item::Other);
    }

    /// The names of a tuple, and as many values from the top.
    fn each(&mut self, keys: Item, form: Form, most: usize, frame: &Frame<'_, 't>) {
        let Item::Constant(keys) = keys else { return };
        let keys = self.objects.items(keys);
        let count = keys.len();
        if count > most {
            return;
        }
        for (at, key) in keys.iter().enumerate().skip(count.saturating_sub(frame.stack.len())) {
            self.pair(form, Some(*key), frame.peek(count - 1 - at), frame.path);
        }
    }

    fn keyed(&mut self, key: Item, value: Item, frame: &Frame<'_, 't>) {
        if let Item::Constant(key) = key {
            self.pair(Form::Keyed, Some(key), value, frame.path);
        }
    }

    fn store(&mut self, name: Option<Id>, frame: &mut Frame<'_, 't>) {
        let value = frame.pop();
        self.pair(Form::Assigned, name, value, frame.path);
    }

    fn pair(&mut self, form: Form, name: Option<Id>, value: Item, path: &Path<'t>) {
        self.budget = self.budget.saturating_sub(1);
        let (Some(name), Item::Constant(id)) = (name.and_then(|id| self.name(id)), value) else { return };
        // `__doc__`, `__version__`: what every module says of itself.
        let is_own = name.starts_with(b"__") && name.ends_with(b"__");
        if let Some(range) = self.objects.text(id).filter(|_| !is_own && self.budget > 0) {
            self.told.insert(id);
            self.reading.pair(form, name, &path.join(Step::Key(name)), &Scalar::plain(self.text, range));
        }
    }

    /// A call with texts alone. What is called stands below them, with so many places for it.
    fn called(&mut self, arguments: usize, places: usize, frame: &Frame<'_, 't>) {
        let text = |item| match item {
            Item::Constant(id) => self.objects.text(id).map(|range| (id, Scalar::plain(self.text, range))),
            _ => None,
        };
        let below = (arguments..arguments.saturating_add(places)).find_map(|depth| match frame.peek(depth) {
            Item::Named(id) => self.name(id),
            _ => None,
        });
        let (Some(called), Some((id, last))) = (below, text(frame.peek(0))) else { return };
        let path = frame.path.join(Step::Key(called));
        match arguments {
            1 => self.reading.call(called, &path, &last, None),
            2 => {
                let Some((_, first)) = text(frame.peek(1)) else { return };
                self.reading.call(called, &path, &first, Some(&last));
            }
            _ => return,
        }
        self.told.insert(id);
    }

    fn function(&mut self, flags: usize, frame: &mut Frame<'_, 't>) {
        // Until 3.10 its name is on top.
        if self.version.minor < 11 {
            frame.drop(1);
        }
        let code = frame.pop();
        // Until 3.12 what it has besides is below, in the order of the flags.
        if self.version.minor < 13 {
            let others = (flags & 0b1110).count_ones() as usize;
            let defaults = frame.peek(others);
            if flags & 1 == 1 {
                self.defaults(code, defaults, frame);
            }
            frame.drop(others + (flags & 1));
        }
        frame.push(match code {
            Item::Constant(id) => Item::Function(id),
            _ => Item::Other,
        });
    }

    /// What the last parameters of a function are when nobody says.
    fn defaults(&mut self, function: Item, defaults: Item, frame: &Frame<'_, 't>) {
        let (Item::Constant(function) | Item::Function(function), Item::Constant(values)) = (function, defaults) else {
            return;
        };
        let objects = self.objects;
        let (Object::Code(code), values) = (objects.at(function), objects.items(values)) else { return };
        let parameters = usize::try_from(code.parameters).unwrap_or(0);
        let Some(first) = parameters.checked_sub(values.len()) else { return };
        let path = self.name(code.name).map_or_else(|| frame.path.clone(), |name| frame.path.join(Step::Key(name)));
        for (value, name) in values.iter().zip(objects.items(code.variables).iter().skip(first)) {
            if self.budget == 0 {
                return;
            }
            self.pair(Form::Assigned, Some(*name), Item::Constant(*value), &path);
        }
    }
}
