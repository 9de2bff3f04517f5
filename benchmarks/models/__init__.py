"""Small models: each as one text for every library, and by hand.

By hand is what a careful person writes with NumPy alone, gradients included. A model has

name                  what it is
start()               (parameters, constants) of the first step, ndarrays
loss(xp, parameters, *constants)      the one text: `xp` is `protocol.namespace` of a library
step(gradient, parameters, constants) what a step computes, with `gradient(parameters, constants)`,
                                      which gives the value of the loss and its gradients
by_hand(parameters, constants, value=True)  that function by hand; None for the value if not asked

`step` is written with operators alone, for the arrays of any library.
"""

from benchmarks.models.leapfrog import Leapfrog
from benchmarks.models.ode import Ode
from benchmarks.models.perceptron import Perceptron
from benchmarks.models.recurrent import Recurrent
from benchmarks.models.rosenbrock import Rosenbrock

MODELS = [Perceptron(), Rosenbrock(10), Rosenbrock(1000), Leapfrog(), Recurrent(), Ode()]
