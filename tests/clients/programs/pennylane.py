"""Circuits on the default device, differentiated through the simulator and by shifts."""

import pennylane as qml
from pennylane import numpy as np

START = [0.1, -0.4, 0.7, 1.1, 0.3, -0.8]


def circuit(wires, method, interface="autograd"):
    """Two layers of rotations and entanglement."""
    device = qml.device("default.qubit", wires=wires)

    @qml.qnode(device, diff_method=method, interface=interface)
    def f(params):
        for row in params:
            for i in range(wires):
                qml.RX(row[i], wires=i)
                qml.RY(row[i] * 0.5, wires=i)
            for i in range(wires - 1):
                qml.CNOT(wires=[i, i + 1])
        return qml.expval(qml.PauliZ(0) @ qml.PauliX(wires - 1))

    return f


def params(wires, layers=2):
    values = [0.3 * (i + 1) - 0.1 * j for j in range(layers) for i in range(wires)]
    return np.array(values, requires_grad=True).reshape(layers, wires)


def backprop():
    f, p = circuit(4, "backprop"), params(4)
    return f(p), qml.grad(f)(p)


def backprop_hessian():
    f, p = circuit(2, "backprop"), params(2)
    return qml.jacobian(qml.grad(f))(p)


def parameter_shift():
    f, p = circuit(3, "parameter-shift"), params(3)
    return f(p), qml.grad(f)(p)


def variational_eigensolver():
    """Ten steps of gradient descent, and of adam."""
    Z, X = qml.PauliZ, qml.PauliX
    H = qml.Hamiltonian([0.5, -0.3, 0.2], [Z(0), X(1), Z(0) @ Z(1)])
    device = qml.device("default.qubit", wires=2)

    @qml.qnode(device, diff_method="backprop")
    def cost(p):
        qml.RY(p[0], wires=0)
        qml.RY(p[1], wires=1)
        qml.CNOT(wires=[0, 1])
        qml.RX(p[2], wires=1)
        return qml.expval(H)

    found = []
    for optimizer in (qml.GradientDescentOptimizer(0.2), qml.AdamOptimizer(0.1)):
        p = np.array(START[:3], requires_grad=True)
        for _ in range(10):
            p, value = optimizer.step_and_cost(cost, p)
        found.append((p, value))
    return found


def probabilities():
    device = qml.device("default.qubit", wires=3)

    @qml.qnode(device, diff_method="backprop")
    def f(p):
        for i in range(3):
            qml.RY(p[i], wires=i)
        qml.QFT(wires=range(3))
        return qml.probs(wires=[0, 1])

    p = np.array(START[:3], requires_grad=True)
    return f(p), qml.jacobian(f)(p)


def quantum_natural_gradient():
    f = circuit(2, "parameter-shift")
    p = params(2)
    return qml.metric_tensor(f, approx="block-diag")(p)
