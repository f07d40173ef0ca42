"""Eight numbers at once: a value that numba keeps in one vector register, with the operations that kernels need.

``lanes`` holds one float64 of each of eight arms; every operation acts on each of the eight alone, so no lane can disturb
another. A vector lives in a flat float64 array as eight neighbours; offsets count numbers. Where the processor has no register
of 512 bits the compiler splits the vector, so kernels written with it run everywhere.

Comparisons do not return masks: ``pick(a, b, x, y)`` is ``x`` where ``a > b`` and ``y`` elsewhere, also where a comparison with
NaN is false. Nothing checks bounds; offsets come from loops over sizes.

Reference: the LLVM language reference, sections on vector types, ``llvm.fmuladd`` and ``shufflevector``.
"""

import operator
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model
from numba.np import arrayobj

WIDTH = 8

intrinsic: Any = extending.intrinsic  # its result is called without the typing context

_DOUBLE, _INT32, _INT64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)


class Lanes(types.Type):
    """The numba type of eight float64 in one register."""

    def __init__(self):
        super().__init__(name="Lanes")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


def _register(operation, instruction):
    @infer_global(operation)
    class _Template(AbstractTemplate):
        def generic(self, args, kws):
            return signature(lanes, lanes, lanes) if tuple(args) == (lanes, lanes) else None

    @lower_builtin(operation, lanes, lanes)
    def _lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_operation, _instruction)


def _address(context, builder, array_type, array, offset):
    """Pointer to the number at ``offset`` of a flat array."""
    data = arrayobj.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [offset])


def _vector_address(context, builder, array_type, array, offset):
    return builder.bitcast(_address(context, builder, array_type, array, offset), _VECTOR.as_pointer())


