"""Hidden Markov models and linear dynamical systems, by EM and by gradients."""

import autograd.numpy as np
import autograd.numpy.random as npr
from ssm import HMM, LDS, SLDS


def data(dimension=2, seed=0, count=120):
    """A walk that turns, as rows."""
    rng = np.random.RandomState(seed)
    steps = np.cumsum(0.3 * rng.randn(count, dimension), axis=0)
    return steps + np.sin(np.arange(count) / 8)[:, None]


def hmm(observations, values, method="sgd", transitions="standard", **options):
    """The likelihoods along the way, and the parameters at the end."""
    npr.seed(1)
    model = HMM(3, values.shape[1], observations=observations, transitions=transitions)
    steps = model.fit([values], method=method, **options)
    return np.array(steps), flat(model.params), model.log_likelihood([values])


def flat(params):
    """Nested tuples of arrays."""
    if isinstance(params, (tuple, list)):
        return [flat(part) for part in params]
    return np.asarray(params)


def diagonal_gaussian_by_sgd():
    return hmm("diagonal_gaussian", data(), num_iters=30)


def gaussian_by_em():
    return hmm("gaussian", data(), method="em", num_em_iters=8)


def students_t_by_adam():
    return hmm("studentst", data(), method="adam", num_iters=20)


def poisson_by_adam():
    counts = np.random.RandomState(2).poisson(3, (80, 2))
    return hmm("poisson", counts, method="adam", num_iters=20)


def bernoulli_by_sgd():
    bits = (np.random.RandomState(3).rand(80, 3) > 0.4).astype(int)
    return hmm("bernoulli", bits, num_iters=20)


def autoregressive_by_em():
    return hmm("ar", data(), method="em", num_em_iters=5)


def recurrent_transitions():
    return hmm("diagonal_gaussian", data(count=60), transitions="recurrent", num_iters=10)


def linear_dynamics_by_bbvi():
    npr.seed(4)
    values = data(dimension=4, count=60)
    model = LDS(4, 2, emissions="gaussian")
    model.initialize(values)
    elbos, _ = model.fit(
        values, method="bbvi", variational_posterior="meanfield", num_iters=15, initialize=False
    )
    return np.array(elbos), flat(model.params)


def switching_dynamics_by_laplace_em():
    npr.seed(5)
    values = data(dimension=3, count=50)
    model = SLDS(3, 2, 2, emissions="gaussian")
    model.initialize(values)
    elbos, posterior = model.fit(values, method="laplace_em", num_iters=2, initialize=False)
    return np.array(elbos), flat(model.params), posterior.mean_continuous_states
