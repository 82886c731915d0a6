"""What both peers share: the arguments, the rounds, and the line of JSON for each row.

The method is that of ../step.ts: plain and private steps alternate in blocks and take turns in being first; two
rounds of warm-up (compilation happens there) are not counted; a block is an untimed step and two timed ones; the heap
is collected before each round; minima and medians in milliseconds, and the median of the processor time. A step ends
when the new parameters are there.
"""

import argparse
import gc
import json
import statistics
import time

WARM_UP_ROUNDS = 2
TIMED_STEPS = 2
SLOW_SECONDS = 60  # a model that would need longer gets one round
WORDS, TOKENS, WIDTH, HEADS, FEATURES, UNITS = 20_000, 100, 64, 4, 64, 64
"""The sizes of ../step/models.ts."""

MODELS = ("mlp", "cnn-opacus", "cnn-3x3", "lstm-50", "lstm-200", "gru-50", "gru-200", "embedding", "attention", "dense-10m")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--minimum-rounds", type=int, default=3)
    parser.add_argument("--maximum-rounds", type=int, default=30)
    return parser.parse_args()


def random_data(numpy, model, batch):
    """Inputs and labels of one batch, as numpy arrays; images have their channel last."""
    generator = numpy.random.default_rng(1)
    if model in ("mlp", "dense-10m"):
        inputs = generator.random((batch, 784), dtype=numpy.float32)
    elif model.startswith("cnn"):
        inputs = generator.random((batch, 28, 28, 1), dtype=numpy.float32)
    elif model in ("embedding", "attention"):
        ranks = WORDS ** generator.random((batch, TOKENS))
        inputs = numpy.minimum(WORDS - 1, ranks.astype(numpy.int64) - 1)
    else:
        inputs = generator.standard_normal((batch, int(model.split("-")[1]), FEATURES), dtype=numpy.float32)
    classes = 10 if model in ("mlp", "dense-10m") or model.startswith("cnn") else 2
    return inputs, numpy.arange(batch) % classes, classes


def _summary(samples):
    wall, cpu = zip(*samples)
    return {"minimum": min(wall), "median": statistics.median(wall), "cpu": statistics.median(cpu)}


def alternate(sides, options):
    """Runs the sides in turn; the number of rounds, and the figures of each side."""
    for _ in range(WARM_UP_ROUNDS):
        start = time.perf_counter()
        for side in sides:
            side()
    forecast = (time.perf_counter() - start) * (1 + TIMED_STEPS) * options.minimum_rounds
    minimum_rounds = options.minimum_rounds if forecast < SLOW_SECONDS else 1
    samples = [[] for _ in sides]
    end = time.perf_counter() + options.seconds
    rounds = 0
    while rounds < minimum_rounds or (rounds < options.maximum_rounds and time.perf_counter() < end):
        gc.collect()
        for offset in range(len(sides)):
            index = (rounds + offset) % len(sides)
            sides[index]()
            for _ in range(TIMED_STEPS):
                cpu, wall = time.process_time(), time.perf_counter()
                sides[index]()
                samples[index].append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)))
        rounds += 1
    return rounds, [_summary(each) for each in samples]


def report(peer, version, parameters, options, measured):
    """Prints a row. `measured()` gives rounds, the two sides' figures and a detail, or raises: then the row says why."""
    row = {"peer": peer, "version": version, "model": options.model, "batch": options.batch}
    row |= {"threads": options.threads, "parameters": parameters, "rounds": 0, "plain": None, "private": None}
    try:
        (rounds, (plain, private)), detail = measured()
        row |= {"rounds": rounds, "plain": plain, "private": private, "detail": detail}
    except Exception as error:  # whatever a peer does not support is a figure too
        row["error"] = f"not supported: {type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    print(json.dumps(row), flush=True)
