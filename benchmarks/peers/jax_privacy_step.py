"""A step of JAX-Privacy against JAX's plain step, both compiled whole: see measure.py.

Both sides apply SGD to the mean cross-entropy of one fixed batch: clipped_grad (vmap over examples) and
gaussian_privatizer, as its documentation combines them. How many examples are vectorised at once (`microbatch_size`)
is the user's choice there; each size is tried once, and the fastest is measured.
"""

import os
import time

from measure import FEATURES, HEADS, TOKENS, UNITS, WIDTH, WORDS, alternate, arguments, random_data, report

options = arguments()
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if options.threads > 1 else 'false'}"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

import jax  # noqa: E402  the settings above are read when it loads
import jax.numpy as jnp  # noqa: E402
import jax_privacy  # noqa: E402
import numpy  # noqa: E402
import optax  # noqa: E402
from jax_privacy import noise_addition  # noqa: E402

# Measured on a CPU: one at a time is up to 50 times as fast as all at once where layers are dense.
MICROBATCHES = (1, 16, None)
HOPELESS_SECONDS = 20
GRADIENT_BYTES = 2 * 2**30


def weights(key, *shape):
    return jax.random.normal(key, shape) * (2 / (shape[-2] + shape[-1])) ** 0.5


def layer(key, inputs, outputs):
    return {"w": weights(key, inputs, outputs), "b": jnp.zeros(outputs)}


def apply(part, x):
    return x @ part["w"] + part["b"]


def dense_model(keys, *sizes):
    params = [layer(next(keys), *pair) for pair in zip(sizes, sizes[1:])]

    def logits(params, x):
        for part in params[:-1]:
            x = jax.nn.relu(apply(part, x))
        return apply(params[-1], x)

    return params, logits


def convolution(part, x, stride, padding="VALID"):
    order = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, part["w"], (stride, stride), padding, dimension_numbers=order) + part["b"]


def pool(x, stride):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, stride, stride, 1), "VALID")


def filters(key, size, inputs, outputs):
    return {"w": 0.1 * jax.random.normal(key, (size, size, inputs, outputs)), "b": jnp.zeros(outputs)}


def opacus_cnn(keys):
    params = [filters(next(keys), 8, 1, 16), filters(next(keys), 4, 16, 32)]
    params += [layer(next(keys), 512, 32), layer(next(keys), 32, 10)]

    def logits(params, x):
        x = pool(jax.nn.relu(convolution(params[0], x, 2, [(3, 3), (3, 3)])), 1)
        x = pool(jax.nn.relu(convolution(params[1], x, 2)), 1)
        x = jax.nn.relu(apply(params[2], x.reshape(x.shape[0], -1)))
        return apply(params[3], x)

    return params, logits


def cnn_3x3(keys):
    params = [filters(next(keys), 3, 1, 32), filters(next(keys), 3, 32, 64), layer(next(keys), 1600, 10)]

    def logits(params, x):
        for part in params[:2]:
            x = pool(jax.nn.relu(convolution(part, x, 1)), 2)
        return apply(params[2], x.reshape(x.shape[0], -1))

    return params, logits