def _call(builder, name, arguments):
    """Call an LLVM intrinsic that maps vectors to a vector."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(arguments))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v8f64"), arguments)


def _spread(builder, number):
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(_INT32, 0))
    zeros = ir.Constant(ir.VectorType(_INT32, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), zeros)


@intrinsic
def load(typing_context, array, offset):
    """The eight numbers from ``offset`` on."""

    def generate(context, builder, sig, args):
        return builder.load(_vector_address(context, builder, sig.args[0], args[0], args[1]), align=8)

    return lanes(array, types.int64), generate


@intrinsic
def store(typing_context, array, offset, value):
    """Write eight numbers from ``offset`` on."""

    def generate(context, builder, sig, args):
        builder.store(args[2], _vector_address(context, builder, sig.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), generate


@intrinsic
def splat(typing_context, number):
    """The same number in all lanes."""

    def generate(context, builder, sig, args):
        return _spread(builder, args[0])

    return lanes(types.float64), generate


@intrinsic
def fma(typing_context, a, b, c):
    """``a * b + c``, with one rounding where the processor can."""

    def generate(context, builder, sig, args):
        return _call(builder, "fmuladd", args)

    return lanes(lanes, lanes, lanes), generate


@intrinsic
def magnitude(typing_context, a):
    """Absolute value."""

    def generate(context, builder, sig, args):
        return _call(builder, "fabs", args)

    return lanes(lanes), generate


@intrinsic
def root(typing_context, a):
    """Square root."""

    def generate(context, builder, sig, args):
        return _call(builder, "sqrt", args)

    return lanes(lanes), generate


@intrinsic
def pick(typing_context, a, b, x, y):
    """``x`` where ``a > b``, else ``y``."""

    def generate(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), generate


@intrinsic
def any_above(typing_context, a, b):
    """Whether ``a > b`` or not comparable in some lane."""

    def generate(context, builder, sig, args):
        above = builder.fcmp_unordered(">", args[0], args[1])
        return builder.icmp_unsigned("!=", builder.bitcast(above, ir.IntType(WIDTH)), ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(lanes, lanes), generate


@intrinsic
def store_turned(typing_context, array, offset, step, rows):
    """Transpose eight vectors: number ``l`` of vector ``i`` goes to ``offset + step * l + i``."""

    def generate(context, builder, sig, args):
        turned = _turn(builder, cgutils.unpack_tuple(builder, args[3], WIDTH))
        for lane in range(WIDTH):
            at = builder.add(args[1], builder.mul(args[2], ir.Constant(_INT64, lane)))
            builder.store(turned[lane], _vector_address(context, builder, sig.args[0], args[0], at), align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, types.UniTuple(lanes, WIDTH)), generate


@intrinsic
def gather(typing_context, array, offset, places, first):
    """Lane ``l`` reads ``array[offset + places[first + l]]``."""

    def generate(context, builder, sig, args):
        array_type, _, places_type, _ = sig.args
        base = _address(context, builder, array_type, args[0], args[1])
        where = _address(context, builder, places_type, args[2], args[3])
        value = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(WIDTH):
            place = builder.load(builder.gep(where, [ir.Constant(_INT64, lane)]))
            value = builder.insert_element(value, builder.load(builder.gep(base, [place])), ir.Constant(_INT32, lane))
        return value

    return lanes(array, types.int64, places, types.int64), generate


@intrinsic
def store_places(typing_context, places, first, row):
    """Write ``8 * row + lane`` as integers: where lane by lane the vector number ``row`` of an array holds its number."""

    def generate(context, builder, sig, args):
        integers = ir.VectorType(_INT64, WIDTH)
        where = builder.bitcast(_address(context, builder, sig.args[0], args[0], args[1]), integers.as_pointer())
        eight = ir.Constant(integers, [WIDTH] * WIDTH)
        place = builder.add(builder.mul(builder.fptosi(args[2], integers), eight), ir.Constant(integers, list(range(WIDTH))))
        builder.store(place, where, align=8)
        return context.get_dummy_value()

    return types.void(places, types.int64, lanes), generate


@intrinsic
def load_turned(typing_context, source, offsets, shift):
    """Lane ``l`` reads eight numbers from ``offsets[l] + shift`` on; vector ``i`` of the result holds the i-th of each lane."""

    def generate(context, builder, sig, args):
        source_type, offsets_type, _ = sig.args
        where = _address(context, builder, offsets_type, args[1], ir.Constant(_INT64, 0))
        rows = []
        for lane in range(WIDTH):
            start = builder.add(builder.load(builder.gep(where, [ir.Constant(_INT64, lane)])), args[2])
            rows.append(builder.load(_vector_address(context, builder, source_type, args[0], start), align=8))
        return context.make_tuple(builder, sig.return_type, _turn(builder, rows))

    return types.UniTuple(lanes, WIDTH)(source, types.Array(types.int64, 1, "C"), types.int64), generate


@intrinsic
def load_turned_half(typing_context, source, offsets, shift):
    """As ``load_turned`` with four numbers of each lane: four vectors."""

    def generate(context, builder, sig, args):
        source_type, offsets_type, _ = sig.args
        half = ir.VectorType(_DOUBLE, WIDTH // 2)
        where = _address(context, builder, offsets_type, args[1], ir.Constant(_INT64, 0))
        halves = []
        for lane in range(WIDTH):
            start = builder.add(builder.load(builder.gep(where, [ir.Constant(_INT64, lane)])), args[2])
            address = _address(context, builder, source_type, args[0], start)
            halves.append(builder.load(builder.bitcast(address, half.as_pointer()), align=8))
        rows = [_shuffle(builder, halves[lane], halves[lane + 4], range(WIDTH)) for lane in range(4)]
        return context.make_tuple(builder, sig.return_type, _turn(builder, rows))

    return types.UniTuple(lanes, 4)(source, types.Array(types.int64, 1, "C"), types.int64), generate


@intrinsic
def store_pairs(typing_context, array, offset, a, b):
    """Write ``a[0], b[0], a[1], b[1], ...``: sixteen numbers from ``offset`` on."""

    def generate(context, builder, sig, args):
        array_type = sig.args[0]
        for part in (0, 1):
            order = [4 * part + i // 2 + WIDTH * (i % 2) for i in range(WIDTH)]
            start = builder.add(args[1], ir.Constant(_INT64, WIDTH * part))
            address = _vector_address(context, builder, array_type, args[0], start)
            builder.store(_shuffle(builder, args[2], args[3], order), address, align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes, lanes), generate


@intrinsic
def store_bytes(typing_context, array, offset, value):
    """Write eight small whole numbers into an array of int8."""

    def generate(context, builder, sig, args):
        small = ir.VectorType(ir.IntType(8), WIDTH)
        where = builder.bitcast(_address(context, builder, sig.args[0], args[0], args[1]), small.as_pointer())
        builder.store(builder.fptosi(args[2], small), where, align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), generate


def _turn(builder, rows):
    """Transpose eight rows, or the two halves of four, in rounds that exchange blocks of 4, 2 and 1 numbers of two rows."""
    for block in (4, 2, 1):
        if block == len(rows):
            continue
        new = list(rows)
        for i in range(len(rows)):
            if i & block:
                continue
            low = [j if not j & block else WIDTH + (j ^ block) for j in range(WIDTH)]
            high = [(j | block) if not j & block else WIDTH + j for j in range(WIDTH)]
            new[i] = _shuffle(builder, rows[i], rows[i | block], low)
            new[i | block] = _shuffle(builder, rows[i], rows[i | block], high)
        rows = new
    return rows


def _shuffle(builder, a, b, order):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT32, WIDTH), list(order)))
