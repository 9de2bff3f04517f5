"""Electromagnetic fields and their gradients by the permittivity."""

import autograd.numpy as npa
import numpy as np
from ceviche import fdfd_ez, fdfd_hz, fdtd, jacobian
from ceviche.optimizers import adam_optimize

OMEGA, STEP = 2 * np.pi * 200e12, 5e-8


def design(n=30, seed=0):
    """A permittivity, and a source in it."""
    eps = 1 + np.random.RandomState(seed).rand(n, n)
    source = np.zeros((n, n))
    source[n // 2, n // 3] = 10
    return eps, source


def intensity(solver, n=30):
    eps, source = design(n)

    def objective(flat):
        F = solver(OMEGA, STEP, flat.reshape((n, n)), [8, 8])
        *_, Fz = F.solve(source)
        return npa.sum(npa.square(npa.abs(Fz[5:15, 5:15]))) * 1e-3

    return objective, eps.flatten()


def fdfd_of_ez():
    f, x = intensity(fdfd_ez)
    return f(x), jacobian(f, mode="reverse")(x)


def fdfd_of_hz():
    f, x = intensity(fdfd_hz)
    return f(x), jacobian(f, mode="reverse")(x)


def fdfd_forward_mode():
    eps, source = design(24)

    def f(scale):
        F = fdfd_ez(OMEGA, STEP, eps * scale, [6, 6])
        Ex, Ey, Ez = F.solve(source)
        return npa.sum(npa.square(npa.abs(Ez))) * 1e-3

    return jacobian(f, mode="forward")(1.5), jacobian(f, mode="reverse")(1.5)


def fdtd_pulse():
    """Steps in time in three dimensions, differentiated by one number."""
    eps = np.ones((16, 16, 1))

    def f(c):
        box = np.zeros((16, 16, 1))
        box[4:10, 4:10] = 1
        F = fdtd(eps + c * box, dL=STEP, npml=[3, 3, 0])
        total = 0.0
        for t in range(60):
            Jz = np.zeros((16, 16, 1))
            Jz[8, 8] = np.sin(0.3 * t)
            fields = F.forward(Jz=Jz)
            total = total + npa.sum(npa.square(fields["Ez"]))
        return total * 1e10

    return f(2.0), jacobian(f, mode="reverse")(2.0)


def inverse_design():
    """Five steps of adam on a small design."""
    f, x = intensity(fdfd_ez, n=24)
    gradient = jacobian(f, mode="reverse")
    x, history = adam_optimize(
        f, x, gradient, Nsteps=5, direction="max", step_size=1e-2, verbose=False
    )
    return x, np.array(history, dtype=float)


def sparse_products():
    """The primitives that ceviche defines, to second order where they are."""
    from ceviche.primitives import sp_mult, sp_solve

    indices = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0]])
    entries, b = np.array([4.0, 1, 5, 1, 6, 2]), np.array([1.0, 2, 3])

    def f(entries):
        x = sp_solve(entries, indices, b)
        return npa.sum(npa.abs(sp_mult(entries, indices, x + x**2)) ** 2)

    def g(b):
        return npa.sum(npa.abs(sp_solve(entries, indices, b)) ** 2)

    # ceviche's rules give complex gradients, which autograd hands on for a real argument too.
    return f(entries), npa.real(jacobian(f)(entries)), npa.real(jacobian(g)(b))
