"""Opacus's accountants on the questions of ../accounting.ts: PRV for the loss distribution, and RDP."""

import warnings

import opacus
from accounting_measure import DELTA, Q, SIGMA, STEPS, TARGET_EPSILON, measure, varied
from opacus.accountants import PRVAccountant, RDPAccountant
from opacus.accountants.utils import get_noise_multiplier

warnings.filterwarnings("ignore")


def epsilon(accountant, i):
    accountant.history = [(varied(SIGMA, i), Q, STEPS)]
    return accountant.get_epsilon(DELTA)


def calibrated(i):
    return get_noise_multiplier(
        target_epsilon=varied(TARGET_EPSILON, -i),
        target_delta=DELTA,
        sample_rate=Q,
        steps=STEPS,
        accountant="prv",
        epsilon_tolerance=0.01,  # its default; finer tolerances fall below its own error
    )


QUESTIONS = {
    "pld-epsilon": lambda i: epsilon(PRVAccountant(), i),
    "certified-epsilon": lambda i: epsilon(PRVAccountant(), i),
    "rdp-epsilon": lambda i: epsilon(RDPAccountant(), i),
    "pld-calibration": calibrated,
}

measure("opacus", f"Opacus {opacus.__version__}", QUESTIONS)
