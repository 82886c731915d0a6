"""A step of Opacus, with hooks and with ghost clipping, against PyTorch's plain step: see measure.py.

Both sides apply SGD to the mean cross-entropy of one fixed batch. PrivacyEngine.make_private prepares model and
optimizer as its tutorials do; noise comes from PyTorch's generator (Opacus's default, not a secure one). Where the
gradients of a whole batch would not fit (2 GiB), the hooks take it in physical batches, as BatchMemoryManager does.
"""

import math
import warnings

import numpy
import opacus
import torch
from opacus.layers import DPGRU, DPLSTM
from torch import nn

from measure import FEATURES, HEADS, TOKENS, UNITS, WIDTH, WORDS, alternate, arguments, random_data, report

GRADIENT_BYTES = 2 * 2**30


class LastStep(nn.Module):
    """A recurrent layer and a dense layer on its last step."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer(FEATURES, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, 2)

    def forward(self, inputs):
        outputs, _ = self.layer(inputs)
        return self.head(outputs[:, -1])


class Words(nn.Module):
    """An embedding, attention over the tokens if asked for, their mean, a dense layer."""

    def __init__(self, attention):
        super().__init__()
        self.table = nn.Embedding(WORDS, WIDTH)
        self.parts = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(4)]) if attention else None
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, ids):
        tokens = self.table(ids)
        if self.parts is not None:
            query, key, value, output = self.parts
            split = lambda x: x.reshape(-1, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2)
            q, k, v = split(query(tokens)), split(key(tokens)), split(value(tokens))
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
            tokens = output(mixed.transpose(1, 2).reshape(-1, TOKENS, WIDTH))
        return self.head(tokens.mean(1))


def dense(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def make(name, private):
    if name == "mlp":
        return dense(784, 256, 128, 10)
    if name == "dense-10m":
        return dense(784, 2048, 2048, 2048, 10)
    if name == "cnn-opacus":
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 8, 2, padding=3), nn.ReLU(), nn.MaxPool2d(2, 1)),
            *(nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.MaxPool2d(2, 1), nn.Flatten()),
            *(nn.Linear(32 * 4 * 4, 32), nn.ReLU(), nn.Linear(32, 10)),
        )
    if name == "cnn-3x3":
        return nn.Sequential(
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * 5 * 5, 10)),
        )
    if name.startswith("lstm"):
        return LastStep(DPLSTM if private else nn.LSTM)
    if name.startswith("gru"):
        return LastStep(DPGRU if private else nn.GRU)
    return Words(attention=name == "attention")


def plain_step(options, inputs, labels):
    model = make(options.model, private=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    criterion = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()

    return step


def private_step(options, mode, inputs, labels):
    model = make(options.model, private=True)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    data = torch.utils.data.TensorDataset(inputs, labels)
    prepared = opacus.PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=1e-6),
        criterion=nn.CrossEntropyLoss(),
        data_loader=torch.utils.data.DataLoader(data, batch_size=options.batch),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        poisson_sampling=False,
        grad_sample_mode=mode,
    )
    if mode == "ghost":
        model, optimizer, criterion, _ = prepared
        pieces = 1
    else:
        model, optimizer, _ = prepared
        criterion = nn.CrossEntropyLoss()
        pieces = math.ceil(4 * parameters * options.batch / GRADIENT_BYTES)
    chunks = list(zip(inputs.chunk(pieces), labels.chunk(pieces)))

    def step():
        for i, (xs, ys) in enumerate(chunks):
            optimizer.zero_grad()
            if len(chunks) > 1:
                optimizer.signal_skip_step(do_skip=i < len(chunks) - 1)
            criterion(model(xs), ys).backward()
            optimizer.step()

    return step, f"{len(chunks)} physical batches" if len(chunks) > 1 else ""


def main():
    options = arguments()
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    inputs, labels, _ = random_data(numpy, options.model, options.batch)
    inputs, labels = torch.from_numpy(inputs), torch.from_numpy(labels)
    if options.model.startswith("cnn"):
        inputs = inputs.permute(0, 3, 1, 2).contiguous()
    parameters = sum(parameter.numel() for parameter in make(options.model, private=True).parameters())
    version = f"Opacus {opacus.__version__} on PyTorch {torch.__version__}"
    for mode in ("hooks", "ghost"):

        def measured():
            private, detail = private_step(options, mode, inputs, labels)
            return alternate([plain_step(options, inputs, labels), private], options), detail

        report(f"opacus {mode}", version, parameters, options, measured)


main()
