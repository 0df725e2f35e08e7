# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""petnet: the network, its start weights and its ONNX export.

The encoder is the MobileNetV2 of a TensorFlow DeepLabv3 model (of half width
for petnet, of full width for petnet-large) whose batch norms are already
folded.  That model runs at output stride 8 with
dilated convolutions; here the dilations are undone and the two missing
strides are put back, so that the deepest map has stride 32.
"""

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import helper, numpy_helper

# The two sizes: MobileNetV2 of width 0.5 and 1. Of each inverted residual
# (input channels, expansion, output channels, stride).
STEM = {"petnet": 16, "petnet-large": 32}
BLOCKS = {"petnet": (
    (16, 1, 8, 1),
    (8, 6, 12, 2), (12, 6, 12, 1),
    (12, 6, 16, 2), (16, 6, 16, 1), (16, 6, 16, 1),
    (16, 6, 32, 2), (32, 6, 32, 1), (32, 6, 32, 1), (32, 6, 32, 1),
    (32, 6, 48, 1), (48, 6, 48, 1), (48, 6, 48, 1),
    (48, 6, 80, 2), (80, 6, 80, 1), (80, 6, 80, 1),
    (80, 6, 160, 1),
), "petnet-large": (
    (32, 1, 16, 1),
    (16, 6, 24, 2), (24, 6, 24, 1),
    (24, 6, 32, 2), (32, 6, 32, 1), (32, 6, 32, 1),
    (32, 6, 64, 2), (64, 6, 64, 1), (64, 6, 64, 1), (64, 6, 64, 1),
    (64, 6, 96, 1), (96, 6, 96, 1), (96, 6, 96, 1),
    (96, 6, 160, 2), (160, 6, 160, 1), (160, 6, 160, 1),
    (160, 6, 320, 1),
)}
# channels of the decoder at strides 32, 16, 8, 4, 2
DECODER = {"petnet": (96, 64, 48, 32, 16),
           "petnet-large": (160, 128, 96, 48, 24)}
# Blocks whose first activation feeds the decoder: the last thing that the
# encoder knows at strides 8 and 16, taken before the next stride.
TAP_STRIDE8, TAP_STRIDE16 = 6, 13
SIZE = 320


class FastRelu6(torch.autograd.Function):
    """Clamp to 0..6 whose backward pass is two vectorised thresholds.

    The stock backward pass of clamp takes 40 % of a training step on a CPU.
    """

    @staticmethod
    def forward(ctx, x):
        y = torch.clamp(x, 0.0, 6.0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        y, = ctx.saved_tensors
        grad = torch.ops.aten.threshold_backward(grad, y, 0.0)
        return torch.ops.aten.threshold_backward(grad, -y, -6.0)


def relu6(x):
    """Clamp to 0..6; exported as one Clip."""
    if x.requires_grad:
        return FastRelu6.apply(x)
    return torch.clamp(x, 0.0, 6.0)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; biased, no batch norm."""

    def __init__(self, cin, factor, cout, stride):
        super().__init__()
        mid = cin * factor
        self.expand = nn.Conv2d(cin, mid, 1) if factor > 1 else None
        self.depthwise = nn.Conv2d(mid, mid, 3, stride, 1, groups=mid)
        self.project = nn.Conv2d(mid, cout, 1)
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        """Return (output, map after the first activation)."""
        wide = relu6(self.expand(x)) if self.expand else x
        y = self.project(relu6(self.depthwise(wide)))
        return (x + y if self.residual else y), wide


class Encoder(nn.Module):
    """MobileNetV2 with taps at strides 2, 4, 8, 16 and 32."""

    def __init__(self, kind):
        super().__init__()
        self.stem = nn.Conv2d(3, STEM[kind], 3, 2, 1)
        self.blocks = nn.ModuleList(InvertedResidual(*b)
                                    for b in BLOCKS[kind])

    def forward(self, x):
        x = s2 = relu6(self.stem(x))
        s4 = s8 = s16 = None
        for i, block in enumerate(self.blocks):
            x, wide = block(x)
            if i == 2:
                s4 = x
            elif i == TAP_STRIDE8:
                s8 = wide
            elif i == TAP_STRIDE16:
                s16 = wide
        return s2, s4, s8, s16, x

    def load_folded(self, path):
        """Copy the folded convolutions of the DeepLab ONNX file, in order."""
        graph = onnx.load(path).graph
        values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        convs = iter(n for n in graph.node if n.op_type == "Conv")
        for conv in (m for m in self.modules() if isinstance(m, nn.Conv2d)):
            _, weight, bias = next(convs).input
            if values[weight].shape != tuple(conv.weight.shape):
                raise ValueError(f"{weight}: {values[weight].shape} does not"
                                 f" fit {tuple(conv.weight.shape)}")
            with torch.no_grad():
                conv.weight.copy_(torch.from_numpy(values[weight].copy()))
                conv.bias.copy_(torch.from_numpy(values[bias].copy()))


