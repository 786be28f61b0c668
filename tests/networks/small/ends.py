"""Small networks whose inputs and outputs are not one picture and one vector."""

from __future__ import annotations

from ..writer import Net
from .heads import stem
from .maps import classify


def two_inputs(size: int = 32) -> Net:
    """A picture and a vector go in; a map, a vector and a number come out."""
    net = Net("two_inputs", 3, size, size)
    vector = net.input("vector", 8)
    x = stem(net, 8)
    shift = net.reshape(net.gemm(vector, 16), 16, 1, 1)
    x = net.relu(net.add(x, shift))
    net.output(net.conv(x, 4, 1, bias=True))
    features = net.concat(net.flatten(net.global_pool(x)), vector)
    net.output(net.gemm(features, 10))
    net.output(net.node("Sigmoid", net.gemm(features, 1)))
    return net


def channels_last(size: int = 32) -> Net:
    """Transposed first and last, as converters from TensorFlow write it."""
    net = Net("channels_last", size, size, 3, dialect="tensorflow")
    x = net.transpose(net.x, 0, 3, 1, 2)
    x = net.relu6(net.norm(net.conv(x, 16, 3, 2)))
    x = net.relu6(net.norm(net.conv(x, 16, 3, 2, group=16)))
    x = net.conv(x, 8, 1, bias=True)
    net.output(net.transpose(x, 0, 2, 3, 1))
    return net


def batch_of_four(size: int = 32) -> Net:
    """The batch is fixed at 4."""
    net = Net("batch_of_four", 3, size, size, batch=4)
    classify(net, stem(net, 8))
    return net


def dynamic_batch(size: int = 32) -> Net:
    """The batch has a name, and a view reads it through Shape and Gather."""
    net = Net("dynamic_batch", 3, size, size, batch="batch")
    x = net.pool(stem(net, 8), "MaxPool", 2, 2)
    count = net.node("Gather", net.node("Shape", x, shape=()), net.integers(0), shape=(), axis=0)
    shape = net.node("Concat", count, net.integers(-1), shape=(), axis=0)
    length = 16 * net.shapes[x][1] * net.shapes[x][2]
    x = net.node("Reshape", x, shape, shape=(length,))
    net.output(net.gemm(x, 10))
    return net