def recurrent(keys, kind):
    gates = 4 if kind == "lstm" else 3
    params = {
        "w": weights(next(keys), FEATURES, gates * UNITS),
        "u": weights(next(keys), UNITS, gates * UNITS),
        "b": jnp.zeros(gates * UNITS),
        "head": layer(next(keys), UNITS, 2),
    }

    def lstm(params, state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ params["w"] + h @ params["u"] + params["b"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    def gru(params, state, x):
        (h,) = state
        inputs = x @ params["w"] + params["b"]
        zr = jax.nn.sigmoid(inputs[..., : 2 * UNITS] + h @ params["u"][:, : 2 * UNITS])
        z, r = jnp.split(zr, 2, axis=-1)
        candidate = jnp.tanh(inputs[..., 2 * UNITS :] + (r * h) @ params["u"][:, 2 * UNITS :])
        return (z * h + (1 - z) * candidate,), None

    def logits(params, x):
        zero = jnp.zeros((x.shape[0], UNITS))
        step, state = (lstm, (zero, zero)) if kind == "lstm" else (gru, (zero,))
        state, _ = jax.lax.scan(lambda s, each: step(params, s, each), state, jnp.swapaxes(x, 0, 1))
        return apply(params["head"], state[0])

    return params, logits


def words(keys, attention):
    params = {"table": 0.05 * jax.random.normal(next(keys), (WORDS, WIDTH)), "head": layer(next(keys), WIDTH, 2)}
    if attention:
        params |= {name: layer(next(keys), WIDTH, WIDTH) for name in ("q", "k", "v", "o")}

    def logits(params, ids):
        tokens = params["table"][ids]
        if attention:
            split = lambda x: x.reshape(-1, TOKENS, HEADS, WIDTH // HEADS)
            q, k, v = (split(apply(params[name], tokens)) for name in ("q", "k", "v"))
            mixed = jax.nn.dot_product_attention(q, k, v)
            tokens = apply(params["o"], mixed.reshape(-1, TOKENS, WIDTH))
        return apply(params["head"], tokens.mean(1))

    return params, logits


def make(name):
    keys = iter(jax.random.split(jax.random.key(1), 16))
    if name == "mlp":
        return dense_model(keys, 784, 256, 128, 10)
    if name == "dense-10m":
        return dense_model(keys, 784, 2048, 2048, 2048, 10)
    if name == "cnn-opacus":
        return opacus_cnn(keys)
    if name == "cnn-3x3":
        return cnn_3x3(keys)
    if name in ("embedding", "attention"):
        return words(keys, name == "attention")
    return recurrent(keys, name.split("-")[0])


def main():
    inputs, labels, classes = random_data(numpy, options.model, options.batch)
    batch = (jnp.asarray(inputs), jax.nn.one_hot(labels, classes))
    params, logits = make(options.model)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    sgd = optax.sgd(1e-6)

    def loss(params, batch):
        xs, ys = batch
        return optax.softmax_cross_entropy(logits(params, xs), ys).mean()

    def compiled(gradients, noise_state):
        """The whole step as one program, and a call that runs it until its parameters are there."""

        def step(params, state, noise_state, batch):
            grads, noise_state = gradients(params, batch, noise_state)
            updates, state = sgd.update(grads, state, params)
            return optax.apply_updates(params, updates), state, noise_state

        program = jax.jit(step, donate_argnums=(0, 1, 2))
        carried = [jax.tree.map(jnp.copy, params), sgd.init(params), noise_state]

        def call():
            carried[:] = program(*carried, batch)
            jax.block_until_ready(carried[0])

        return call

    def plain():
        return compiled(lambda params, batch, none: (jax.grad(loss)(params, batch), none), ())

    def private(microbatch):
        clipped = jax_privacy.clipped_grad(
            loss, l2_clip_norm=1.0, normalize_by=options.batch, microbatch_size=microbatch
        )
        privatizer = noise_addition.gaussian_privatizer(
            stddev=clipped.sensitivity(), prng_key=jax.random.key(2)
        )
        noisy = lambda params, batch, state: privatizer.update(clipped(params, batch), state)
        return compiled(noisy, privatizer.init(params))

    def fastest():
        tried = []
        for size in MICROBATCHES:
            vectorised = size or options.batch
            if options.batch % vectorised or (size != 1 and 4 * parameters * vectorised > GRADIENT_BYTES):
                continue
            call = private(size)
            start = time.perf_counter()
            call()
            if tried and time.perf_counter() - start > HOPELESS_SECONDS + 10 * min(tried)[0]:
                continue
            start = time.perf_counter()
            call()
            tried.append((time.perf_counter() - start, size or options.batch))
        return min(tried)[1]

    def measured():
        size = fastest()
        return alternate([plain(), private(size)], options), f"microbatch_size {size}"

    version = f"JAX-Privacy {jax_privacy.__version__} on JAX {jax.__version__}"
    report("jax-privacy", version, parameters, options, measured)


main()