def conv_bn(cin, cout, kernel=1, groups=1, act=True):
    """Convolution and batch norm, then ReLU unless act is False."""
    layers = [nn.Conv2d(cin, cout, kernel, 1, kernel // 2, groups=groups,
                        bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


def light_block(channels, kernel=3):
    """Depthwise kernel x kernel, then 1x1."""
    return nn.Sequential(conv_bn(channels, channels, kernel, channels),
                         conv_bn(channels, channels))


class UpBlock(nn.Module):
    """Narrow, enlarge twofold, add the skip, mix."""

    def __init__(self, cin, cskip, cout):
        super().__init__()
        self.narrow = conv_bn(cin, cout, act=False)
        self.lateral = conv_bn(cskip, cout, act=False)
        self.mix = light_block(cout)

    def forward(self, x, skip):
        x = upsample2(self.narrow(x))
        return self.mix(F.relu(x + self.lateral(skip)))


def upsample2(x):
    """Bilinear x2 with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear",
                         align_corners=False)


class PetNet(nn.Module):
    """Encoder and decoder; returns logits (at half resolution, enlarged)."""

    def __init__(self, kind="petnet"):
        super().__init__()
        blocks, stem = BLOCKS[kind], STEM[kind]
        c32, c16, c8, c4, c2 = DECODER[kind]
        self.encoder = Encoder(kind)
        self.top = nn.Sequential(conv_bn(blocks[-1][2], c32),
                                 light_block(c32, 5), light_block(c32, 5))
        self.up16 = UpBlock(c32, 6 * blocks[TAP_STRIDE16][0], c16)
        self.up8 = UpBlock(c16, 6 * blocks[TAP_STRIDE8][0], c8)
        self.up4 = UpBlock(c8, blocks[2][2], c4)
        self.up2 = UpBlock(c4, stem, c2)
        self.head = nn.Conv2d(c2, 1, 3, 1, 1)
        self.aux = nn.Conv2d(c16, 1, 1)  # stride 16, training only

    def forward(self, x):
        """Return logits, and in training mode (logits, stride-16 logits)."""
        s2, s4, s8, s16, s32 = self.encoder(x)
        y16 = self.up16(self.top(s32), s16)
        y = self.up2(self.up4(self.up8(y16, s8), s4), s2)
        y = upsample2(self.head(y))
        return (y, self.aux(y16)) if self.training else y


class Exportable(nn.Module):
    """The network in eval mode, without the auxiliary head, with sigmoid."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return torch.sigmoid(self.net(x))


METADATA = {
    "pet.name": "petnet",
    "pet.mean": "0.5,0.5,0.5",
    "pet.std": "0.5,0.5,0.5",
    "pet.divisor": "255",
    "pet.output": "mask",
    "pet.output-range": "unit",
}


def _store_half(model):
    """Weights as float16, widened by a Cast that readers fold away."""
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 8:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16),
                                                f"{name}h"))
        casts.append(helper.make_node("Cast", [f"{name}h"], [name], name + "c",
                                      to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def _tidy(model):
    """Constant nodes to initializers, plain names, half_pixel resizing."""
    graph, alias = model.graph, {}
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        tensor = onnx.TensorProto()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
        graph.node.remove(node)
    names = {"": "", "input": "input", "mask": "mask"}
    for node in [n for n in graph.node if n.op_type == "Identity"]:
        alias[node.output[0]] = node.input[0]
        graph.node.remove(node)
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type.lower()}_{i}"
        node.doc_string = ""
        for out in node.output:
            names.setdefault(out, f"t{i}")
        if node.op_type == "Resize":
            del node.attribute[:]
            node.attribute.extend([
                helper.make_attribute("coordinate_transformation_mode",
                                      "half_pixel"),
                helper.make_attribute("mode", "linear")])
    shared = {}
    for i, tensor in enumerate(graph.initializer):
        key = (tensor.data_type, tuple(tensor.dims),
               numpy_helper.to_array(tensor).tobytes())
        names[tensor.name] = shared.setdefault(key, f"c{i}")
    kept = {}
    for tensor in graph.initializer:
        kept.setdefault(names[tensor.name], tensor)
    for name, tensor in kept.items():
        tensor.name = name
    tensors = list(kept.values())
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    for node in graph.node:
        node.input[:] = [names[alias.get(n, n)] for n in node.input]
        node.output[:] = [names[n] for n in node.output]
    del graph.value_info[:]
    graph.name = "petnet"


def export_onnx(net, path, size=SIZE):
    """Write the network as ONNX, opset 13, batch norms folded, weights in
    half precision."""
    wrapper = Exportable(net).eval()
    torch.onnx.export(wrapper, torch.zeros(1, 3, size, size), path,
                      opset_version=13, do_constant_folding=True,
                      input_names=["input"], output_names=["mask"])
    model = onnx.load(path)
    _tidy(model)
    _store_half(model)
    model.producer_name, model.producer_version = "petnet", ""
    helper.set_model_props(model, METADATA)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def count_parameters(net):
    """Weights that the exported file uses (batch norms folded)."""
    total = 0
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and name != "aux":
            total += module.weight.numel() + module.out_channels
    return total


def count_macs(net, size=SIZE):
    """Multiply-accumulates of the convolutions for one picture."""
    total, hooks = [0], []

    def hook(module, _, out):
        total[0] += out[0].numel() * int(np.prod(module.weight.shape[1:]))

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(hook))
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, size, size))
    for handle in hooks:
        handle.remove()
    return total[0]
