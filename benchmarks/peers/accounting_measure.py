"""What the accounting peers share: the arguments, the timed rounds, and the line of JSON for each question.

The method is that of ../accounting.ts: one question at a time in a process of its own, two rounds of warm-up, then at least
three, and more until the time is over; minima and medians in milliseconds. No library keeps results between rounds, and
the question changes in its ninth digit from round to round, so that a library that did would gain nothing.
"""

import argparse
import gc
import json
import statistics
import time

Q, SIGMA, STEPS, DELTA, TARGET_EPSILON, INTERVAL = 0.01, 1.1, 10_000, 1e-5, 3.0, 1e-4
"""The question of ../accounting/questions.ts."""

WARM_UP_ROUNDS = 2
MINIMUM_ROUNDS = 3
SLOW_SECONDS = 2  # a question that takes longer gets one round of warm-up


def varied(value, i):
    return value * (1 + 1e-9 * i)


def arguments(questions):
    parser = argparse.ArgumentParser()
    parser.add_argument("--question", choices=list(questions), required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--maximum-rounds", type=int, default=30)
    parser.add_argument("--cold", action="store_true", help="ask once, print the answer and nothing else")
    return parser.parse_args()


def measure(peer, version, questions):
    """`questions` maps a name to a function of the round, which returns its answer."""
    options = arguments(questions)
    ask = questions[options.question]
    if options.cold:
        print(ask(0))
        return
    row = {"peer": peer, "version": version, "question": options.question}
    asked = 0

    def once():
        nonlocal asked
        gc.collect()
        start = time.perf_counter()
        answer = ask(asked)
        asked += 1
        return 1000 * (time.perf_counter() - start), answer

    try:
        for _ in range(WARM_UP_ROUNDS):
            if once()[0] > 1000 * SLOW_SECONDS:
                break
        samples = []
        end = time.perf_counter() + options.seconds
        while len(samples) < MINIMUM_ROUNDS or (len(samples) < options.maximum_rounds and time.perf_counter() < end):
            milliseconds, answer = once()
            samples.append(milliseconds)
        row |= {"minimum": min(samples), "median": statistics.median(samples), "rounds": len(samples), "answer": answer}
    except Exception as error:  # what a peer can't answer is a figure too
        row |= {"minimum": None, "median": None, "rounds": 0, "answer": None}
        row["error"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    print(json.dumps(row), flush=True)
