# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""petnet: the networks, their start weights and their ONNX export.

petnet's encoder is a narrowed MobileNetV2 (narrow.py) of a TensorFlow DeepLabv3
model.  That runs with dilated convolutions; here the dilations are undone and the
missing stride is put back, so that the deepest map has stride 32.  petnet-large's
is EfficientNet-Lite1 without its last block, its batch norms folded.
"""

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import helper, numpy_helper

def _stages(*stages):
    """(in, widened, out, stride, kernel) of each block, from (widened, out,
    stride, kernel, repeats) of each stage; the first goes in at out 0.  Of a
    stage that widens to two widths the first block has the first."""
    cin, blocks = stages[0], []
    for wide, cout, stride, kernel, repeats in stages[1:]:
        first, other = wide if isinstance(wide, tuple) else (wide, wide)
        for i in range(repeats):
            blocks.append((cin, other if i else first, cout,
                           1 if i else stride, kernel))
            cin = cout
    return tuple(blocks)


STEM = {"petnet": 24, "petnet-large": 32}  # channels
BLOCKS = {
    "petnet": _stages(
        24, (24, 16, 1, 3, 1), ((48, 96), 24, 2, 3, 2),
        ((96, 128), 32, 2, 3, 3), ((128, 256), 64, 2, 3, 4),
        ((256, 352), 96, 1, 3, 3), ((352, 480), 160, 2, 3, 3)),
    "petnet-large": _stages(
        32, (32, 16, 1, 3, 1), ((96, 144), 24, 2, 3, 3),
        ((144, 240), 40, 2, 5, 3), ((240, 480), 80, 2, 3, 4),
        ((480, 672), 112, 1, 5, 4), ((672, 1152), 192, 2, 5, 5)),
}
# widened map of one more block at stride 32, whose narrowing is the decoder's
LAST = {"petnet": 416, "petnet-large": 0}
# channels of the decoder at strides 32, 16, 8, 4, 2
DECODER = {"petnet": (96, 64, 48, 32, 16),
           "petnet-large": (160, 128, 96, 48, 24)}
# residual blocks of the decoder at strides 32 and 16
EXTRA = {"petnet": (0, 1), "petnet-large": (0, 0)}
# sides of the input
SIZE = {"petnet": 320, "petnet-large": 416}
LITE_EPSILON = 1e-3  # of EfficientNet-Lite's batch norms


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
    if x.is_cuda:
        return F.hardtanh(x, 0.0, 6.0)
    if x.requires_grad:
        return FastRelu6.apply(x)
    return torch.clamp(x, 0.0, 6.0)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; biased, no batch norm."""

    def __init__(self, cin, wide, cout, stride, kernel):
        super().__init__()
        self.expand = nn.Conv2d(cin, wide, 1) if wide != cin else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, kernel // 2,
                                   groups=wide)
        self.project = nn.Conv2d(wide, cout, 1)
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        """Return (output, map after the first activation)."""
        wide = relu6(self.expand(x)) if self.expand else x
        y = self.project(relu6(self.depthwise(wide)))
        return (x + y if self.residual else y), wide


class Encoder(nn.Module):
    """Inverted residuals with taps at strides 2, 4, 8, 16 and 32."""

    def __init__(self, kind):
        super().__init__()
        self.stem = nn.Conv2d(3, STEM[kind], 3, 2, 1)
        self.blocks = nn.ModuleList(InvertedResidual(*b)
                                    for b in BLOCKS[kind])
        cin, wide = BLOCKS[kind][-1][2], LAST[kind]
        self.last = nn.ModuleList(
            [nn.Conv2d(cin, wide, 1),
             nn.Conv2d(wide, wide, 3, 1, 1, groups=wide)] if wide else [])
        self.channels = wide or cin  # of the deepest map
        # The blocks that go on to strides 8, 16 and 32.
        self.steps = [i for i, b in enumerate(BLOCKS[kind]) if b[3] == 2][1:]

    def forward(self, x):
        """Return the maps of strides 2, 4, 8, 16 and 32.

        That of stride 4 is what goes on to stride 8, those of strides 8 and 16
        what the first block of the next stride widens that to.
        """
        x = relu6(self.stem(x))
        maps = [x]
        for i, block in enumerate(self.blocks):
            if i == self.steps[0]:
                maps.append(x)
            x, wide = block(x)
            if i in self.steps[1:]:
                maps.append(wide)
        for conv in self.last:
            x = relu6(conv(x))
        return *maps, x

    def load_folded(self, path):
        """Copy the convolutions of an EfficientNet-Lite .pth file, in
        order."""
        convs = (m for m in self.modules() if isinstance(m, nn.Conv2d))
        for conv, (weight, bias) in zip(convs, _lite_convs(path)):
            if weight.shape != conv.weight.shape:
                raise ValueError(f"{tuple(weight.shape)} does not fit"
                                 f" {tuple(conv.weight.shape)}")
            with torch.no_grad():
                conv.weight.copy_(weight)
                conv.bias.copy_(bias)


