"""Chains of Hamiltonian Monte Carlo, whose derivatives mici takes from autograd."""

import autograd.numpy as np
import mici
import numpy as onp
from autograd import grad

BANANA = onp.array([0.5, 1.0])


def density(q):
    return 0.5 * np.sum(q[:-1] ** 2) + 2.0 * np.sum((q[1:] - q[:-1] ** 2) ** 2)


def sphere(q):
    return np.array([np.sum(q**2) - 1.0])


def chain(system, integrator, start, steps):
    """The positions of a chain, and how the Hamiltonian drifts."""
    rng = onp.random.default_rng(0)
    state = mici.states.ChainState(pos=start, mom=None, dir=1)
    positions, energies = [], []
    for _ in range(steps):
        state.mom = system.sample_momentum(state, rng)
        for _ in range(6):
            state = integrator.step(state)
        positions.append(state.pos)
        energies.append(system.h(state))
    return onp.array(positions), energies


def euclidean():
    system = mici.systems.EuclideanMetricSystem(density, backend="autograd")
    return chain(system, mici.integrators.LeapfrogIntegrator(system, 0.1), onp.zeros(5), 20)


def gaussian_split():
    system = mici.systems.GaussianEuclideanMetricSystem(density, backend="autograd")
    return chain(system, mici.integrators.LeapfrogIntegrator(system, 0.1), onp.zeros(5), 20)


def constrained():
    """On the unit sphere: jacobians, and products with matrices of Hessians."""
    system = mici.systems.DenseConstrainedEuclideanMetricSystem(
        density, constr=sphere, backend="autograd"
    )
    integrator = mici.integrators.ConstrainedLeapfrogIntegrator(system, 0.1)
    return chain(system, integrator, onp.array([1.0, 0, 0, 0]), 12)


def soft_absolute():
    """A metric that is made of Hessians, and so third derivatives."""
    # mici 0.4.1 does not hand the backend on for the gradient.
    system = mici.systems.SoftAbsRiemannianMetricSystem(
        density, grad_neg_log_dens=grad(density), backend="autograd"
    )
    integrator = mici.integrators.ImplicitLeapfrogIntegrator(system, 0.02)
    return chain(system, integrator, BANANA.copy(), 3)


def riemannian():
    """A metric given by its Cholesky factor's product."""

    def metric(q):
        return np.eye(3) * (1.0 + np.sum(q**2)) + 0.1 * np.outer(q, q)

    system = mici.systems.DenseRiemannianMetricSystem(
        density, metric_func=metric, grad_neg_log_dens=grad(density), backend="autograd"
    )
    integrator = mici.integrators.ImplicitLeapfrogIntegrator(system, 0.05)
    return chain(system, integrator, onp.array([0.1, 0.2, 0.3]), 4)


def sampler_with_adaptation():
    """The whole sampler with dual averaging."""
    system = mici.systems.EuclideanMetricSystem(density, backend="autograd")
    integrator = mici.integrators.LeapfrogIntegrator(system)
    sampler = mici.samplers.DynamicMultinomialHMC(
        system, integrator, onp.random.default_rng(1), max_tree_depth=4
    )
    done = sampler.sample_chains(
        20, 20, [onp.zeros(3)], adapters=[mici.adapters.DualAveragingStepSizeAdapter(0.8)],
        display_progress=False,
    )  # fmt: skip
    return done.final_states[0].pos, done.traces["pos"][0]
