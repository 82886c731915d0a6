"""Google's dp_accounting on the questions of ../accounting.ts."""

import importlib.metadata

import dp_accounting
from accounting_measure import DELTA, INTERVAL, Q, SIGMA, STEPS, TARGET_EPSILON, measure, varied
from dp_accounting import pld, rdp

RELATION = dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
COARSE_INTERVAL = 1e-3  # 100 compositions on the fine grid would take minutes


def step(sigma):
    return dp_accounting.PoissonSampledDpEvent(Q, dp_accounting.GaussianDpEvent(sigma))


def run(sigma, steps=STEPS):
    return dp_accounting.SelfComposedDpEvent(step(sigma), steps)


def pld_accountant(interval=INTERVAL):
    return pld.PLDAccountant(RELATION, value_discretization_interval=interval)


def single_steps(i):
    accountant = pld_accountant(COARSE_INTERVAL)
    event = step(varied(SIGMA, i))
    for _ in range(100):
        accountant.compose(event)
        epsilon = accountant.get_epsilon(DELTA)
    return epsilon


QUESTIONS = {
    "pld-epsilon": lambda i: pld_accountant().compose(run(varied(SIGMA, i))).get_epsilon(DELTA),
    "rdp-epsilon": lambda i: rdp.RdpAccountant(neighboring_relation=RELATION)
    .compose(run(varied(SIGMA, i)))
    .get_epsilon(DELTA),
    "pld-calibration": lambda i: dp_accounting.calibrate_dp_mechanism(
        pld_accountant, run, varied(TARGET_EPSILON, -i), DELTA
    ),
    "single-steps": single_steps,
}

measure("dp_accounting", f"dp_accounting {importlib.metadata.version('dp-accounting')}", QUESTIONS)
