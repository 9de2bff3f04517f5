"""Programs written for the seed run unchanged after `from fastgrad import *`, and print the same.

The expected texts were printed by the seed itself (step 20 of the book that builds DeZero).
"""

import textwrap

import pytest

PROGRAMS = {
    "the seed's own example": (
        """
        Variable.__add__ = add
        Variable.__mul__ = mul

        a = Variable(np.array(3.0))
        b = Variable(np.array(2.0))
        c = Variable(np.array(1.0))

        # y = add(mul(a, b), c)
        y = a * b + c
        y.backward()

        print(y)
        print(a.grad)
        print(b.grad)
        """,
        "variable(7.0)\n2.0\n3.0\n",
    ),
    "square and exp as Functions of one's own": (
        """
        class Square(Function):
            def forward(self, x):
                return x ** 2
            def backward(self, gy):
                x = self.inputs[0].data
                return 2 * x * gy

        class Exp(Function):
            def forward(self, x):
                return np.exp(x)
            def backward(self, gy):
                x = self.inputs[0].data
                return np.exp(x) * gy

        def square(x):
            return Square()(x)

        def exp(x):
            return Exp()(x)

        x = Variable(np.array(0.5))
        y = square(exp(square(x)))
        y.backward()
        print(y.data, x.grad)
        print(y.creator.inputs[0].creator.inputs[0].creator.inputs[0] is x)
        """,
        "1.648721270700128 3.297442541400256\nTrue\n",
    ),
    "one variable used twice and thrice": (
        """
        x = Variable(np.array(3.0))
        y = add(x, x)
        y.backward()
        print(x.grad)
        x.cleargrad()
        y = add(add(x, x), x)
        y.backward()
        print(x.grad)
        """,
        "2.0\n3.0\n",
    ),
    "gradients add up until cleargrad": (
        """
        x = Variable(np.array(2.0))
        for _ in range(3):
            y = mul(x, x)
            y.backward()
            print(x.grad)
        x.cleargrad()
        print(x.grad)
        """,
        "4.0\n8.0\n12.0\nNone\n",
    ),
    "a graph whose order needs generations": (
        """
        class Square(Function):
            def forward(self, x):
                return x ** 2
            def backward(self, gy):
                return 2 * self.inputs[0].data * gy

        def square(x):
            return Square()(x)

        x = Variable(np.array(2.0))
        a = square(x)
        y = add(square(a), square(a))
        y.backward()
        print(y.data, x.grad)
        print(x.generation, a.generation, y.generation, y.creator.generation)
        """,
        "32.0 64.0\n0 1 3 2\n",
    ),
    "interior gradients are dropped, unless retained": (
        """
        for retain in (False, True):
            x0 = Variable(np.array(1.0))
            x1 = Variable(np.array(1.0))
            t = add(x0, x1)
            y = add(x0, t)
            y.backward(retain_grad=retain)
            print(y.grad, t.grad, x0.grad, x1.grad)
        """,
        "None None 2.0 1.0\n1.0 1.0 2.0 1.0\n",
    ),
    "no_grad and using_config": (
        """
        x = Variable(np.array(2.0))
        with using_config('enable_backprop', False):
            y = mul(x, x)
            print(y, y.creator, Config.enable_backprop)
        with no_grad():
            print(mul(x, x).creator)
        print(Config.enable_backprop, mul(x, x).creator is None)
        Config.enable_backprop = False
        print(mul(x, x).creator)
        Config.enable_backprop = True
        """,
        "variable(4.0) None False\nNone\nTrue False\nNone\n",
    ),
    "names, shapes and text": (
        """
        x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name='x')
        print(x.name, x.shape, x.ndim, x.size, x.dtype, len(x))
        print(x)
        print(Variable(None), [Variable(np.array(1.5))])
        try:
            Variable(1.0)
        except TypeError as error:
            print(error)
        """,
        "x (2, 3) 2 6 int64 2\n"
        "variable([[1 2 3]\n          [4 5 6]])\n"
        "variable(None) [variable(1.5)]\n"
        "<class 'float'> is not supported\n",
    ),
    "operators of one's own, assigned on the class": (
        """
        class Sub(Function):
            def forward(self, x0, x1):
                return x0 - x1
            def backward(self, gy):
                return gy, -gy

        def sub(x0, x1):
            return Sub()(x0, x1)

        Variable.__sub__ = sub
        Variable.__add__ = add
        Variable.__mul__ = lambda x0, x1: Mul()(x0, x1)

        x = Variable(np.array([1.0, 2.0]))
        y = Variable(np.array([3.0, 5.0]))
        z = (x - y) * (x - y) + x
        z.backward()
        print(z)
        print(x.grad, y.grad, type(z.creator.inputs[0].creator) is Mul)
        """,
        "variable([ 5. 11.])\n[-3. -5.] [4. 6.] True\n",
    ),
    "gradient descent on Rosenbrock": (
        """
        class Pow2(Function):
            def forward(self, x):
                return x ** 2
            def backward(self, gy):
                return gy * 2 * self.inputs[0].data

        class Neg(Function):
            def forward(self, x):
                return -x
            def backward(self, gy):
                return -gy

        Variable.__add__ = add
        Variable.__mul__ = mul
        Variable.__sub__ = lambda a, b: add(a, Neg()(b))
        Variable.__pow__ = lambda a, b: Pow2()(a)

        x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
        one, hundred = Variable(np.array(1.0)), Variable(np.array(100.0))
        for i in range(2000):
            y = hundred * (x1 - x0 ** 2) ** 2 + (x0 - one) ** 2
            x0.cleargrad()
            x1.cleargrad()
            y.backward()
            x0.data -= 0.001 * x0.grad
            x1.data -= 0.001 * x1.grad
        print(float(x0.data).hex(), float(x1.data).hex())
        """,
        "0x1.a7131ff369bd5p-1 0x1.5d333118ebd91p-1\n",
    ),
    "a Function with many inputs and outputs": (
        """
        class Polar(Function):
            def forward(self, r, t):
                return r * np.cos(t), r * np.sin(t)
            def backward(self, gx, gy):
                r, t = (v.data for v in self.inputs)
                c, s = np.cos(t), np.sin(t)
                return gx * c + gy * s, r * (gy * c - gx * s)

        r, t = Variable(np.array(2.0)), Variable(np.array(0.0))
        f = Polar()
        x, y = f(r, t)
        z = add(mul(x, x), y)
        z.backward()
        print(z, r.grad, t.grad)
        print(type(f.outputs), f.outputs[0]() is x, f.inputs[1] is t, x.creator is y.creator is f)
        """,
        "variable(4.0) 4.0 2.0\n<class 'list'> True True True\n",
    ),
}

OPERATORS = ["__add__", "__mul__", "__sub__", "__pow__"]


@pytest.fixture
def restored_operators(lib):
    """The programs assign operators on the class: put back what was there."""
    before = {name: vars(lib.Variable).get(name) for name in OPERATORS}
    yield
    for name, operator in before.items():
        if operator is not None:
            setattr(lib.Variable, name, operator)
        elif name in vars(lib.Variable):
            delattr(lib.Variable, name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_what_the_seed_prints(name, lib, restored_operators, capsys):
    program, expected = PROGRAMS[name]
    source = f"from {lib.__name__} import *\nimport numpy as np\n" + textwrap.dedent(program)
    enable_backprop = lib.Config.enable_backprop
    try:
        exec(compile(source, name, "exec"), {"__name__": "program"})
    finally:
        lib.Config.enable_backprop = enable_backprop
    assert capsys.readouterr().out == expected
