"""The four networks of MLPerf Tiny, in the form that tf2onnx gives its Keras files.

Inputs are channels last and transposed first, padding is Keras's "same": more at the end. The
published counts are Keras's, which include a mean and a variance of every batch-normed channel.
"""

from __future__ import annotations

from ..writer import Net


def vww(size: int = 96) -> Net:
    """Visual wake words, MobileNetV1 of a quarter width: 221,794 parameters by Keras's count."""
    net = Net("vww", size, size, 3, dialect="tensorflow")
    x = net.transpose(net.x, 0, 3, 1, 2)
    x = net.relu(net.norm(net.conv(x, 8, 3, 2, bias=True)))
    rows = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2),
            (256, 1))  # fmt: skip
    for channels, stride in rows:
        inputs = net.shapes[x][0]
        x = net.relu(net.norm(net.conv(x, inputs, 3, stride, group=inputs, bias=True)))
        x = net.relu(net.norm(net.conv(x, channels, 1, bias=True)))
    x = net.pool(x, "AveragePool", net.shapes[x][1], 1)
    dense(net, net.reshape(x, 256), 2)
    return net


def resnet8(size: int = 32) -> Net:
    """Image classification, ResNet-8 of CIFAR-10: 78,666 parameters by Keras's count."""
    net = Net("resnet8", size, size, 3, dialect="tensorflow")
    x = net.transpose(net.x, 0, 3, 1, 2)
    x = net.relu(net.norm(net.conv(x, 16, bias=True)))
    for channels in (16, 32, 64):
        stride = 1 if channels == 16 else 2
        y = net.relu(net.norm(net.conv(x, channels, 3, stride, bias=True)))
        y = net.norm(net.conv(y, channels, bias=True))
        if stride > 1:
            x = net.conv(x, channels, 1, stride, bias=True)
        x = net.relu(net.add(x, y))
    x = net.pool(x, "AveragePool", net.shapes[x][1], 1)
    dense(net, net.reshape(x, 64), 10)
    return net


def kws(size: int = 49) -> Net:
    """Keyword spotting, DS-CNN of ``size`` x 10 inputs: 24,908 parameters by Keras's count."""
    net = Net("kws", size, 10, 1, dialect="tensorflow")
    x = net.transpose(net.x, 0, 3, 1, 2)
    x = net.relu(net.norm(net.conv(x, 64, (10, 4), 2, bias=True)))
    for _ in range(4):
        x = net.relu(net.norm(net.conv(x, 64, 3, group=64, bias=True)))
        x = net.relu(net.norm(net.conv(x, 64, 1, bias=True)))
    height, width = net.shapes[x][1:]
    x = net.node("AveragePool", x, shape=(64, 1, 1), kernel_shape=[height, width],
                 strides=[height, width])  # fmt: skip
    dense(net, net.reshape(x, 64), 12)
    return net


def autoencoder(size: int = 640) -> Net:
    """Anomaly detection, ten dense layers: 269,992 parameters by Keras's count."""
    net = Net("autoencoder", size, dialect="tensorflow")
    x = net.x
    for count in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = net.relu(net.norm(matmul(net, x, count)))
    net.output(matmul(net, x, size))
    return net


def matmul(net: Net, x: str, count: int) -> str:
    """A dense layer of Keras: MatMul by weights (in, out), then Add."""
    (inputs,) = net.shapes[x]
    weight = net.weight(net.he(inputs, count, fan=inputs))
    return net.add(net.node("MatMul", x, weight, shape=(count,)), net.bias(count))


def dense(net: Net, x: str, classes: int) -> None:
    """The classifier, and the end of the network: a softmax."""
    net.output(net.node("Softmax", matmul(net, x, classes), axis=-1))