def _lite_convs(path):
    """(weight, bias) of each convolution, its batch norm folded in."""
    state = torch.load(path, map_location="cpu")
    weights = [k for k, v in state.items() if v.dim() == 4]
    norms = [k[:-len("running_var")] for k in state
             if k.endswith("running_var")]
    for weight, norm in zip(weights, norms):
        scale = state[norm + "weight"] / torch.sqrt(
            state[norm + "running_var"] + LITE_EPSILON)
        yield (state[weight] * scale.reshape(-1, 1, 1, 1),
               state[norm + "bias"] - state[norm + "running_mean"] * scale)


def conv_bn(cin, cout, kernel=1, groups=1, act=True):
    """Convolution and batch norm, then ReLU unless act is False."""
    layers = [nn.Conv2d(cin, cout, kernel, 1, kernel // 2, groups=groups,
                        bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


def light_block(channels, kernel=3):
    """Depthwise kernel x kernel, then 1x1."""
    return nn.Sequential(conv_bn(channels, channels, kernel, channels),
                         conv_bn(channels, channels))


class Widened(nn.Module):
    """Residual: widen fourfold, depthwise 5x5, narrow; starts as identity."""

    def __init__(self, channels):
        super().__init__()
        wide = 4 * channels
        self.body = nn.Sequential(conv_bn(channels, wide),
                                  conv_bn(wide, wide, 5, wide),
                                  conv_bn(wide, channels, act=False))
        nn.init.zeros_(self.body[2][1].weight)

    def forward(self, x):
        return x + self.body(x)


def widened(channels, count):
    """`count` residual blocks in a row."""
    return nn.Sequential(*[Widened(channels) for _ in range(count)])


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
        c32, c16, c8, c4, c2 = DECODER[kind]
        self.encoder = Encoder(kind)
        blocks = BLOCKS[kind]
        s4 = blocks[self.encoder.steps[0]][0]
        s8, s16 = (blocks[i][1] for i in self.encoder.steps[1:])
        self.top = nn.Sequential(conv_bn(self.encoder.channels, c32),
                                 light_block(c32, 5), light_block(c32, 5))
        deep32, deep16 = EXTRA[kind]
        self.deep32 = widened(c32, deep32)
        self.up16 = UpBlock(c32, s16, c16)
        self.deep16 = widened(c16, deep16)
        self.up8 = UpBlock(c16, s8, c8)
        self.up4 = UpBlock(c8, s4, c4)
        self.up2 = UpBlock(c4, STEM[kind], c2)
        self.head = nn.Conv2d(c2, 1, 3, 1, 1)
        self.aux = nn.Conv2d(c16, 1, 1)  # stride 16, training only

    def forward(self, x):
        """Return logits, and in training mode (logits, stride-16 logits)."""
        s2, s4, s8, s16, s32 = self.encoder(x)
        y16 = self.deep16(self.up16(self.deep32(self.top(s32)), s16))
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


# Shapes in which a network bears photos (docs/models.md).
SHAPES = {"petnet": {"pet.shape-sum": "704", "pet.shape-step": "32"},
          "petnet-large": {}}
METADATA = {
    "pet.mean": "0.5,0.5,0.5",
    "pet.std": "0.5,0.5,0.5",
    "pet.divisor": "255",
    "pet.output": "mask",
    "pet.output-range": "unit",
    "pet.precision": "bf16",
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


def export_onnx(net, path, kind):
    """Write the network as ONNX, opset 13, batch norms folded, weights in
    half precision."""
    wrapper = Exportable(net).eval()
    torch.onnx.export(wrapper, torch.zeros(1, 3, SIZE[kind], SIZE[kind]), path,
                      opset_version=13, do_constant_folding=True,
                      input_names=["input"], output_names=["mask"])
    model = onnx.load(path)
    _tidy(model)
    _store_half(model)
    model.producer_name, model.producer_version = kind, ""
    helper.set_model_props(model, {"pet.name": kind, **METADATA,
                                    **SHAPES[kind]})
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


def count_macs(net, size):
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
