"""Microsoft's prv_accountant on the questions of ../accounting.ts: a lower and an upper bound, 0.01 either way."""

import importlib.metadata

from accounting_measure import DELTA, Q, SIGMA, STEPS, measure, varied
from prv_accountant.dpsgd import DPSGDAccountant


def bounds(i):
    accountant = DPSGDAccountant(
        noise_multiplier=varied(SIGMA, i),
        sampling_probability=Q,
        max_steps=STEPS,
        eps_error=0.01,
        delta_error=1e-3 * DELTA,
    )
    return accountant.compute_epsilon(delta=DELTA, num_steps=STEPS)


QUESTIONS = {"pld-epsilon": lambda i: bounds(i)[2], "certified-epsilon": lambda i: bounds(i)[2]}

measure("prv_accountant", f"prv_accountant {importlib.metadata.version('prv_accountant')}", QUESTIONS)
